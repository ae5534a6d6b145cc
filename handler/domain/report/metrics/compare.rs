//! The comparison of every metric: which estimator a name calls for, at which burn-ins, and which metrics are judged together. Must not
//! know what an estimator does.

use super::cost::{Charged, cost};
use super::estimated::{Detail, Estimated, judge_together};
use super::latency::{BusyPairs, Level};
use super::metric::{Metric, Sensitivity, Withheld};
use super::ratios::RatioPairs;
use crate::domain::arm::ByArm;
use crate::domain::report::cost::InstanceBasis;
use crate::domain::report::gathered::{Gathered, burn_in_seconds};
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::{RatioTerm, SeriesEstimator};
use crate::domain::window::BurnIn;

/// Minimum number of calls on each arm for a 99th percentile.
const MIN_CALLS_FOR_P99: u64 = 1_000;

/// How a metric is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Estimator {
    /// The mean of the windows' mean latencies.
    MeanLatency,
    /// A latency that a share of the calls stays within.
    Quantile { level: f64, min_calls: u64 },
    /// Calls answered 5xx.
    ErrorRate,
    /// Calls that failed in any way: unaffected by burn-in, since decisions are counted by the minute.
    FailureShare,
    /// List price: unaffected by burn-in, and judged alone.
    Cost(Charged),
}

const fn estimator_of(name: MetricName) -> Estimator {
    match name {
        MetricName::LatencyMean => Estimator::MeanLatency,
        MetricName::LatencyP50 => Estimator::Quantile { level: 0.5, min_calls: 0 },
        MetricName::LatencyP95 => Estimator::Quantile { level: 0.95, min_calls: 0 },
        MetricName::LatencyP99 => Estimator::Quantile { level: 0.99, min_calls: MIN_CALLS_FOR_P99 },
        MetricName::ErrorRate => Estimator::ErrorRate,
        MetricName::FailureShare => Estimator::FailureShare,
        MetricName::CostObserved => Estimator::Cost(Charged::AsObserved),
        MetricName::CostProjected => Estimator::Cost(Charged::FullLoad(InstanceBasis::Measured)),
    }
}

/// The comparison, metric by metric.
#[derive(Debug, Clone)]
pub struct Compared {
    /// At the burn-in of the headline figures.
    pub metrics: Vec<Metric>,
    /// What these were judged from.
    pub estimated: Vec<Estimated>,
    /// Those held back there, and why.
    pub withheld: Vec<Withheld>,
    /// At every burn-in.
    pub sensitivity: Vec<Sensitivity>,
}

/// Compares everything gathered, `burn_in` being what the headline figures are trimmed by.
#[must_use]
pub fn compare(gathered: &Gathered, burn_in: BurnIn) -> Compared {
    let headline = burn_in;
    let mut estimator = SeriesEstimator::default();
    let mut compared = Compared { metrics: Vec::new(), estimated: Vec::new(), withheld: Vec::new(), sensitivity: Vec::new() };
    for burn_in in BurnIn::ALL {
        let detail = if burn_in == headline { Detail::Headline } else { Detail::Sensitivity };
        let Behaviours { estimated, metrics, withheld } = behaviours(gathered, burn_in, detail, &mut estimator);
        if burn_in == headline {
            compared.metrics.clone_from(&metrics);
            compared.estimated = estimated;
            compared.withheld = withheld;
        }
        compared.sensitivity.push(Sensitivity { burn_in_seconds: burn_in_seconds(gathered.schedule(), burn_in), metrics });
    }
    let costs = costs(gathered, &mut estimator);
    compared.metrics.extend(costs.iter().filter_map(|cost| cost.judged_alone(gathered.inputs.validity()).ok()));
    compared.estimated.extend(costs);
    compared
}

/// Latencies and failures at one burn-in.
struct Behaviours {
    estimated: Vec<Estimated>,
    metrics: Vec<Metric>,
    withheld: Vec<Withheld>,
}

/// Latencies and failures at one burn-in, judged together.
fn behaviours(gathered: &Gathered, burn_in: BurnIn, detail: Detail, estimator: &mut SeriesEstimator) -> Behaviours {
    let pairs = BusyPairs::of(gathered, burn_in);
    let (mut fitted, mut levels) = (Vec::new(), Vec::new());
    for name in MetricName::ALL {
        match estimator_of(name) {
            Estimator::MeanLatency => fitted.extend(pairs.mean(name, estimator)),
            Estimator::Quantile { level, min_calls } => levels.push(Level { name, level, min_calls }),
            Estimator::ErrorRate | Estimator::FailureShare | Estimator::Cost(_) => {}
        }
    }
    let mut withheld = Vec::new();
    // Without a mean there is no latency at all.
    if !fitted.is_empty() {
        let (quantiles, short) = pairs.quantiles(&levels, estimator);
        fitted.extend(quantiles);
        withheld.extend(short);
    }
    for name in MetricName::ALL {
        let pairs = match estimator_of(name) {
            Estimator::ErrorRate => error_pairs(gathered, burn_in),
            Estimator::FailureShare => failure_pairs(gathered),
            Estimator::MeanLatency | Estimator::Quantile { .. } | Estimator::Cost(_) => continue,
        };
        let (rule, margin, validity) = (gathered.schedule().rule(), gathered.inputs.margins.of(name), gathered.inputs.validity());
        fitted.extend(pairs.compare_shares(rule, name, margin, validity, estimator));
    }
    let (rule, seed) = (gathered.schedule().rule(), gathered.inputs.seed);
    let estimated: Vec<Estimated> = fitted
        .into_iter()
        .map(|fitted| match detail {
            Detail::Headline => fitted.drawn(rule, seed),
            Detail::Sensitivity => fitted.estimated,
        })
        .collect();
    let mut metrics = Vec::new();
    for judged in judge_together(&estimated, gathered.inputs.validity(), detail) {
        match judged {
            Ok(metric) => metrics.push(metric),
            Err(short) => withheld.push(short),
        }
    }
    Behaviours { estimated, metrics, withheld }
}

/// Calls answered 5xx of all that arrived.
fn error_pairs(gathered: &Gathered, burn_in: BurnIn) -> RatioPairs {
    RatioPairs::new(gathered.series.pairs(burn_in).map(|(mapping, row)| {
        let term = |arm| RatioTerm { numerator: row.server_errors[arm].into(), denominator: row.calls[arm].into() };
        (mapping, ByArm::build(term))
    }))
}

/// Calls that failed in any way, of all that were scheduled.
fn failure_pairs(gathered: &Gathered) -> RatioPairs {
    RatioPairs::new(
        gathered.outcomes.pairs.iter().map(|(mapping, pair)| {
            (*mapping, pair.map(|arm| RatioTerm { numerator: arm.failed.into(), denominator: arm.scheduled.into() }))
        }),
    )
}

fn costs(gathered: &Gathered, estimator: &mut SeriesEstimator) -> Vec<Estimated> {
    let mut priced = |name| match estimator_of(name) {
        Estimator::Cost(charged) => cost(gathered, name, charged, estimator),
        Estimator::MeanLatency | Estimator::Quantile { .. } | Estimator::ErrorRate | Estimator::FailureShare => None,
    };
    MetricName::ALL.into_iter().filter_map(&mut priced).collect()
}
