//! What runs follow from: set-ups, declarations, ends, exclusions, seeds that were shown. Rows are added and never changed. Must not know
//! which runs follow.

use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, RunQueryDsl};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::session::Session;
use super::{Store, StoreError};
use crate::domain::arm::Arm;
use crate::domain::draw::Seed;
use crate::domain::run::{
    Declaration, Declared, Ending, Exclusion, ExclusionRequest, PartReport, PartSetUp, RunChoice, RunLog, RunRefusal, RunRequest,
};

/// Held while it is decided whether something may be recorded, and until it is; any number that no one else uses does.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7466121207)";

/// Why something about runs was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What is recorded already speaks against it.
    #[error(transparent)]
    Refused(#[from] RunRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DieselError> for RunError {
    fn from(error: DieselError) -> Self {
        RunError::Store(error.into())
    }
}

/// A record that is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    /// What it is of.
    pub item: T,
    /// Whether it was there before.
    pub again: bool,
}

#[derive(QueryableByName)]
struct SetUpRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    part: String,
    #[diesel(sql_type = Timestamptz)]
    since: OffsetDateTime,
    #[diesel(sql_type = Jsonb)]
    set_up: serde_json::Value,
}

#[derive(QueryableByName)]
struct DeclarationRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    follower: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Timestamptz)]
    declared_at: OffsetDateTime,
    #[diesel(sql_type = BigInt)]
    lasts_ms: i64,
    #[diesel(sql_type = Jsonb)]
    margins: serde_json::Value,
}

#[derive(QueryableByName)]
struct EndRow {
    #[diesel(sql_type = SqlUuid)]
    run: Uuid,
    #[diesel(sql_type = SqlUuid)]
    follower: Uuid,
    #[diesel(sql_type = Timestamptz)]
    ended_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct ExclusionRow {
    #[diesel(sql_type = Timestamptz)]
    starts_at: OffsetDateTime,
    #[diesel(sql_type = Timestamptz)]
    ends_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: OffsetDateTime,
}

#[derive(QueryableByName)]
struct FirstWindow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    starts_at: Option<OffsetDateTime>,
}

#[derive(QueryableByName)]
struct SeedRow {
    #[diesel(sql_type = Text)]
    seed: String,
}

impl Store {
    /// Records what a part serves with since `since`, unless it is what that part recorded last; whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_set_up(&self, part: &PartSetUp, since: OffsetDateTime) -> Result<bool, StoreError> {
        let mut connection = self.own_connection().await?;
        let latest: Vec<SetUpRow> =
            sql_query("SELECT id, part, since, set_up FROM set_ups WHERE part = $1 ORDER BY since DESC, id DESC LIMIT 1")
                .bind::<Text, _>(part.part())
                .load(&mut *connection)
                .await?;
        // A record that an older program can't read is another set-up.
        if latest.into_iter().any(|row| row.report().is_ok_and(|latest| latest.part == *part)) {
            return Ok(false);
        }
        let set_up = match part {
            PartSetUp::Router(router) => to_json(router),
            PartSetUp::Arm(_, arm) => to_json(arm),
        }?;
        // Two workers that start at once may both record it: the second record says nothing new.
        sql_query("INSERT INTO set_ups (id, part, since, set_up, recorded_at) VALUES ($1, $2, $3, $4, $5)")
            .bind::<SqlUuid, _>(self.next_id())
            .bind::<Text, _>(part.part())
            .bind::<Timestamptz, _>(since)
            .bind::<Jsonb, _>(set_up)
            .bind::<Timestamptz, _>(self.now())
            .execute(&mut *connection)
            .await?;
        Ok(true)
    }

    /// Everything recorded about runs.
    ///
    /// # Errors
    /// [`StoreError`], [`StoreError::Corrupt`] where a record can't be read.
    pub async fn run_log(&self) -> Result<RunLog, StoreError> {
        run_log(&mut *self.connection().await?).await
    }

    /// Declares a run; its id.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn declare_run(&self, request: &RunRequest) -> Result<Recorded<Uuid>, RunError> {
        let mut connection = self.connection().await?;
        let declared = connection.transaction::<_, RunError, _>(async |transaction| {
            sql_query(LOCK).execute(transaction).await?;
            let log = run_log(transaction).await?;
            let declaration = match log.declare(request, self.now(), [self.next_id(), self.next_id()])? {
                Declared::New(declaration) => declaration,
                Declared::Again(id) => return Ok(Recorded { item: id, again: true }),
            };
            let lasts_ms = i64::try_from(declaration.lasts.whole_milliseconds()).unwrap_or(i64::MAX);
            sql_query("INSERT INTO declared_runs (id, follower, name, declared_at, lasts_ms, margins) VALUES ($1, $2, $3, $4, $5, $6)")
                .bind::<SqlUuid, _>(declaration.id)
                .bind::<SqlUuid, _>(declaration.follower)
                .bind::<Text, _>(declaration.name.as_str())
                .bind::<Timestamptz, _>(declaration.declared_at)
                .bind::<BigInt, _>(lasts_ms)
                .bind::<Jsonb, _>(to_json(&declaration.margins)?)
                .execute(transaction)
                .await?;
            Ok(Recorded { item: declaration.id, again: false })
        });
        declared.await
    }

    /// Ends a run with the present pair; its id. Ending one that is over changes nothing.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn end_run(&self, choice: &RunChoice) -> Result<Recorded<Uuid>, RunError> {
        let mut connection = self.connection().await?;
        let ended = connection.transaction::<_, RunError, _>(async |transaction| {
            sql_query(LOCK).execute(transaction).await?;
            let (run, ending) = run_log(transaction).await?.end(choice, self.now(), self.next_id())?;
            let Some(Ending { follower, run, ended_at }) = ending else { return Ok(Recorded { item: run, again: true }) };
            sql_query("INSERT INTO run_ends (run, follower, ended_at) VALUES ($1, $2, $3) ON CONFLICT (run) DO NOTHING")
                .bind::<SqlUuid, _>(run)
                .bind::<SqlUuid, _>(follower)
                .bind::<Timestamptz, _>(ended_at)
                .execute(transaction)
                .await?;
            Ok(Recorded { item: run, again: false })
        });
        ended.await
    }

    /// Leaves minutes out: of the run `choice` means, or, without one, of whichever they belong to.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn exclude_minutes(&self, choice: Option<&RunChoice>, request: ExclusionRequest) -> Result<Recorded<Exclusion>, RunError> {
        let mut connection = self.connection().await?;
        let exclusion = run_log(&mut connection).await?.exclude(choice, request, self.now())?;
        let added = sql_query(
            "INSERT INTO run_exclusions (starts_at, ends_at, reason, recorded_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind::<Timestamptz, _>(exclusion.from)
        .bind::<Timestamptz, _>(exclusion.to)
        .bind::<Text, _>(exclusion.reason.as_str())
        .bind::<Timestamptz, _>(exclusion.recorded_at)
        .execute(&mut *connection)
        .await?;
        Ok(Recorded { item: exclusion, again: added == 0 })
    }

    /// Shows the seed of a random schedule from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn show_seed(&self, seed: &Seed) -> Result<(), StoreError> {
        sql_query("INSERT INTO shown_seeds (sha256, seed, shown_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind::<Text, _>(seed.digest().to_string())
            .bind::<Text, _>(seed.reveal())
            .bind::<Timestamptz, _>(self.now())
            .execute(&mut *self.connection().await?)
            .await?;
        Ok(())
    }
}

