//! The metrics: table, intervals, power. Must not compute any figure.

use super::super::plots::canvas::{Ink, PlotError};
use super::super::plots::intervals::{self, Bar};
use super::parts::{Figure, Mark, capitalised, sentence};
use crate::domain::arm::ByArm;
use crate::domain::figures::{self, UNKNOWN, Unit, amount, count, decimals, difference, percent, size_of_difference};
use crate::domain::listed::listed;
use crate::domain::report::{Finding, Metric, MetricName, Report, RouteComparison};
use crate::domain::statistics::Validity;

pub(super) struct MetricRow {
    pub title: String,
    pub even: String,
    pub odd: String,
    pub difference: String,
    pub percent: String,
    pub interval: String,
    pub mark: Mark,
}

pub(super) struct Power {
    pub title: String,
    pub smallest: String,
    pub margin: String,
    pub pairs: String,
    pub needed: String,
}

pub(super) fn rows(report: &Report) -> Vec<MetricRow> {
    let row = |metric: &Metric| MetricRow {
        title: capitalised(metric.name.title()),
        even: amount(metric.unit, metric.even),
        odd: amount(metric.unit, metric.odd),
        difference: difference(metric.unit, metric.difference),
        percent: metric.difference_percent.map_or_else(|| "not defined".to_owned(), percent),
        interval: interval(metric),
        mark: mark(metric.finding),
    };
    report.metrics.iter().map(row).collect()
}

/// For how many looks the intervals are good.
pub(super) fn looks(report: &Report) -> &'static str {
    match report.metrics.first().map(|metric| metric.validity) {
        Some(Validity::FixedHorizon) => ", for the one look at the horizon that was declared",
        Some(Validity::AnyTime) => ", valid however often you look",
        None => "",
    }
}

pub(super) struct RouteLine {
    pub route: String,
    pub calls: String,
    pub errors: String,
    pub even: String,
    pub odd: String,
    pub difference: String,
    pub interval: String,
}

pub(super) fn routes(report: &Report) -> Vec<RouteLine> {
    let ms = |value: Option<f64>| value.map_or_else(|| UNKNOWN.to_owned(), |value| amount(Unit::Milliseconds, value));
    let both = |calls: &ByArm<u64>| format!("{} / {}", count(calls.even), count(calls.odd));
    let row = |route: &RouteComparison| RouteLine {
        route: route.route.clone(),
        calls: both(&route.calls),
        errors: both(&route.server_errors),
        even: ms(route.mean_ms.even),
        odd: ms(route.mean_ms.odd),
        difference: route.difference_ms.map_or_else(|| UNKNOWN.to_owned(), |value| difference(Unit::Milliseconds, value)),
        interval: route
            .interval
            .map_or_else(|| UNKNOWN.to_owned(), |interval| figures::interval(Unit::Milliseconds, interval.low, interval.high)),
    };
    report.by_route.iter().map(row).collect()
}

pub(super) fn withheld(report: &Report) -> Vec<String> {
    report.withheld.iter().map(|withheld| sentence(&format!("{} is withheld: {}", withheld.name.title(), withheld.reason))).collect()
}

pub(super) fn interval(metric: &Metric) -> String {
    figures::interval(metric.unit, metric.interval.low, metric.interval.high)
}

pub(super) const fn mark(finding: Finding) -> Mark {
    match finding {
        Finding::Better => Mark { class: "good", symbol: "▼", word: "better" },
        Finding::Worse => Mark { class: "bad", symbol: "▲", word: "worse" },
        Finding::Equivalent => Mark { class: "unsure", symbol: "=", word: "equivalent" },
        Finding::Inconclusive => Mark { class: "unsure", symbol: "?", word: "inconclusive" },
    }
}

const fn ink(finding: Finding) -> Ink {
    match finding {
        Finding::Better => Ink::Good,
        Finding::Worse => Ink::Bad,
        Finding::Equivalent | Finding::Inconclusive => Ink::Muted,
    }
}

listed! {
    /// An axis that metrics of one unit share.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Axis {
        /// Latencies, in milliseconds.
        Latency,
        /// Rates of failed calls, in percentage points.
        Failures,
        /// Costs, in dollars.
        Cost,
    }
}

/// The axis a metric is drawn on.
const fn axis(name: MetricName) -> Axis {
    match name {
        MetricName::LatencyMean | MetricName::LatencyP50 | MetricName::LatencyP95 | MetricName::LatencyP99 => Axis::Latency,
        MetricName::ErrorRate | MetricName::FailureShare => Axis::Failures,
        MetricName::CostObserved | MetricName::CostProjected => Axis::Cost,
    }
}

impl Axis {
    /// The drawing's id and title, and what the axis shows.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Axis::Latency => ("interval-latency", "Latency", "ms more on odd than on even"),
            Axis::Failures => ("interval-errors", "Calls that fail", "percentage points more on odd than on even"),
            Axis::Cost => ("interval-cost", "Cost per 1,000 calls", "USD more on odd than on even"),
        }
    }

    /// What a figure is multiplied by to be in the axis's unit.
    const fn factor(self) -> f64 {
        match self {
            Axis::Latency | Axis::Cost => 1.0,
            Axis::Failures => 100.0,
        }
    }
}

pub(super) fn intervals(report: &Report) -> Result<Vec<Figure>, PlotError> {
    let mut figures = Vec::new();
    for shown in Axis::ALL {
        let ((id, title, unit), factor) = (shown.words(), shown.factor());
        let metrics: Vec<&Metric> = report.metrics.iter().filter(|metric| axis(metric.name) == shown).collect();
        let Some(first) = metrics.first() else { continue };
        let bar = |metric: &&Metric| Bar {
            title: metric.name.title(),
            ends: [metric.interval.low, metric.difference, metric.interval.high].map(|end| end * factor),
            ink: ink(metric.finding),
            finding: mark(metric.finding).word,
        };
        let bars: Vec<Bar> = metrics.iter().map(bar).collect();
        let described = metrics.iter().map(|metric| {
            let (title, found) = (metric.name.title(), mark(metric.finding).word);
            format!("{title}: odd is {found}, {} ({})", difference(metric.unit, metric.difference), interval(metric))
        });
        let margin = first.margin.map_or_else(String::new, |margin| format!("; margin {}", size_of_difference(first.unit, margin)));
        figures.push(Figure {
            id,
            title: format!("{title}: difference with its 95 % interval{margin}"),
            description: sentence(&described.collect::<Vec<_>>().join("; ")),
            plot: intervals::plot(&bars, unit, first.margin.map(|margin| margin * factor))?,
        });
    }
    Ok(figures)
}

pub(super) fn power(report: &Report) -> Vec<Power> {
    let row = |metric: &Metric| {
        let size = |value: f64| size_of_difference(metric.unit, value);
        Power {
            title: capitalised(metric.name.title()),
            smallest: metric.minimal_detectable_effect.map_or_else(|| UNKNOWN.to_owned(), size),
            margin: metric.margin.map_or_else(|| "none".to_owned(), size),
            pairs: count(metric.pairs as u64),
            // Where nothing varies, no number of pairs can be named.
            needed: metric.minimal_detectable_effect.and(metric.pairs_needed_for_margin).map_or_else(|| UNKNOWN.to_owned(), pairs_needed),
        }
    };
    report.metrics.iter().map(row).collect()
}

fn pairs_needed(pairs: f64) -> String {
    decimals(if pairs <= 2.0 { 2.0 } else { pairs.ceil() }, 0)
}
