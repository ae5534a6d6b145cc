//! What is served with: each part records its own, and together they are a run's set-up. Must not know when a run begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::domain::arm::{Arm, ByArm};
use crate::domain::draw::Seed;
use crate::domain::hex;
use crate::domain::instances::DeclaredInstances;
use crate::domain::margins::Margins;
use crate::domain::plan::Plan;
use crate::domain::price::{ANY_REGION, Meter, PriceBook};
use crate::domain::schedule::{Rule, Schedule};

/// A schedule as a set-up records it: a random one by its seed's digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleSetUp {
    /// Its rule.
    #[schema(example = "parity")]
    pub rule: String,
    /// How long a minute lasts, ms.
    #[schema(example = 60_000)]
    pub minute_ms: u32,
    /// SHA-256 of the seed a random schedule is drawn from.
    pub seed_sha256: Option<String>,
}

impl ScheduleSetUp {
    /// The record of `schedule`.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Self {
        ScheduleSetUp {
            rule: schedule.rule().as_str().to_owned(),
            minute_ms: u32::try_from(schedule.minute_length().as_millis()).unwrap_or(u32::MAX),
            seed_sha256: schedule.rule().seed().map(|seed| seed.digest().to_string()),
        }
    }

    /// The schedule, drawn from whichever of `seeds` the record commits to; none where a random one's seed is not among them.
    #[must_use]
    pub fn schedule(&self, seeds: &[Seed]) -> Option<Schedule> {
        let committed = |seed: &Seed| self.seed_sha256.as_ref().is_some_and(|digest| *digest == seed.digest().to_string());
        let rule = Rule::named(&self.rule, seeds.iter().copied().find(committed)).ok()?;
        Some(Schedule::with_minute(rule, self.minute()))
    }

    /// The schedule's minutes and pairs, whoever's turn they are.
    #[must_use]
    pub fn minutes(&self) -> Schedule {
        Schedule::with_minute(Rule::Parity, self.minute())
    }

    fn minute(&self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::from(self.minute_ms))
    }
}

/// The unit prices in use, by their digest.
#[derive(Debug, Clone, Eq, Serialize, Deserialize, ToSchema)]
pub struct PricesUsed {
    /// SHA-256 over every meter's price in the run's region.
    pub sha256: String,
    /// The last day one of them was known to hold; none where all are set by hand.
    #[schema(example = "2026-11-01")]
    pub as_of: Option<String>,
}

impl PartialEq for PricesUsed {
    /// The same prices read again on another day are the same prices.
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl PricesUsed {
    /// The prices of `book` in `region`.
    #[must_use]
    pub fn of(book: &PriceBook, region: &str) -> Self {
        let prices: Vec<_> = Meter::all().filter_map(|meter| book.find(meter, region)).collect();
        let mut digest = Sha256::new();
        for price in &prices {
            digest.update(format!("{}\t{}\t{}\t{}\n", price.meter, price.region, price.amount.normalized(), price.currency));
        }
        let as_of = prices.iter().filter(|price| price.region != ANY_REGION).map(|price| price.as_of).max();
        PricesUsed { sha256: hex::encode(&digest.finalize()), as_of: as_of.map(|day| day.to_string()) }
    }
}

/// What one arm runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArmSetUp {
    /// Its plan.
    #[serde(deserialize_with = "from_text")]
    pub plan: Plan,
    /// How many instances the plan is set to run; none where that is not declared.
    #[serde(default)]
    pub instances: Option<DeclaredInstances>,
    /// The Azure region it runs in.
    #[schema(example = "westeurope")]
    pub region: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    pub version: String,
    /// Azure resources whose charges are the arm's own.
    pub resource_ids: Vec<String>,
}

/// What an arm knows beside itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SharedSetUp {
    /// Which minutes are whose.
    pub schedule: ScheduleSetUp,
    /// How much worse the cheaper arm may be.
    pub margins: Margins,
    /// The unit prices in use.
    pub prices: PricesUsed,
    /// Azure resources both arms use.
    pub shared_resource_ids: Vec<String>,
    /// Whether one instance is both arms.
    pub aa_run: bool,
}

/// What an arm records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmPart {
    /// What it runs on.
    pub own: ArmSetUp,
    /// What it knows beside itself.
    pub shared: SharedSetUp,
}

