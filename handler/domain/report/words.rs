//! The report in plain words, for someone who will read nothing else. Must not compute anything.

use super::metrics::{Finding, Metric, MetricName};
use super::verdict::VerdictOutcome;
use super::{Report, Status};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{amount, counted, interval, money, size_of_difference};

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
    let name = metric.name.title();
    let show = |value| amount(metric.unit, value);
    if let Some(ByArm { even, odd }) = metric.unseen_upper_bounds {
        return format!(
            "not one call failed; with 95 % confidence the error rate is below {} on even and {} on odd",
            show(even),
            show(odd)
        );
    }
    let interval = format!("95 % interval {}", interval(metric.unit, metric.interval.low, metric.interval.high));
    let by = size_of_difference(metric.unit, metric.difference);
    let values = format!("{} on even, {} on odd", show(metric.even), show(metric.odd));
    match metric.finding {
        Finding::Better => format!("{name} is lower on odd: {values}, by {by} ({interval})"),
        Finding::Worse => format!("{name} is higher on odd: {values}, by {by} ({interval})"),
        Finding::Equivalent => format!("{name} is the same for all purposes declared: {values} ({interval})"),
        Finding::Inconclusive => format!("{name} can't be told apart: {values} ({interval})"),
    }
}

fn cost(report: &Report) -> Option<String> {
    let month = |arm: Arm| Some(money(&report.cost.arms[arm].projected.as_ref()?.per_month, report.cost.currency));
    let (even, odd) = (month(Arm::Even)?, month(Arm::Odd)?);
    let (of_even, of_odd) = (report.arms.even.plan, report.arms.odd.plan);
    Some(format!(
        "with all of this traffic, {of_even} alone would cost {even} a month and {of_odd} {odd}, before free grants and shared parts"
    ))
}
