//! Runs: what is compared, one set-up from a start to an end.
//!
//! The arms and the router record the set-up they serve with, people declare and end runs; which runs there were follows from these
//! records alone ([`RunLog::runs`]), so nobody has to notice a change at the right moment. Must not know where records are kept.

mod declaration;
mod document;
mod log;
mod name;
mod period;
mod replay;
mod set_up;
#[cfg(test)]
pub mod testing;

pub use declaration::{Declared, ExclusionRequest, RunRefusal, RunRequest};
pub use document::RunDocument;
pub use log::{Declaration, Ending, Exclusion, PartReport, RunLog, SETTLING_PAIRS};
pub use name::{NotARunName, RunChoice, RunName};
pub use period::{Run, RunKind, RunState, find};
pub use replay::Replayed;
pub use set_up::{ArmPart, ArmSetUp, PartSetUp, PricesUsed, RouterPart, ScheduleSetUp, SetUp, SharedSetUp};
