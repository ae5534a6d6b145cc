//! Sums over charges. PostgreSQL adds them exactly, and they leave it as text.

use diesel::deserialize::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use super::filter::{Bind, ChargeFilter, Conditions};
use super::{Store, StoreError};

/// Which of FOCUS's costs is added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostMetric {
    /// BilledCost: what is invoiced.
    Billed,
    /// EffectiveCost: with the amortised share of upfront purchases.
    Effective,
    /// ListCost: at list prices.
    List,
    /// ContractedCost: at negotiated prices.
    Contracted,
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
    /// SubAccountId.
    SubAccount,
    /// ChargeCategory.
    ChargeCategory,
    /// The value of the tag with this key.
    Tag(String),
}

/// How long a period sums are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// One sum over all of it.
    None,
    /// A sum per UTC day in which charges start.
    Day,
    /// A sum per UTC month in which charges start.
    Month,
}

/// One sum.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CostRow {
    /// The group: one value per dimension asked for, none where the charges have none.
    #[diesel(sql_type = Array<Nullable<Text>>)]
    pub group: Vec<Option<String>>,
    /// First moment of the period; none where no period was asked for.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub period_start: Option<OffsetDateTime>,
    /// Currency of the amount; sums never mix currencies.
    #[diesel(sql_type = Text)]
    pub currency: String,
    /// The sum with all its digits; none where no charge of the group has this cost.
    #[diesel(sql_type = Nullable<Text>)]
    pub amount: Option<String>,
    /// Charges in the group.
    #[diesel(sql_type = BigInt)]
    pub charges: i64,
}

impl Store {
    /// Sums of `metric` by period, group and currency: periods in order, greatest amount first. At most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn costs(
        &self,
        metric: CostMetric,
        group_by: &[Dimension],
        period: Period,
        filter: &ChargeFilter,
        limit: i64,
    ) -> Result<Vec<CostRow>, StoreError> {
        let mut conditions = Conditions::of(filter);
        let keys: Vec<String> = group_by.iter().map(|dimension| expression(dimension, &mut conditions)).collect();
        let named: String = keys.iter().enumerate().map(|(index, key)| format!("{key} AS k{index}, ")).collect();
        let names: Vec<String> = (0..keys.len()).map(|index| format!("k{index}")).collect();
        let grouped: String = names.iter().map(|name| format!(", {name}")).collect();
        let period = match period {
            Period::None => "NULL::timestamptz",
            Period::Day => "date_trunc('day', charge_period_start, 'UTC')",
            Period::Month => "date_trunc('month', charge_period_start, 'UTC')",
        };
        let metric = match metric {
            CostMetric::Billed => "billed_cost",
            CostMetric::Effective => "effective_cost",
            CostMetric::List => "list_cost",
            CostMetric::Contracted => "contracted_cost",
        };
        let limit = conditions.fragment("?", [Bind::Number(limit)]);
        let clause = conditions.clause();
        let sql = format!(
            "SELECT ARRAY[{}]::text[] AS \"group\", period_start, currency, sum(amount)::text AS amount, count(*) AS charges \
             FROM (SELECT {named}{period} AS period_start, billing_currency AS currency, {metric} AS amount FROM charges{clause}) AS charge \
             GROUP BY period_start, currency{grouped} \
             ORDER BY period_start, sum(amount) DESC NULLS LAST, currency{grouped} LIMIT {limit}",
            names.join(", ")
        );
        Ok(conditions.bind_to(sql).load(&mut *self.analytics_connection().await?).await?)
    }
}

fn expression(dimension: &Dimension, conditions: &mut Conditions) -> String {
    match dimension {
        Dimension::Provider => "provider_name".to_owned(),
        Dimension::Service => "service_name".to_owned(),
        Dimension::Resource => "lower(resource_id)".to_owned(),
        Dimension::Region => "region_id".to_owned(),
        Dimension::SubAccount => "sub_account_id".to_owned(),
        Dimension::ChargeCategory => "charge_category".to_owned(),
        Dimension::Tag(key) => conditions.fragment("tags ->> ?", [Bind::Text(key.clone())]),
    }
}
