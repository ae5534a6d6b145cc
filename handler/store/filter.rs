//! Which charges are meant: conditions that several queries share, with their values bound and never written into SQL.

use diesel::sql_types::{BigInt, Date as SqlDate, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::{Date, OffsetDateTime, Time, UtcOffset};
use uuid::Uuid;

use super::StoreError;
use super::partition::POSTED;
use super::prepared::{Bind, Prepared};
use super::session::Session;
use crate::domain::billing_month::BillingMonth;
use crate::domain::tag_keys::CASELESS_PROVIDERS;

/// Which charges are meant; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChargeFilter {
    /// Charges whose period starts at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// Charges whose period starts before this moment.
    pub to: Option<OffsetDateTime>,
    /// The month they are billed in.
    pub billing_period: Option<BillingMonth>,
    /// The import they came with.
    pub import: Option<Uuid>,
    /// The dataset they came with.
    pub dataset: Option<String>,
    /// InvoiceId, as it is spelt.
    pub invoice: Option<String>,
    /// BillingAccountId, as it is spelt.
    pub account: Option<String>,
    /// SubAccountId, as it is spelt.
    pub sub_account: Option<String>,
    /// ChargeCategory, as FOCUS spells it.
    pub category: Option<String>,
    /// ChargeClass, as it is spelt.
    pub charge_class: Option<String>,
    /// BillingCurrency, ISO 4217.
    pub currency: Option<String>,
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

impl ChargeFilter {
    /// The columns with a text each must equal.
    fn texts(&self) -> [(&'static str, &Option<String>); 9] {
        [
            ("invoice_id", &self.invoice),
            ("billing_account_id", &self.account),
            ("sub_account_id", &self.sub_account),
            ("charge_category", &self.category),
            ("charge_class", &self.charge_class),
            ("billing_currency", &self.currency),
            ("provider_name", &self.provider),
            ("service_name", &self.service),
            ("region_id", &self.region),
        ]
    }

    /// The columns a source must have to answer it; none where only the charges themselves can.
    pub fn columns(&self) -> Option<Vec<&'static str>> {
        let whole_days = [self.from, self.to].into_iter().flatten().all(|moment| moment.to_offset(UtcOffset::UTC).time() == Time::MIDNIGHT);
        let summed = whole_days && self.resource_id.is_none() && self.tags.is_empty();
        summed.then(|| self.texts().into_iter().filter(|(_, text)| text.is_some()).map(|(column, _)| column).collect())
    }

    /// Whether it leaves some months out.
    pub fn is_bound_to_months(&self) -> bool {
        self.from.is_some() || self.to.is_some() || self.billing_period.is_some() || self.import.is_some() || self.dataset.is_some()
    }
}

#[derive(QueryableByName)]
struct MonthRow {
    #[diesel(sql_type = BigInt)]
    import_no: i64,
    #[diesel(sql_type = SqlDate)]
    billing_month: Date,
}

#[derive(QueryableByName)]
struct SpellingRow {
    #[diesel(sql_type = Text)]
    folded: String,
    #[diesel(sql_type = Text)]
    spelling: String,
}

/// What has to be known before a query is written: which months it can concern, so that the server leaves the other partitions alone, and
/// how providers without case spell the tags it names.
#[derive(Debug, Default)]
pub(super) struct Reach {
    months: Option<Vec<Date>>,
    /// Months with posted charges that can be concerned.
    pub posted: Vec<Date>,
    spellings: Vec<(String, String)>,
}

impl Reach {
    /// What `filter` and a grouping by `tag_keys` reach.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of(mut session: &Session, filter: &ChargeFilter, tag_keys: &[&str]) -> Result<Reach, StoreError> {
        let (mut conditions, mut sources) = (Conditions::default(), Vec::new());
        if filter.is_bound_to_months() {
            if let Some(from) = filter.from {
                conditions.add("months.last_charge_start >= ?", [Bind::Moment(from)]);
            }
            if let Some(to) = filter.to {
                conditions.add("months.first_charge_start < ?", [Bind::Moment(to)]);
            }
            if let Some(id) = filter.import {
                conditions.add("imports.id = ?", [Bind::Id(id)]);
            }
            if let Some(dataset) = &filter.dataset {
                conditions.add("imports.dataset = ?", [Bind::Text(dataset.clone())]);
            }
            if let Some(month) = filter.billing_period {
                conditions.add("months.billing_month = ?", [Bind::Day(month.first_day())]);
            }
            conditions.add("months.replaced_by IS NULL", []);
            let imported = "SELECT months.import_no, months.billing_month FROM import_months AS months \
                            JOIN imports ON imports.no = months.import_no";
            sources.push(format!("{imported}{}", conditions.clause()));
        }
        if filter.import.is_none() && filter.dataset.is_none() {
            if let Some(month) = filter.billing_period {
                conditions.add("billing_month = ?", [Bind::Day(month.first_day())]);
            }
            sources.push(format!("SELECT {POSTED}::bigint AS import_no, billing_month FROM posted_months{}", conditions.clause()));
        }
        let rows: Vec<MonthRow> = conditions.bind_to(sources.join(" UNION ALL ")).load(&mut session).await?;
        let posted = rows.iter().filter(|row| row.import_no == POSTED).map(|row| row.billing_month).collect();
        let mut months: Vec<Date> = rows.iter().map(|row| row.billing_month).collect();
        months.sort_unstable();
        months.dedup();
        let months = filter.is_bound_to_months().then_some(months);
        let keys = filter.tags.iter().map(|(key, _)| key.as_str()).chain(tag_keys.iter().copied());
        let folded: Vec<String> = keys.map(str::to_lowercase).collect();
        let mut spellings = Vec::new();
        if !folded.is_empty() {
            let query = sql_query("SELECT folded, spelling FROM tag_spellings WHERE folded = ANY ($1) ORDER BY import_no, spelling");
            let rows: Vec<SpellingRow> = query.bind::<diesel::sql_types::Array<Text>, _>(folded).load(&mut session).await?;
            spellings = rows.into_iter().map(|row| (row.folded, row.spelling)).collect();
        }
        Ok(Reach { months, posted, spellings })
    }

    /// The value of a charge's tag `key`: as it is spelt, or in whatever case where the provider takes no notice of it.
    pub fn tag(&self, key: &str, conditions: &mut Conditions) -> String {
        let folded = key.to_lowercase();
        let others: Vec<&String> =
            self.spellings.iter().filter(|(known, spelling)| *known == folded && spelling != key).map(|(_, spelling)| spelling).collect();
        let own = conditions.fragment("tags ->> ?", [Bind::Text(key.to_owned())]);
        if others.is_empty() {
            return own;
        }
        let others: Vec<String> =
            others.into_iter().map(|spelling| conditions.fragment("tags ->> ?", [Bind::Text(spelling.clone())])).collect();
        let caseless = conditions.fragment("?", [Bind::Texts(CASELESS_PROVIDERS.map(str::to_owned).into())]);
        format!("CASE WHEN lower(provider_name) = ANY ({caseless}) THEN coalesce({own}, {}) ELSE {own} END", others.join(", "))
    }
}

