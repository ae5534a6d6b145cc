//! What the program asks of Azure itself. Must not know who needs the answers.

pub mod identity;
