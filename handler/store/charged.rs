//! What the provider charged for named resources, by day. Must not know whose resources they are.

use bigdecimal::BigDecimal;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Numeric, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::{Date, OffsetDateTime};

use super::{Store, StoreError};
use crate::domain::report::ChargedDay;

/// Charges that agree in everything that tells one from another are counted as repeated.
const BY_DAY: &str = "SELECT lower(resource_id) AS resource, (charge_period_start AT TIME ZONE 'UTC')::date AS day, \
    billing_currency AS currency, charge_category AS category, coalesce(sum(billed_cost), 0) AS billed, \
    coalesce(sum(effective_cost), 0) AS effective, count(*) AS charges, count(*) - count(DISTINCT concat_ws('|', charge_period_start, \
    charge_period_end, sku_id, sku_price_id, charge_description, billed_cost, effective_cost, consumed_quantity)) AS repeated, \
    bool_or(commitment_discount_id IS NOT NULL) AS committed FROM charges \
    WHERE lower(resource_id) = ANY($1) AND charge_period_start >= $2 AND charge_period_start < $3 \
    GROUP BY 1, 2, 3, 4 ORDER BY 2, 1, 3, 4";

#[derive(QueryableByName)]
struct ChargedRow {
    #[diesel(sql_type = Text)]
    resource: String,
    #[diesel(sql_type = SqlDate)]
    day: Date,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Numeric)]
    billed: BigDecimal,
    #[diesel(sql_type = Numeric)]
    effective: BigDecimal,
    #[diesel(sql_type = BigInt)]
    charges: i64,
    #[diesel(sql_type = BigInt)]
    repeated: i64,
    #[diesel(sql_type = Bool)]
    committed: bool,
}

impl Store {
    /// Charges for `resource_ids` (whatever their case) whose period begins in `from..to`, by resource, day, currency and category.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn charged(&self, resource_ids: &[String], from: OffsetDateTime, to: OffsetDateTime) -> Result<Vec<ChargedDay>, StoreError> {
        if resource_ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = resource_ids.iter().map(|id| id.to_lowercase()).collect();
        let mut connection = self.analytics_connection().await?;
        let rows: Vec<ChargedRow> = sql_query(BY_DAY)
            .bind::<Array<Text>, _>(ids)
            .bind::<Timestamptz, _>(from)
            .bind::<Timestamptz, _>(to)
            .load(&mut *connection)
            .await?;
        let count = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|row| ChargedDay {
                resource: row.resource,
                day: row.day,
                currency: row.currency,
                category: row.category,
                billed: row.billed,
                effective: row.effective,
                charges: count(row.charges),
                repeated: count(row.repeated),
                committed: row.committed,
            })
            .collect())
    }
}