/// What a query reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChargeSource {
    /// The charges themselves.
    Charges,
    /// A roll-up, which knows the day and not the moment.
    Rollup,
}

/// Conditions and values of a query that is being written.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    conditions: Vec<String>,
    binds: Vec<Bind>,
}

impl Conditions {
    /// Adds `filter`'s conditions on `source`.
    pub fn add_filter(&mut self, filter: &ChargeFilter, reach: &Reach, source: ChargeSource) {
        let (at_or_after, before) = match source {
            ChargeSource::Charges => ("charge_period_start >= ?", "charge_period_start < ?"),
            ChargeSource::Rollup => ("day >= (? AT TIME ZONE 'UTC')::date", "day < (? AT TIME ZONE 'UTC')::date"),
        };
        if let Some(from) = filter.from {
            self.add(at_or_after, [Bind::Moment(from)]);
        }
        if let Some(to) = filter.to {
            self.add(before, [Bind::Moment(to)]);
        }
        if let Some(months) = &reach.months {
            self.add("billing_month = ANY (?)", [Bind::Days(months.clone())]);
        }
        if let Some(id) = filter.import {
            self.add("import_no IN (SELECT named.no FROM imports AS named WHERE named.id = ?)", [Bind::Id(id)]);
        }
        if let Some(dataset) = &filter.dataset {
            self.add("import_no IN (SELECT named.no FROM imports AS named WHERE named.dataset = ?)", [Bind::Text(dataset.clone())]);
        }
        for (column, text) in filter.texts() {
            if let Some(text) = text {
                self.add(&format!("{column} = ?"), [Bind::Text(text.clone())]);
            }
        }
        if let Some(resource) = &filter.resource_id {
            self.add("lower(resource_id) = lower(?)", [Bind::Text(resource.clone())]);
        }
        for (key, value) in &filter.tags {
            let tag = reach.tag(key, self);
            let value = self.fragment("?", [Bind::Text(value.clone())]);
            self.conditions.push(format!("{tag} = {value}"));
        }
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

    /// The conditions so far as a WHERE clause; those that follow belong to another.
    pub fn clause(&mut self) -> String {
        let conditions = std::mem::take(&mut self.conditions);
        if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
    }

    /// The finished query.
    pub fn bind_to(self, sql: String) -> Prepared {
        Prepared::new(sql, self.binds)
    }
}
