//! Ratios of sums over pairs: the error rate, and the estimator costs share with it. Must not know what a cost is.

use super::estimated::Estimated;
use super::mappings::{Pooling, by_mapping};
use super::metric::Interval;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::pairs::Mapping;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::series::PairRow;
use crate::domain::statistics::{RatioEstimate, RatioPair, upper_bound_of_unseen};
use crate::domain::window::BurnIn;

/// The ratios of two arms over `pairs`, by the delta method; none for fewer than two pairs, or where an arm's denominators sum to nothing.
#[must_use]
pub fn ratio(pooling: Pooling, name: MetricName, pairs: &[(Mapping, RatioPair)], margin: Option<f64>) -> Option<Estimated> {
    let all: Vec<RatioPair> = pairs.iter().map(|(_, pair)| *pair).collect();
    let pooled = RatioEstimate::of(&all)?;
    let (estimate, confound) = by_mapping(pooling, pairs, |pairs| RatioEstimate::of(pairs).map(|ratio| ratio.difference))?;
    let interval_percent = by_mapping(pooling, pairs, |pairs| RatioEstimate::of(pairs)?.log_lift).map(|(lift, _)| {
        let (low, high) = lift.interval();
        Interval { low: low.exp_m1() * 100.0, high: high.exp_m1() * 100.0 }
    });
    let values = ByArm { even: pooled.ratio_a, odd: pooled.ratio_b };
    Some(Estimated { confound, interval_percent, ..Estimated::new(name, values, estimate, margin) })
}

/// The share of calls answered 5xx. Without a single one, exact upper bounds take the interval's place.
#[must_use]
pub fn error_rate(gathered: &Gathered, burn_in: BurnIn, name: MetricName) -> Option<Estimated> {
    let side = |row: &PairRow, arm: Arm| (f64::from(row.server_errors[arm]), f64::from(row.calls[arm]));
    let pair = |(mapping, row)| (mapping, RatioPair { a: side(row, Arm::Even), b: side(row, Arm::Odd) });
    let pairs: Vec<(Mapping, RatioPair)> = gathered.series.pairs(burn_in).map(pair).collect();
    let rate = ratio(Pooling::of(gathered.schedule().rule()), name, &pairs, gathered.inputs.margins.of(name))?;
    if rate.values.iter().any(|rate| *rate > 0.0) {
        return Some(rate);
    }
    let bounds = gathered.series.calls(burn_in).map(upper_bound_of_unseen).both()?;
    let interval = Interval { low: -bounds.even, high: bounds.odd };
    Some(Estimated { interval, p_value: None, zero_event_upper_bounds: Some(bounds), ..rate })
}
