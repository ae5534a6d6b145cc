//! From files to charges and row problems: one file, or the parts of an export one after another.

use std::collections::HashSet;
use std::io::Read;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::FocusError;
use super::header::Header;
use super::row::{self, Complaint};
use super::source::{self, Source};
use crate::domain::billing_month::BillingMonth;
use crate::domain::conformance::ConformanceTally;
use crate::domain::import::{MAX_PROBLEMS, MAX_WARNINGS, PlacedCharge, RowProblem, Summary, Warning};

/// Rows after which the reading says how far it has come.
const PROGRESS_ROWS: u64 = 1_000;
/// How much of a wrong value is shown.
const MAX_EXCERPT_CHARACTERS: usize = 100;
/// Most billing months one import may concern: twenty years of them.
pub const MAX_MONTHS: usize = 240;

/// What one import may be, and whether a bad cell spoils it.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Largest size after decompression, in bytes, of all parts together.
    pub max_bytes: u64,
    /// Whether one refused row or one warning refuses the file.
    pub strict: bool,
    /// SHA-256 the sender has announced of the body.
    pub body_digest: Option<[u8; 32]>,
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
pub trait ChargeSink {
    /// Takes the next charge, in the file's order.
    ///
    /// # Errors
    /// [`Stopped`] to end the reading.
    fn take(&mut self, charge: PlacedCharge) -> Result<(), Stopped>;

    /// Told now and then, and at the end, how far the reading has come.
    fn progress(&mut self, _progress: Progress) {}
}

/// Reads a FOCUS file to its end in constant memory, handing on each charge.
///
/// # Errors
/// [`FocusError`]; what was handed on before must then not count.
pub fn read(origin: impl Read, limits: ReadLimits, sink: &mut impl ChargeSink) -> Result<Summary, FocusError> {
    let mut reading = Reading::new(limits);
    reading.file(None, origin, sink)?;
    reading.finish(sink)
}

/// An import being read: files, one after another.
pub struct Reading {
    limits: ReadLimits,
    summary: Summary,
    digests: Vec<[u8; 32]>,
    months: HashSet<BillingMonth>,
    conformance: ConformanceTally,
    file: Option<String>,
    part: u16,
}

impl Reading {
    /// Nothing read yet.
    #[must_use]
    pub fn new(limits: ReadLimits) -> Reading {
        Reading {
            limits,
            summary: Summary::default(),
            digests: Vec::new(),
            months: HashSet::new(),
            conformance: ConformanceTally::default(),
            file: None,
            part: 0,
        }
    }

    /// Bytes that may still come.
    #[must_use]
    pub fn bytes_left(&self) -> u64 {
        self.limits.max_bytes.saturating_sub(self.summary.bytes)
    }

