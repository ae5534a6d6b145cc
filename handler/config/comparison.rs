//! Settings of the comparison: plans, region, margins, prices, whose charges are whose. Must not know how any of them is used.

use std::time::Duration;

use super::environment::process_environment;
use super::settings::{ConfigError, Settings, duration_between, fraction, list};
use crate::domain::arm::ByArm;
use crate::domain::draw::{NotASeed, Seed};
use crate::domain::instances::DeclaredInstances;
use crate::domain::margins::Margins;
use crate::domain::plan::Plan;
use crate::domain::price::{PriceOverride, parse_overrides};
use crate::domain::schedule::{Rule, RuleError};

const SCHEDULE: &str = "SWITCHBACK_SCHEDULE";
pub(super) const SEED: &str = "SWITCHBACK_SCHEDULE_SEED";

/// What is declared before a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonConfig {
    /// What each arm runs on.
    pub plans: ByArm<Plan>,
    /// How many instances each arm's plan is set to run, where that is declared.
    pub instances: ByArm<Option<DeclaredInstances>>,
    /// Azure region both arms run in, or `local`.
    pub region: String,
    /// How much worse the cheaper arm may be, where a run does not declare its own margins.
    pub margins: Margins,
    /// Azure resource ids whose charges are each arm's own.
    pub resource_ids: ByArm<Vec<String>>,
    /// Azure resource ids whose charges are shared.
    pub shared_resource_ids: Vec<String>,
    /// Prices that override all others.
    pub price_overrides: Vec<PriceOverride>,
    /// What a random schedule is drawn from.
    pub seed: Option<Seed>,
}

pub(super) fn read(settings: &mut Settings, seed: Option<Seed>) -> ComparisonConfig {
    let plans =
        ByArm { even: "SWITCHBACK_EVEN_PLAN", odd: "SWITCHBACK_ODD_PLAN" }.map(|setting| settings.parsed(setting, Plan::LOCAL, str::parse));
    let instances = ByArm { even: "SWITCHBACK_EVEN_INSTANCES", odd: "SWITCHBACK_ODD_INSTANCES" }
        .map(|setting| settings.parsed(setting, None, |text| text.parse().map(Some)));
    let region = settings.text("SWITCHBACK_REGION").or_else(|| settings.text("REGION_NAME")).unwrap_or("local").to_owned();
    let margins = read_margins(settings);
    let mut ids = |setting| {
        settings.parsed(setting, Vec::new(), |text| Ok::<_, String>(list(text).into_iter().map(str::to_owned).collect::<Vec<_>>()))
    };
    let resource_ids = ByArm { even: "SWITCHBACK_EVEN_RESOURCE_IDS", odd: "SWITCHBACK_ODD_RESOURCE_IDS" }.map(&mut ids);
    let shared_resource_ids = ids("SWITCHBACK_SHARED_RESOURCE_IDS");
    ComparisonConfig {
        plans,
        instances,
        // Portals write regions with spaces and capitals; the price list does not.
        region: region.replace(' ', "").to_lowercase(),
        margins,
        resource_ids,
        shared_resource_ids,
        seed,
        price_overrides: settings.parsed("SWITCHBACK_PRICES", Vec::new(), parse_overrides),
    }
}

/// The schedule's rule; a random one takes its seed from a setting of its own, which is secret.
pub(super) fn read_rule(settings: &mut Settings, seed: Option<Seed>) -> Rule {
    settings.parsed(SCHEDULE, Rule::default(), |text| {
        Rule::named(text, seed).map_err(|error| match error {
            RuleError::NoSeed => format!("random needs {SEED}, the same at the router and both arms: {NotASeed}"),
            RuleError::Unknown(_) => error.to_string(),
        })
    })
}

pub(super) fn read_seed(settings: &mut Settings) -> Option<Seed> {
    settings.parsed(SEED, None, |text| text.parse().map(Some))
}

fn read_margins(settings: &mut Settings) -> Margins {
    let Margins { latency_mean_ms, latency_p95_ms, latency_p99_ms, failure_share } = Margins::default();
    Margins {
        latency_mean_ms: settings.parsed("SWITCHBACK_MARGIN_MEAN", latency_mean_ms, latency_margin),
        latency_p95_ms: settings.parsed("SWITCHBACK_MARGIN_P95", latency_p95_ms, latency_margin),
        latency_p99_ms: settings.parsed("SWITCHBACK_MARGIN_P99", latency_p99_ms, latency_margin),
        failure_share: settings.parsed("SWITCHBACK_MARGIN_FAILURE_SHARE", failure_share, share_margin),
    }
}

