//! `switchback check`: the configuration, read and judged.

use clap::Args;
use serde::Serialize;

use super::answer::print;
use super::failure::Failure;
use crate::config::{Config, Role};
use crate::domain::arm::Arm;
use crate::domain::plan::Plan;

/// A look at the configuration.
#[derive(Debug, Args)]
pub struct Check {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the configuration amounts to.
#[derive(Debug, Serialize)]
struct Complete {
    #[serde(flatten)]
    role: CheckedRole,
    /// Address and port.
    listening: String,
    schedule: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum CheckedRole {
    Router { even: String, odd: String },
    Api { arm: Arm, plan: Plan },
}

impl Check {
    /// Reads the environment as `serve` would and says what it amounts to.
    pub fn run(&self) -> Result<(), Failure> {
        let config = Config::from_process_environment()?;
        let role = match &config.role {
            Role::Router(router) => CheckedRole::Router { even: router.arms.even.to_string(), odd: router.arms.odd.to_string() },
            Role::Api(api) => CheckedRole::Api { arm: api.arm, plan: api.comparison.plans[api.arm] },
        };
        let complete = Complete { role, listening: config.listen.to_string(), schedule: config.rule.to_string() };
        print(self.json, &complete, Complete::text)
    }
}

impl Complete {
    fn text(&self) -> String {
        let Complete { role, listening, schedule } = self;
        let role = match role {
            CheckedRole::Router { even, odd } => format!("router between {even} and {odd}"),
            CheckedRole::Api { arm, plan } => format!("arm {arm} on plan {plan}"),
        };
        format!("the configuration is complete: {role}, listening on {listening}, schedule {schedule}")
    }
}
