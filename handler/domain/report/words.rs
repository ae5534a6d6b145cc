//! The report in plain words, for someone who will read nothing else. Must not compute anything.

use super::checks::{Checks, Status};
use super::cost::CostReport;
use super::document::{ArmSummary, DataSummary};
use super::metrics::{Finding, Metric};
use super::verdict::{Verdict, VerdictOutcome};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{amount, counted, interval, money, size_of_difference};
use crate::domain::moment;
use crate::domain::run::Exclusion;

/// What the summary is written from.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What each arm served.
    pub arms: &'a ByArm<ArmSummary>,
    /// What the comparison rests on.
    pub data: &'a DataSummary,
    /// The checks.
    pub checks: &'a Checks,
    /// The metrics at the declared burn-in.
    pub metrics: &'a [Metric],
    /// What the run cost.
    pub cost: &'a CostReport,
    /// The verdict.
    pub verdict: &'a Verdict,
    /// Minutes left out.
    pub exclusions: &'a [Exclusion],
}

/// One statement each, the headline first.
#[must_use]
pub fn in_words(evidence: Evidence<'_>) -> Vec<String> {
    let mut words = vec![headline(evidence)];
    words.extend(evidence.verdict.reasons.iter().cloned());
    let mut metrics: Vec<(u8, &Metric)> = evidence.metrics.iter().filter_map(|metric| Some((metric.name.headline()?, metric))).collect();
    metrics.sort_by_key(|(place, _)| *place);
    words.extend(metrics.into_iter().map(|(_, metric)| compared(metric)));
    words.extend(cost(evidence));
    let open = evidence.checks.lines().into_iter().filter(|check| match check.status {
        Status::Failed | Status::Unknown => true,
        Status::Passed | Status::Warning => false,
    });
    words.extend(open.map(|check| format!("{}: {}", check.title, check.summary)));
    let unclosed: u64 = evidence.arms.iter().map(|arm| arm.unclosed_windows).sum();
    if unclosed > 0 {
        words.push(format!(
            "unclosed windows, as when a worker is killed: {unclosed}; they are not compared, and the calls of their last seconds are not \
             counted"
        ));
    }
    words.extend(evidence.exclusions.iter().map(|Exclusion { from, to, reason, .. }| {
        format!("left out, with the whole pairs around it: {} to {} ({reason})", moment::format(*from), moment::format(*to))
    }));
    if evidence.data.unreadable_rows > 0 {
        words.push(format!("not compared, because it could not be read: {}", counted(evidence.data.unreadable_rows, "stored row")));
    }
    words
}

fn headline(evidence: Evidence<'_>) -> String {
    match (evidence.verdict.outcome, evidence.verdict.recommended) {
        (VerdictOutcome::Recommended, Some(arm)) => {
            format!("keep {arm} ({}): it costs less and stays within the margins", evidence.arms[arm].plan)
        }
        (VerdictOutcome::Recommended, None) | (VerdictOutcome::NoRecommendation, _) => {
            "neither plan can be recommended on this evidence".to_owned()
        }
        (VerdictOutcome::SeveralRuns, _) => "this time spans several runs, so none is compared: ask for one of them".to_owned(),
        (VerdictOutcome::NotEnoughData, _) => "it is too early to tell the plans apart".to_owned(),
        (VerdictOutcome::Withheld, _) => "no verdict: the comparison can't be trusted yet".to_owned(),
        (VerdictOutcome::NoPrice, _) => "no verdict on price: at least one arm runs where no price is known".to_owned(),
        (VerdictOutcome::AaPassed, _) => "both arms are one instance and behave the same".to_owned(),
        (VerdictOutcome::AaFailed, _) => "both arms are one instance, and yet they differ".to_owned(),
    }
}

fn compared(metric: &Metric) -> String {
    let name = metric.name.title();
    let show = |value| amount(metric.unit, value);
    if let Some(ByArm { even, odd }) = metric.zero_event_upper_bounds {
        return format!("no call failed; with 95 % confidence the {name} is below {} on even and {} on odd", show(even), show(odd));
    }
    let interval = format!("95 % interval {}", interval(metric.unit, metric.interval.low, metric.interval.high));
    let by = size_of_difference(metric.unit, metric.difference);
    let values = format!("{} on even, {} on odd", show(metric.even), show(metric.odd));
    match metric.finding {
        Finding::Better => format!("{name} is lower on odd: {values}, by {by} ({interval})"),
        Finding::Worse => format!("{name} is higher on odd: {values}, by {by} ({interval})"),
        Finding::Equivalent => format!("{name} is equivalent within the declared margin: {values} ({interval})"),
        Finding::Inconclusive => format!("no difference in {name} is shown: {values} ({interval})"),
    }
}

fn cost(evidence: Evidence<'_>) -> Option<String> {
    let month = |arm: Arm| Some(money(&evidence.cost.arms[arm].projected.as_ref()?.per_month, evidence.cost.currency));
    let (even, odd) = (month(Arm::Even)?, month(Arm::Odd)?);
    let (of_even, of_odd) = (evidence.arms.even.plan, evidence.arms.odd.plan);
    Some(format!(
        "with all of this traffic, {of_even} alone would cost {even} a month and {of_odd} {odd}, before free grants and shared parts"
    ))
}
