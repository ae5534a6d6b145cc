//! Imports: a file's charges land together with the record of it, or not at all.

use diesel::deserialize::QueryableByName;
use diesel::sql_types::{BigInt, Bytea, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{result::DatabaseErrorKind, result::Error as DieselError, sql_query};
use diesel_async::{AsyncConnection, RunQueryDsl};
use time::OffsetDateTime;
use tokio::sync::mpsc::Receiver;
use uuid::Uuid;

use super::batch::{self, NewCharge};
use super::session::Session;
use super::{Store, StoreError};
use crate::domain::import::{Import, Imported, Part, PlacedCharge, Summary};

const SELECTED: &str = "id, digest, bytes, accepted, rejected, problems, created_at";

#[derive(QueryableByName)]
struct ImportRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
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
    #[diesel(sql_type = Timestamptz)]
    created_at: OffsetDateTime,
}

impl TryFrom<ImportRow> for Import {
    type Error = StoreError;

    fn try_from(row: ImportRow) -> Result<Self, Self::Error> {
        let digest = row.digest.try_into().map_err(|_| StoreError::Corrupt("an import's digest has another length".to_owned()))?;
        let problems = serde_json::from_value(row.problems).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let summary = Summary {
            digest,
            bytes: row.bytes.unsigned_abs(),
            accepted: row.accepted.unsigned_abs(),
            rejected: row.rejected.unsigned_abs(),
            problems,
        };
        Ok(Import { id: row.id, summary, created_at: row.created_at })
    }
}

/// Why an import's transaction was rolled back.
enum Rollback {
    /// The same bytes are stored already, or have just been by someone else.
    Again([u8; 32]),
    Failed(StoreError),
}

impl From<DieselError> for Rollback {
    fn from(error: DieselError) -> Self {
        Rollback::Failed(error.into())
    }
}

impl From<StoreError> for Rollback {
    fn from(error: StoreError) -> Self {
        Rollback::Failed(error)
    }
}

impl Store {
    /// Stores the charges that come through `parts`, in one transaction that ends with [`Part::End`]. Bytes that have been imported
    /// before, or that another upload imports first, store nothing and return that import.
    ///
    /// # Errors
    /// [`StoreError::Abandoned`] where `parts` ends early; then, as with every other error, nothing is stored.
    pub async fn import(&self, mut parts: Receiver<Part>) -> Result<Imported, StoreError> {
        // Most wrong files are refused before their first charge: they need no connection.
        let first = parts.recv().await.ok_or(StoreError::Abandoned)?;
        let _turn = self.import_turn().await?;
        let mut connection = self.connection().await?;
        let (id, created_at) = (self.next_id(), self.now());
        let stored = connection.transaction(async |transaction| self.receive(transaction, id, created_at, first, &mut parts).await).await;
        match stored {
            Ok(summary) => Ok(Imported::New(Import { id, summary, created_at })),
            Err(Rollback::Failed(error)) => Err(error),
            Err(Rollback::Again(digest)) => {
                let query = sql_query(format!("SELECT {SELECTED} FROM imports WHERE digest = $1")).bind::<Bytea, _>(digest.to_vec());
                let row: ImportRow = query.get_result(&mut connection).await?;
                Ok(Imported::Again(row.try_into()?))
            }
        }
    }

    async fn receive(
        &self,
        connection: &mut Session,
        id: Uuid,
        created_at: OffsetDateTime,
        first: Part,
        parts: &mut Receiver<Part>,
    ) -> Result<Summary, Rollback> {
        let record = sql_query("INSERT INTO imports (id, created_at) VALUES ($1, $2)");
        record.bind::<SqlUuid, _>(id).bind::<Timestamptz, _>(created_at).execute(connection).await?;
        let mut part = Some(first);
        loop {
            match part.ok_or(StoreError::Abandoned)? {
                Part::Charges(charges) => batch::insert(connection, Some(id), self.placed(charges)).await?,
                Part::End(summary) => {
                    finish(connection, id, &summary).await?;
                    return Ok(*summary);
                }
            }
            part = parts.recv().await;
        }
    }

    fn placed(&self, charges: Vec<PlacedCharge>) -> Vec<NewCharge> {
        let new = |PlacedCharge { line, charge }| NewCharge { id: self.next_id(), line: i64::try_from(line).ok(), charge };
        charges.into_iter().map(new).collect()
    }

    /// The newest imports first, older than `before` where it is given; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn imports(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<Import>, StoreError> {
        let sql = format!("SELECT {SELECTED} FROM imports WHERE $1 IS NULL OR id < $1 ORDER BY id DESC LIMIT $2");
        let query = sql_query(sql).bind::<Nullable<SqlUuid>, _>(before).bind::<BigInt, _>(limit);
        let rows: Vec<ImportRow> = query.load(&mut *self.connection().await?).await?;
        rows.into_iter().map(Import::try_from).collect()
    }

    /// One import.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn import_by_id(&self, id: Uuid) -> Result<Option<Import>, StoreError> {
        let query = sql_query(format!("SELECT {SELECTED} FROM imports WHERE id = $1")).bind::<SqlUuid, _>(id);
        let rows: Vec<ImportRow> = query.load(&mut *self.connection().await?).await?;
        rows.into_iter().next().map(Import::try_from).transpose()
    }

    /// Removes an import with its charges; whether it was there.
    ///
    /// # Errors
    /// [`StoreError`] where the database fails.
    pub async fn delete_import(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut connection = self.connection().await?;
        let deleted = connection.transaction::<usize, StoreError, _>(async |transaction| {
            // Millions of charges go with it.
            sql_query("SET LOCAL statement_timeout = '200s'").execute(transaction).await?;
            Ok(sql_query("DELETE FROM imports WHERE id = $1").bind::<SqlUuid, _>(id).execute(transaction).await?)
        });
        Ok(deleted.await? > 0)
    }
}

/// Completes the import's record. The digest is unique: where another upload of the same bytes is in flight this waits for its end.
async fn finish(connection: &mut Session, id: Uuid, summary: &Summary) -> Result<(), Rollback> {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let problems = serde_json::to_value(&summary.problems).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let update = sql_query("UPDATE imports SET digest = $2, bytes = $3, accepted = $4, rejected = $5, problems = $6 WHERE id = $1")
        .bind::<SqlUuid, _>(id)
        .bind::<Bytea, _>(summary.digest.to_vec())
        .bind::<BigInt, _>(count(summary.bytes))
        .bind::<BigInt, _>(count(summary.accepted))
        .bind::<BigInt, _>(count(summary.rejected))
        .bind::<Jsonb, _>(problems);
    match update.execute(connection).await {
        Ok(_) => Ok(()),
        Err(DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Err(Rollback::Again(summary.digest)),
        Err(error) => Err(error.into()),
    }
}
