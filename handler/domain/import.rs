//! What an import of a FOCUS file found. Must not know how the file is read or where its charges go.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::charge::Charge;

/// One refused row. It says where, what and why, and shows what stood there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// Physical line the row begins on, 1 for the header's.
    pub line: u64,
    /// Column as the file's header names it; none where the row as a whole is wrong.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The beginning of what stood there.
    pub value: String,
}

/// A charge with the line of the file it stood on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedCharge {
    /// Physical line the row begins on.
    pub line: u64,
    /// The charge.
    pub charge: Charge,
}

/// What reading a file to its end found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the file's decoded bytes: what makes it the same file again.
    pub digest: [u8; 32],
    /// Decoded bytes.
    pub bytes: u64,
    /// Rows that are charges.
    pub accepted: u64,
    /// Rows that are not.
    pub rejected: u64,
    /// The first refused rows, at most [`MAX_PROBLEMS`].
    pub problems: Vec<RowProblem>,
}

/// An import that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its id, version 7.
    pub id: Uuid,
    /// What its file was found to be.
    pub summary: Summary,
    /// When it was stored.
    pub created_at: OffsetDateTime,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Its charges were stored.
    New(Import),
    /// The same bytes had been imported before; nothing was stored.
    Again(Import),
}

/// Refused rows that are kept one by one; the rest are only counted.
pub const MAX_PROBLEMS: usize = 1_000;

/// What a reader of a file hands on, in this order: any number of batches, then the end. Without the end nothing counts.
#[derive(Debug)]
pub enum Part {
    /// The next charges, in the file's order.
    Charges(Vec<PlacedCharge>),
    /// The file has been read whole.
    End(Box<Summary>),
}
