//! The comparison of every metric: which estimator a name calls for, at which burn-ins, and which metrics are judged together. Must not
//! know what an estimator does.

use std::thread::ScopedJoinHandle;

use super::cost::{Denominator, cost};
use super::estimated::{Estimated, apply_holm_adjustment};
use super::latency::{Level, mean, quantiles};
use super::metric::{Metric, Sensitivity, Withheld};
use super::ratios::error_rate;
use crate::domain::report::gathered::{Gathered, burn_in_seconds};
use crate::domain::report::metric_name::MetricName;
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

const fn estimator(name: MetricName) -> Estimator {
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
    let mut compared = Compared { metrics: Vec::new(), withheld: Vec::new(), sensitivity: Vec::new() };
    // The bootstrap is most of a long run's work, and burn-ins are independent of each other. Two at a time: a small plan has as many
    // cores, and each needs memory of its own.
    let behaviours = BurnIn::ALL.chunks(2).flat_map(|side_by_side| {
        std::thread::scope(|scope| {
            let spawn = |&burn_in: &BurnIn| scope.spawn(move || behaviours(gathered, burn_in));
            let threads: Vec<_> = side_by_side.iter().map(spawn).collect();
            let join = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|reason| std::panic::resume_unwind(reason));
            threads.into_iter().map(join).collect::<Vec<_>>()
        })
    });
    for (burn_in, (metrics, withheld)) in BurnIn::ALL.into_iter().zip(behaviours) {
        if burn_in == gathered.inputs.burn_in {
            compared.metrics.clone_from(&metrics);
            compared.withheld = withheld;
        }
        compared.sensitivity.push(Sensitivity { burn_in_seconds: burn_in_seconds(gathered.schedule(), burn_in), metrics });
    }
    compared.metrics.extend(costs(gathered));
    compared
}

/// Latencies and failures at one burn-in, judged together.
fn behaviours(gathered: &Gathered, burn_in: BurnIn) -> (Vec<Metric>, Vec<Withheld>) {
    let (mut means, mut levels, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for name in MetricName::ALL {
        match estimator(name) {
            Estimator::MeanLatency => means.extend(mean(gathered, burn_in, name)),
            Estimator::Quantile { level, min_calls } => levels.push(Level { name, level, min_calls }),
            Estimator::ErrorRate => rates.extend(error_rate(gathered, burn_in, name)),
            Estimator::Cost(_) => {}
        }
    }
    // Without a mean there is no latency at all.
    let drawn = means.first().map(|mean: &Estimated| quantiles(gathered, burn_in, &levels, &mean.estimate));
    let (quantiles, withheld) = drawn.unwrap_or_default();
    (apply_holm_adjustment([means, quantiles, rates].concat()), withheld)
}

fn costs(gathered: &Gathered) -> impl Iterator<Item = Metric> {
    let priced = |name| match estimator(name) {
        Estimator::Cost(denominator) => cost(gathered, name, denominator),
        Estimator::MeanLatency | Estimator::Quantile { .. } | Estimator::ErrorRate => None,
    };
    MetricName::ALL.into_iter().filter_map(priced).map(Estimated::judged_alone)
}
