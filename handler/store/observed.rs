//! What a recorded call asks the database, as dependencies: statements without their values. Must not know how items are sent.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::{self, Write};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::Error;
use opentelemetry::KeyValue;

use crate::telemetry::{Dependency, dependency};

/// Bytes of a statement that are kept.
const MAX_STATEMENT_BYTES: usize = 1_024;
/// Bytes of a statement that are scanned for its table, which follows the columns; a bulk insert has thousands of placeholders.
const MAX_SCAN_BYTES: usize = 8_192;
/// What diesel writes before a statement's values.
const VALUES: &str = " -- binds";

/// Watches one connection. Statements may be sent before earlier ones are answered; they are answered in the order they were sent in.
pub(super) struct Statements {
    server: String,
    database: String,
    /// Those not answered yet, oldest first; none for one that is not recorded.
    under_way: VecDeque<Option<Dependency>>,
}

impl Statements {
    /// A watcher of a connection to `database` on `server`.
    pub fn new(server: String, database: String) -> Self {
        Statements { server, database, under_way: VecDeque::new() }
    }
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => {
                let statement = dependency(|| (Cow::Borrowed("postgresql"), facts(&self.server, &self.database)));
                self.under_way.push_back(statement);
            }
            InstrumentationEvent::FinishQuery { query, error, .. } => {
                if let Some(mut statement) = self.under_way.pop_front().flatten() {
                    let mut text = bounded(query);
                    statement.rename(summary(&text));
                    text.truncate(text.floor_char_boundary(MAX_STATEMENT_BYTES));
                    statement.set("db.query.text", text);
                    statement.end(error.map(kind));
                }
            }
            _ => {}
        }
    }
}

fn facts(server: &str, database: &str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("server.address", server.to_owned()),
        KeyValue::new("db.namespace", database.to_owned()),
    ]
}

/// The wait for a connection of the pool, the making of a new one included.
pub(super) fn checkout() -> Option<Dependency> {
    dependency(|| (Cow::Borrowed("connection"), vec![KeyValue::new("db.system.name", "postgresql")]))
}

/// What kind of failure it is; the text itself may repeat values.
fn kind(error: &Error) -> String {
    match error {
        Error::DatabaseError(kind, _) => format!("{kind:?}"),
        Error::NotFound => "NotFound".to_owned(),
        Error::SerializationError(_) => "SerializationError".to_owned(),
        Error::DeserializationError(_) => "DeserializationError".to_owned(),
        _ => "QueryError".to_owned(),
    }
}

/// The beginning of a statement, and nothing of its values.
fn bounded(query: &dyn fmt::Display) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let room = MAX_SCAN_BYTES - self.0.len();
            if part.len() < room {
                self.0.push_str(part);
                return Ok(());
            }
            self.0.push_str(&part[..part.floor_char_boundary(room)]);
            Err(fmt::Error)
        }
    }
    let mut text = Bounded(String::new());
    // An error says that the rest was left out.
    let _ = write!(text, "{query}");
    let Bounded(mut text) = text;
    if let Some(at) = text.find(VALUES) {
        text.truncate(at);
    }
    text
}

/// A statement's verb and first table, as in `SELECT charges`: few names, whatever the statements.
fn summary(statement: &str) -> String {
    let mut words = statement.split_ascii_whitespace();
    let verb = words.next().unwrap_or("STATEMENT").trim_end_matches(';').to_ascii_uppercase();
    let table = if verb == "UPDATE" { words.next() } else { table_among(&mut words) };
    let name =
        |table: &str| -> String { table.chars().filter(|letter| letter.is_ascii_alphanumeric() || "_.".contains(*letter)).collect() };
    match table.map(name).filter(|table| !table.is_empty()) {
        Some(table) => format!("{verb} {table}"),
        None => verb,
    }
}

/// The first table among a statement's words; a parenthesis opens a query within it, whose tables count.
fn table_among<'text>(words: &mut impl Iterator<Item = &'text str>) -> Option<&'text str> {
    let introduces = |word: &str| ["from", "into", "update", "join"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    while words.by_ref().any(introduces) {
        let table = words.next()?;
        if !table.starts_with('(') {
            return Some(table);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_named_by_verb_and_table() {
        for (statement, name) in [
            (r#"SELECT "charges"."id" FROM "charges" WHERE x = $1"#, "SELECT charges"),
            (r#"INSERT INTO "windows" ("minute") VALUES ($1)"#, "INSERT windows"),
            ("update imports set x = $1", "UPDATE imports"),
            ("SELECT x FROM (SELECT y FROM charges WHERE z) AS found", "SELECT charges"),
            ("DELETE  FROM imports", "DELETE imports"),
            ("BEGIN", "BEGIN"),
            ("COMMIT;", "COMMIT"),
            ("", "STATEMENT"),
        ] {
            assert_eq!(summary(statement), name, "{statement}");
        }
    }

    #[test]
    fn values_are_left_out_and_long_statements_cut() {
        assert_eq!(bounded(&"SELECT $1 -- binds: [\"hunter2\"]"), "SELECT $1");
        let long = bounded(&"é".repeat(MAX_SCAN_BYTES));
        assert!(long.len() <= MAX_SCAN_BYTES && long.starts_with('é'));
    }
}
