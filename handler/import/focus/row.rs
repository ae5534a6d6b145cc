//! From one record to a charge: what can't be read of it is left out, or kept raw, and said, unless it costs money.

use csv::ByteRecord;

use super::header::{Field, Header, clean};
use crate::domain::charge::{Charge, Entries, MAX_ENTRIES, MAX_TEXT_BYTES, Refusal, Value, read_value};
use crate::domain::columns::{self, COLUMNS, ColumnKind};
use crate::domain::money::Amount;
use crate::domain::tags;

const NULL: &str = "NULL";
const NOT_UTF8: &str = "is not UTF-8 but probably Windows-1252 or Latin-1: left out; save the file as UTF-8 to keep it";

/// What is wrong with a record, or with one of its cells: column, reason, what stood there.
#[derive(Debug)]
pub(super) struct Complaint {
    pub column: Option<String>,
    pub reason: String,
    pub value: String,
}

/// A record, read.
#[derive(Debug)]
pub(super) struct Row {
    pub charge: Charge,
    /// Cells that were left out or kept raw.
    pub warnings: Vec<Complaint>,
}

/// Reads a record that fits `header`.
///
/// # Errors
/// The [`Complaint`] for which the row is no charge.
pub(super) fn read(header: &Header, record: &ByteRecord) -> Result<Row, Complaint> {
    let mut cells =
        Cells { values: vec![Value::Absent; columns::COUNT], tags: Entries::new(), extras: Entries::new(), warnings: Vec::new() };
    for ((field, name), bytes) in header.fields().zip(record) {
        cells.take(field, name, bytes)?;
    }
    let Cells { values, tags, extras, warnings } = cells;
    let refuse = |Refusal { column, reason, text }| Complaint { column: header.name_of(column), reason, value: text };
    let charge = Charge::new(values, tags, extras).map_err(refuse)?;
    Ok(Row { charge, warnings })
}

struct Cells {
    values: Vec<Value>,
    tags: Entries,
    extras: Entries,
    warnings: Vec<Complaint>,
}

impl Cells {
    fn take(&mut self, field: Field, name: &str, bytes: &[u8]) -> Result<(), Complaint> {
        if bytes.is_empty() {
            return Ok(());
        }
        let essential = matches!(field, Field::Column(position) if columns::is_essential(position));
        let Ok(text) = std::str::from_utf8(bytes) else {
            let complaint = |reason: &str| Complaint { column: Some(name.to_owned()), reason: reason.to_owned(), value: lossy(bytes) };
            if essential {
                return Err(complaint("is not UTF-8"));
            }
            self.warnings.push(complaint(NOT_UTF8));
            return Ok(());
        };
        let text = clean(text);
        if text.is_empty() || text.eq_ignore_ascii_case(NULL) {
            return Ok(());
        }
        match field {
            Field::Column(position) => match self.read_column(position, name, text) {
                Ok(value) => self.values[position] = value,
                Err(reason) if essential => return Err(Complaint { column: Some(name.to_owned()), reason, value: text.to_owned() }),
                Err(reason) => self.warn(name, format!("{reason}: left out"), text),
            },
            Field::Tags => match tags::read(text) {
                Some(tags) => self.tags = self.bounded(name, tags),
                None => {
                    self.warn(name, "are in no known shape of tags: kept among the further columns as they stand".to_owned(), text);
                    self.extra(name, text);
                }
            },
            Field::Extra => self.extra(name, text),
            Field::Unnamed => self.warn(name, "stands in a column without a name of its own: left out".to_owned(), text),
        }
        Ok(())
    }

    fn read_column(&mut self, position: usize, name: &str, text: &str) -> Result<Value, String> {
        let column = &COLUMNS[position];
        if column.kind != ColumnKind::Amount {
            return read_value(column, text);
        }
        let (amount, rounded) = Amount::read(text).map_err(|error| error.to_string())?;
        if rounded {
            self.warn(name, "has more than 38 digits after the decimal point: rounded".to_owned(), text);
        }
        Ok(Value::Amount(amount))
    }

    fn extra(&mut self, name: &str, text: &str) {
        let entry = [(name.to_owned(), text.to_owned())].into();
        let kept = self.bounded(name, entry);
        if self.extras.len() < MAX_ENTRIES {
            self.extras.extend(kept);
        } else {
            self.warn(name, format!("is beyond the {MAX_ENTRIES} further columns kept: left out"), text);
        }
    }

    /// The entries without those the ledger can't keep.
    fn bounded(&mut self, column: &str, entries: Entries) -> Entries {
        let mut kept = Entries::new();
        for (name, text) in entries {
            let reason = if name.len() > MAX_TEXT_BYTES || text.len() > MAX_TEXT_BYTES {
                format!("holds more than {MAX_TEXT_BYTES} bytes: left out")
            } else if name.contains('\0') || text.contains('\0') {
                "holds a NUL character: left out".to_owned()
            } else if kept.len() == MAX_ENTRIES {
                format!("holds more than {MAX_ENTRIES} entries: the rest is left out")
            } else {
                kept.insert(name, text);
                continue;
            };
            self.warn(column, reason, &text);
        }
        kept
    }

    fn warn(&mut self, name: &str, reason: String, value: &str) {
        self.warnings.push(Complaint { column: Some(name.to_owned()), reason, value: value.to_owned() });
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
