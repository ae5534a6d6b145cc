//! Unit prices fetched from the provider. Must not know where from, nor what they are for.

use bigdecimal::BigDecimal;
use diesel::sql_types::{Date as SqlDate, Nullable, Numeric, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::{Date, OffsetDateTime};

use super::{Store, StoreError};
use crate::domain::price::Price;

#[derive(QueryableByName)]
struct PriceRow {
    #[diesel(sql_type = Text)]
    meter: String,
    #[diesel(sql_type = Text)]
    region: String,
    #[diesel(sql_type = Numeric)]
    amount: BigDecimal,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = SqlDate)]
    as_of: Date,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    fetched_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Text)]
    source: String,
}

impl Store {
    /// Stores `prices`, each replacing the one stored for its meter and region.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been stored, and storing all of them again is harmless.
    pub async fn write_prices(&self, prices: &[Price]) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        for price in prices {
            sql_query(
                "INSERT INTO prices (meter, region, amount, currency, as_of, source, fetched_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (meter, region) DO UPDATE SET amount = EXCLUDED.amount, currency = EXCLUDED.currency, \
                 as_of = EXCLUDED.as_of, source = EXCLUDED.source, fetched_at = EXCLUDED.fetched_at",
            )
            .bind::<Text, _>(price.meter.as_str())
            .bind::<Text, _>(&price.region)
            .bind::<Numeric, _>(&price.amount)
            .bind::<Text, _>(&price.currency)
            .bind::<SqlDate, _>(price.as_of)
            .bind::<Text, _>(&price.source)
            .bind::<Nullable<Timestamptz>, _>(price.fetched_at)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    /// Every stored price; those of meters this program does not know are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prices(&self) -> Result<Vec<Price>, StoreError> {
        let mut connection = self.connection().await?;
        let rows: Vec<PriceRow> =
            sql_query("SELECT meter, region, amount, currency, as_of, fetched_at, source FROM prices ORDER BY meter, region")
                .load(&mut *connection)
                .await?;
        let known = |row: PriceRow| {
            let PriceRow { meter, region, amount, currency, as_of, fetched_at, source } = row;
            Some(Price { meter: meter.parse().ok()?, region, amount, currency, as_of, fetched_at, source })
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;
    use crate::domain::price::Meter;
    use crate::store::testing::new_store;

    #[tokio::test]
    async fn a_new_price_replaces_the_old_one_exactly() {
        let store = new_store().await;
        let price = |amount: &str| Price {
            meter: Meter::FLEX_GB_SECOND,
            region: "westeurope".into(),
            amount: amount.parse().unwrap(),
            currency: "USD".into(),
            as_of: date!(2026 - 11 - 23),
            fetched_at: Some(datetime!(2026-11-23 09:00 UTC)),
            source: "test".into(),
        };
        store.write_prices(&[price("0.000026")]).await.unwrap();
        store.write_prices(&[price("0.0000270001")]).await.unwrap();
        assert_eq!(store.prices().await.unwrap(), vec![price("0.0000270001")]);
    }
}
