//! What the provider charged for named resources. Must not know whose resources they are.

use bigdecimal::BigDecimal;
use diesel::sql_types::{Array, BigInt, Numeric, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use super::{Store, StoreError};
use crate::domain::report::Charged;

#[derive(QueryableByName)]
struct ChargedRow {
    #[diesel(sql_type = Numeric)]
    billed: BigDecimal,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = BigInt)]
    charges: i64,
}

impl Store {
    /// The sum of BilledCost over charges for `resource_ids` (whatever their case) whose period begins in `from..to`, in the currency
    /// that most of them have; `None` where there are none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn charged(&self, resource_ids: &[String], from: OffsetDateTime, to: OffsetDateTime) -> Result<Option<Charged>, StoreError> {
        if resource_ids.is_empty() {
            return Ok(None);
        }
        let ids: Vec<String> = resource_ids.iter().map(|id| id.to_lowercase()).collect();
        let mut connection = self.analytics_connection().await?;
        let row: Option<ChargedRow> = sql_query(
            "SELECT coalesce(sum(billed_cost), 0) AS billed, billing_currency AS currency, count(*) AS charges FROM charges \
             WHERE lower(resource_id) = ANY($1) AND charge_period_start >= $2 AND charge_period_start < $3 \
             GROUP BY billing_currency ORDER BY count(*) DESC, billing_currency LIMIT 1",
        )
        .bind::<Array<Text>, _>(ids)
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(&mut *connection)
        .await
        .optional()?;
        Ok(row.map(|row| Charged { billed: row.billed, currency: row.currency, charges: u64::try_from(row.charges).unwrap_or(0) }))
    }
}
