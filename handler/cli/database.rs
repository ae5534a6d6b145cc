//! Which database a command reads. Must not know what is read from it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::failure::Failure;
use crate::clock::Clock;
use crate::config::comparison::{self, ComparisonConfig};
use crate::config::database::{self, DatabaseConfig};
use crate::config::{self, process_setting};
use crate::dev::announcement::Announcement;
use crate::dev::postgres::{self, ClusterError, NAME};
use crate::domain::price::LOCAL_REGION;
use crate::domain::schedule::Rule;
use crate::store::Store;

/// Which database a command reads: the environment's, else the development system's.
#[derive(Debug, Args)]
pub struct DatabaseChoice {
    /// Folder of the development system, whose database is used where DATABASE_URL is not set
    #[arg(long, default_value = ".switchback", value_name = "DIR")]
    data: PathBuf,
}

impl DatabaseChoice {
    /// How to reach it.
    pub fn config(&self) -> Result<DatabaseConfig, Failure> {
        if process_setting("DATABASE_URL").is_some() {
            return Ok(config::database_from_process_environment()?);
        }
        if !self.data.is_dir() {
            return Err(Failure::input(format!(
                "DATABASE_URL is not set, and there is no development system in {}: start one with switchback dev, or name its folder with --data",
                self.data.display()
            )));
        }
        let url = postgres::database_url_of(&self.data, NAME).map_err(|error| match error {
            ClusterError::NotRunning(_) => Failure::input(error.to_string()),
            error => Failure::operation(&error),
        })?;
        database::from_url(&url).map_err(Failure::Operation)
    }

    /// Whether there is a database to read: one that the environment names, or a development system's that runs.
    pub fn is_there(&self) -> bool {
        let runs = || self.data.is_dir() && postgres::database_url_of(&self.data, NAME).is_ok();
        process_setting("DATABASE_URL").is_some() || runs()
    }

    /// The development system whose database is read; none where the environment names another database.
    pub fn system(&self) -> Option<Announcement> {
        if process_setting("DATABASE_URL").is_none() { Announcement::read(&self.data) } else { None }
    }

    /// The comparison's settings and the schedule's rule; the region is that of the development system where the environment names none.
    pub fn comparison(&self) -> Result<(ComparisonConfig, Rule), Failure> {
        let (mut config, rule) = comparison::from_process_environment()?;
        if config.region == LOCAL_REGION
            && let Some(system) = self.system()
        {
            config.region = system.region;
        }
        Ok((config, rule))
    }
}

/// A store on that database.
pub fn open_store(database: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Store, Failure> {
    Store::new(database, clock).map_err(|error| Failure::operation(&error))
}
