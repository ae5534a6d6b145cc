//! Sums over charges. PostgreSQL adds them exactly, and they leave it as text.
//!
//! Asked of the narrowest roll-up that has every column the question names, with the posted charges beside it; else of the charges.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::Pg;
use diesel::row::{Field, Row};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Untyped};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;
use futures_util::future::try_join;
use time::OffsetDateTime;

use super::filter::{ChargeFilter, ChargeSource, Conditions, Reach};
use super::partition::{CHARGES, POSTED, ROLLUPS, Rollup};
use super::prepared::Bind;
use super::session::Session;
use super::{Store, StoreError};

/// Which of FOCUS's costs is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostMetric {
    /// BilledCost: what is invoiced.
    #[default]
    Billed,
    /// EffectiveCost: with the amortised share of upfront purchases.
    Effective,
    /// ListCost: at list prices.
    List,
    /// ContractedCost: at negotiated prices.
    Contracted,
}

impl CostMetric {
    const fn column(self) -> &'static str {
        match self {
            CostMetric::Billed => "billed_cost",
            CostMetric::Effective => "effective_cost",
            CostMetric::List => "list_cost",
            CostMetric::Contracted => "contracted_cost",
        }
    }
}

/// What charges are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// ProviderName.
    Provider,
    /// ServiceName.
    Service,
    /// ResourceId, in lower case: Azure spells the same id in several.
    Resource,
    /// RegionId.
    Region,
    /// BillingAccountId.
    Account,
    /// SubAccountId.
    SubAccount,
    /// InvoiceId.
    Invoice,
    /// ChargeCategory.
    ChargeCategory,
    /// ChargeClass.
    ChargeClass,
    /// BillingCurrency.
    Currency,
    /// The month charges are billed in.
    BillingPeriod,
    /// The import charges came with.
    Import,
    /// The dataset charges came with.
    Dataset,
    /// The value of the tag with this key.
    Tag(String),
}

impl Dimension {
    /// The column it is, where it is one.
    const fn column(&self) -> Option<&'static str> {
        match self {
            Dimension::Provider => Some("provider_name"),
            Dimension::Service => Some("service_name"),
            Dimension::Region => Some("region_id"),
            Dimension::Account => Some("billing_account_id"),
            Dimension::SubAccount => Some("sub_account_id"),
            Dimension::Invoice => Some("invoice_id"),
            Dimension::ChargeCategory => Some("charge_category"),
            Dimension::ChargeClass => Some("charge_class"),
            Dimension::Currency => Some("billing_currency"),
            Dimension::Resource | Dimension::BillingPeriod | Dimension::Import | Dimension::Dataset | Dimension::Tag(_) => None,
        }
    }

    fn expression(&self, reach: &Reach, conditions: &mut Conditions) -> String {
        match self {
            Dimension::Resource => "lower(resource_id)".to_owned(),
            Dimension::BillingPeriod => "to_char(billing_month, 'YYYY-MM')".to_owned(),
            Dimension::Import => "imports.id::text".to_owned(),
            Dimension::Dataset => "imports.dataset".to_owned(),
            Dimension::Tag(key) => reach.tag(key, conditions),
            other => other.column().unwrap_or("NULL").to_owned(),
        }
    }
}

/// How long a period sums are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Period {
    /// One sum over all of it.
    #[default]
    None,
    /// A sum per UTC day in which charges start.
    Day,
    /// A sum per UTC month in which charges start.
    Month,
    /// A sum per month in which charges are billed: what an invoice says.
    BillingPeriod,
}

impl Period {
    const fn expression(self, source: ChargeSource) -> &'static str {
        match (self, source) {
            (Period::None, _) => "NULL::timestamptz",
            (Period::Day, ChargeSource::Charges) => "date_trunc('day', charge_period_start, 'UTC')",
            (Period::Day, ChargeSource::Rollup) => "day::timestamp AT TIME ZONE 'UTC'",
            (Period::Month, ChargeSource::Charges) => "date_trunc('month', charge_period_start, 'UTC')",
            (Period::Month, ChargeSource::Rollup) => "date_trunc('month', day::timestamp) AT TIME ZONE 'UTC'",
            (Period::BillingPeriod, _) => "billing_month::timestamp AT TIME ZONE 'UTC'",
        }
    }
}

