//! `switchback migrate`: the schema, brought up to date by the deploy and never at a cold start.

use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::answer::print;
use super::database::open_store;
use super::failure::Failure;
use super::process::runtime;
use crate::clock::SystemClock;
use crate::config;
use crate::store::{Store, StoreError};

/// A migration.
#[derive(Debug, Args)]
pub struct Migrate {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Debug, Serialize)]
struct Migrated {
    /// Migrations that were run.
    applied: Vec<String>,
    /// Tables that were spread over the cluster; none where that was not asked for.
    spread: Option<Vec<&'static str>>,
}

impl Migrate {
    /// Runs the migrations the database does not have yet, and spreads the ledger over a cluster where that is asked for. Safe to repeat.
    pub fn run(&self) -> Result<(), Failure> {
        let database = config::database_from_process_environment()?;
        let distribute = config::distribute_from_process_environment()?;
        let migrated = runtime()?.block_on(async {
            let store = open_store(&database, Arc::new(SystemClock::new()))?;
            migrated(&store, distribute).await.map_err(|error| Failure::operation(&error))
        })?;
        print(self.json, &migrated, Migrated::text)
    }
}

async fn migrated(store: &Store, distribute: bool) -> Result<Migrated, StoreError> {
    let applied = store.migrate().await?;
    let spread = if distribute { Some(store.distribute().await?) } else { None };
    Ok(Migrated { applied, spread })
}

impl Migrated {
    fn text(&self) -> String {
        let mut lines: Vec<String> = self.applied.iter().map(|name| format!("applied {name}")).collect();
        lines.push(if self.applied.is_empty() { "the schema was current already" } else { "the schema is current" }.to_owned());
        if let Some(spread) = &self.spread {
            lines.extend(spread.iter().map(|table| format!("spread {table} over the cluster")));
            if spread.is_empty() {
                lines.push("the ledger was spread already".to_owned());
            }
        }
        lines.join("\n")
    }
}
