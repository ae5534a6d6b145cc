//! Statements that are written at run time and prepared once: diesel parses its `sql_query` anew at every call, which costs a round trip
//! and the planner's work on sixty columns.
//!
//! Only so many texts are remembered: each connection keeps what it has prepared for as long as it lives. Must not know what is asked.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Text, Timestamptz, Untyped, Uuid as SqlUuid};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Texts that are prepared once; later ones are parsed at every call.
const MAX_TEXTS: usize = 256;

/// A value to bind.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Text(String),
    Texts(Vec<String>),
    Moment(OffsetDateTime),
    Day(Date),
    Days(Vec<Date>),
    Id(Uuid),
    Number(i64),
}

/// A statement with its values.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    sql: String,
    binds: Vec<Bind>,
    remembered: bool,
}

impl Prepared {
    /// The statement `sql`, whose `$1`, `$2`, … stand for `binds`.
    pub fn new(sql: String, binds: Vec<Bind>) -> Prepared {
        let remembered = is_remembered(&sql);
        Prepared { sql, binds, remembered }
    }
}

fn is_remembered(sql: &str) -> bool {
    static TEXTS: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_with(HashSet::new);
    texts.contains(sql) || (texts.len() < MAX_TEXTS && texts.insert(sql.to_owned()))
}

impl QueryFragment<Pg> for Prepared {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.remembered {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.sql);
        for bind in &self.binds {
            match bind {
                Bind::Text(text) => out.push_bind_param_value_only::<Text, _>(text)?,
                Bind::Texts(texts) => out.push_bind_param_value_only::<Array<Text>, _>(texts)?,
                Bind::Moment(moment) => out.push_bind_param_value_only::<Timestamptz, _>(moment)?,
                Bind::Day(day) => out.push_bind_param_value_only::<SqlDate, _>(day)?,
                Bind::Days(days) => out.push_bind_param_value_only::<Array<SqlDate>, _>(days)?,
                Bind::Id(id) => out.push_bind_param_value_only::<SqlUuid, _>(id)?,
                Bind::Number(number) => out.push_bind_param_value_only::<BigInt, _>(number)?,
            }
        }
        Ok(())
    }
}

impl QueryId for Prepared {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared {
    type SqlType = Untyped;
}

impl<Conn> diesel::RunQueryDsl<Conn> for Prepared {}

#[cfg(test)]
mod tests {
    use diesel::QueryableByName;
    use diesel_async::RunQueryDsl as _;

    use super::*;
    use crate::store::testing::new_store;

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }

    #[tokio::test]
    async fn a_statement_asked_twice_is_prepared_once() {
        let store = new_store().await;
        let mut connection = store.connection().await.unwrap();
        for number in [1, 2, 3] {
            let query = Prepared::new("SELECT $1 + 40 AS count".to_owned(), vec![Bind::Number(number)]);
            let found: Vec<Count> = query.load(&mut *connection).await.unwrap();
            assert_eq!(found[0].count, number + 40);
        }
        let prepared =
            Prepared::new("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1 + 40%'".to_owned(), Vec::new());
        let found: Vec<Count> = prepared.load(&mut *connection).await.unwrap();
        assert_eq!(found[0].count, 1);
    }
}