/// A question about costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CostQuery {
    /// Which cost.
    pub metric: CostMetric,
    /// By what.
    pub group_by: Vec<Dimension>,
    /// Per which period.
    pub period: Period,
    /// Of which charges.
    pub filter: ChargeFilter,
    /// Groups that are told apart, greatest first; the rest is one more. All of them where none is given.
    pub top: Option<u32>,
}

/// One sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRow {
    /// The group: one value per dimension asked for, none where the charges have none.
    pub group: Vec<Option<String>>,
    /// Whether it is what the greatest groups leave over.
    pub is_rest: bool,
    /// First moment of the period; none where no period was asked for.
    pub period_start: Option<OffsetDateTime>,
    /// Currency of the amount; sums never mix currencies.
    pub currency: String,
    /// The sum with all its digits; none where no charge of the group has this cost.
    pub amount: Option<String>,
    /// Charges in the group.
    pub charges: i64,
}

/// By position: is_rest, period_start, currency, amount, charges, and a column for each dimension.
impl FromSqlRow<Untyped, Pg> for CostRow {
    fn build_from_row<'row>(row: &impl Row<'row, Pg>) -> deserialize::Result<CostRow> {
        Ok(CostRow {
            is_rest: column::<Bool, _>(row, 0)?,
            period_start: column::<Nullable<Timestamptz>, _>(row, 1)?,
            currency: column::<Text, _>(row, 2)?,
            amount: column::<Nullable<Text>, _>(row, 3)?,
            charges: column::<BigInt, _>(row, 4)?,
            group: (5..row.field_count()).map(|index| column::<Nullable<Text>, _>(row, index)).collect::<Result<_, _>>()?,
        })
    }
}

fn column<'row, ST, T: FromSql<ST, Pg>>(row: &impl Row<'row, Pg>, index: usize) -> deserialize::Result<T> {
    let field = row.get(index).ok_or("a column is missing")?;
    T::from_nullable_sql(field.value())
}

impl Store {
    /// Answers a question, sum by sum: periods in order, greatest amount first, what is left over last. Returns the table that was asked.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn observe_costs(&self, query: &CostQuery, mut observe: impl FnMut(CostRow) + Send) -> Result<&'static str, StoreError> {
        let connection = self.analytics_connection().await?;
        let mut session: &Session = &connection;
        let tags =
            query.group_by.iter().filter_map(|dimension| if let Dimension::Tag(key) = dimension { Some(key.as_str()) } else { None });
        let tags: Vec<&str> = tags.collect();
        let (reach, rollup) = (Reach::of(session, &query.filter, &tags), query.rollup());
        let of_all_months = rollup.is_some() && !query.filter.is_bound_to_months();
        let (reach, guessed) = if of_all_months && !AtomicBool::load(&self.has_posted, Ordering::Relaxed) {
            // Sent in one go: where nothing was posted, as in most ledgers, a roll-up has the whole answer. It comes second: while rows of it
            // wait to be read, nothing behind them is.
            let rows = async { Ok(query.statement(&Reach::default(), rollup).load_stream::<CostRow>(&mut session).await?) };
            let (reach, rows) = try_join(reach, rows).await?;
            (reach, Some(rows))
        } else {
            (reach.await?, None)
        };
        if of_all_months {
            self.has_posted.store(!reach.posted.is_empty(), Ordering::Relaxed);
        }
        let rows = match guessed {
            Some(rows) if reach.posted.is_empty() => rows,
            guessed => {
                if let Some(rows) = guessed {
                    rows.try_for_each(async |_| Ok(())).await?;
                }
                query.statement(&reach, rollup).load_stream::<CostRow>(&mut session).await?
            }
        };
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await? {
            observe(row);
        }
        Ok(rollup.map_or(CHARGES, |rollup| rollup.table))
    }

    /// All sums of an answer.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn costs(&self, query: &CostQuery) -> Result<Vec<CostRow>, StoreError> {
        let mut rows = Vec::new();
        self.observe_costs(query, |row| rows.push(row)).await?;
        Ok(rows)
    }
}

impl CostQuery {
    /// The narrowest roll-up that can answer.
    fn rollup(&self) -> Option<Rollup> {
        let mut columns = self.filter.columns()?;
        for dimension in &self.group_by {
            match dimension {
                Dimension::Resource | Dimension::Tag(_) => return None,
                other => columns.extend(other.column()),
            }
        }
        ROLLUPS.into_iter().find(|rollup| columns.iter().all(|column| rollup.dimensions().any(|known| known == *column)))
    }

