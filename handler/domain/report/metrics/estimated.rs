//! From an estimate to a judged metric: metrics compared together are judged together, once all of them are estimated. Must not know what
//! an estimate was made from.

use super::metric::{Confound, Finding, Interval, Metric};
use crate::domain::arm::ByArm;
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::family::holm;
use crate::domain::statistics::{CONFIDENCE, Estimate};

/// Minimum number of pairs with calls on both arms before anything is found or decided.
pub const MIN_PAIRS: usize = 10;

/// A metric that is not judged yet.
#[derive(Debug, Clone)]
pub struct Estimated {
    /// Which metric.
    pub name: MetricName,
    /// Each arm's value.
    pub values: ByArm<f64>,
    /// The difference with its standard error.
    pub estimate: Estimate,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// 95 % interval of the difference in percent of the even arm's value.
    pub interval_percent: Option<Interval>,
    /// Lag-1 autocorrelation of the pairs' differences, where the estimate rests on differences of pairs.
    pub lag1: Option<f64>,
    /// Two-sided p-value of no difference; none where the interval alone decides.
    pub p_value: Option<f64>,
    /// The margin declared for it.
    pub margin: Option<f64>,
    /// Under a mirrored schedule: what follows the minute's parity.
    pub confound: Option<Confound>,
    /// Welch's interval on the windows' means, as a second opinion.
    pub welch: Option<Interval>,
    /// Upper bounds of the arms' rates where no event was seen at all.
    pub zero_event_upper_bounds: Option<ByArm<f64>>,
}

impl Estimated {
    /// A metric with Student's interval and p-value of `estimate`.
    #[must_use]
    pub fn new(name: MetricName, values: ByArm<f64>, estimate: Estimate, margin: Option<f64>) -> Self {
        let interval = Interval::from(estimate.interval());
        Estimated {
            name,
            values,
            estimate,
            interval,
            interval_percent: percent(interval.low, values).zip(percent(interval.high, values)).map(Interval::from),
            lag1: Some(estimate.lag1),
            p_value: Some(estimate.p_value()),
            margin,
            confound: None,
            welch: None,
            zero_event_upper_bounds: None,
        }
    }

    /// The metric judged by its interval alone.
    #[must_use]
    pub fn judged_alone(self) -> Metric {
        self.judged(true, None)
    }

    /// `shown`: whether an interval that excludes 0 counts as a difference.
    fn judged(self, shown: bool, p_value_adjusted: Option<f64>) -> Metric {
        let estimate = self.estimate;
        Metric {
            name: self.name,
            unit: self.name.unit(),
            even: self.values.even,
            odd: self.values.odd,
            difference: estimate.delta,
            difference_percent: percent(estimate.delta, self.values),
            interval: self.interval,
            interval_percent: self.interval_percent,
            standard_error: estimate.standard_error,
            method: estimate.method,
            pairs: estimate.pairs,
            lag1_autocorrelation: self.lag1,
            p_value_model_based: self.p_value,
            p_value_adjusted,
            finding: Finding::of(self.interval, self.margin, shown),
            margin: self.margin,
            minimal_detectable_effect: (estimate.standard_error > 0.0).then(|| estimate.minimal_detectable_effect()),
            pairs_needed_for_margin: self.margin.and_then(|margin| estimate.pairs_needed(margin)),
            confound: self.confound,
            welch: self.welch,
            zero_event_upper_bounds: self.zero_event_upper_bounds,
        }
    }
}

/// A difference in percent of the even arm's value.
fn percent(difference: f64, values: ByArm<f64>) -> Option<f64> {
    (values.even > 0.0).then(|| difference / values.even * 100.0)
}

/// Judges metrics so that all of them together show a difference where there is none in one run of twenty, as one alone would. Few pairs
/// that all point one way show nothing: a bootstrap of two is sure of itself half of the time.
#[must_use]
pub fn apply_holm_adjustment(estimated: Vec<Estimated>) -> Vec<Metric> {
    let own: Vec<f64> = estimated.iter().filter_map(|metric| metric.p_value).collect();
    let mut adjusted = holm(&own).into_iter();
    let judge = |metric: Estimated| match metric.p_value.and_then(|_| adjusted.next()) {
        Some(p_value) => {
            let shown = p_value < 1.0 - CONFIDENCE && metric.estimate.pairs >= MIN_PAIRS;
            metric.judged(shown, Some(p_value))
        }
        None => metric.judged_alone(),
    };
    estimated.into_iter().map(judge).collect()
}
