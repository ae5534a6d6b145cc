//! Which plan is worth its price, by the rule declared before the run. Must not know how the figures came about.

use serde::Serialize;
use utoipa::ToSchema;

use super::checks::{Checks, Status};
use super::cost::CostReport;
use super::gathered::Gathered;
use super::metric_name::MetricName;
use super::metrics::{Finding, MIN_PAIRS, Metric};
use crate::domain::arm::Arm;
use crate::domain::figures::{counted, difference, money, size_of_difference};
use crate::domain::margins::{GUARDED, Margins};
use crate::domain::run::RunDocument;

/// How the comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// One arm is cheaper and no worse than the margins allow.
    Recommended,
    /// No arm can be recommended.
    NoRecommendation,
    /// The minutes asked for span several runs, and two set-ups are never compared as one.
    SeveralRuns,
    /// Too few pairs of windows.
    NotEnoughData,
    /// A check failed.
    Withheld,
    /// No price is known for a plan.
    NoPrice,
    /// Both arms are one instance and show no difference, as they should.
    AaPassed,
    /// Both arms are one instance and differ all the same: do not trust a comparison before it is known why.
    AaFailed,
}

/// The verdict with its grounds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// How the comparison ends.
    pub outcome: VerdictOutcome,
    /// The arm to keep.
    pub recommended: Option<Arm>,
    /// Margins declared before the run.
    pub margins: Margins,
    /// Why.
    pub reasons: Vec<String>,
}

/// The verdict on everything before it.
#[must_use]
pub fn decide(gathered: &Gathered, checks: &Checks, metrics: &[Metric], cost: &CostReport) -> Verdict {
    let margins = gathered.inputs.margins;
    let without = |outcome, reasons| Verdict { outcome, recommended: None, margins, reasons };
    let spanned = gathered.inputs.spanned_runs();
    if !spanned.is_empty() {
        return without(VerdictOutcome::SeveralRuns, spanned.iter().map(RunDocument::in_words).collect());
    }
    let pairs = gathered.series.busy_pairs();
    if pairs < MIN_PAIRS {
        let reason = format!("{} of windows with calls so far; a verdict needs {MIN_PAIRS}", counted(pairs as u64, "pair"));
        return without(VerdictOutcome::NotEnoughData, vec![reason]);
    }
    let failed = checks.lines().into_iter().filter(|check| check.status == Status::Failed);
    let failed: Vec<String> = failed.map(|check| format!("check failed, {}: {}", check.title, check.summary)).collect();
    if !failed.is_empty() {
        return without(VerdictOutcome::Withheld, failed);
    }
    if gathered.inputs.aa_run {
        let (outcome, reasons) = aa_verdict(metrics);
        return without(outcome, reasons);
    }
    let Some(price) = metrics.iter().find(|metric| metric.name == MetricName::CostProjected) else {
        return without(VerdictOutcome::NoPrice, vec![no_price(cost)]);
    };
    let cheaper = if price.interval.high < 0.0 {
        Arm::Odd
    } else if price.interval.low > 0.0 {
        Arm::Even
    } else {
        let reason = "the interval of the projected cost's difference covers 0: neither plan is shown to be cheaper".to_owned();
        return without(VerdictOutcome::NoRecommendation, vec![reason]);
    };
    let (kept, grounds): (Vec<bool>, Vec<String>) = GUARDED.into_iter().map(|name| guardrail(name, metrics, margins, cheaper)).unzip();
    let mut reasons = vec![format!("{cheaper} is cheaper: its plan alone would cost less per 1,000 calls, and the interval excludes 0")];
    reasons.extend(grounds);
    reasons.extend(grants_reverse_the_choice(cost, cheaper));
    if kept.into_iter().all(|kept| kept) {
        Verdict { outcome: VerdictOutcome::Recommended, recommended: Some(cheaper), margins, reasons }
    } else {
        without(VerdictOutcome::NoRecommendation, reasons)
    }
}

/// Whether the cheaper arm's rise of a metric stays within its margin, with the reason either way.
fn guardrail(name: MetricName, metrics: &[Metric], margins: Margins, cheaper: Arm) -> (bool, String) {
    let title = name.title();
    let Some(margin) = margins.of(name) else {
        return (true, format!("its {title} is not judged: its margin is off"));
    };
    let Some(metric) = metrics.iter().find(|metric| metric.name == name) else {
        return (false, format!("its {title} can't be compared yet"));
    };
    let upper = match cheaper {
        Arm::Odd => metric.interval.high,
        Arm::Even => -metric.interval.low,
    };
    let kept = upper <= margin;
    let how = if kept { "within" } else { "past" };
    let show = |rise| size_of_difference(metric.unit, rise);
    (kept, format!("its {title} may rise by up to {}, {how} the margin of {}", show(upper.max(0.0)), show(margin)))
}

/// Why the projected costs can't be compared.
fn no_price(cost: &CostReport) -> String {
    let unpriced = Arm::BOTH.iter().map(|arm| &cost.arms[*arm]).filter(|arm| arm.projected.is_none());
    let mut plans: Vec<&str> = unpriced.map(|arm| arm.plan.as_str()).collect();
    plans.dedup();
    if plans.is_empty() { "no compared call has a known price".to_owned() } else { format!("no price is known for {}", plans.join(" or ")) }
}

/// Free grants are a subscription's, not a plan's: said where they would turn the choice.
fn grants_reverse_the_choice(cost: &CostReport, cheaper: Arm) -> Option<String> {
    let month = |arm: Arm| cost.arms[arm].projected.as_ref().map(|projected| &projected.per_month_with_grants);
    let (kept, other) = (month(cheaper)?, month(cheaper.other())?);
    (kept > other).then(|| {
        format!(
            "with the subscription's free grants, if nothing else uses them, {} would be cheaper: {} a month against {}",
            cheaper.other(),
            money(other, cost.currency),
            money(kept, cost.currency)
        )
    })
}

/// The A/A verdict: any behaviour found better or worse. Findings already allow for how many behaviours are compared.
fn aa_verdict(metrics: &[Metric]) -> (VerdictOutcome, Vec<String>) {
    let differs = |metric: &&Metric| match metric.finding {
        Finding::Better | Finding::Worse => true,
        Finding::Equivalent | Finding::Inconclusive => false,
    };
    let told = |metric: &Metric| {
        let (name, by) = (metric.name.title(), difference(metric.unit, metric.difference));
        format!("{name} differs by {by} although both arms are one instance")
    };
    let behaviours = metrics.iter().filter(|metric| !metric.name.is_cost());
    let apart: Vec<String> = behaviours.filter(differs).map(told).collect();
    if !apart.is_empty() {
        return (VerdictOutcome::AaFailed, apart);
    }
    let reason = "both arms are one instance and no metric differs: the set-up finds nothing where there is nothing".to_owned();
    (VerdictOutcome::AaPassed, vec![reason])
}