    fn statement(&self, reach: &Reach, rollup: Option<Rollup>) -> super::prepared::Prepared {
        let mut conditions = Conditions::default();
        let mut sources = Vec::new();
        match rollup {
            None => sources.push(self.source(CHARGES, ChargeSource::Charges, reach, &mut conditions)),
            Some(rollup) => {
                // Charges first: whoever changes the ledger locks it in this order too.
                if !reach.posted.is_empty() {
                    conditions.add(&format!("import_no = {POSTED} AND billing_month = ANY (?)"), [Bind::Days(reach.posted.clone())]);
                    sources.push(self.source(CHARGES, ChargeSource::Charges, reach, &mut conditions));
                }
                sources.push(self.source(rollup.table, ChargeSource::Rollup, reach, &mut conditions));
            }
        }
        let names: Vec<String> = (0..self.group_by.len()).map(|index| format!("k{index}")).collect();
        let keys: String = names.iter().map(|name| format!(", {name}")).collect();
        let sums = format!(
            "SELECT period_start, currency{keys}, sum(amount) AS amount, {charges} AS charges FROM ({}) AS charge \
             GROUP BY period_start, currency{keys}",
            sources.join(" UNION ALL "),
            charges = if rollup.is_some() { "sum(charges)::bigint" } else { "count(*)" },
        );
        // A column that is the same everywhere would only be compared.
        let period = if self.period == Period::None { "" } else { "period_start, " };
        let sql = match self.top {
            // Sorted first and put into words then: a text beside the number would double what is sorted. The order outside is the one inside,
            // so it costs nothing.
            None => format!(
                "SELECT false AS is_rest, period_start, currency, amount::text AS amount, charges{keys} \
                 FROM ({sums} ORDER BY {period}sum(amount) DESC NULLS LAST, currency{keys}) AS sums \
                 ORDER BY {period}sums.amount DESC NULLS LAST, currency{keys}"
            ),
            Some(top) => {
                let top = conditions.fragment("?", [Bind::Number(i64::from(top))]);
                let kept: Vec<String> = names.iter().map(|name| format!("CASE WHEN place <= {top} THEN {name} END AS {name}")).collect();
                let kept: String = kept.iter().map(|name| format!(", {name}")).collect();
                // Ranked in one pass: groups that may be NULL join by comparing each with each.
                format!(
                    "WITH sums AS ({sums}), \
                         totals AS (SELECT sums.*, sum(amount) OVER (PARTITION BY currency{keys}) AS total FROM sums), \
                         ranked AS (SELECT totals.*, dense_rank() OVER (PARTITION BY currency ORDER BY total DESC NULLS LAST{keys}) AS place \
                         FROM totals) \
                     SELECT is_rest, period_start, currency, sum(amount)::text AS amount, sum(charges)::bigint AS charges{keys} \
                     FROM (SELECT period_start, currency, place > {top} AS is_rest, amount, charges{kept} FROM ranked) AS kept \
                     GROUP BY period_start, currency, is_rest{keys} \
                     ORDER BY period_start, is_rest, sum(kept.amount) DESC NULLS LAST, currency{keys}"
                )
            }
        };
        conditions.bind_to(sql)
    }

    fn source(&self, table: &str, source: ChargeSource, reach: &Reach, conditions: &mut Conditions) -> String {
        let keys: Vec<String> = self.group_by.iter().map(|dimension| dimension.expression(reach, conditions)).collect();
        let named: String = keys.iter().enumerate().map(|(index, key)| format!("{key} AS k{index}, ")).collect();
        let charges = match source {
            ChargeSource::Charges => "1::bigint".to_owned(),
            ChargeSource::Rollup => format!("{table}.charges"),
        };
        let of_import = self.group_by.iter().any(|dimension| matches!(dimension, Dimension::Import | Dimension::Dataset));
        let imports = if of_import { " LEFT JOIN imports ON imports.no = import_no" } else { "" };
        conditions.add_filter(&self.filter, reach, source);
        let clause = conditions.clause();
        let (period, metric) = (self.period.expression(source), self.metric.column());
        format!(
            "SELECT {named}{period} AS period_start, billing_currency AS currency, {metric} AS amount, {charges} AS charges FROM {table}{imports}{clause}"
        )
    }
}