/// What a router records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterPart {
    /// The program's version.
    pub version: String,
    /// Which minutes are whose.
    pub schedule: ScheduleSetUp,
}

/// What one part of the system serves with.
#[derive(Debug, Clone, PartialEq)]
pub enum PartSetUp {
    /// The router.
    Router(RouterPart),
    /// An arm.
    Arm(Arm, Box<ArmPart>),
}

impl PartSetUp {
    /// The part's name.
    #[must_use]
    pub const fn part(&self) -> &'static str {
        match self {
            PartSetUp::Router(_) => "router",
            PartSetUp::Arm(arm, _) => arm.as_str(),
        }
    }
}

/// What a run was served with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SetUp {
    /// Which minutes are whose.
    pub schedule: ScheduleSetUp,
    /// What each arm runs on.
    pub arms: ByArm<ArmSetUp>,
    /// The router's version; none where no router has a database to record it in.
    #[schema(example = "0.1.0")]
    pub router_version: Option<String>,
    /// How much worse the cheaper arm may be.
    pub margins: Margins,
    /// The unit prices in use.
    pub prices: PricesUsed,
    /// Azure resources both arms use.
    pub shared_resource_ids: Vec<String>,
    /// Whether one instance is both arms.
    pub aa_run: bool,
}

/// What each part recorded last.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    router: Option<RouterPart>,
    arms: ByArm<Option<ArmPart>>,
    /// The arm that recorded last: what both know counts as it says.
    newest: Option<Arm>,
}

/// What a part's record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartNews {
    /// It serves with what it served with before.
    Same,
    /// It had recorded nothing before.
    First,
    /// It serves with something else.
    Changed,
}

impl Parts {
    /// Takes a part's record in.
    pub(super) fn note(&mut self, part: &PartSetUp) -> PartNews {
        match part {
            PartSetUp::Router(router) => note(&mut self.router, router),
            PartSetUp::Arm(arm, own) => {
                let news = note(&mut self.arms[*arm], own);
                if news != PartNews::Same {
                    self.newest = Some(*arm);
                }
                news
            }
        }
    }

    /// The whole, once both arms have recorded theirs.
    pub(super) fn set_up(&self) -> Option<SetUp> {
        let arms = self.arms.as_ref().map(Option::as_ref).both()?;
        let SharedSetUp { schedule, margins, prices, shared_resource_ids, aa_run } = arms[self.newest?].shared.clone();
        Some(SetUp {
            schedule,
            arms: arms.map(|arm| arm.own.clone()),
            router_version: self.router.as_ref().map(|router| router.version.clone()),
            margins,
            prices,
            shared_resource_ids,
            aa_run,
        })
    }
}

fn note<T: Clone + PartialEq>(known: &mut Option<T>, recorded: &T) -> PartNews {
    let news = match known {
        Some(known) if known == recorded => PartNews::Same,
        Some(_) => PartNews::Changed,
        None => PartNews::First,
    };
    *known = Some(recorded.clone());
    news
}

fn from_text<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::domain::price::parse_overrides;

    #[test]
    fn a_random_schedule_is_recorded_without_its_seed_and_found_again_with_it() {
        let (seed, other) = (Seed::new([7; 32]), Seed::new([8; 32]));
        let schedule = Schedule::new(Rule::Random(seed));
        let recorded = ScheduleSetUp::of(&schedule);
        assert!(!serde_json::to_string(&recorded).unwrap().contains(&seed.reveal()));
        assert_eq!(recorded.schedule(&[other, seed]), Some(schedule));
        assert_eq!(recorded.schedule(&[other]), None);
        assert_eq!(ScheduleSetUp::of(&Schedule::default()).schedule(&[]), Some(Schedule::default()));
    }

    #[test]
    fn prices_differ_by_amount_and_not_by_the_day_they_were_read() {
        let of = |overrides: &str, today| {
            PricesUsed::of(&PriceBook::in_use(Vec::new(), &parse_overrides(overrides).unwrap(), today), "westeurope")
        };
        let (monday, tuesday) = (date!(2026 - 11 - 23), date!(2026 - 11 - 24));
        let cheap = of("app-service/B1/hour=0.018", monday);
        assert_eq!(cheap, of("app-service/B1/hour=0.0180", tuesday));
        assert_ne!(cheap, of("app-service/B1/hour=0.019", monday));
        assert_ne!(cheap, of("", monday));
    }
}
