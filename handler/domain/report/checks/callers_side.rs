//! Whether callers see the difference that the arms measure: probes from outside wait for the platform and the network too. Must not know how a probe
//! travels.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{counted, difference};
use crate::domain::probe::ProbeLatency;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::metrics::{Interval, Metric};
use crate::domain::statistics::z_quantile;

/// Fewest answered probes an arm needs.
const MIN_PROBES: u64 = 30;
/// Probability that both sides point apart by chance.
const ALPHA: f64 = 0.001;

/// Latency as probes from outside saw it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CallersSide {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Answered probes of each arm.
    pub probes: ByArm<Option<ProbeLatency>>,
    /// Mean latency of probes, odd less even, ms.
    pub difference_ms: Option<f64>,
}

/// The check of what was gathered; `metrics` are those the verdict rests on.
#[must_use]
pub fn check(gathered: &Gathered, metrics: &[Metric]) -> CallersSide {
    let probes = gathered.inputs.probe_latencies;
    let own = metrics.iter().find(|metric| metric.name == MetricName::LatencyMean);
    let few = probes.iter().any(|arm| arm.is_none_or(|arm| arm.probes < MIN_PROBES));
    let (Some(seen), Some(own), false) = (probes.both(), own, few) else {
        let summary = format!("an arm was not yet probed {MIN_PROBES} times from outside: `switchback watch` does so");
        return CallersSide { status: Status::Unknown, summary, probes, difference_ms: None };
    };
    let apart = seen.odd.mean_ms - seen.even.mean_ms;
    let variance = |arm: Arm| seen[arm].standard_deviation_ms.powi(2) / seen[arm].probes as f64;
    let reach = z_quantile(ALPHA) * (variance(Arm::Even) + variance(Arm::Odd)).sqrt();
    let outside = Interval { low: apart - reach, high: apart + reach };
    let unit = MetricName::LatencyMean.unit();
    let both = format!(
        "{} by {} and {}, {} by the arms' own counting",
        difference(unit, apart),
        counted(seen.even.probes, "probe"),
        seen.odd.probes,
        difference(unit, own.difference)
    );
    let opposite = |one: Interval, other: Interval| one.low > 0.0 && other.high < 0.0;
    let (status, summary) = if opposite(outside, own.interval) || opposite(own.interval, outside) {
        (Status::Failed, format!("callers see the opposite of what the arms measure: odd is {both}"))
    } else if apart * own.difference < 0.0 {
        (Status::Warning, format!("callers and arms differ in sign, though not beyond chance: odd is {both}"))
    } else {
        (Status::Passed, format!("callers see the sign that the arms measure: odd is {both}"))
    };
    CallersSide { status, summary, probes, difference_ms: Some(apart) }
}
