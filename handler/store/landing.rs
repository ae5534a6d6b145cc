//! The moment an import becomes part of the ledger: one transaction that compares it with what is there, attaches it, takes out what it
//! replaces, and writes the record of it. Two imports never land at once, on whichever arm.
//!
//! Must not know how its charges were staged.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::error::StoreError;
use super::import_connections::ImportConnection;
use super::intake::StagedMonth;
use super::partition::{ONE_SHARD_AFTER_ANOTHER, Partition, lock_ledger};
use super::staging::Staging;
use crate::domain::billing_month::BillingMonth;
use crate::domain::import::{ImportOrder, Overlap, OverlapRule, StaleExport, Summary};

/// Times a landing is tried where a reader or another import is in its way.
const MAX_TRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);
/// Readers that come while a landing waits for those before it wait behind it: not for long.
const LOCK_WAIT: &str = "SET LOCAL lock_timeout = '2s'";
/// One import after another, whichever arm it came to; readers go on.
const ONE_LANDING: &str = "LOCK TABLE imports IN SHARE ROW EXCLUSIVE MODE";

const STAGE_LOST: &str = "what was staged has been removed meanwhile";

/// What became of a staged import.
#[derive(Debug)]
pub(super) enum Landed {
    /// It is part of the ledger.
    Attached,
    /// This import has the same text.
    Again(Uuid),
    /// Another import holds charges of the same origin.
    Overlapping(Overlap),
    /// Its dataset has a newer export.
    Stale(StaleExport),
}

/// A staged import with what its record will say.
pub(super) struct Landing<'a> {
    pub id: Uuid,
    pub created_at: OffsetDateTime,
    pub order: &'a ImportOrder,
    pub summary: &'a Summary,
    pub staging: &'a Staging,
    /// What each month holds.
    pub months: &'a BTreeMap<BillingMonth, StagedMonth>,
    /// Spellings of tag keys met for the first time, as (lower case, spelling).
    pub spellings: &'a [(String, String)],
}

/// A billing month of the dataset that is to be replaced.
struct Replaced {
    import_no: i64,
    month: BillingMonth,
}

/// Lands a staged import.
pub(super) async fn land(connection: &mut ImportConnection, landing: &Landing<'_>) -> Result<Landed, StoreError> {
    let mut tries = Tries::new();
    loop {
        match landing.attempt(connection).await {
            Ok(landed) => return Ok(landed),
            Err(error) => tries.once_more(error).await?,
        }
    }
}

/// Takes an import out of the ledger with all it holds; whether it was there.
pub(super) async fn remove(connection: &mut ImportConnection, id: Uuid) -> Result<bool, StoreError> {
    let mut tries = Tries::new();
    loop {
        match attempt_removal(connection, id).await {
            Ok(removed) => return Ok(removed),
            Err(error) => tries.once_more(error).await?,
        }
    }
}

async fn attempt_removal(connection: &mut ImportConnection, id: Uuid) -> Result<bool, StoreError> {
    let transaction = begin(connection).await?;
    let query = "SELECT months.import_no, months.billing_month FROM import_months AS months JOIN imports ON imports.no = months.import_no \
                 WHERE imports.id = $1 AND months.replaced_by IS NULL";
    let held = transaction.query(query, &[&id]).await?;
    if !held.is_empty() {
        transaction.batch_execute(&lock_ledger()).await?;
    }
    for row in held {
        let partition = Partition { import_no: row.get(0), month: row.get::<_, time::Date>(1).into() };
        for statement in partition.remove() {
            transaction.batch_execute(&statement).await?;
        }
    }
    let deleted = transaction.execute("DELETE FROM imports WHERE id = $1", &[&id]).await?;
    transaction.commit().await?;
    Ok(deleted > 0)
}

/// How often the ledger was tried to be changed.
struct Tries {
    left: u32,
    pause: Duration,
}

impl Tries {
    fn new() -> Tries {
        Tries { left: MAX_TRIES - 1, pause: FIRST_PAUSE }
    }

    /// Waits before another try, where `error` is one that passes: a deadlock, or readers that took too long.
    async fn once_more(&mut self, error: StoreError) -> Result<(), StoreError> {
        match &error {
            StoreError::Import(cause) if self.left > 0 && passes(cause) => {
                self.left -= 1;
                tokio::time::sleep(self.pause).await;
                self.pause = (self.pause * 2).min(MAX_PAUSE);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Begins a transaction that changes the ledger, alone.
async fn begin(connection: &mut ImportConnection) -> Result<Transaction<'_>, StoreError> {
    let transaction = connection.transaction().await?;
    for statement in [ONE_SHARD_AFTER_ANOTHER, LOCK_WAIT, ONE_LANDING] {
        transaction.batch_execute(statement).await?;
    }
    Ok(transaction)
}

/// Whether trying again helps. SQLSTATE says so; names of constraints gain a shard's number on elastic clusters.
fn passes(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::LOCK_NOT_AVAILABLE].contains(code)
    })
}

