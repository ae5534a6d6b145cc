//! Single charges: posted once, read by id, listed in the order of their periods, and removed where no import brought them.

use std::collections::BTreeSet;

use diesel::deserialize::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{Bytea, Date as SqlDate, Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::batch::{self, NewCharge, StoredCharge, selected};
use super::filter::{ChargeFilter, ChargeSource, Conditions, Reach};
use super::partition::{CHARGES, ONE_SHARD_AFTER_ANOTHER, POSTED, Partition};
use super::prepared::{Bind, Prepared};
use super::session::Session;
use super::{Store, StoreError};
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::{Charge, Value};
use crate::domain::columns::CHARGE_PERIOD_START;

/// How long the answer to an idempotency key is kept.
const KEYS_KEPT: time::Duration = time::Duration::hours(24);

/// Where a page of charges begins: behind this charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargePosition {
    /// Start of the charge's period.
    pub period_start: OffsetDateTime,
    /// The charge's id.
    pub id: Uuid,
}

impl StoredCharge {
    /// Where the charge stands in the order of listing.
    #[must_use]
    pub fn position(&self) -> ChargePosition {
        let period_start = match &self.charge.values()[CHARGE_PERIOD_START] {
            Value::Moment(moment) => *moment,
            _ => OffsetDateTime::UNIX_EPOCH,
        };
        ChargePosition { period_start, id: self.id }
    }
}

/// What makes a repeated call the same call.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    /// Who called: keys of different callers do not meet.
    pub caller: String,
    /// The key.
    pub key: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
}

/// What became of posted charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// They were stored under these ids, in their order.
    New(Vec<Uuid>),
    /// The same call had stored them before under these ids.
    Again(Vec<Uuid>),
    /// The key belongs to another body; nothing was stored.
    KeyReused,
}

#[derive(QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
    #[diesel(sql_type = Jsonb)]
    answer: serde_json::Value,
}

impl Store {
    /// Stores charges that belong to no import, once per key.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails; then nothing is stored.
    pub async fn post_charges(&self, charges: Vec<Charge>, key: Option<IdempotencyKey>) -> Result<Posted, StoreError> {
        let new = |charge| NewCharge { id: self.next_id(), part: 0, line: None, charge };
        let charges: Vec<NewCharge> = charges.into_iter().map(new).collect();
        let ids: Vec<Uuid> = charges.iter().map(|charge| charge.id).collect();
        let now = self.now();
        let mut connection = self.connection().await?;
        connection
            .transaction(async |transaction| {
                if let Some(key) = key
                    && let Some(earlier) = claim(transaction, &key, &ids, now).await?
                {
                    return Ok(earlier);
                }
                let months: BTreeSet<BillingMonth> = charges.iter().map(|new| BillingMonth::of(&new.charge)).collect();
                for month in months {
                    ensure_month(transaction, month).await?;
                }
                batch::insert(transaction, charges).await?;
                Ok(Posted::New(ids))
            })
            .await
    }

    /// One charge.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn charge(&self, id: Uuid) -> Result<Option<StoredCharge>, StoreError> {
        let sql =
            format!("SELECT {} FROM charges AS charge LEFT JOIN imports ON imports.no = charge.import_no WHERE charge.id = $1", selected());
        let found: Vec<StoredCharge> = Prepared::new(sql, vec![Bind::Id(id)]).load(&mut *self.connection().await?).await?;
        Ok(found.into_iter().next())
    }

    /// At most `limit` charges behind `after`, in order of period start, then id. The cost of a page does not grow with its depth.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn charges(&self, filter: &ChargeFilter, after: Option<ChargePosition>, limit: i64) -> Result<Vec<StoredCharge>, StoreError> {
        let mut connection = self.connection().await?;
        let reach = Reach::of(&connection, filter, &[]).await?;
        let mut conditions = Conditions::default();
        conditions.add_filter(filter, &reach, ChargeSource::Charges);
        if let Some(ChargePosition { period_start, id }) = after {
            conditions.add("(charge_period_start, id) > (?, ?)", [Bind::Moment(period_start), Bind::Id(id)]);
        }
        let limit = conditions.fragment("?", [Bind::Number(limit)]);
        let clause = conditions.clause();
        let sql = format!(
            "SELECT {} FROM (SELECT * FROM charges{clause} ORDER BY charge_period_start, id LIMIT {limit}) AS charge \
             LEFT JOIN imports ON imports.no = charge.import_no ORDER BY charge.charge_period_start, charge.id",
            selected()
        );
        Ok(conditions.bind_to(sql).load(&mut *connection).await?)
    }

    /// Removes a charge that was posted by itself.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn delete_charge(&self, id: Uuid) -> Result<DeletedCharge, StoreError> {
        let mut connection = self.connection().await?;
        let delete = format!(
            "DELETE FROM charges WHERE id = $1 AND import_no = {POSTED} AND billing_month = ANY (ARRAY(SELECT billing_month FROM posted_months))"
        );
        if sql_query(delete).bind::<SqlUuid, _>(id).execute(&mut *connection).await? > 0 {
            return Ok(DeletedCharge::Deleted);
        }
        drop(connection);
        Ok(self.charge(id).await?.and_then(|charge| charge.import_id).map_or(DeletedCharge::Missing, DeletedCharge::Imported))
    }
}

/// What became of a charge that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletedCharge {
    /// It is gone.
    Deleted,
    /// It came with this import, and can only go with it.
    Imported(Uuid),
    /// There is none.
    Missing,
}

/// Makes the partition of a month's posted charges, once: whoever notes the month makes it, and anyone else waits for that.
async fn ensure_month(connection: &mut Session, month: BillingMonth) -> Result<(), StoreError> {
    let note = sql_query("INSERT INTO posted_months (billing_month) VALUES ($1) ON CONFLICT DO NOTHING");
    if note.bind::<SqlDate, _>(month.first_day()).execute(connection).await? == 0 {
        return Ok(());
    }
    let partition = Partition { import_no: POSTED, month };
    connection.batch_execute(ONE_SHARD_AFTER_ANOTHER).await?;
    connection.batch_execute(&partition.create(CHARGES)).await?;
    for statement in partition.attach() {
        connection.batch_execute(&statement).await?;
    }
    Ok(())
}

/// Takes the key for these ids, or tells what it was taken for before. A call with the same key in flight is waited for.
async fn claim(connection: &mut Session, key: &IdempotencyKey, ids: &[Uuid], now: OffsetDateTime) -> Result<Option<Posted>, StoreError> {
    let old = sql_query("DELETE FROM idempotency_keys WHERE created_at < $1").bind::<Timestamptz, _>(now - KEYS_KEPT);
    old.execute(connection).await?;
    let claimed = sql_query(
        "INSERT INTO idempotency_keys (caller, key, digest, answer, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (caller, key) DO NOTHING",
    )
    .bind::<Text, _>(key.caller.clone())
    .bind::<Text, _>(key.key.clone())
    .bind::<Bytea, _>(key.digest.to_vec())
    .bind::<Jsonb, _>(serde_json::json!(ids))
    .bind::<Timestamptz, _>(now)
    .execute(connection)
    .await?;
    if claimed == 1 {
        return Ok(None);
    }
    let query = sql_query("SELECT digest, answer FROM idempotency_keys WHERE caller = $1 AND key = $2");
    let row: KeyRow = query.bind::<Text, _>(key.caller.clone()).bind::<Text, _>(key.key.clone()).get_result(connection).await?;
    if row.digest != key.digest {
        return Ok(Some(Posted::KeyReused));
    }
    let ids = serde_json::from_value(row.answer).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Some(Posted::Again(ids)))
}
