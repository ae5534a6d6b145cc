//! From the bytes that arrive to the text inside: gunzip, digests, the first line looked at, and the bounds on size and record length.
//!
//! Must not know CSV's rules beyond its delimiters, nor what FOCUS's columns mean.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use memchr::memchr_iter;
use sha2::{Digest, Sha256};

use super::FocusError;
use super::canonical::CanonicalDigest;
use super::header::known_columns;

/// Longest header line, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Longest record after it, in bytes.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// What the CSV reader asks for at a time; a record's length is known to this many bytes.
pub(super) const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Excel's own first line, which names the delimiter.
const SEPARATOR_LINE: &[u8] = b"sep=";
/// What columns are separated by, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// First bytes of files that people send by mistake, and what to do about it.
const KINDS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "a zip archive or an Excel workbook: send the CSV file inside, or save it as 'CSV UTF-8'"),
    (b"PAR1", "a Parquet file compressed with gzip once more: send it as it is inside"),
    (b"ORC", "an ORC file: export it as CSV or Parquet"),
    (b"\xfd7zXZ", "compressed with xz: send it plain or as gzip"),
    (b"BZh", "compressed with bzip2: send it plain or as gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard: send it plain or as gzip"),
    (b"\xff\xfe", "UTF-16 text: save it as 'CSV UTF-8'"),
    (b"\xfe\xff", "UTF-16 text: save it as 'CSV UTF-8'"),
];
/// Beginnings of texts that are no CSV, and what to do about it.
const TEXTS: [(&[u8], &str); 4] = [
    (b"{", "the file is JSON; if it is an export's manifest, import the folder it stands in with `switchback import FOLDER`"),
    (b"[", "the file is JSON; charges in JSON go to POST /api/charges"),
    (b"<", "the file is a page or XML, such as a sign-in page in place of a download: download the file itself"),
    (b"version https://git-lfs", "the file is a Git LFS pointer: fetch the file itself with `git lfs pull`"),
];

/// The file's text, hashed and measured while it is read.
pub(super) struct Source<R: Read> {
    decoder: Decoder<Origin<R>>,
    /// Decoded text that was looked at and not handed out yet.
    head: Vec<u8>,
    delimiter: u8,
    digest: CanonicalDigest,
    bytes: u64,
    limit: u64,
    /// Bytes handed out.
    handed: u64,
    /// Bytes handed out since the last record ended.
    since_record: usize,
    longest_record: usize,
    /// Lines that [`Source::line_after`] has not passed yet: at most a buffer and a record of them.
    lines: VecDeque<Line>,
    lines_passed: u64,
    /// Where the line being read has its last character that is no carriage return.
    last_character: Option<u64>,
}

/// A physical line, by offsets into what was handed out.
struct Line {
    end: u64,
    /// Its last character that is no carriage return; none in a blank line.
    last_character: Option<u64>,
}

enum Decoder<R: Read> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
}

impl<R: Read> Source<R> {
    /// Looks at the first line to tell what the file is and how its columns are separated.
    ///
    /// # Errors
    /// [`FocusError::Empty`], [`FocusError::NotText`], [`FocusError::HeaderTooLong`], [`FocusError::Source`] and the like.
    pub fn open(origin: R, limit: u64) -> Result<Source<R>, FocusError> {
        let mut origin = Origin { origin, seen: Vec::new(), hasher: Sha256::new() };
        let magic = origin.peek(GZIP_MAGIC.len()).map_err(recover)?;
        if magic.is_empty() {
            return Err(FocusError::Empty);
        }
        let compressed = magic == GZIP_MAGIC;
        let whole = BufReader::with_capacity(BUFFER, origin);
        let decoder = if compressed { Decoder::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Decoder::Plain(whole) };
        let mut source = Source {
            decoder,
            head: Vec::new(),
            delimiter: DELIMITERS[0],
            digest: CanonicalDigest::default(),
            bytes: 0,
            limit,
            handed: 0,
            since_record: 0,
            longest_record: MAX_HEADER_BYTES,
            lines: VecDeque::new(),
            lines_passed: 0,
            last_character: None,
        };
        source.look_at_head()?;
        Ok(source)
    }

