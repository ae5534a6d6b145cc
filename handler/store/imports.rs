//! Imports: a file's charges land together with the record of it, or not at all.

use std::collections::BTreeMap;

use diesel::deserialize::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bytea, Date as SqlDate, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::intake::{HandedIn, ImportRead, Uptake};
use super::landing::{self, Landed, Landing};
use super::session::Session;
use super::staging::Staging;
use super::{Store, StoreError};
use crate::domain::import::{Import, ImportOrder, Imported, ImportedMonth, Summary};

const SELECTED: &str = "id, no, digest, bytes, accepted, rejected, problems, warnings, dataset, file_name, caller, exported_at, \
                        conformance, created_at";

#[derive(QueryableByName)]
struct ImportRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = BigInt)]
    no: i64,
    #[diesel(sql_type = Bytea)]
    digest: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = BigInt)]
    accepted: i64,
    #[diesel(sql_type = BigInt)]
    rejected: i64,
    #[diesel(sql_type = Jsonb)]
    problems: serde_json::Value,
    #[diesel(sql_type = Jsonb)]
    warnings: serde_json::Value,
    #[diesel(sql_type = Nullable<Text>)]
    dataset: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    file_name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    caller: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    exported_at: Option<OffsetDateTime>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    conformance: Option<serde_json::Value>,
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct MonthRow {
    #[diesel(sql_type = BigInt)]
    import_no: i64,
    #[diesel(sql_type = SqlDate)]
    billing_month: time::Date,
    #[diesel(sql_type = BigInt)]
    charges: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replaced_by: Option<Uuid>,
}

#[derive(QueryableByName)]
struct ReplacedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    replaced_by: Uuid,
}

impl TryFrom<ImportRow> for Import {
    type Error = StoreError;

    fn try_from(row: ImportRow) -> Result<Self, Self::Error> {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
        let summary = Summary {
            digest: row.digest.try_into().map_err(|_| StoreError::Corrupt("an import's digest has another length".to_owned()))?,
            body_digests: Vec::new(),
            bytes: row.bytes.unsigned_abs(),
            accepted: row.accepted.unsigned_abs(),
            rejected: row.rejected.unsigned_abs(),
            problems: serde_json::from_value(row.problems).map_err(corrupt)?,
            warnings: serde_json::from_value(row.warnings).map_err(corrupt)?,
            exported_at: row.exported_at,
            conformance: row.conformance.map(serde_json::from_value).transpose().map_err(corrupt)?,
        };
        Ok(Import {
            id: row.id,
            summary,
            created_at: row.created_at,
            dataset: row.dataset,
            file_name: row.file_name,
            caller: row.caller,
            months: Vec::new(),
            replaced: Vec::new(),
        })
    }
}

impl Store {
    /// Stores the charges handed in to an [`Intake`](super::Intake). Between two buffers nothing is held; the ledger changes in one
    /// transaction at the end, or not at all.
    ///
    /// # Errors
    /// [`StoreError::Abandoned`] where the intake was dropped before its end; then, as with every other error, nothing is stored.
    pub async fn import(&self, order: &ImportOrder, Uptake(mut handed_in): Uptake) -> Result<Imported, StoreError> {
        let (id, created_at) = (self.next_id(), self.now());
        // Most wrong files are refused before their first charge: they need no connection.
        let mut staging = None;
        let ended = loop {
            match handed_in.recv().await.ok_or(StoreError::Abandoned)? {
                HandedIn::Begin(begin) => {
                    let (begun_staging, begun) = Staging::begin(&self.import_connections, &self.clock).await?;
                    staging = Some(begun_staging);
                    begin.send(begun).map_err(|_| StoreError::Abandoned)?;
                }
                HandedIn::Rows(rows) => staging.as_mut().ok_or(StoreError::Abandoned)?.send(rows).await?,
                HandedIn::End(ended) => break *ended,
            }
        };
        let ImportRead { summary, rows, months, spellings, sums } = ended;
        if let Some(same) = self.import_by_digest(summary.digest).await? {
            return Ok(Imported::Again(same));
        }
        let mut staging = staging.ok_or(StoreError::Abandoned)?;
        let mut connection = staging.complete(rows, &sums).await?;
        let (order, summary, spellings) = (order, &summary, &spellings.into_new());
        let landing = Landing { id, created_at, order, summary, staging: &staging, months: &months, spellings };
        let landed = landing::land(&mut connection, &landing).await?;
        connection.release();
        match landed {
            Landed::Attached => {
                staging.keep();
                Ok(Imported::New(self.expect_import(id).await?))
            }
            Landed::Again(same) => Ok(Imported::Again(self.expect_import(same).await?)),
            Landed::Overlapping(overlap) => Ok(Imported::Overlapping(overlap)),
            Landed::Stale(stale) => Ok(Imported::Stale(stale)),
        }
    }

