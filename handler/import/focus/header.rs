//! Which field of a record is which column.

use csv::ByteRecord;

use super::FocusError;
use crate::domain::columns::{self, BILLED_COST, COLUMNS, EFFECTIVE_COST};
use crate::domain::conformance::{ConformanceTally, rules_of};

/// Most columns a header may name.
pub const MAX_COLUMNS: usize = 1_000;
const TAGS: &str = "Tags";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What a field of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// The column at this position of [`COLUMNS`].
    Column(usize),
    /// The charge's tags.
    Tags,
    /// A column FOCUS does not name.
    Extra,
    /// A column without a name, or one of a name that was there before.
    Unnamed,
}

/// A header line, understood.
#[derive(Debug)]
pub(super) struct Header {
    names: Vec<String>,
    fields: Vec<Field>,
    /// The rules of conformance that speak of each field.
    rules: Vec<Vec<usize>>,
}

impl Header {
    /// Reads the header line.
    ///
    /// # Errors
    /// Every [`FocusError`] that speaks of the header; [`FocusError::NoFocusColumn`] with `advice`.
    pub fn read(record: &ByteRecord, advice: Option<&'static str>) -> Result<Header, FocusError> {
        if record.len() > MAX_COLUMNS {
            return Err(FocusError::TooManyColumns);
        }
        let names = record.iter().map(|name| std::str::from_utf8(name).map(|name| clean(name).to_owned()));
        let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|_| FocusError::HeaderNotUtf8)?;
        let mut fields: Vec<Field> = names.iter().map(|name| field(name)).collect();
        if !fields.iter().any(|field| matches!(field, Field::Column(_) | Field::Tags)) && !names.iter().any(|name| is_former(name)) {
            return Err(FocusError::NoFocusColumn { advice });
        }
        // A former name counts where the one that took its place is not there.
        for (index, name) in names.iter().enumerate() {
            if let (Field::Extra, Some(position)) = (fields[index], columns::position_by_former_name(name))
                && !fields.contains(&Field::Column(position))
            {
                fields[index] = Field::Column(position);
            }
        }
        for (index, name) in names.iter().enumerate() {
            let again = names[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(name))
                || (fields[index] != Field::Extra && fields[..index].contains(&fields[index]));
            match fields[index] {
                Field::Unnamed => {}
                Field::Extra if again => fields[index] = Field::Unnamed,
                _ if again => return Err(FocusError::DuplicateColumn(name.clone())),
                _ => {}
            }
        }
        let missing = missing_columns(&fields);
        if !missing.is_empty() {
            return Err(FocusError::MissingColumns(missing));
        }
        let rules = names.iter().map(|name| rules_of(name)).collect();
        Ok(Header { names, fields, rules })
    }

    /// Whether a record of `fields` has this header's columns: an empty field or two at its end make no difference.
    pub fn fits(&self, record: &ByteRecord) -> bool {
        let surplus = record.iter().skip(self.fields.len()).all(<[u8]>::is_empty);
        let lacking = self.fields.iter().skip(record.len()).all(|field| *field == Field::Unnamed);
        surplus && lacking
    }

    /// Number of fields each record should have.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether the record is the header once more, as where files were put behind each other.
    pub fn is_repeated_by(&self, record: &ByteRecord) -> bool {
        record.len() == self.names.len()
            && record.iter().zip(&self.names).all(|(field, name)| std::str::from_utf8(field).is_ok_and(|field| clean(field) == name))
    }

    /// What each field is, with its name as the file writes it.
    pub fn fields(&self) -> impl Iterator<Item = (Field, &str)> {
        self.fields.iter().copied().zip(self.names.iter().map(String::as_str))
    }

    /// Looks at a record for what FOCUS's rules ask of it.
    pub fn check(&self, record: &ByteRecord, conformance: &mut ConformanceTally) {
        conformance.row();
        for (rules, bytes) in self.rules.iter().zip(record).filter(|(rules, _)| !rules.is_empty()) {
            match std::str::from_utf8(bytes) {
                Ok(text) => conformance.cell(rules, text),
                Err(_) => conformance.cell(rules, &String::from_utf8_lossy(bytes)),
            }
        }
    }

    /// The file's own name of a column, FOCUS's where the file lacks it; none where it is no single column.
    pub fn name_of(&self, column: usize) -> Option<String> {
        let own = self.fields().find(|(field, _)| *field == Field::Column(column)).map(|(_, name)| name);
        own.or_else(|| COLUMNS.get(column).map(|column| column.focus)).map(str::to_owned)
    }
}

/// A cell without the byte order marks and spaces around it.
pub(super) fn clean(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == BYTE_ORDER_MARK)
}

/// How many of these cells name a FOCUS column.
pub(super) fn known_columns<'a>(cells: impl Iterator<Item = &'a [u8]>) -> usize {
    let names = cells.filter_map(|cell| std::str::from_utf8(cell).ok()).map(|name| clean(clean(name).trim_matches('"')));
    names.filter(|name| matches!(field(name), Field::Column(_) | Field::Tags) || is_former(name)).count()
}

fn is_former(name: &str) -> bool {
    columns::position_by_former_name(name).is_some()
}

fn field(name: &str) -> Field {
    match columns::position_in_focus(name) {
        Some(position) => Field::Column(position),
        None if name.is_empty() => Field::Unnamed,
        None if name.eq_ignore_ascii_case(TAGS) => Field::Tags,
        None => Field::Extra,
    }
}

/// All that is missing at once; either cost will do.
fn missing_columns(fields: &[Field]) -> Vec<&'static str> {
    let named = |position: usize| fields.contains(&Field::Column(position));
    let missing = |(position, column): (usize, &columns::Column)| {
        let needed = column.required || (position == BILLED_COST && !named(EFFECTIVE_COST));
        (needed && !named(position)).then_some(column.focus)
    };
    COLUMNS.iter().enumerate().filter_map(missing).collect()
}
