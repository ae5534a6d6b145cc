//! The report in plain words, for someone who will read nothing else. Must not compute anything.

use bigdecimal::{BigDecimal, RoundingMode};

use super::metrics::{Finding, Metric, MetricName};
use super::verdict::VerdictOutcome;
use super::{Report, Status};
use crate::domain::arm::{Arm, ByArm};

/// A metric's name in a sentence.
#[must_use]
pub fn title(name: MetricName) -> &'static str {
    match name {
        MetricName::LatencyMean => "mean latency",
        MetricName::LatencyP50 => "median latency",
        MetricName::LatencyP95 => "p95 latency",
        MetricName::LatencyP99 => "p99 latency",
        MetricName::ErrorRate => "error rate",
        MetricName::CostObserved => "observed cost by 1,000 calls",
        MetricName::CostProjected => "projected cost by 1,000 calls",
    }
}

/// A metric's figure with its unit.
#[must_use]
pub fn amount(name: MetricName, value: f64) -> String {
    match name {
        MetricName::ErrorRate => format!("{:.3} %", value * 100.0),
        MetricName::CostObserved | MetricName::CostProjected => format!("${value:.5}"),
        _ => format!("{value:.2} ms"),
    }
}

/// A number with separators between thousands: `12,345.60`.
#[must_use]
pub fn separated(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) && text.ends_with(|last: char| last.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// So many of something: `1 window`, `1,234 windows`.
#[must_use]
pub fn counted(count: u64, one: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {one}{plural}", separated(&count.to_string()))
}

/// A month's cost, in cents: `$1,737.28`.
pub(super) fn a_month(cost: &BigDecimal) -> String {
    format!("${}", separated(&cost.with_scale_round(2, RoundingMode::HalfUp).to_plain_string()))
}

pub(super) fn in_words(report: &Report) -> Vec<String> {
    let mut words = vec![headline(report)];
    words.extend(report.verdict.reasons.iter().cloned());
    for name in [MetricName::LatencyP95, MetricName::LatencyMean, MetricName::ErrorRate] {
        words.extend(report.metric(name).map(compared));
    }
    words.extend(cost(report));
    let open = report.checks.list().into_iter().filter(|(_, status, _)| matches!(status, Status::Failed | Status::Unknown));
    words.extend(open.map(|(title, _, summary)| format!("{title}: {summary}")));
    let unclosed = report.arms.even.unclosed_windows + report.arms.odd.unclosed_windows;
    if unclosed > 0 {
        words.push(format!(
            "windows left without their last seconds, as when a worker is killed: {unclosed}; they are not compared, and what those seconds \
             served is not counted"
        ));
    }
    if report.data.unreadable_rows > 0 {
        words.push(format!("not compared, because it could not be read: {}", counted(report.data.unreadable_rows, "stored row")));
    }
    words
}

fn headline(report: &Report) -> String {
    let plan = |arm: Arm| format!("{arm} ({})", report.arms[arm].plan);
    match (report.verdict.outcome, report.verdict.recommended) {
        (VerdictOutcome::Recommended, Some(arm)) => format!("keep {}: it costs less and stays within the margins", plan(arm)),
        (VerdictOutcome::NotEnoughData, _) => "it is too early to tell the plans apart".to_owned(),
        (VerdictOutcome::Withheld, _) => "no verdict: the comparison can't be trusted yet".to_owned(),
        (VerdictOutcome::NoPrice, _) => "no verdict on price: at least one arm runs where no price is known".to_owned(),
        (VerdictOutcome::AaPassed, _) => "both arms are one instance and behave the same".to_owned(),
        (VerdictOutcome::AaFailed, _) => "both arms are one instance, and yet they differ".to_owned(),
        _ => "neither plan can be recommended on this evidence".to_owned(),
    }
}

fn compared(metric: &Metric) -> String {
    let name = title(metric.name);
    let show = |value| amount(metric.name, value);
    if let Some(ByArm { even, odd }) = metric.unseen_upper_bounds {
        return format!(
            "not one call failed; with 95 % confidence the error rate is below {} on even and {} on odd",
            show(even),
            show(odd)
        );
    }
    let interval = format!("95 % interval {} to {}", show(metric.interval.low), show(metric.interval.high));
    let values = format!("{} on even, {} on odd", show(metric.even), show(metric.odd));
    match metric.finding {
        Finding::Better => format!("{name} is lower on odd: {values}, by {} ({interval})", show(metric.difference.abs())),
        Finding::Worse => format!("{name} is higher on odd: {values}, by {} ({interval})", show(metric.difference.abs())),
        Finding::Equivalent => format!("{name} is the same for all purposes declared: {values} ({interval})"),
        Finding::Inconclusive => format!("{name} can't be told apart: {values} ({interval})"),
    }
}

fn cost(report: &Report) -> Option<String> {
    let month = |arm: Arm| Some(a_month(&report.cost.arms[arm].projected.as_ref()?.per_month));
    let (even, odd) = (month(Arm::Even)?, month(Arm::Odd)?);
    let (of_even, of_odd) = (report.arms.even.plan, report.arms.odd.plan);
    Some(format!(
        "with all of this traffic, {of_even} alone would cost {even} a month and {of_odd} {odd}, before free grants and shared parts"
    ))
}