    async fn expect_import(&self, id: Uuid) -> Result<Import, StoreError> {
        self.import_by_id(id).await?.ok_or_else(|| StoreError::Corrupt("an import has gone at the moment it was stored".to_owned()))
    }

    /// The newest imports first, older than `before` where it is given; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn imports(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<Import>, StoreError> {
        let sql = format!("SELECT {SELECTED} FROM imports WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2");
        let query = sql_query(sql).bind::<Nullable<SqlUuid>, _>(before).bind::<BigInt, _>(limit);
        let mut connection = self.connection().await?;
        let rows: Vec<ImportRow> = query.load(&mut *connection).await?;
        with_months(&mut connection, rows).await
    }

    /// One import.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn import_by_id(&self, id: Uuid) -> Result<Option<Import>, StoreError> {
        let query = sql_query(format!("SELECT {SELECTED} FROM imports WHERE id = $1")).bind::<SqlUuid, _>(id);
        let mut connection = self.connection().await?;
        let rows: Vec<ImportRow> = query.load(&mut *connection).await?;
        Ok(with_months(&mut connection, rows).await?.pop())
    }

    /// The import that holds a file of this digest.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn import_by_digest(&self, digest: [u8; 32]) -> Result<Option<Import>, StoreError> {
        let query = sql_query(format!("SELECT {SELECTED} FROM imports WHERE live AND digest = $1")).bind::<Bytea, _>(digest.to_vec());
        let mut connection = self.connection().await?;
        let rows: Vec<ImportRow> = query.load(&mut *connection).await?;
        Ok(with_months(&mut connection, rows).await?.pop())
    }

    /// The import that came as a body of this digest, before decompression.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn import_by_body(&self, digest: [u8; 32]) -> Result<Option<Import>, StoreError> {
        let sql = format!(
            "SELECT {SELECTED} FROM imports WHERE live AND no IN (SELECT import_no FROM import_bodies WHERE digest = $1) ORDER BY id LIMIT 1"
        );
        let mut connection = self.connection().await?;
        let rows: Vec<ImportRow> = sql_query(sql).bind::<Bytea, _>(digest.to_vec()).load(&mut *connection).await?;
        Ok(with_months(&mut connection, rows).await?.pop())
    }

    /// Removes an import with its charges; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn delete_import(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut connection = self.import_connections.take().await?;
        let deleted = landing::remove(&mut connection, id).await?;
        connection.release();
        Ok(deleted)
    }
}

/// Adds to imports what other tables hold of them.
async fn with_months(connection: &mut Session, rows: Vec<ImportRow>) -> Result<Vec<Import>, StoreError> {
    let numbers: Vec<i64> = rows.iter().map(|row| row.no).collect();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let months = sql_query(
        "SELECT import_no, billing_month, charges, replaced_by FROM import_months WHERE import_no = ANY ($1) ORDER BY billing_month",
    );
    let months: Vec<MonthRow> = months.bind::<Array<BigInt>, _>(numbers).load(connection).await?;
    let replaced = sql_query(
        "SELECT DISTINCT imports.id, months.replaced_by FROM import_months AS months JOIN imports ON imports.no = months.import_no \
         WHERE months.replaced_by = ANY ($1) ORDER BY imports.id",
    );
    let replaced: Vec<ReplacedRow> = replaced.bind::<Array<SqlUuid>, _>(ids).load(connection).await?;
    let mut by_number: BTreeMap<i64, Vec<ImportedMonth>> = BTreeMap::new();
    for row in months {
        let month = ImportedMonth { month: row.billing_month.into(), charges: row.charges.unsigned_abs(), replaced_by: row.replaced_by };
        by_number.entry(row.import_no).or_default().push(month);
    }
    let mut by_id: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for row in replaced {
        by_id.entry(row.replaced_by).or_default().push(row.id);
    }
    let import = |row: ImportRow| {
        let (months, replaced) = (by_number.remove(&row.no).unwrap_or_default(), by_id.remove(&row.id).unwrap_or_default());
        Ok(Import { months, replaced, ..Import::try_from(row)? })
    };
    rows.into_iter().map(import).collect()
}
