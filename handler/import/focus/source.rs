//! From the bytes that arrive to the text inside: gunzip, digest, and the bounds on size and record length.
//!
//! Must not know CSV's rules or FOCUS's columns.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::FocusError;

/// Longest header line, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Longest record after it, in bytes.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// What the CSV reader asks for at a time; a record's length is known to this many bytes.
pub(super) const BUFFER: usize = 64 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// First bytes of files that people send by mistake.
const KINDS: [(&[u8], &str); 7] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"PAR1", "a Parquet file"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstandard"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];
const MAX_MAGIC_BYTES: usize = 5;

/// The file's text, hashed and measured while it is read.
pub(super) struct Source<R: Read> {
    decoder: Decoder<io::Chain<io::Cursor<Vec<u8>>, Origin<R>>>,
    /// The first decoded bytes, looked at and not handed out yet.
    head: Vec<u8>,
    hasher: Sha256,
    bytes: u64,
    limit: u64,
    /// Bytes handed out since the last record ended.
    since_record: usize,
    longest_record: usize,
    /// Lines that [`Source::line_after`] has not passed yet: at most a buffer and a record of them.
    lines: VecDeque<Line>,
    lines_passed: u64,
    /// Where the line being read has its last character that is no carriage return.
    last_character: Option<u64>,
}

/// A physical line, by offsets into the text.
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
    /// Looks at the first bytes to tell what they are.
    ///
    /// # Errors
    /// [`FocusError::Empty`], [`FocusError::NotText`] and [`FocusError::Source`].
    pub fn open(origin: R, limit: u64) -> Result<Source<R>, FocusError> {
        let mut origin = Origin(origin);
        let mut head = Vec::with_capacity(GZIP_MAGIC.len());
        origin.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut head).map_err(recover)?;
        if head.is_empty() {
            return Err(FocusError::Empty);
        }
        let compressed = head == GZIP_MAGIC;
        let whole = BufReader::with_capacity(BUFFER, io::Cursor::new(head).chain(origin));
        let decoder = if compressed { Decoder::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Decoder::Plain(whole) };
        let mut source = Source {
            decoder,
            head: Vec::new(),
            hasher: Sha256::new(),
            bytes: 0,
            limit,
            since_record: 0,
            longest_record: MAX_HEADER_BYTES,
            lines: VecDeque::new(),
            lines_passed: 0,
            last_character: None,
        };
        source.look_at_head()?;
        Ok(source)
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

    /// The physical line the record begins on that follows byte `offset` of the text; blank lines before it are passed over, as the CSV reader
    /// does. Offsets never go back.
    pub fn line_after(&mut self, offset: u64) -> u64 {
        let has_passed = |line: &Line| line.end < offset || line.last_character.is_none_or(|character| character < offset);
        while self.lines.front().is_some_and(has_passed) {
            self.lines.pop_front();
            self.lines_passed += 1;
        }
        self.lines_passed + 1
    }

    /// Refuses a file whose first decoded bytes say that it is no text; a source may give them one at a time.
    fn look_at_head(&mut self) -> Result<(), FocusError> {
        let mut head = Vec::with_capacity(MAX_MAGIC_BYTES);
        let decoded = self.decoder.by_ref().take(MAX_MAGIC_BYTES as u64).read_to_end(&mut head);
        decoded.map_err(recover)?;
        self.head = head;
        match KINDS.iter().find(|(magic, _)| self.head.starts_with(magic)) {
            Some((_, kind)) => Err(FocusError::NotText(kind)),
            None => Ok(()),
        }
    }

    /// Decoded bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of what has been read.
    pub fn digest(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.head.is_empty() {
            self.decoder.read(buffer)?
        } else {
            let read = self.head.as_slice().read(buffer)?;
            self.head.drain(..read);
            read
        };
        let text = &buffer[..read];
        // Text of any encoding that CSV could be has no NUL; everything else soon does.
        if text.contains(&0) {
            return Err(carry(FocusError::NotText("binary data")));
        }
        self.hasher.update(text);
        for (byte, offset) in text.iter().zip(self.bytes..) {
            match byte {
                b'\n' => self.lines.push_back(Line { end: offset, last_character: self.last_character.take() }),
                b'\r' => {}
                _ => self.last_character = Some(offset),
            }
        }
        self.bytes += read as u64;
        self.since_record += read;
        if self.bytes > self.limit {
            return Err(carry(FocusError::TooLarge { limit: self.limit }));
        }
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

/// Marks what the origin itself reports, so that it is told apart from damage in the compressed data.
struct Origin<R>(R);

impl<R: Read> Read for Origin<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0
            .read(buffer)
            .map_err(|error| if error.kind() == io::ErrorKind::Interrupted { error } else { carry(FocusError::Source(error)) })
    }
}

/// Wraps an error of ours so that it passes through readers that only know `io::Error`.
fn carry(error: FocusError) -> io::Error {
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
