//! The schema's history: migrations compiled into the program, append-only, run by `switchback migrate` and never at a start.
//!
//! Must not know what the tables are for.

use std::collections::HashSet;

use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncMigrationHarness, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::error::StoreError;
use super::session::Session;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("handler/store/migrations");
/// Two deploys at once must not migrate at once; any number that no one else uses does.
pub(super) const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(7466121205)";
pub(super) const MIGRATION_UNLOCK: &str = "SELECT pg_advisory_unlock(7466121205)";

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct State {
    #[diesel(sql_type = Bool)]
    migrated: bool,
    #[diesel(sql_type = Bool)]
    read_only: bool,
}

/// Runs what has not been run, on a connection of its own; the names of the migrations that were run, in order. Needs the multi-thread
/// runtime.
pub(super) async fn migrate(mut connection: Session) -> Result<Vec<String>, StoreError> {
    // An index on a large table takes longer than a call may.
    sql_query("SET statement_timeout = 0").execute(&mut connection).await?;
    sql_query("SET lock_timeout = 0").execute(&mut connection).await?;
    sql_query(MIGRATION_LOCK).execute(&mut connection).await?;
    // A migration that waits for a lock makes everyone else wait behind it: it gives up soon, and the deploy may try again.
    sql_query("SET lock_timeout = '5s'").execute(&mut connection).await?;
    let mut harness = AsyncMigrationHarness::new(connection);
    let run = harness.run_pending_migrations(MIGRATIONS);
    let names = run.map(|versions| versions.iter().map(ToString::to_string).collect()).map_err(StoreError::Migration);
    sql_query(MIGRATION_UNLOCK).execute(&mut harness.into_inner()).await?;
    names
}

/// Whether every migration of this program has been run, in a database that takes writes. A newer schema counts as current: a deploy
/// migrates before it starts the new program, and the old one goes on meanwhile.
pub(super) async fn is_current(connection: &mut Session) -> Result<bool, StoreError> {
    let state: State = sql_query(
        "SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS migrated, current_setting('transaction_read_only') = 'on' AS read_only",
    )
    .get_result(connection)
    .await?;
    if state.read_only {
        return Err(StoreError::ReadOnly(None));
    }
    if !state.migrated {
        return Ok(false);
    }
    let applied = sql_query("SELECT version::text AS version FROM __diesel_schema_migrations").load::<Applied>(connection).await?;
    let applied: HashSet<String> = applied.into_iter().map(|row| row.version).collect();
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(StoreError::Migration)?;
    Ok(known.iter().all(|migration| applied.contains(&version_text(&migration.name().version()))))
}

fn version_text(version: &MigrationVersion<'_>) -> String {
    version.to_string()
}
