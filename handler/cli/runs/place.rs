//! Where runs are kept, and whether answers are printed as JSON. Must not know what is asked.

use std::sync::Arc;

use clap::Args;

use super::book::RunBook;
use crate::cli::answer::print;
use crate::cli::database::{DatabaseChoice, open_store};
use crate::cli::failure::Failure;
use crate::clock::SystemClock;
use crate::config::BaseUrl;
use crate::store::Store;

/// Where runs are kept, and how they are printed.
#[derive(Debug, Args)]
pub struct RunPlace {
    /// Go through this URL instead of the database; SWITCHBACK_CLIENT_KEY holds the key
    #[arg(long)]
    url: Option<BaseUrl>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseChoice,
}

impl RunPlace {
    /// The book of runs there.
    pub fn book(&self) -> Result<RunBook, Failure> {
        Ok(match &self.url {
            Some(url) => RunBook::Url(url.clone()),
            None => RunBook::Store(store(&self.database)?),
        })
    }

    /// Prints an answer as it was asked for.
    pub fn print<T: serde::Serialize>(&self, answer: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        print(self.json, answer, text)
    }
}

/// A store on the database a command reads.
pub fn store(database: &DatabaseChoice) -> Result<Store, Failure> {
    open_store(&database.config()?, Arc::new(SystemClock::new()))
}
