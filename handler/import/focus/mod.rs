//! Reading FOCUS files: bytes in, charges and row problems out.
//!
//! Owns gunzip, CSV, header and row rules (FOCUS 1.0 to 1.2, plus the provider columns of 1.3 and 1.4), and the bounds that keep memory
//! constant whatever the file. Blocking: runs on a thread of its own. Must not know HTTP or SQL.

mod header;
mod reader;
mod source;

pub use header::MAX_COLUMNS;
pub use reader::{Batches, Progress, ReadLimits, Stopped, read};
pub use source::{MAX_HEADER_BYTES, MAX_RECORD_BYTES};

use crate::domain::import::Summary;

/// Why a file as a whole was refused, or could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FocusError {
    /// Not a byte, or nothing but line ends.
    #[error("the file is empty: expected a header line and charges")]
    Empty,
    /// The bytes are of another kind of file.
    #[error("the file is {0}: expected CSV text, plain or compressed with gzip")]
    NotText(&'static str),
    /// The first line never ended.
    #[error("the first line is longer than {MAX_HEADER_BYTES} bytes: expected a CSV header")]
    HeaderTooLong,
    /// The header names nothing FOCUS knows.
    #[error("the header names no FOCUS column: expected names such as BilledCost and ChargePeriodStart, separated by commas")]
    NoFocusColumn,
    /// Columns that no charge can be without.
    #[error("the header lacks {}", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// A name appears twice.
    #[error("the header names the column {0} twice")]
    DuplicateColumn(String),
    /// A column has no name.
    #[error("column {0} of the header has no name")]
    UnnamedColumn(usize),
    /// A header that is not UTF-8.
    #[error("the header is not UTF-8")]
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
    /// The bytes stopped coming.
    #[error("the file could not be read to its end")]
    Source(#[source] std::io::Error),
    /// Rows were refused and nothing less than all was asked for.
    #[error("{} of {} rows were refused", .0.rejected, .0.rejected + .0.accepted)]
    RowsRefused(Box<Summary>),
    /// Whoever took the charges wanted no more of them.
    #[error("the import was given up before its end")]
    Stopped,
}

#[cfg(test)]
mod tests;