async fn run_log(connection: &mut Session) -> Result<RunLog, StoreError> {
    let reports: Vec<SetUpRow> = sql_query("SELECT id, part, since, set_up FROM set_ups ORDER BY since, id").load(connection).await?;
    let declarations: Vec<DeclarationRow> =
        sql_query("SELECT id, follower, name, declared_at, lasts_ms, margins FROM declared_runs ORDER BY declared_at, id")
            .load(connection)
            .await?;
    let ends: Vec<EndRow> = sql_query("SELECT run, follower, ended_at FROM run_ends ORDER BY ended_at, run").load(connection).await?;
    let exclusions: Vec<ExclusionRow> =
        sql_query("SELECT starts_at, ends_at, reason, recorded_at FROM run_exclusions ORDER BY starts_at, ends_at")
            .load(connection)
            .await?;
    let seeds: Vec<SeedRow> = sql_query("SELECT seed FROM shown_seeds ORDER BY shown_at, sha256").load(connection).await?;
    let first: FirstWindow = sql_query(
        "SELECT min(starts_at) AS starts_at FROM windows WHERE starts_at < coalesce((SELECT min(since) FROM set_ups), 'infinity')",
    )
    .get_result(connection)
    .await?;
    Ok(RunLog {
        reports: reports.into_iter().map(SetUpRow::report).collect::<Result<_, _>>()?,
        declarations: declarations.into_iter().map(DeclarationRow::declaration).collect::<Result<_, _>>()?,
        endings: ends.into_iter().map(|EndRow { run, follower, ended_at }| Ending { follower, run, ended_at }).collect(),
        exclusions: exclusions
            .into_iter()
            .map(|ExclusionRow { starts_at, ends_at, reason, recorded_at }| Exclusion { from: starts_at, to: ends_at, reason, recorded_at })
            .collect(),
        shown_seeds: seeds
            .into_iter()
            .map(|row| row.seed.parse().map_err(|_| StoreError::Corrupt("a shown seed is no seed".to_owned())))
            .collect::<Result<_, _>>()?,
        first_window: first.starts_at,
    })
}

impl SetUpRow {
    fn report(self) -> Result<PartReport, StoreError> {
        let part = match self.part.parse::<Arm>() {
            Ok(arm) => PartSetUp::Arm(arm, from_json(self.set_up)?),
            Err(_) => PartSetUp::Router(from_json(self.set_up)?),
        };
        Ok(PartReport { id: self.id, since: self.since, part })
    }
}

impl DeclarationRow {
    fn declaration(self) -> Result<Declaration, StoreError> {
        Ok(Declaration {
            id: self.id,
            follower: self.follower,
            name: self.name.parse().map_err(|_| StoreError::Corrupt("a declared run's name is none".to_owned()))?,
            declared_at: self.declared_at,
            lasts: Duration::milliseconds(self.lasts_ms),
            margins: from_json(self.margins)?,
        })
    }
}

fn to_json(value: &impl Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn from_json<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
