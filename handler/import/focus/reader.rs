//! From records to charges and row problems.

use std::io::Read;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::FocusError;
use super::header::{Field, Header};
use super::source::{self, Source};
use crate::domain::charge::{Charge, Entries, Refusal, Value, read_tags, read_value};
use crate::domain::columns::{self, COLUMNS, ColumnKind};
use crate::domain::import::{MAX_PROBLEMS, PlacedCharge, RowProblem, Summary};

/// Charges handed on at a time.
const BATCH: usize = 1_000;
/// How much of a wrong value is shown.
const MAX_EXCERPT_CHARACTERS: usize = 100;
const NULL: &str = "NULL";

/// What one file may be, and whether a bad row spoils it.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Largest size after decompression, in bytes.
    pub max_bytes: u64,
    /// Whether one refused row refuses the file.
    pub strict: bool,
}

/// How far the reading has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Decoded bytes read.
    pub bytes: u64,
    /// Rows read, refused ones included.
    pub rows: u64,
}

/// Whoever takes the charges wants no more.
#[derive(Debug)]
pub struct Stopped;

/// Takes charges as they are read.
pub trait Batches {
    /// Takes the next charges, in the file's order.
    ///
    /// # Errors
    /// [`Stopped`] to end the reading.
    fn take(&mut self, charges: Vec<PlacedCharge>) -> Result<(), Stopped>;

    /// Told after each batch how far the reading has come.
    fn progress(&mut self, _progress: Progress) {}
}

/// Reads a FOCUS file to its end in constant memory, handing on charges in batches.
///
/// # Errors
/// [`FocusError`]; what was handed on before must then not count.
pub fn read(origin: impl Read, limits: ReadLimits, batches: &mut impl Batches) -> Result<Summary, FocusError> {
    let source = Source::open(origin, limits.max_bytes)?;
    let mut records = ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(source::BUFFER).from_reader(source);
    let mut record = ByteRecord::new();
    if !read_record(&mut records, &mut record, 0)? {
        return Err(FocusError::Empty);
    }
    let header = Header::read(&record)?;
    let mut reading = Reading { header, strict: limits.strict, accepted: 0, problems: Vec::new(), rejected: 0, batch: Vec::new() };
    loop {
        let offset = records.position().byte();
        if !read_record(&mut records, &mut record, offset)? {
            break;
        }
        let line = records.get_mut().line_after(offset);
        reading.row(&record, line);
        if reading.batch.len() == BATCH {
            batches.take(std::mem::take(&mut reading.batch)).map_err(|Stopped| FocusError::Stopped)?;
            batches.progress(Progress { bytes: records.get_ref().bytes(), rows: reading.accepted + reading.rejected });
        }
    }
    let source = records.get_ref();
    let Reading { accepted, rejected, problems, batch, .. } = reading;
    let summary = Summary { digest: source.digest(), bytes: source.bytes(), accepted, rejected, problems };
    if limits.strict && rejected > 0 {
        return Err(FocusError::RowsRefused(Box::new(summary)));
    }
    if !batch.is_empty() {
        batches.take(batch).map_err(|Stopped| FocusError::Stopped)?;
    }
    batches.progress(Progress { bytes: summary.bytes, rows: summary.accepted + summary.rejected });
    Ok(summary)
}

fn read_record<R: Read>(records: &mut csv::Reader<Source<R>>, record: &mut ByteRecord, offset: u64) -> Result<bool, FocusError> {
    match records.read_byte_record(record) {
        Ok(there) => {
            records.get_mut().record_ended();
            Ok(there)
        }
        Err(_) if records.get_ref().record_is_too_long() => {
            let line = records.get_mut().line_after(offset);
            Err(if offset == 0 { FocusError::HeaderTooLong } else { FocusError::RecordTooLong { line } })
        }
        Err(error) => Err(match error.into_kind() {
            ErrorKind::Io(error) => source::recover(error),
            other => FocusError::Source(std::io::Error::other(format!("{other:?}"))),
        }),
    }
}

/// A row's fields, gathered: values by column, tags and the rest.
type Gathered = (Vec<Value>, Entries, Entries);

/// What is wrong with a row: column, reason, value.
type Wrong = (Option<String>, String, String);

struct Reading {
    header: Header,
    strict: bool,
    accepted: u64,
    rejected: u64,
    problems: Vec<RowProblem>,
    batch: Vec<PlacedCharge>,
}

impl Reading {
    fn row(&mut self, record: &ByteRecord, line: u64) {
        match self.charge(record) {
            Ok(charge) => {
                self.accepted += 1;
                // A strict import that has failed already only goes on to find the other problems.
                if !(self.strict && self.rejected > 0) {
                    self.batch.push(PlacedCharge { line, charge });
                }
            }
            Err((column, reason, value)) => {
                self.rejected += 1;
                if self.problems.len() < MAX_PROBLEMS {
                    let value = value.chars().take(MAX_EXCERPT_CHARACTERS).collect();
                    self.problems.push(RowProblem { line, column, reason, value });
                }
            }
        }
    }

    fn charge(&self, record: &ByteRecord) -> Result<Charge, Wrong> {
        if record.len() != self.header.len() {
            return Err((None, format!("has {} fields where the header has {}", record.len(), self.header.len()), String::new()));
        }
        let (values, tags, extras) = self.gather(record)?;
        Charge::new(values, tags, extras).map_err(|Refusal { column, reason, text }| (self.header.name_of(column), reason, text))
    }

    fn gather(&self, record: &ByteRecord) -> Result<Gathered, Wrong> {
        let mut values = vec![Value::Absent; columns::COUNT];
        let (mut tags, mut extras) = (Entries::new(), Entries::new());
        for ((field, name), bytes) in self.header.fields().zip(record) {
            let wrong = |reason: String, text: &str| (Some(name.to_owned()), reason, text.to_owned());
            let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8".to_owned(), &String::from_utf8_lossy(bytes)))?;
            let text = if is_number_or_moment(field) { text.trim() } else { text };
            if text.is_empty() || text == NULL {
                continue;
            }
            match field {
                Field::Column(position) => {
                    values[position] = read_value(&COLUMNS[position], text).map_err(|reason| wrong(reason, text))?;
                }
                Field::Tags => tags = read_tags(text).map_err(|reason| wrong(reason, text))?,
                Field::Extra => {
                    extras.insert(name.to_owned(), text.to_owned());
                }
            }
        }
        Ok((values, tags, extras))
    }
}

fn is_number_or_moment(field: Field) -> bool {
    matches!(field, Field::Column(position) if COLUMNS[position].kind != ColumnKind::Text)
}
