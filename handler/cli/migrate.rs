//! `switchback migrate`: the schema, brought up to date by the deploy and never at a cold start.

use std::sync::Arc;

use super::failure::Failure;
use super::process::runtime;
use crate::clock::SystemClock;
use crate::config;
use crate::store::Store;

/// Runs the migrations the database does not have yet, and spreads the ledger over a cluster where that is asked for. Safe to repeat.
pub fn run() -> Result<(), Failure> {
    let database = config::database_from_process_environment()?;
    let distribute = config::distribute_from_process_environment()?;
    runtime()?.block_on(async {
        let store = Store::new(&database, Arc::new(SystemClock::new())).map_err(|error| Failure::operation(&error))?;
        let applied = store.migrate().await.map_err(|error| Failure::operation(&error))?;
        for name in &applied {
            println!("applied {name}");
        }
        println!("{}", if applied.is_empty() { "the schema was current already" } else { "the schema is current" });
        if distribute {
            let moved = store.distribute().await.map_err(|error| Failure::operation(&error))?;
            for table in &moved {
                println!("spread {table} over the cluster");
            }
            if moved.is_empty() {
                println!("the ledger was spread already");
            }
        }
        Ok(())
    })
}
