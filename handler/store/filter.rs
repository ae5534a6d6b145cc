//! Which charges are meant: conditions that several queries share, with their values bound and never written into SQL.

use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_query;
use diesel::sql_types::{BigInt, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

/// A query whose values are bound one by one.
pub(super) type Bound = BoxedSqlQuery<'static, Pg, SqlQuery>;

/// Which charges are meant; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargeFilter {
    /// Charges whose period starts at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Charges whose period starts before this moment.
    pub to: Option<OffsetDateTime>,
    /// ProviderName, as it is spelt.
    pub provider: Option<String>,
    /// ServiceName, as it is spelt.
    pub service: Option<String>,
    /// ResourceId, whatever its case: Azure spells the same id in several.
    pub resource_id: Option<String>,
    /// RegionId, as it is spelt.
    pub region: Option<String>,
    /// Tags with their values.
    pub tags: Vec<(String, String)>,
}

/// A value to bind.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Text(String),
    Moment(OffsetDateTime),
    Id(Uuid),
    Json(Value),
    Number(i64),
}

/// Conditions and values of a query that is being written.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    conditions: Vec<String>,
    binds: Vec<Bind>,
}

impl Conditions {
    pub fn of(filter: &ChargeFilter) -> Conditions {
        let mut all = Conditions::default();
        if let Some(from) = filter.from {
            all.add("charge_period_start >= ?", [Bind::Moment(from)]);
        }
        if let Some(to) = filter.to {
            all.add("charge_period_start < ?", [Bind::Moment(to)]);
        }
        let texts = [
            ("provider_name = ?", &filter.provider),
            ("service_name = ?", &filter.service),
            ("resource_id IS NOT NULL AND lower(resource_id) = lower(?)", &filter.resource_id),
            ("region_id = ?", &filter.region),
        ];
        for (condition, text) in texts {
            if let Some(text) = text {
                all.add(condition, [Bind::Text(text.clone())]);
            }
        }
        for (key, value) in &filter.tags {
            all.add("tags @> ?", [Bind::Json(json!({ key: value }))]);
        }
        all
    }

    /// Adds a condition; each `?` in it stands for one of `binds`.
    pub fn add<const N: usize>(&mut self, condition: &str, binds: [Bind; N]) {
        let condition = self.fragment(condition, binds);
        self.conditions.push(condition);
    }

    /// A piece of SQL whose `?` are replaced by the numbers of `binds`.
    pub fn fragment<const N: usize>(&mut self, sql: &str, binds: [Bind; N]) -> String {
        let mut parts = sql.split('?');
        let mut fragment = parts.next().unwrap_or_default().to_owned();
        for (bind, part) in binds.into_iter().zip(parts) {
            self.binds.push(bind);
            fragment.push_str(&format!("${}{part}", self.binds.len()));
        }
        fragment
    }

    /// The conditions as a WHERE clause.
    pub fn clause(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!(" WHERE {}", self.conditions.join(" AND ")) }
    }

    /// The finished query.
    pub fn bind_to(self, sql: String) -> Bound {
        let query = sql_query(sql).into_boxed::<Pg>();
        self.binds.into_iter().fold(query, |query, bind| match bind {
            Bind::Text(text) => query.bind::<Text, _>(text),
            Bind::Moment(moment) => query.bind::<Timestamptz, _>(moment),
            Bind::Id(id) => query.bind::<SqlUuid, _>(id),
            Bind::Json(value) => query.bind::<Jsonb, _>(value),
            Bind::Number(number) => query.bind::<BigInt, _>(number),
        })
    }
}
