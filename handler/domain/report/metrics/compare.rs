//! The comparison of every metric: which estimator a name calls for, at which burn-ins, and which metrics are judged together. Must not
//! know what an estimator does.

use super::cost::{Denominator, cost};
use super::estimated::{Estimated, judge_together};
use super::latency::{BusyPairs, Level};
use super::metric::{Metric, Sensitivity, Withheld};
use super::ratios::RatioPairs;
use crate::domain::arm::ByArm;
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
    /// List price: unaffected by burn-in, and judged alone.
    Cost(Denominator),
}

const fn estimator_of(name: MetricName) -> Estimator {
    match name {
        MetricName::LatencyMean => Estimator::MeanLatency,
        MetricName::LatencyP50 => Estimator::Quantile { level: 0.5, min_calls: 0 },
        MetricName::LatencyP95 => Estimator::Quantile { level: 0.95, min_calls: 0 },
        MetricName::LatencyP99 => Estimator::Quantile { level: 0.99, min_calls: MIN_CALLS_FOR_P99 },
        MetricName::ErrorRate => Estimator::ErrorRate,
        MetricName::CostObserved => Estimator::Cost(Denominator::OwnCalls),
        MetricName::CostProjected => Estimator::Cost(Denominator::AllCalls),
    }
}

/// The comparison, metric by metric.
#[derive(Debug, Clone)]
pub struct Compared {
    /// At the declared burn-in.
    pub metrics: Vec<Metric>,
    /// Those held back there, and why.
    pub withheld: Vec<Withheld>,
    /// At every burn-in.
    pub sensitivity: Vec<Sensitivity>,
}

/// Compares everything gathered.
#[must_use]
pub fn compare(gathered: &Gathered) -> Compared {
    let mut estimator = SeriesEstimator::default();
    let mut compared = Compared { metrics: Vec::new(), withheld: Vec::new(), sensitivity: Vec::new() };
    for burn_in in BurnIn::ALL {
        let (metrics, withheld) = behaviours(gathered, burn_in, &mut estimator);
        if burn_in == gathered.inputs.burn_in {
            compared.metrics.clone_from(&metrics);
            compared.withheld = withheld;
        }
        compared.sensitivity.push(Sensitivity { burn_in_seconds: burn_in_seconds(gathered.schedule(), burn_in), metrics });
    }
    compared.metrics.extend(costs(gathered, &mut estimator));
    compared
}

/// Latencies and failures at one burn-in, judged together.
fn behaviours(gathered: &Gathered, burn_in: BurnIn, estimator: &mut SeriesEstimator) -> (Vec<Metric>, Vec<Withheld>) {
    let pairs = BusyPairs::of(gathered, burn_in);
    let (mut fitted, mut levels) = (Vec::new(), Vec::new());
    for name in MetricName::ALL {
        match estimator_of(name) {
            Estimator::MeanLatency => fitted.extend(pairs.mean(name, estimator)),
            Estimator::Quantile { level, min_calls } => levels.push(Level { name, level, min_calls }),
            Estimator::ErrorRate | Estimator::Cost(_) => {}
        }
    }
    let mut withheld = Vec::new();
    // Without a mean there is no latency at all.
    if !fitted.is_empty() {
        let (quantiles, short) = pairs.quantiles(&levels, estimator);
        fitted.extend(quantiles);
        withheld.extend(short);
    }
    for name in MetricName::ALL.into_iter().filter(|name| estimator_of(*name) == Estimator::ErrorRate) {
        let (rule, margin, validity) = (gathered.schedule().rule(), gathered.inputs.margins.of(name), gathered.inputs.validity());
        fitted.extend(error_pairs(gathered, burn_in).compare_shares(rule, name, margin, validity, estimator));
    }
    // The draws of a long run's randomisation test take a while: what is trimmed more or less than declared does without.
    let headline = burn_in == gathered.inputs.burn_in;
    let (rule, seed) = (gathered.schedule().rule(), gathered.inputs.seed);
    let drawn = fitted.into_iter().map(|fitted| if headline { fitted.drawn(rule, seed) } else { fitted.estimated });
    let mut metrics = Vec::new();
    for judged in judge_together(drawn.collect(), gathered.inputs.validity()) {
        match judged {
            Ok(metric) => metrics.push(metric),
            Err(short) => withheld.push(short),
        }
    }
    (metrics, withheld)
}

/// Calls answered 5xx of all that arrived.
fn error_pairs(gathered: &Gathered, burn_in: BurnIn) -> RatioPairs {
    RatioPairs::new(gathered.series.pairs(burn_in).map(|(mapping, row)| {
        let term = |arm| RatioTerm { numerator: row.server_errors[arm].into(), denominator: row.calls[arm].into() };
        (mapping, ByArm::build(term))
    }))
}

fn costs(gathered: &Gathered, estimator: &mut SeriesEstimator) -> Vec<Metric> {
    let mut priced = |name| match estimator_of(name) {
        Estimator::Cost(denominator) => cost(gathered, name, denominator, estimator),
        Estimator::MeanLatency | Estimator::Quantile { .. } | Estimator::ErrorRate => None,
    };
    let estimated: Vec<Estimated> = MetricName::ALL.into_iter().filter_map(&mut priced).collect();
    estimated.into_iter().filter_map(|metric| metric.judged_alone(gathered.inputs.validity()).ok()).collect()
}
