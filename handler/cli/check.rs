//! `switchback check`: the configuration, read and judged.

use super::failure::Failure;
use crate::config::{Config, Role};

/// Reads the environment as `serve` would and says what it amounts to.
pub fn run() -> Result<(), Failure> {
    let config = Config::from_process_environment()?;
    let role = match &config.role {
        Role::Router(router) => format!("router between {} and {}", router.arms.even, router.arms.odd),
        Role::Api(api) => format!("arm {} on plan {}", api.arm, api.comparison.plans[api.arm]),
    };
    println!("the configuration is complete: {role}, listening on {}, schedule {}", config.listen, config.rule);
    Ok(())
}
