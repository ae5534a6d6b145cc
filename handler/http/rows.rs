//! Answers of any length: as JSON, CSV or JSON lines, spooled so that the database is never read at a client's pace.
//!
//! Must not know what a row says.

use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use tempfile::{SpooledData, SpooledTempFile};
use tokio_util::io::ReaderStream;
use warp::Reply;
use warp::reply::Response;

/// How much of an answer stays in memory; the rest goes to a temporary file that no name leads to.
const MAX_IN_MEMORY: usize = 1 << 20;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    /// One JSON document.
    Json,
    /// A header and a line per row.
    Csv,
    /// A JSON object per line.
    JsonLines,
}

impl RowFormat {
    /// The first format that the caller names and we have; JSON where none is.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> RowFormat {
        let named = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let format = |range: &str| match range.split(';').next().unwrap_or_default().trim() {
            "text/csv" => Some(RowFormat::Csv),
            "application/jsonl" | "application/x-ndjson" | "application/json-lines" | "application/x-jsonlines" => {
                Some(RowFormat::JsonLines)
            }
            "application/json" | "application/*" | "*/*" => Some(RowFormat::Json),
            _ => None,
        };
        named.filter_map(format).next().unwrap_or(RowFormat::Json)
    }

    /// Its content type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            RowFormat::Json => "application/json",
            RowFormat::Csv => "text/csv; charset=utf-8",
            RowFormat::JsonLines => "application/jsonl",
        }
    }
}

/// An answer being written, in pieces of any size: once it is on disk, each would be a system call.
pub struct Spool(BufWriter<SpooledTempFile>);

impl Default for Spool {
    fn default() -> Self {
        Spool(BufWriter::new(SpooledTempFile::new(MAX_IN_MEMORY)))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Spool {
    /// The finished answer.
    ///
    /// # Errors
    /// Where the temporary file fails.
    pub fn into_response(self, format: RowFormat) -> io::Result<Response> {
        let mut spooled = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        spooled.seek(SeekFrom::Start(0))?;
        let mut response = match spooled.into_inner() {
            SpooledData::InMemory(bytes) => Response::new(bytes.into_inner().into()),
            SpooledData::OnDisk(file) => {
                let file = tokio::fs::File::from_std(file);
                warp::reply::stream(ReaderStream::with_capacity(file, 64 * 1024)).into_response()
            }
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
        response.headers_mut().insert(http::header::VARY, HeaderValue::from_static("accept"));
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_format_that_is_known_is_taken() {
        for (accept, expected) in [
            ("text/csv", RowFormat::Csv),
            ("text/html, application/jsonl;q=0.9, text/csv", RowFormat::JsonLines),
            ("application/x-ndjson", RowFormat::JsonLines),
            ("*/*", RowFormat::Json),
            ("image/png", RowFormat::Json),
        ] {
            let headers = [(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
            assert_eq!(RowFormat::accepted(&headers), expected, "{accept}");
        }
        assert_eq!(RowFormat::accepted(&HeaderMap::new()), RowFormat::Json);
    }
}
