//! `switchback key`: a new API key, shown once.

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::answer::print;
use super::failure::Failure;
use crate::config::keys::{ApiKey, Scope};

/// A key to make.
#[derive(Debug, Args)]
pub struct Key {
    /// Name the key goes by in logs: letters, digits, '-', '_' and '.'
    name: String,
    /// What the key may do: read, or write (which includes reading)
    #[arg(value_parser = str::parse::<Scope>)]
    scope: Scope,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A key that was made.
#[derive(Serialize)]
struct NewKey {
    name: String,
    /// The secret, for the x-api-key header.
    key: String,
    /// Its entry in SWITCHBACK_API_KEYS.
    entry: String,
}

impl Key {
    pub fn run(self) -> Result<(), Failure> {
        // Two random UUIDs hold 244 random bits.
        let secret = format!("sb_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let entry = ApiKey::of_secret(&self.name, self.scope, &secret).to_string();
        entry.parse::<ApiKey>().map_err(Failure::input)?;
        print(self.json, &NewKey { name: self.name, key: secret, entry }, |NewKey { key, entry, .. }| {
            format!(
                "key, for the x-api-key header (shown only now):\n  {key}\n\
                 entry, for SWITCHBACK_API_KEYS (holds no secret but belongs in Key Vault):\n  {entry}"
            )
        })
    }
}
