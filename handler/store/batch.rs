//! Posted charges in one statement, one array per column; and the way back, from a row to a charge.
//!
//! The column list comes from the domain's table. Must not know how files are imported.

use std::fmt::Write;

use bigdecimal::BigDecimal;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::pg::{Pg, PgValue};
use diesel::row::{Field, NamedRow};
use diesel::sql_query;
use diesel::sql_types::{Array, Date as SqlDate, Integer, Jsonb, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::error::StoreError;
use super::partition::POSTED;
use super::session::Session;
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::{Charge, Entries, Value};
use crate::domain::columns::{COLUMNS, ColumnKind};
use crate::domain::money::Amount;

/// A charge on its way into the store.
#[derive(Debug)]
pub(super) struct NewCharge {
    pub id: Uuid,
    pub part: i16,
    pub line: Option<i32>,
    pub charge: Charge,
}

/// A stored charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCharge {
    /// Its id, version 7.
    pub id: Uuid,
    /// The import it came with; none where it was posted by itself.
    pub import_id: Option<Uuid>,
    /// Physical line of the import's file.
    pub line: Option<i32>,
    /// The charge.
    pub charge: Charge,
}

/// The columns a [`StoredCharge`] is read from, in its order, of `charge` with its import beside it.
pub(super) fn selected() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    format!("charge.id, imports.id AS import_id, charge.line, charge.tags, charge.extras, charge.{}", names.join(", charge."))
}

/// One column's values, one per row.
enum ColumnValues {
    Texts(Vec<Option<String>>),
    Amounts(Vec<Option<BigDecimal>>),
    Moments(Vec<Option<OffsetDateTime>>),
}

impl ColumnValues {
    fn new(kind: ColumnKind, rows: usize) -> ColumnValues {
        match kind {
            ColumnKind::Text => ColumnValues::Texts(Vec::with_capacity(rows)),
            ColumnKind::Amount => ColumnValues::Amounts(Vec::with_capacity(rows)),
            ColumnKind::Moment => ColumnValues::Moments(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, value: Value) {
        match (self, value) {
            (ColumnValues::Texts(texts), Value::Text(text)) => texts.push(Some(text)),
            (ColumnValues::Texts(texts), _) => texts.push(None),
            (ColumnValues::Amounts(amounts), Value::Amount(amount)) => amounts.push(Some(amount.into_decimal())),
            (ColumnValues::Amounts(amounts), _) => amounts.push(None),
            (ColumnValues::Moments(moments), Value::Moment(moment)) => moments.push(Some(moment)),
            (ColumnValues::Moments(moments), _) => moments.push(None),
        }
    }
}

const fn sql_type(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "text",
        ColumnKind::Amount => "numeric",
        ColumnKind::Moment => "timestamptz",
    }
}

/// The insert: $1 ids, $2 billing months, $3 tags, $4 extras, then the columns.
fn statement() -> String {
    let (mut names, mut arrays) = (String::new(), String::new());
    for (column, number) in COLUMNS.iter().zip(5..) {
        // Writing to a String cannot fail.
        let _ = write!(names, ", {}", column.name);
        let _ = write!(arrays, ", ${number}::{}[]", sql_type(column.kind));
    }
    format!(
        "INSERT INTO charges (import_no, id, billing_month, tags, extras{names}) SELECT {POSTED}, row.* \
         FROM unnest($1::uuid[], $2::date[], $3::jsonb[], $4::jsonb[]{arrays}) AS row(id, billing_month, tags, extras{names})"
    )
}

/// Inserts posted `charges`; their months have partitions.
pub(super) async fn insert(connection: &mut Session, charges: Vec<NewCharge>) -> Result<(), StoreError> {
    let rows = charges.len();
    let (mut ids, mut months, mut tags, mut extras) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut columns: Vec<ColumnValues> = COLUMNS.iter().map(|column| ColumnValues::new(column.kind, rows)).collect();
    for NewCharge { id, charge, .. } in charges {
        ids.push(id);
        months.push(BillingMonth::of(&charge).first_day());
        let (values, charge_tags, charge_extras) = charge.into_parts();
        tags.push(json(&charge_tags));
        extras.push(json(&charge_extras));
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }
    let query = sql_query(statement())
        .into_boxed::<Pg>()
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<SqlDate>, _>(months)
        .bind::<Array<Nullable<Jsonb>>, _>(tags)
        .bind::<Array<Nullable<Jsonb>>, _>(extras);
    let query = columns.into_iter().fold(query, |query, column| match column {
        ColumnValues::Texts(texts) => query.bind::<Array<Nullable<Text>>, _>(texts),
        ColumnValues::Amounts(amounts) => query.bind::<Array<Nullable<Numeric>>, _>(amounts),
        ColumnValues::Moments(moments) => query.bind::<Array<Nullable<Timestamptz>>, _>(moments),
    });
    query.execute(connection).await?;
    Ok(())
}

fn json(entries: &Entries) -> Option<serde_json::Value> {
    let object = || entries.iter().map(|(name, text)| (name.clone(), serde_json::Value::from(text.as_str()))).collect();
    (!entries.is_empty()).then(object)
}

impl QueryableByName<Pg> for StoredCharge {
    fn build<'a>(row: &impl NamedRow<'a, Pg>) -> deserialize::Result<Self> {
        let values = COLUMNS.iter().zip(5..).map(|(column, index)| {
            Ok(match column.kind {
                ColumnKind::Text => get::<Nullable<Text>, Option<String>>(row, index)?.map_or(Value::Absent, Value::Text),
                ColumnKind::Amount => match get::<Nullable<Numeric>, Option<BigDecimal>>(row, index)? {
                    Some(decimal) => Value::Amount(Amount::stored(decimal)),
                    None => Value::Absent,
                },
                ColumnKind::Moment => {
                    get::<Nullable<Timestamptz>, Option<OffsetDateTime>>(row, index)?.map_or(Value::Absent, Value::Moment)
                }
            })
        });
        let values = values.collect::<deserialize::Result<Vec<Value>>>()?;
        let entries = |index| match get::<Nullable<Jsonb>, Option<serde_json::Value>>(row, index)? {
            Some(object) => Ok(serde_json::from_value(object)?),
            None => deserialize::Result::Ok(Entries::new()),
        };
        Ok(StoredCharge {
            id: get::<SqlUuid, Uuid>(row, 0)?,
            import_id: get::<Nullable<SqlUuid>, Option<Uuid>>(row, 1)?,
            line: get::<Nullable<Integer>, Option<i32>>(row, 2)?,
            charge: Charge::stored(values, entries(3)?, entries(4)?),
        })
    }
}

/// A row's field by its position in [`selected`]; looking sixty names up in each row would cost more than reading it.
fn get<'a, ST, T: FromSql<ST, Pg>>(row: &impl NamedRow<'a, Pg>, index: usize) -> deserialize::Result<T> {
    let field = diesel::row::Row::get(row, index).ok_or("a selected column is missing")?;
    let value: Option<PgValue<'_>> = field.value();
    T::from_nullable_sql(value)
}
