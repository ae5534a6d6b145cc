//! Settings of the comparison: plans, region, margins, prices, whose charges are whose. Must not know how any of them is used.

use std::time::Duration;

use super::environment::process_environment;
use super::settings::{ConfigError, Settings, duration_between, list};
use crate::domain::arm::ByArm;
use crate::domain::draw::{NotASeed, Seed};
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
    /// Azure region both arms run in, or `local`.
    pub region: String,
    /// Largest acceptable rise of p95 for the cheaper arm.
    pub margin_p95: Duration,
    /// Largest acceptable rise of the error rate for the cheaper arm, a share of 1.
    pub margin_error_rate: f64,
    /// Azure resource ids whose charges are each arm's own.
    pub resource_ids: ByArm<Vec<String>>,
    /// Azure resource ids whose charges are shared.
    pub shared_resource_ids: Vec<String>,
    /// Prices that override all others.
    pub price_overrides: Vec<PriceOverride>,
}

pub(super) fn read(settings: &mut Settings) -> ComparisonConfig {
    let plans =
        ByArm { even: "SWITCHBACK_EVEN_PLAN", odd: "SWITCHBACK_ODD_PLAN" }.map(|setting| settings.parsed(setting, Plan::Local, str::parse));
    let region = settings.text("SWITCHBACK_REGION").or_else(|| settings.text("REGION_NAME")).unwrap_or("local").to_owned();
    let margin_p95 = duration_between(Duration::ZERO, Duration::from_secs(600));
    let mut ids = |setting| {
        settings.parsed(setting, Vec::new(), |text| Ok::<_, String>(list(text).into_iter().map(str::to_owned).collect::<Vec<_>>()))
    };
    let resource_ids = ByArm { even: "SWITCHBACK_EVEN_RESOURCE_IDS", odd: "SWITCHBACK_ODD_RESOURCE_IDS" }.map(&mut ids);
    let shared_resource_ids = ids("SWITCHBACK_SHARED_RESOURCE_IDS");
    ComparisonConfig {
        plans,
        // Portals write regions with spaces and capitals; the price list does not.
        region: region.replace(' ', "").to_lowercase(),
        margin_p95: settings.parsed("SWITCHBACK_MARGIN_P95", Duration::from_millis(50), margin_p95),
        margin_error_rate: settings.parsed("SWITCHBACK_MARGIN_ERROR_RATE", 0.001, share),
        resource_ids,
        shared_resource_ids,
        price_overrides: settings.parsed("SWITCHBACK_PRICES", Vec::new(), parse_overrides),
    }
}

/// The schedule's rule; a random one takes its seed from a setting of its own, which is secret.
pub(super) fn read_rule(settings: &mut Settings) -> Rule {
    let seed = read_seed(settings);
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

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("'{text}' is not a share between 0 and 1")),
    }
}

/// The comparison's settings and the schedule's rule of this process's environment, for commands that need no whole configuration.
///
/// # Errors
/// Every mistake in them.
pub fn from_process_environment() -> Result<(ComparisonConfig, Rule), ConfigError> {
    let mut settings = Settings::new(process_environment());
    let config = read(&mut settings);
    let rule = read_rule(&mut settings);
    let mistakes: Vec<_> = settings.into_mistakes().into_iter().filter(|mistake| mistake.setting.starts_with("SWITCHBACK_")).collect();
    if mistakes.is_empty() { Ok((config, rule)) } else { Err(ConfigError(mistakes)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::plan::{AppServiceSize, FlexSize};

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn every_setting_is_read() {
        let mut settings = settings(&[
            ("SWITCHBACK_EVEN_PLAN", "app-service/S1"),
            ("SWITCHBACK_ODD_PLAN", "functions/flex-512"),
            ("SWITCHBACK_REGION", "West Europe"),
            ("SWITCHBACK_MARGIN_P95", "20ms"),
            ("SWITCHBACK_MARGIN_ERROR_RATE", "0.01"),
            ("SWITCHBACK_EVEN_RESOURCE_IDS", "/subscriptions/a/x, /subscriptions/a/y"),
            ("SWITCHBACK_PRICES", "functions/flex/gb-second=0.000027"),
        ]);
        let config = read(&mut settings);
        assert!(settings.into_mistakes().is_empty());
        assert_eq!(config.plans, ByArm { even: Plan::AppService(AppServiceSize::S1), odd: Plan::FunctionsFlex(FlexSize::Mb512) });
        assert_eq!((config.region.as_str(), config.margin_p95, config.margin_error_rate), ("westeurope", Duration::from_millis(20), 0.01));
        assert_eq!(config.price_overrides, parse_overrides("functions/flex/gb-second=0.000027").expect("an override"));
        assert_eq!(config.resource_ids.even, ["/subscriptions/a/x", "/subscriptions/a/y"]);
    }

    #[test]
    fn every_mistake_is_named() {
        let mut settings = settings(&[
            ("SWITCHBACK_EVEN_PLAN", "S1"),
            ("SWITCHBACK_MARGIN_ERROR_RATE", "5%"),
            ("SWITCHBACK_MARGIN_P95", "50"),
            ("SWITCHBACK_PRICES", "gold=1"),
        ]);
        let _ = read(&mut settings);
        let mistakes: Vec<String> = settings.into_mistakes().iter().map(ToString::to_string).collect();
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert!(mistakes[0].contains("'S1' is not a plan: expected one of local, app-service/F1"), "{mistakes:?}");
        assert!(mistakes[3].contains("'gold' is not a meter"), "{mistakes:?}");
    }
}
