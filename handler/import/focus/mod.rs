//! Reading FOCUS files: bytes in, charges and row problems out.
//!
//! Owns gunzip, CSV, header and row rules (FOCUS 1.0 to 1.2, plus the provider columns of 1.3 and 1.4), and the bounds that keep memory constant whatever the file. A row is only
//! refused for what costs money; whatever else can't be read is left out and said. Blocking: runs on a thread of its own. Must not know
//! HTTP or SQL.

mod canonical;
mod header;
mod reader;
mod row;
mod source;

pub use header::MAX_COLUMNS;
pub use reader::{ChargeSink, MAX_MONTHS, Progress, ReadLimits, Reading, Stopped, read};
pub use source::{MAX_HEADER_BYTES, MAX_RECORD_BYTES};

use crate::domain::import::Summary;

/// Why a file as a whole was refused, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FocusError {
    /// Not a byte, or nothing but line ends.
    #[error("the file is empty: expected a header line and charges")]
    Empty,
    /// The bytes are of another kind of file.
    #[error("the file is {0}")]
    NotText(&'static str),
    /// The first line never ended.
    #[error("the first line is longer than {MAX_HEADER_BYTES} bytes: expected a CSV header")]
    HeaderTooLong,
    /// The header names nothing FOCUS knows.
    #[error("the header names no FOCUS column: {}", .advice.unwrap_or("expected names such as BilledCost and ChargePeriodStart, separated by commas"))]
    NoFocusColumn {
        /// What the file seems to be, and what to do.
        advice: Option<&'static str>,
    },
    /// Columns that no charge can be without.
    #[error("the header lacks {}", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// A name appears twice.
    #[error("the header names the column {0} twice")]
    DuplicateColumn(String),
    /// A header that is not UTF-8.
    #[error("the header is not UTF-8: save the file as 'CSV UTF-8'")]
    HeaderNotUtf8,
    /// More columns than any bill has.
    #[error("the header names more than {MAX_COLUMNS} columns")]
    TooManyColumns,
    /// A record that never ends, most often for want of a closing quote.
    #[error("the record that begins on line {line} is longer than {MAX_RECORD_BYTES} bytes: is a closing quote missing?")]
    RecordTooLong {
        /// Physical line the record begins on.
        line: u64,
    },
    /// More bytes than the limit, after decompression.
    #[error("the file is larger than {limit} bytes after decompression")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The compressed stream is damaged or ends early.
    #[error("the gzip data is damaged or incomplete")]
    Gzip(#[source] std::io::Error),
    /// The Parquet file is damaged or of a kind that can't be read.
    #[error("the Parquet file is damaged or incomplete")]
    Parquet(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no room for a file that can't be read while it arrives.
    #[error("the file could not be kept while it is read")]
    Spool(#[source] std::io::Error),
    /// The bytes stopped coming.
    #[error("the file could not be read to its end")]
    Source(#[source] std::io::Error),
    /// Rows that concern more billing months than any bill.
    #[error("the charges are billed in more than {MAX_MONTHS} different months: are the dates right?")]
    TooManyMonths,
    /// More files than any export has.
    #[error("the export has more than 65,535 files")]
    TooManyParts,
    /// A file of an export in parts is at fault.
    #[error("{file}: {error}")]
    Part {
        /// The file.
        file: String,
        /// What is wrong with it.
        error: Box<FocusError>,
    },
    /// The body is not what was announced.
    #[error("the body's SHA-256 is not the one its digest header announced")]
    OtherDigest,
    /// An export is not whole.
    #[error("{0}")]
    Incomplete(String),
    /// Not one row is a charge.
    #[error("{}", nothing_accepted(.0))]
    NothingAccepted(Box<Summary>),
    /// Rows were refused and nothing less than all was asked for.
    #[error("{}", spoilt(.0))]
    RowsRefused(Box<Summary>),
    /// Whoever took the charges wanted no more of them.
    #[error("the import was given up before its end")]
    Stopped,
}

fn nothing_accepted(summary: &Summary) -> String {
    match summary.rejected {
        0 => "the file holds no charges, only a header".to_owned(),
        rejected => format!("none of the {rejected} rows was accepted"),
    }
}

fn spoilt(summary: &Summary) -> String {
    let Summary { rejected, accepted, .. } = summary;
    match (rejected, summary.warned()) {
        (_, 0) => format!("{rejected} of {} rows were refused", rejected + accepted),
        (0, warned) => format!("{warned} cells could not be read"),
        (_, warned) => format!("{rejected} of {} rows were refused and {warned} cells could not be read", rejected + accepted),
    }
}

#[cfg(test)]
mod tests;
