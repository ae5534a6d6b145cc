//! `switchback key`: a new API key, shown once.

use clap::Args;
use uuid::Uuid;

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
}

impl Key {
    pub fn run(self) -> Result<(), Failure> {
        // Two random UUIDs hold 244 random bits.
        let secret = format!("sb_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let entry = ApiKey::of_secret(&self.name, self.scope, &secret).to_string();
        entry.parse::<ApiKey>().map_err(Failure::input)?;
        println!("key, for the x-api-key header (shown only now):\n  {secret}");
        println!("entry, for SWITCHBACK_API_KEYS (holds no secret but belongs in Key Vault):\n  {entry}");
        Ok(())
    }
}
