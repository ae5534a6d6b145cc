//! `switchback dev`: the whole system on this machine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::failure::Failure;
use super::process::{StopOn, runtime, stop_token};
use super::values::minute;
use crate::config::{self, process_setting, settings};
use crate::dev::topology::{Topology, TopologyConfig};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::draw::Seed;
use crate::domain::plan::{Plan, UnknownPlan};
use crate::domain::schedule::Rule;

/// The development system.
#[derive(Debug, Args)]
pub struct Dev {
    /// Port of the router: the one URL
    #[arg(long, default_value_t = 8080, value_parser = port())]
    port: u16,
    /// Port of arm even
    #[arg(long, default_value_t = 8081, value_parser = port())]
    even_port: u16,
    /// Port of arm odd
    #[arg(long, default_value_t = 8082, value_parser = port())]
    odd_port: u16,
    /// Folder that keeps the private PostgreSQL
    #[arg(long, default_value = ".switchback", value_name = "DIR")]
    data: PathBuf,
    /// How minutes map to arms; random draws from SWITCHBACK_SCHEDULE_SEED, or from a seed that is made and printed
    #[arg(long, default_value = "parity", value_parser = PossibleValuesParser::new(Rule::NAMES))]
    schedule: String,
    /// What arm even is pretended to run on, such as app-service/S1 [default: SWITCHBACK_EVEN_PLAN, else app-service/S1]
    #[arg(long, value_name = "PLAN", value_parser = str::parse::<Plan>)]
    even_plan: Option<Plan>,
    /// What arm odd is pretended to run on [default: SWITCHBACK_ODD_PLAN, else functions/flex-512]
    #[arg(long, value_name = "PLAN", value_parser = str::parse::<Plan>)]
    odd_plan: Option<Plan>,
    /// Azure region whose prices count [default: SWITCHBACK_REGION, else westeurope]
    #[arg(long)]
    region: Option<String>,
    /// Begin with an empty ledger instead of the sample bill
    #[arg(long)]
    no_sample: bool,
    /// Make a minute last this long, such as 2s
    #[arg(long, value_parser = minute)]
    minute: Option<Duration>,
    /// Add callers that follow the redirects, such as 50/s
    #[arg(long, value_parser = super::values::rate, value_name = "N/s", overrides_with = "traffic")]
    traffic: Option<f64>,
    /// Slow one arm down, such as odd=20ms
    #[arg(long, value_parser = slow, value_name = "ARM=TIME")]
    slow: Option<(Arm, Duration)>,
    /// Let browser pages of this origin call too, such as http://localhost:3000; may be given again
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// A/A run: both arms on one instance, so that the report must find no difference
    #[arg(long)]
    aa: bool,
    /// How long a role that ended stays away before it is started again
    #[arg(long, default_value = "10s", value_parser = settings::duration, value_name = "TIME")]
    restart_after: Duration,
}

impl Dev {
    /// What plain `switchback` runs.
    pub fn standard() -> Self {
        #[derive(clap::Parser)]
        struct Standard {
            #[command(flatten)]
            dev: Dev,
        }
        <Standard as clap::Parser>::parse_from(["switchback"]).dev
    }

    pub fn run(self) -> Result<(), Failure> {
        let rule = self.rule()?;
        let config = TopologyConfig {
            ports: [self.port, self.even_port, self.odd_port],
            plans: self.plans()?,
            region: self.region.or_else(|| process_setting("SWITCHBACK_REGION")).unwrap_or_else(|| "westeurope".to_owned()),
            sample: !self.no_sample,
            data: self.data,
            rule,
            minute: self.minute,
            traffic_per_s: self.traffic,
            slow: self.slow,
            origins: self.cors,
            one_instance: self.aa,
            restart_after: self.restart_after,
        };
        runtime()?.block_on(async {
            let stop = stop_token(StopOn::Signal)?;
            let topology = Topology::start(config, &stop).await.map_err(|error| Failure::operation(&error))?;
            Ok(topology.run(stop).await?)
        })
    }
}

impl Dev {
    /// What the arms are pretended to run on: as asked for, else as the environment says, else the plans of the default preset of infra/.
    fn plans(&self) -> Result<ByArm<Plan>, Failure> {
        let plan = |asked: Option<Plan>, setting: &str, usual: &str| {
            let text = process_setting(setting).unwrap_or_else(|| usual.to_owned());
            asked.map_or_else(|| text.parse().map_err(|error: UnknownPlan| Failure::input(format!("{setting}: {error}"))), Ok)
        };
        let even = plan(self.even_plan, "SWITCHBACK_EVEN_PLAN", "app-service/S1")?;
        // Both arms of an A/A run are one instance.
        let usual = if self.aa { even.as_str() } else { "functions/flex-512" };
        Ok(ByArm { even, odd: plan(self.odd_plan, "SWITCHBACK_ODD_PLAN", usual)? })
    }

    fn rule(&self) -> Result<Rule, Failure> {
        let given = config::seed_from_process_environment()?;
        let seed = given.unwrap_or_else(drawn_seed);
        let rule = Rule::named(&self.schedule, Some(seed)).map_err(|error| Failure::input(error.to_string()))?;
        if rule.seed().is_some() && given.is_none() {
            println!("the schedule is drawn from SWITCHBACK_SCHEDULE_SEED={}", seed.reveal());
        }
        Ok(rule)
    }
}

/// A new seed, from the 244 random bits of two UUIDs.
fn drawn_seed() -> Seed {
    Seed::new(Sha256::new().chain_update(Uuid::new_v4().as_bytes()).chain_update(Uuid::new_v4().as_bytes()).finalize().into())
}

/// A port that callers can name: 0 would be another each time.
fn port() -> RangedU64ValueParser<u16> {
    RangedU64ValueParser::new().range(1..)
}

fn slow(text: &str) -> Result<(Arm, Duration), String> {
    let (arm, time) = text.split_once('=').ok_or_else(|| format!("'{text}' does not read ARM=TIME, such as odd=20ms"))?;
    Ok((arm.parse().map_err(|error: crate::domain::arm::UnknownArm| error.to_string())?, settings::duration(time)?))
}
