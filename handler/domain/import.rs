//! What an import of a FOCUS file found, and what became of it. Must not know how the file is read or where its charges go.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::billing_month::BillingMonth;
use super::charge::Charge;
use super::conformance::ConformanceReport;

/// One refused row. It says where, what and why, and shows what stood there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The file of an export in parts; none where there was one file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Physical line the row begins on, 1 for the header's.
    pub line: u64,
    /// Column as the file's header names it; none where the row as a whole is wrong.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// The beginning of what stood there.
    pub value: String,
}

/// Cells of one column that could not be read for one reason; their rows were stored all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Rows concerned.
    pub rows: u64,
    /// The first of them.
    #[serde(flatten)]
    pub first: RowProblem,
}

/// A charge with its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedCharge {
    /// Number of the file within an export in parts, from 0.
    pub part: u16,
    /// Physical line the row begins on.
    pub line: u64,
    /// The charge.
    pub charge: Charge,
}

/// What reading a file to its end found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// SHA-256 of the file's decoded text with plain line ends, no byte order mark and one final newline: what makes it the same file
    /// again.
    pub digest: [u8; 32],
    /// SHA-256 of each body as it arrived, before decompression.
    pub body_digests: Vec<[u8; 32]>,
    /// Decoded bytes.
    pub bytes: u64,
    /// Rows that are charges.
    pub accepted: u64,
    /// Rows that are not.
    pub rejected: u64,
    /// The first refused rows, at most [`MAX_PROBLEMS`].
    pub problems: Vec<RowProblem>,
    /// Cells that were left out or kept raw, by column and reason, at most [`MAX_WARNINGS`] kinds.
    pub warnings: Vec<Warning>,
    /// When the provider made the export, where its manifest says so.
    pub exported_at: Option<OffsetDateTime>,
    /// How far it keeps FOCUS's rules; none where it was imported before that was looked at.
    pub conformance: Option<ConformanceReport>,
}

impl Summary {
    /// Rows with at least one warning of a kind, added up over the kinds.
    #[must_use]
    pub fn warned(&self) -> u64 {
        self.warnings.iter().map(|warning| warning.rows).sum()
    }
}

/// The name of a source that is exported again and again: each of its exports replaces the one before, billing month by billing month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetName(String);

/// Longest name of a dataset, in bytes.
const MAX_DATASET_BYTES: usize = 200;

/// Not the name of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 200 bytes of visible text")]
pub struct DatasetNameError;

impl FromStr for DatasetName {
    type Err = DatasetNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let usable = (1..=MAX_DATASET_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
        usable.then(|| DatasetName(name.to_owned())).ok_or(DatasetNameError)
    }
}

impl DatasetName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is to be done about charges that another import holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OverlapRule {
    /// Refuse: the same bill must not count twice.
    #[default]
    Refuse,
    /// Both are meant.
    Add,
}

/// How an import was asked for.
#[derive(Debug, Clone, Default)]
pub struct ImportOrder {
    /// The dataset whose earlier export it replaces.
    pub dataset: Option<DatasetName>,
    /// What to do about overlaps.
    pub overlap: OverlapRule,
    /// The file's own name, where it is known.
    pub file_name: Option<String>,
    /// Who asked.
    pub caller: Option<String>,
}

/// What an import brought of one billing month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedMonth {
    /// The month.
    pub month: BillingMonth,
    /// Charges in it.
    pub charges: u64,
    /// The import of the same dataset that has replaced it.
    pub replaced_by: Option<Uuid>,
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
    /// The dataset it is an export of.
    pub dataset: Option<String>,
    /// The file's own name.
    pub file_name: Option<String>,
    /// Who imported it.
    pub caller: Option<String>,
    /// Its billing months, in order.
    pub months: Vec<ImportedMonth>,
    /// The imports it took billing months from.
    pub replaced: Vec<Uuid>,
}

/// Charges of this billing month and origin that another import holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// The import that holds them.
    pub import: Uuid,
    /// That import's dataset.
    pub dataset: Option<String>,
    /// The month.
    pub month: BillingMonth,
    /// ProviderName.
    pub provider: Option<String>,
    /// BillingAccountId.
    pub billing_account: Option<String>,
    /// SubAccountId.
    pub sub_account: Option<String>,
}

/// A newer export of the same dataset and month that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleExport {
    /// The newer import.
    pub import: Uuid,
    /// The month it holds.
    pub month: BillingMonth,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// Its charges were stored.
    New(Import),
    /// The same file had been imported before; nothing was stored.
    Again(Import),
    /// Another import holds charges of the same origin; nothing was stored.
    Overlapping(Overlap),
    /// The dataset has a newer export; nothing was stored.
    Stale(StaleExport),
}

/// Refused rows that are kept one by one; the rest are only counted.
pub const MAX_PROBLEMS: usize = 1_000;
/// Kinds of warnings that are kept; rows of further kinds are counted under the last.
pub const MAX_WARNINGS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dataset_names_are_trimmed_visible_text() {
        assert_eq!("  azure-actual ".parse::<DatasetName>().unwrap().as_str(), "azure-actual");
        for wrong in ["", "  ", "a\nb", &"x".repeat(201)] {
            assert_eq!(wrong.parse::<DatasetName>(), Err(DatasetNameError), "{wrong}");
        }
    }
}