    /// Rows read so far, refused ones included.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.summary.accepted + self.summary.rejected
    }

    /// Says when the provider made the export.
    pub fn exported_at(&mut self, moment: OffsetDateTime) {
        self.summary.exported_at = Some(moment);
    }

    /// Reads a file to its end; `name` tells parts of an export apart.
    ///
    /// # Errors
    /// [`FocusError`]; what was handed on before must then not count.
    pub fn file(&mut self, name: Option<&str>, origin: impl Read, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
        self.begin_file(name)?;
        let source = Source::open(origin, self.bytes_left()).map_err(|error| self.with_whole_limit(error))?;
        let advice = source.advice();
        let mut records = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(source.delimiter())
            .buffer_capacity(source::BUFFER)
            .from_reader(source);
        let mut record = ByteRecord::new();
        if !self.read_record(&mut records, &mut record, 0)? {
            return Err(FocusError::Empty);
        }
        let header = Header::read(&record, advice)?;
        self.conformance.header(&header.fields().map(|(_, name)| name).collect::<Vec<_>>());
        let bytes_before = self.summary.bytes;
        loop {
            let offset = records.position().byte();
            if !self.read_record(&mut records, &mut record, offset)? {
                break;
            }
            let line = records.get_mut().line_after(offset);
            self.summary.bytes = bytes_before + records.get_ref().bytes();
            self.row(&header, &record, line, sink)?;
        }
        self.summary.bytes = bytes_before;
        let source = records.get_ref();
        self.end_of_file(source.digest(), source.body_digest(), source.bytes())
    }

    /// Reads the rows of a file that is no text, each with the texts a CSV file would have; the first is line 1.
    ///
    /// # Errors
    /// [`FocusError`], the rows' own among them.
    pub fn rows_of(
        &mut self,
        name: Option<&str>,
        header: &ByteRecord,
        rows: impl Iterator<Item = Result<ByteRecord, FocusError>>,
        sink: &mut impl ChargeSink,
    ) -> Result<(), FocusError> {
        self.begin_file(name)?;
        let header = Header::read(header, None)?;
        self.conformance.header(&header.fields().map(|(_, name)| name).collect::<Vec<_>>());
        for (line, row) in (1..).zip(rows) {
            self.row(&header, &row?, line, sink)?;
        }
        Ok(())
    }

    fn begin_file(&mut self, name: Option<&str>) -> Result<(), FocusError> {
        self.file = name.map(str::to_owned);
        self.part = u16::try_from(self.digests.len()).map_err(|_| FocusError::TooManyParts)?;
        Ok(())
    }

    /// Notes what the file just read was: the digests of its text and of its body, its decoded bytes.
    ///
    /// # Errors
    /// [`FocusError::OtherDigest`] where another body was announced.
    pub fn end_of_file(&mut self, digest: [u8; 32], body_digest: [u8; 32], bytes: u64) -> Result<(), FocusError> {
        self.summary.bytes += bytes;
        self.digests.push(digest);
        if self.limits.body_digest.is_some_and(|announced| announced != body_digest) {
            return Err(FocusError::OtherDigest);
        }
        self.summary.body_digests.push(body_digest);
        Ok(())
    }

    /// What all files together were found to be.
    ///
    /// # Errors
    /// [`FocusError::NothingAccepted`], or [`FocusError::RowsRefused`] where the reading was strict.
    pub fn finish(mut self, sink: &mut impl ChargeSink) -> Result<Summary, FocusError> {
        self.summary.digest = digest_of_all(&mut self.digests);
        self.summary.conformance = Some(self.conformance.report());
        let spoilt = self.summary.rejected > 0 || !self.summary.warnings.is_empty();
        if self.limits.strict && spoilt {
            return Err(FocusError::RowsRefused(Box::new(self.summary)));
        }
        if self.summary.accepted == 0 {
            return Err(FocusError::NothingAccepted(Box::new(self.summary)));
        }
        sink.progress(self.progress());
        Ok(self.summary)
    }

    fn progress(&self) -> Progress {
        Progress { bytes: self.summary.bytes, rows: self.rows() }
    }

    fn row(&mut self, header: &Header, record: &ByteRecord, line: u64, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
        if header.is_repeated_by(record) {
            self.warn(line, Complaint { column: None, reason: "repeats the header: left out".to_owned(), value: String::new() });
            return Ok(());
        }
        let row = if header.fits(record) {
            header.check(record, &mut self.conformance);
            row::read(header, record)
        } else {
            let reason = format!("has {} fields where the header has {}", record.len(), header.len());
            Err(Complaint { column: None, reason, value: String::new() })
        };
        match row {
            Ok(row) => {
                row.warnings.into_iter().for_each(|warning| self.warn(line, warning));
                self.accept(PlacedCharge { part: self.part, line, charge: row.charge }, sink)?;
            }
            Err(complaint) => {
                self.summary.rejected += 1;
                if self.summary.problems.len() < MAX_PROBLEMS {
                    let problem = self.problem(line, complaint);
                    self.summary.problems.push(problem);
                }
            }
        }
        if self.rows().is_multiple_of(PROGRESS_ROWS) {
            sink.progress(self.progress());
        }
        Ok(())
    }

    fn accept(&mut self, placed: PlacedCharge, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
        self.summary.accepted += 1;
        self.months.insert(BillingMonth::of(&placed.charge));
        if self.months.len() > MAX_MONTHS {
            return Err(FocusError::TooManyMonths);
        }
        // A strict reading that has failed already only goes on to find the other problems.
        if !(self.limits.strict && (self.summary.rejected > 0 || !self.summary.warnings.is_empty())) {
            sink.take(placed).map_err(|Stopped| FocusError::Stopped)?;
        }
        Ok(())
    }

    fn warn(&mut self, line: u64, complaint: Complaint) {
        let same = |warning: &&mut Warning| warning.first.column == complaint.column && warning.first.reason == complaint.reason;
        if let Some(warning) = self.summary.warnings.iter_mut().find(same) {
            warning.rows += 1;
        } else if self.summary.warnings.len() < MAX_WARNINGS {
            let first = self.problem(line, complaint);
            self.summary.warnings.push(Warning { rows: 1, first });
        } else if let Some(last) = self.summary.warnings.last_mut() {
            last.rows += 1;
        }
    }

    fn problem(&self, line: u64, Complaint { column, reason, value }: Complaint) -> RowProblem {
        let value = value.chars().map(|letter| if letter == '\0' { '\u{2400}' } else { letter }).take(MAX_EXCERPT_CHARACTERS).collect();
        RowProblem { file: self.file.clone(), line, column, reason, value }
    }

    fn read_record<R: Read>(&self, records: &mut csv::Reader<Source<R>>, record: &mut ByteRecord, offset: u64) -> Result<bool, FocusError> {
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
                ErrorKind::Io(error) => self.with_whole_limit(source::recover(error)),
                other => FocusError::Source(std::io::Error::other(format!("{other:?}"))),
            }),
        }
    }

    /// A part's limit is what the parts before it left.
    fn with_whole_limit(&self, error: FocusError) -> FocusError {
        match error {
            FocusError::TooLarge { .. } => FocusError::TooLarge { limit: self.limits.max_bytes },
            other => other,
        }
    }
}

/// One file's own digest; that of several is the same whatever their order and names.
fn digest_of_all(digests: &mut [[u8; 32]]) -> [u8; 32] {
    if let [one] = digests {
        return *one;
    }
    digests.sort_unstable();
    Sha256::digest(digests.concat()).into()
}
