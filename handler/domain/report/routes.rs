//! Calls by route: what each pair's windows counted of it, and how the arms differ, as exploration. Must not know a verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use utoipa::ToSchema;

use super::metric_name::MetricName;
use super::metrics::{ALPHA, Interval, Pooling, RatioPairs};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::pairs::Mapping;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::statistics::{RatioTerm, SeriesEstimator, SeriesMean, Validity};

/// What one arm counted of one route in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteCount {
    /// The minute.
    pub minute: Minute,
    /// The arm.
    pub arm: Arm,
    /// The route's template.
    pub route: String,
    /// Calls.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Sum of latencies, µs; none where it was not added up.
    pub latency_us: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RouteSums {
    calls: u64,
    server_errors: u64,
    latency_us: u64,
    is_timed: bool,
}

/// Calls by route and pair, of the last minutes of a run.
#[derive(Debug, Clone, Default)]
pub struct CallsByRoute {
    /// By route, then by the first minute of the pair.
    sums: BTreeMap<String, BTreeMap<Minute, ByArm<RouteSums>>>,
    /// In which arms' minutes of each pair anything was counted.
    seen: BTreeMap<Minute, ByArm<bool>>,
}

/// One route, compared. An exploration: a verdict rests on all routes together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RouteComparison {
    /// The route's template; `other` for those with few calls.
    pub route: String,
    /// Calls of each arm.
    pub calls: ByArm<u64>,
    /// Those answered 5xx.
    pub server_errors: ByArm<u64>,
    /// Mean latency of its calls, ms.
    pub mean_ms: ByArm<Option<f64>>,
    /// Odd less even, ms.
    pub difference_ms: Option<f64>,
    /// Its 95 % interval, on its own: of many routes some differ by chance.
    pub interval: Option<Interval>,
}

/// A route's share of all calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RouteShare {
    /// Its calls on each arm.
    pub calls: ByArm<u64>,
    /// The difference of its shares, odd less even.
    pub difference: SeriesMean,
}

impl CallsByRoute {
    /// Adds what the minute's own arm counted.
    pub fn add(&mut self, schedule: Schedule, count: RouteCount) {
        let pair = schedule.pair_of(count.minute);
        self.seen.entry(pair).or_default()[count.arm] = true;
        let sums = &mut self.sums.entry(count.route).or_default().entry(pair).or_default()[count.arm];
        sums.calls += count.calls;
        sums.server_errors += count.server_errors;
        sums.latency_us += count.latency_us.unwrap_or(0);
        sums.is_timed |= count.latency_us.is_some();
    }

    /// Pairs in which both arms counted calls.
    fn pairs(&self) -> BTreeSet<Minute> {
        self.seen.iter().filter(|(_, seen)| seen.even && seen.odd).map(|(pair, _)| *pair).collect()
    }

    /// Each route's sums by pair, in time order.
    fn series(&self) -> impl Iterator<Item = (&String, Vec<ByArm<RouteSums>>)> {
        let pairs = self.pairs();
        self.sums.iter().map(move |(route, sums)| (route, pairs.iter().map(|pair| sums.get(pair).copied().unwrap_or_default()).collect()))
    }

    /// Each route compared, those with most calls first.
    #[must_use]
    pub fn compare(&self, validity: Validity) -> Vec<RouteComparison> {
        let mut estimator = SeriesEstimator::default();
        let mut routes: Vec<RouteComparison> = self
            .series()
            .map(|(route, series)| compared(route, &series, validity, &mut estimator))
            .filter(|route| calls(route) > 0)
            .collect();
        routes.sort_by_key(|route| std::cmp::Reverse(calls(route)));
        routes
    }

    /// Each route's share of the calls of its arm, where there are pairs enough for a standard error.
    #[must_use]
    pub fn shares(&self) -> Vec<RouteShare> {
        let mut estimator = SeriesEstimator::default();
        let series: Vec<Vec<ByArm<RouteSums>>> = self.series().map(|(_, series)| series).collect();
        let all = |pair: usize, arm: Arm| series.iter().map(|route| route[pair][arm].calls).sum::<u64>() as f64;
        let share = |route: &Vec<ByArm<RouteSums>>| {
            let terms = (0..route.len()).map(|pair| {
                let term = |arm| RatioTerm { numerator: route[pair][arm].calls as f64, denominator: all(pair, arm) };
                (Mapping::EvenFirst, ByArm::build(term))
            });
            let compared = RatioPairs::new(terms).compare(Pooling::AllPairs, MetricName::ErrorRate, None, &mut estimator)?;
            Some(RouteShare { calls: sum(route, |sums| sums.calls), difference: compared.estimated.estimate })
        };
        series.iter().filter_map(share).collect()
    }
}

fn calls(route: &RouteComparison) -> u64 {
    route.calls.even + route.calls.odd
}

fn sum(series: &[ByArm<RouteSums>], of: impl Fn(&RouteSums) -> u64) -> ByArm<u64> {
    ByArm::build(|arm| series.iter().map(|pair| of(&pair[arm])).sum())
}

fn compared(route: &str, series: &[ByArm<RouteSums>], validity: Validity, estimator: &mut SeriesEstimator) -> RouteComparison {
    let term = |sums: RouteSums| RatioTerm { numerator: sums.latency_us as f64 / 1_000.0, denominator: sums.calls as f64 };
    let timed = series.iter().flat_map(ByArm::iter).all(|sums| sums.is_timed || sums.calls == 0);
    let pairs = RatioPairs::new(series.iter().map(|pair| (Mapping::EvenFirst, pair.map(term))));
    let fitted = if timed { pairs.compare(Pooling::AllPairs, MetricName::LatencyMean, None, estimator) } else { None };
    let estimated = fitted.map(|fitted| fitted.estimated);
    RouteComparison {
        route: route.to_owned(),
        calls: sum(series, |sums| sums.calls),
        server_errors: sum(series, |sums| sums.server_errors),
        mean_ms: ByArm::build(|arm| estimated.as_ref().map(|estimated| estimated.values[arm])),
        difference_ms: estimated.as_ref().map(|estimated| estimated.estimate.mean),
        interval: estimated.and_then(|estimated| estimated.interval(validity, ALPHA)),
    }
}
