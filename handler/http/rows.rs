//! Answers of any length: as JSON, CSV or JSON lines, spooled so that the database is never read at a client's pace.
//!
//! Must not know what a row says.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio_util::io::ReaderStream;
use warp::Reply;
use warp::reply::Response;

/// How much of an answer stays in memory; the rest goes to a temporary file that no name leads to.
const MAX_IN_MEMORY: usize = 1 << 20;
/// How much of it is written to the file at once.
const CHUNK_BYTES: usize = 64 << 10;

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

/// An answer being written, in pieces of any size.
pub struct Spool {
    /// All of it, or what the file does not have yet.
    buffer: Vec<u8>,
    file: Option<File>,
}

impl Default for Spool {
    fn default() -> Self {
        // Enough for most answers, and for none to grow by a few bytes at a time.
        Spool { buffer: Vec::with_capacity(4 << 10), file: None }
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() < CHUNK_BYTES { Ok(()) } else { self.make_room() }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spool {
    #[cold]
    fn make_room(&mut self) -> io::Result<()> {
        if self.file.is_some() || self.buffer.len() > MAX_IN_MEMORY { self.flush_to_file() } else { Ok(()) }
    }

    fn flush_to_file(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&self.buffer)?;
        self.buffer.clear();
        self.buffer.shrink_to(2 * CHUNK_BYTES);
        Ok(())
    }

    /// The finished answer.
    ///
    /// # Errors
    /// Where the temporary file fails.
    pub fn into_response(mut self, format: RowFormat) -> io::Result<Response> {
        if self.file.is_some() {
            self.flush_to_file()?;
        }
        let mut response = match self.file {
            None => Response::new(self.buffer.into()),
            Some(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                warp::reply::stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES)).into_response()
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

    #[tokio::test]
    async fn a_long_answer_is_the_pieces_it_was_written_in() {
        for pieces in [3, 90_000, 300_000] {
            let mut spool = Spool::default();
            let mut expected = Vec::new();
            for piece in 0..pieces {
                writeln!(spool, "piece {piece}").unwrap();
                writeln!(expected, "piece {piece}").unwrap();
            }
            assert_eq!(spool.file.is_some(), expected.len() > MAX_IN_MEMORY, "{pieces}");
            let response = spool.into_response(RowFormat::Csv).unwrap();
            let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
            assert!(body == expected, "{pieces}");
        }
    }
}
