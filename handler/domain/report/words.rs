//! The report in plain words, for someone who will read nothing else. Must not compute anything.

use bigdecimal::ToPrimitive as _;

use super::checks::{Checks, Status};
use super::cost::CostReport;
use super::document::{ArmSummary, DataSummary};
use super::metrics::{Finding, Metric};
use super::outcomes::{CountedFrom, Failures};
use super::verdict::{Verdict, VerdictOutcome};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{amount, count, counted, interval, money, share, size_of_difference};
use crate::domain::moment;
use crate::domain::run::Exclusion;
use crate::domain::statistics::Validity;

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
    words.extend(Arm::BOTH.into_iter().filter_map(|arm| failures(arm, &evidence.arms[arm].failures)));
    words.extend(lost_unseen(evidence.data.failures_counted_from).map(str::to_owned));
    let unclosed: u64 = evidence.arms.iter().map(|arm| arm.unclosed_windows).sum();
    if unclosed > 0 {
        let words_of =
            "as when a worker is killed; the calls of their last seconds count as failures where the router's decisions tell of them";
        words.push(format!("{} of which the end was never written, {words_of}", counted(unclosed, "window")));
    }
    let drifting: Vec<&str> =
        evidence.metrics.iter().filter(|metric| metric.dominated_by_drift).map(|metric| metric.name.title()).collect();
    if !drifting.is_empty() {
        words.push(format!("slow drift dominates {}: intervals may be too narrow, and only a longer run helps", drifting.join(", ")));
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
    let looks = match metric.validity {
        Validity::FixedHorizon => "for the one look at the horizon that was declared",
        Validity::AnyTime => "valid however often you look",
    };
    if let Some(ByArm { even, odd }) = metric.zero_event_upper_bounds {
        return format!(
            "not one call failed; with 95 % confidence the {name} is below {} on even and {} on odd, {looks}",
            show(even),
            show(odd)
        );
    }
    let interval = format!("95 % interval {}, {looks}", interval(metric.unit, metric.interval.low, metric.interval.high));
    let by = size_of_difference(metric.unit, metric.difference);
    let values = format!("{} on even, {} on odd", show(metric.even), show(metric.odd));
    match metric.finding {
        Finding::Better => format!("{name} is lower on odd: {values}, by {by} ({interval})"),
        Finding::Worse => format!("{name} is higher on odd: {values}, by {by} ({interval})"),
        Finding::Equivalent => format!("{name} is equivalent within the declared margin: {values} ({interval})"),
        Finding::Inconclusive => format!("no difference in {name} is shown: {values} ({interval})"),
    }
}

/// What failed of the calls scheduled to an arm, and how; nothing where none did.
fn failures(arm: Arm, failures: &Failures) -> Option<String> {
    let parts: Vec<String> = failures.parts().into_iter().map(|(how, calls)| format!("{} {how}", count(calls))).collect();
    let scheduled = counted(failures.scheduled, "call");
    (failures.total > 0).then(|| {
        format!("of {scheduled} scheduled to {arm}, {} failed ({}): {}", count(failures.total), share(failures.share()), parts.join(", "))
    })
}

/// What is not seen where decisions are missing.
const fn lost_unseen(counted_from: CountedFrom) -> Option<&'static str> {
    match counted_from {
        CountedFrom::Decisions => None,
        CountedFrom::DecisionsAndArrivals => {
            Some("some minutes have no router's decisions: calls lost there before they reached an arm cannot be seen")
        }
        CountedFrom::Arrivals => Some("there are no router's decisions: calls lost before they reached an arm cannot be seen"),
    }
}

/// Months that differ by less than this share of the greater are near break-even.
const NEAR: f64 = 0.15;

fn cost(evidence: Evidence<'_>) -> Option<String> {
    let month = |arm: Arm| Some(&evidence.cost.arms[arm].projected.as_ref()?.per_month);
    let (even, odd) = (month(Arm::Even)?, month(Arm::Odd)?);
    let (of_even, of_odd) = (evidence.arms.even.plan, evidence.arms.odd.plan);
    let shown = [even, odd].map(|month| money(month, evidence.cost.currency));
    let apart = even.to_f64().zip(odd.to_f64()).map(|(even, odd)| (even - odd).abs() / even.max(odd));
    let near = if apart.is_some_and(|share| share < NEAR) { ": the two are near break-even" } else { "" };
    Some(format!(
        "with all of this traffic, {of_even} alone would cost {} a month and {of_odd} {}, before free grants and shared parts{near}",
        shown[0], shown[1]
    ))
}
