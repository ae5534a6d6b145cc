//! Which field of a record is which column.

use csv::ByteRecord;

use super::FocusError;
use crate::domain::columns::{self, COLUMNS, PROVIDER_NAME, PROVIDER_NAMES};

/// Most columns a header may name.
pub const MAX_COLUMNS: usize = 1_000;
const TAGS: &str = "Tags";

/// What a field of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The column at this position of [`COLUMNS`].
    Column(usize),
    /// The charge's tags.
    Tags,
    /// A column FOCUS does not name.
    Extra,
}

/// A header line, understood.
#[derive(Debug)]
pub(super) struct Header {
    names: Vec<String>,
    fields: Vec<Field>,
}

impl Header {
    /// Reads the header line.
    ///
    /// # Errors
    /// Every [`FocusError`] that speaks of the header.
    pub fn read(record: &ByteRecord) -> Result<Header, FocusError> {
        if record.len() > MAX_COLUMNS {
            return Err(FocusError::TooManyColumns);
        }
        let names = record.iter().map(|name| std::str::from_utf8(name).map(|name| name.trim().to_owned()));
        let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|_| FocusError::HeaderNotUtf8)?;
        let fields: Vec<Field> = names.iter().map(|name| field(name)).collect();
        if fields.iter().all(|field| *field == Field::Extra) {
            return Err(FocusError::NoFocusColumn);
        }
        for (index, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(FocusError::UnnamedColumn(index + 1));
            }
            if names[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                return Err(FocusError::DuplicateColumn(name.clone()));
            }
        }
        let missing = missing_columns(&fields);
        if missing.is_empty() { Ok(Header { names, fields }) } else { Err(FocusError::MissingColumns(missing)) }
    }

    /// Number of fields each record must have.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// What each field is, with its name as the file writes it.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        self.fields.iter().copied().zip(self.names.iter().map(String::as_str))
    }

    /// The file's own name of a column, FOCUS's where the file lacks it; none where it is no single column.
    pub fn name_of(&self, column: usize) -> Option<String> {
        let own = self.fields().find(|(field, _)| *field == Field::Column(column)).map(|(_, name)| name);
        own.or_else(|| COLUMNS.get(column).map(|column| column.focus)).map(str::to_owned)
    }
}

fn field(name: &str) -> Field {
    match columns::position_in_focus(name) {
        Some(position) => Field::Column(position),
        None if name.eq_ignore_ascii_case(TAGS) => Field::Tags,
        None => Field::Extra,
    }
}

/// All that is missing at once; any one name of the provider will do, since FOCUS 1.3 and 1.4 move it.
fn missing_columns(fields: &[Field]) -> Vec<&'static str> {
    let named = |position: usize| fields.contains(&Field::Column(position));
    let missing = |(position, column): (usize, &columns::Column)| {
        let there = if position == PROVIDER_NAME { PROVIDER_NAMES.iter().any(|&name| named(name)) } else { named(position) };
        (column.required && !there).then_some(column.focus)
    };
    COLUMNS.iter().enumerate().filter_map(missing).collect()
}