impl Landing<'_> {
    async fn attempt(&self, connection: &mut ImportConnection) -> Result<Landed, StoreError> {
        let transaction = begin(connection).await?;
        if let Some(same) = self.same_text(&transaction).await? {
            return Ok(Landed::Again(same));
        }
        let mut replaced = Vec::new();
        for (month, staged) in self.months {
            match self.earlier_export(&transaction, *month, staged).await? {
                Ok(earlier) => replaced.extend(earlier),
                Err(stale) => return Ok(Landed::Stale(stale)),
            }
        }
        if self.order.overlap == OverlapRule::Refuse
            && let Some(overlap) = self.overlap(&transaction, &replaced).await?
        {
            return Ok(Landed::Overlapping(overlap));
        }
        self.swap(&transaction, &replaced).await?;
        self.record(&transaction, &replaced).await?;
        transaction.commit().await?;
        Ok(Landed::Attached)
    }

    async fn same_text(&self, transaction: &Transaction<'_>) -> Result<Option<Uuid>, StoreError> {
        let digest = self.summary.digest.as_slice();
        Ok(transaction.query_opt("SELECT id FROM imports WHERE digest = $1 AND live", &[&digest]).await?.map(|row| row.get(0)))
    }

    /// What the dataset says of the month so far: to be replaced, unless it is newer.
    async fn earlier_export(
        &self,
        transaction: &Transaction<'_>,
        month: BillingMonth,
        staged: &StagedMonth,
    ) -> Result<Result<Vec<Replaced>, StaleExport>, StoreError> {
        let Some(dataset) = &self.order.dataset else { return Ok(Ok(Vec::new())) };
        // The same text that has been replaced before is older by definition.
        let query = "SELECT imports.no, imports.id, imports.exported_at, months.last_charge_start, \
                        (SELECT count(*) > 0 FROM imports AS old JOIN import_months AS gone ON gone.import_no = old.no \
                         WHERE old.digest = $3 AND old.dataset = $1 AND gone.billing_month = $2 AND gone.replaced_by IS NOT NULL) \
                     FROM imports JOIN import_months AS months ON months.import_no = imports.no \
                     WHERE imports.dataset = $1 AND months.billing_month = $2 AND months.replaced_by IS NULL";
        let digest = self.summary.digest.as_slice();
        let rows = transaction.query(query, &[&dataset.as_str(), &month.first_day(), &digest]).await?;
        let mut earlier = Vec::new();
        for row in rows {
            let stored: Option<OffsetDateTime> = row.get(2);
            let is_older = match self.summary.exported_at.zip(stored) {
                Some((own, stored)) => own < stored,
                // Month to date, an older export ends on an earlier day.
                None => staged.last_start < row.get::<_, OffsetDateTime>(3),
            };
            if is_older || row.get(4) {
                return Ok(Err(StaleExport { import: row.get(1), month }));
            }
            earlier.push(Replaced { import_no: row.get(0), month });
        }
        Ok(Ok(earlier))
    }

    /// The first charges of the same month and origin that another import holds and keeps.
    async fn overlap(&self, transaction: &Transaction<'_>, replaced: &[Replaced]) -> Result<Option<Overlap>, StoreError> {
        for partition in self.staging.partitions() {
            let leaving: Vec<i64> = replaced.iter().filter(|old| old.month == partition.month).map(|old| old.import_no).collect();
            let same = |column: &str| format!("lower(coalesce(own.{column}, '')) = lower(coalesce(held.{column}, ''))");
            let query = format!(
                "SELECT imports.id, imports.dataset, held.provider_name, held.billing_account_id, held.sub_account_id \
                 FROM import_origins AS held \
                 JOIN import_months AS months ON months.import_no = held.import_no AND months.billing_month = held.billing_month \
                 JOIN imports ON imports.no = held.import_no \
                 JOIN (SELECT DISTINCT provider_name, billing_account_id, sub_account_id FROM {}) AS own ON {} AND {} AND {} \
                 WHERE held.billing_month = $1 AND months.replaced_by IS NULL AND held.import_no <> ALL ($2) \
                 ORDER BY held.import_no LIMIT 1",
                partition.table("costs_by_sub_account"),
                same("provider_name"),
                same("billing_account_id"),
                same("sub_account_id"),
            );
            if let Some(row) = transaction.query_opt(&query, &[&partition.month.first_day(), &leaving]).await? {
                return Ok(Some(Overlap {
                    import: row.get(0),
                    dataset: row.get(1),
                    month: partition.month,
                    provider: row.get(2),
                    billing_account: row.get(3),
                    sub_account: row.get(4),
                }));
            }
        }
        Ok(None)
    }

    async fn swap(&self, transaction: &Transaction<'_>, replaced: &[Replaced]) -> Result<(), StoreError> {
        if !replaced.is_empty() {
            transaction.batch_execute(&lock_ledger()).await?;
        }
        let old = replaced.iter().map(|old| Partition { import_no: old.import_no, month: old.month });
        let statements = self.staging.partitions().into_iter().flat_map(Partition::attach).chain(old.flat_map(Partition::remove));
        for statement in statements {
            transaction.batch_execute(&statement).await?;
        }
        Ok(())
    }

    async fn record(&self, transaction: &Transaction<'_>, replaced: &[Replaced]) -> Result<(), StoreError> {
        let (no, order, summary) = (self.staging.import_no, self.order, self.summary);
        let dataset = order.dataset.as_ref().map(|name| name.as_str());
        if let Some(dataset) = dataset {
            let insert = "INSERT INTO datasets (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
            transaction.execute(insert, &[&dataset, &self.created_at]).await?;
        }
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
        let problems = serde_json::to_value(&summary.problems).map_err(corrupt)?;
        let warnings = serde_json::to_value(&summary.warnings).map_err(corrupt)?;
        let conformance = summary.conformance.as_ref().map(serde_json::to_value).transpose().map_err(corrupt)?;
        let insert = "INSERT INTO imports \
                      (id, no, digest, bytes, accepted, rejected, problems, warnings, dataset, file_name, caller, exported_at, conformance, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
        let [bytes, accepted, rejected] = [summary.bytes, summary.accepted, summary.rejected].map(signed);
        transaction
            .execute(
                insert,
                &[
                    &self.id,
                    &no,
                    &summary.digest.as_slice(),
                    &bytes,
                    &accepted,
                    &rejected,
                    &problems,
                    &warnings,
                    &dataset,
                    &order.file_name,
                    &order.caller,
                    &summary.exported_at,
                    &conformance,
                    &self.created_at,
                ],
            )
            .await?;
        for digest in &summary.body_digests {
            let insert = "INSERT INTO import_bodies (digest, import_no) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            transaction.execute(insert, &[&digest.as_slice(), &no]).await?;
        }
        for (month, StagedMonth { charges, first_start, last_start }) in self.months {
            let insert = "INSERT INTO import_months (import_no, billing_month, charges, first_charge_start, last_charge_start) \
                          VALUES ($1, $2, $3, $4, $5)";
            transaction.execute(insert, &[&no, &month.first_day(), &signed(*charges), first_start, last_start]).await?;
            let table = Partition { import_no: no, month: *month }.table("costs_by_sub_account");
            let insert = format!(
                "INSERT INTO import_origins (import_no, billing_month, provider_name, billing_account_id, sub_account_id) \
                 SELECT DISTINCT import_no, billing_month, provider_name, billing_account_id, sub_account_id FROM {table}"
            );
            transaction.batch_execute(&insert).await?;
        }
        for old in replaced {
            let update = "UPDATE import_months SET replaced_by = $1 WHERE import_no = $2 AND billing_month = $3";
            transaction.execute(update, &[&self.id, &old.import_no, &old.month.first_day()]).await?;
            let update = "UPDATE imports SET live = false WHERE no = $1 AND NOT EXISTS \
                          (SELECT 1 FROM import_months WHERE import_no = $1 AND replaced_by IS NULL)";
            transaction.execute(update, &[&old.import_no]).await?;
        }
        for (folded, spelling) in self.spellings {
            let insert = "INSERT INTO tag_spellings (folded, spelling, import_no) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
            transaction.execute(insert, &[folded, spelling, &no]).await?;
        }
        // Whoever takes the note away decides what becomes of the tables: here they stay.
        let noted = transaction.execute("DELETE FROM stages WHERE import_no = $1", &[&no]).await?;
        if noted == self.months.len() as u64 { Ok(()) } else { Err(StoreError::Unavailable(STAGE_LOST.into())) }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