/// A margin of a latency such as 50ms, in ms; `off` judges the metric not at all.
///
/// # Errors
/// Says what would be right.
pub fn latency_margin(text: &str) -> Result<Option<f64>, String> {
    if text == "off" {
        return Ok(None);
    }
    let most = Duration::from_secs_f64(Margins::MAX_LATENCY_MS / 1_000.0);
    let margin = duration_between(Duration::ZERO, most)(text).map_err(|reason| format!("{reason}, nor off"))?;
    Ok(Some(margin.as_secs_f64() * 1_000.0))
}

/// A margin of a share, 0 to 1; `off` judges the metric not at all.
///
/// # Errors
/// Says what would be right.
pub fn share_margin(text: &str) -> Result<Option<f64>, String> {
    if text == "off" { Ok(None) } else { fraction(text).map(Some).map_err(|reason| format!("{reason}, nor off")) }
}

/// The comparison's settings and the schedule's rule of this process's environment, for commands that need no whole configuration.
///
/// # Errors
/// Every mistake in them.
pub fn from_process_environment() -> Result<(ComparisonConfig, Rule), ConfigError> {
    let mut settings = Settings::new(process_environment());
    let seed = read_seed(&mut settings);
    let config = read(&mut settings, seed);
    let rule = read_rule(&mut settings, seed);
    let mistakes: Vec<_> = settings.into_mistakes().into_iter().filter(|mistake| mistake.setting.starts_with("SWITCHBACK_")).collect();
    if mistakes.is_empty() { Ok((config, rule)) } else { Err(ConfigError(mistakes)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_setting_is_read() {
        let mut settings = settings(&[
            ("SWITCHBACK_EVEN_PLAN", "app-service/S1"),
            ("SWITCHBACK_ODD_PLAN", "functions/flex-512"),
            ("SWITCHBACK_ODD_INSTANCES", "0-40"),
            ("SWITCHBACK_REGION", "West Europe"),
            ("SWITCHBACK_MARGIN_P95", "30ms"),
            ("SWITCHBACK_MARGIN_P99", "off"),
            ("SWITCHBACK_MARGIN_FAILURE_SHARE", "0.01"),
            ("SWITCHBACK_EVEN_RESOURCE_IDS", "/subscriptions/a/x, /subscriptions/a/y"),
            ("SWITCHBACK_PRICES", "functions/flex/gb-second=0.000027"),
        ]);
        let config = read(&mut settings, None);
        assert!(settings.into_mistakes().is_empty());
        assert_eq!(config.plans, ByArm { even: Plan::S1, odd: Plan::FLEX_512 });
        assert_eq!(config.instances, ByArm { even: None, odd: Some(DeclaredInstances { min: 0, max: 40 }) });
        assert_eq!(config.region, "westeurope");
        let margins = Margins { latency_p95_ms: Some(30.0), latency_p99_ms: None, failure_share: Some(0.01), ..Margins::default() };
        assert_eq!(config.margins, margins);
        assert_eq!(config.price_overrides, parse_overrides("functions/flex/gb-second=0.000027").expect("an override"));
        assert_eq!(config.resource_ids.even, ["/subscriptions/a/x", "/subscriptions/a/y"]);
    }

    #[test]
    fn every_mistake_is_named() {
        let mut settings = settings(&[
            ("SWITCHBACK_EVEN_PLAN", "S1"),
            ("SWITCHBACK_EVEN_INSTANCES", "4-1"),
            ("SWITCHBACK_MARGIN_FAILURE_SHARE", "5%"),
            ("SWITCHBACK_MARGIN_P95", "50"),
            ("SWITCHBACK_PRICES", "gold=1"),
        ]);
        let _ = read(&mut settings, None);
        let mistakes: Vec<String> = settings.into_mistakes().iter().map(ToString::to_string).collect();
        assert_eq!(mistakes.len(), 5, "{mistakes:?}");
        assert!(mistakes[1].contains("'S1' is not a plan: expected one of local, app-service/F1"), "{mistakes:?}");
        assert!(mistakes[0].contains("'4-1' is not a number of instances"), "{mistakes:?}");
        assert!(mistakes[4].contains("'gold' is not a meter"), "{mistakes:?}");
    }
}