    /// What the first line's columns are separated by.
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// What is known of a file whose first line names no column, as advice.
    pub fn advice(&self) -> Option<&'static str> {
        let text = self.head.trim_ascii_start();
        TEXTS.iter().find(|(beginning, _)| text.starts_with(beginning)).map(|(_, advice)| *advice)
    }

    /// Says that a record, the header first, has been read whole.
    pub fn record_ended(&mut self) {
        self.since_record = 0;
        self.longest_record = MAX_RECORD_BYTES;
    }

    /// Whether the reading failed for a record that does not end.
    pub fn record_is_too_long(&self) -> bool {
        self.since_record > self.longest_record + BUFFER
    }

    /// The physical line the record begins on that follows byte `offset` of what was handed out; blank lines before it are passed over, as
    /// the CSV reader does. Offsets never go back.
    pub fn line_after(&mut self, offset: u64) -> u64 {
        let has_passed = |line: &Line| line.end < offset || line.last_character.is_none_or(|character| character < offset);
        while self.lines.front().is_some_and(has_passed) {
            self.lines.pop_front();
            self.lines_passed += 1;
        }
        self.lines_passed + 1
    }

    /// Reads up to the end of the header's line; a source may give it a byte at a time.
    fn look_at_head(&mut self) -> Result<(), FocusError> {
        while self.head.len() < MAX_HEADER_BYTES && !self.head_is_whole() {
            let mut chunk = [0; 8_192];
            let read = self.decode(&mut chunk).map_err(recover)?;
            if read == 0 {
                break;
            }
            self.head.extend_from_slice(&chunk[..read]);
            while self.head.starts_with(BYTE_ORDER_MARK) {
                self.head.drain(..BYTE_ORDER_MARK.len());
            }
            if let Some((_, kind)) = KINDS.iter().find(|(magic, _)| self.head.starts_with(magic)) {
                return Err(FocusError::NotText(kind));
            }
            // The header of a text in any encoding CSV could be in has no NUL; a cell further down may hold one.
            if first_line(&self.head).contains(&0) {
                return Err(FocusError::NotText("binary data, or UTF-16 text: save it as 'CSV UTF-8'"));
            }
        }
        if let Some(rest) = self.head.strip_prefix(SEPARATOR_LINE) {
            let line = first_line(&self.head);
            self.delimiter = rest.first().copied().unwrap_or(DELIMITERS[0]);
            let length = (line.len() + 1).min(self.head.len());
            self.head.drain(..length);
            self.lines_passed = 1;
        } else {
            let line = first_line(&self.head);
            let known = |delimiter: &u8| known_columns(line.split(|byte| byte == delimiter));
            let most = DELIMITERS.iter().map(known).max().unwrap_or(0);
            self.delimiter = DELIMITERS.into_iter().find(|delimiter| known(delimiter) == most).unwrap_or(DELIMITERS[0]);
        }
        Ok(())
    }

    fn head_is_whole(&self) -> bool {
        let lines = if self.head.starts_with(SEPARATOR_LINE) { 2 } else { 1 };
        // Blank lines before the header do not count.
        let text = self.head.trim_ascii_start();
        text.iter().filter(|byte| **byte == b'\n').count() >= lines
    }

    /// Decoded bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Digest of the text that has been read.
    pub fn digest(&self) -> [u8; 32] {
        self.digest.clone().finish()
    }

    /// SHA-256 of the body as it arrived.
    pub fn body_digest(&self) -> [u8; 32] {
        let origin = match &self.decoder {
            Decoder::Plain(plain) => plain.get_ref(),
            Decoder::Gzip(gzip) => gzip.get_ref().get_ref(),
        };
        origin.hasher.clone().finalize().into()
    }

    fn decode(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.bytes += read as u64;
        if self.bytes > self.limit {
            return Err(carry(FocusError::TooLarge { limit: self.limit }));
        }
        Ok(read)
    }
}

/// A text's first line that is not blank.
fn first_line(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_start();
    text.split(|byte| *byte == b'\n').next().unwrap_or_default()
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.head.is_empty() {
            self.decode(buffer)?
        } else {
            let read = self.head.as_slice().read(buffer)?;
            self.head.drain(..read);
            read
        };
        let text = &buffer[..read];
        let mut begin = 0;
        for end in memchr_iter(b'\n', text).chain([read]) {
            if let Some(last) = text[begin..end].iter().rposition(|byte| *byte != b'\r') {
                self.last_character = Some(self.handed + (begin + last) as u64);
            }
            if end < read {
                self.lines.push_back(Line { end: self.handed + end as u64, last_character: self.last_character.take() });
            }
            begin = end + 1;
        }
        self.handed += read as u64;
        self.since_record += read;
        if self.record_is_too_long() {
            return Err(io::Error::other("record too long"));
        }
        Ok(read)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoder::Plain(plain) => plain.read(buffer),
            Decoder::Gzip(gzip) => gzip.read(buffer).map_err(|error| carry_unless_carried(error, FocusError::Gzip)),
        }
    }
}

/// What arrives, hashed; what the origin itself reports is marked, so that it is told apart from damage in the compressed data.
struct Origin<R> {
    origin: R,
    seen: Vec<u8>,
    hasher: Sha256,
}

impl<R: Read> Origin<R> {
    /// The first bytes, which will be read again.
    fn peek(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut seen = Vec::with_capacity(length);
        self.by_ref().take(length as u64).read_to_end(&mut seen)?;
        self.hasher = Sha256::new();
        self.seen.clone_from(&seen);
        Ok(seen)
    }
}

impl<R: Read> Read for Origin<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.seen.is_empty() {
            let read = self.origin.read(buffer);
            read.map_err(|error| if error.kind() == io::ErrorKind::Interrupted { error } else { carry(FocusError::Source(error)) })?
        } else {
            let read = self.seen.as_slice().read(buffer)?;
            self.seen.drain(..read);
            read
        };
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Wraps an error of ours so that it passes through readers that only know `io::Error`.
pub(super) fn carry(error: FocusError) -> io::Error {
    io::Error::other(error)
}

fn carry_unless_carried(error: io::Error, wrap: impl FnOnce(io::Error) -> FocusError) -> io::Error {
    let ours = error.get_ref().is_some_and(|inner| inner.is::<FocusError>());
    if ours || error.kind() == io::ErrorKind::Interrupted { error } else { carry(wrap(error)) }
}

/// Takes an error of ours out again.
pub(super) fn recover(error: io::Error) -> FocusError {
    match error.downcast::<FocusError>() {
        Ok(error) => error,
        Err(error) => FocusError::Source(error),
    }
}
