//! `switchback health`: asks a running instance whether it is up.

use std::time::Duration;

use clap::Args;

use super::failure::Failure;
use super::process::runtime;
use crate::contract::LIVE_PATH;
use crate::outgoing::http_client;

/// The instance to ask.
#[derive(Debug, Args)]
pub struct HealthCheck {
    /// Address to ask; by default liveness of whatever role the environment describes, on its port
    url: Option<String>,
}

const TIMEOUT: Duration = Duration::from_secs(3);

impl HealthCheck {
    pub fn run(self) -> Result<(), Failure> {
        let url = match self.url {
            Some(url) => url,
            None => own_url()?,
        };
        let client = http_client().map_err(|error| Failure::operation(&error))?;
        let asked = async { client.get(&url).timeout(TIMEOUT).send().await?.error_for_status() };
        match runtime()?.block_on(asked) {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure::operation(&error)),
        }
    }
}

fn own_url() -> Result<String, Failure> {
    use crate::config::{Config, Role};

    let config = Config::from_process_environment()?;
    let path = match config.role {
        Role::Router(_) => "/_switchback/health",
        Role::Api(_) => LIVE_PATH,
    };
    Ok(format!("http://{}{path}", config.listen.from_here()))
}
