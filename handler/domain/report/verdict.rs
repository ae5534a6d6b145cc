//! Which plan is worth its price, by the rule declared before the run. Must not know how the figures came about.

use serde::Serialize;

use super::Margins;
use super::accumulator::Gathered;
use super::checks::{Checks, Status};
use super::cost::CostReport;
use super::metrics::{Finding, MIN_PAIRS, Metric, MetricName};
use crate::domain::arm::Arm;
use crate::domain::figures::{counted, difference, money, probability, size_of_difference};

/// How the comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// One arm is cheaper and no worse than the margins allow.
    Recommended,
    /// No arm can be recommended.
    NoRecommendation,
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
#[derive(Debug, Clone, PartialEq, Serialize)]
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

pub(super) fn decide(gathered: &Gathered, checks: &Checks, metrics: &[Metric], cost: &CostReport) -> Verdict {
    let margins = gathered.inputs.margins;
    let (outcome, recommended, reasons) = grounds(gathered, checks, metrics, cost, margins);
    Verdict { outcome, recommended, margins, reasons }
}

fn grounds(
    gathered: &Gathered,
    checks: &Checks,
    metrics: &[Metric],
    cost: &CostReport,
    margins: Margins,
) -> (VerdictOutcome, Option<Arm>, Vec<String>) {
    let pairs = gathered.series.busy_pairs();
    if pairs < MIN_PAIRS {
        let compared = counted(pairs as u64, "pair");
        return (
            VerdictOutcome::NotEnoughData,
            None,
            vec![format!("{compared} of windows with calls so far; a verdict needs {MIN_PAIRS}")],
        );
    }
    let failed = checks.list().into_iter().filter(|(_, status, _)| *status == Status::Failed);
    let failed: Vec<String> = failed.map(|(title, _, summary)| format!("check failed, {title}: {summary}")).collect();
    if !failed.is_empty() {
        return (VerdictOutcome::Withheld, None, failed);
    }
    if gathered.inputs.aa_run {
        return aa(metrics);
    }
    let find = |name| metrics.iter().find(|metric| metric.name == name);
    let Some(price) = find(MetricName::CostProjected) else {
        return (VerdictOutcome::NoPrice, None, vec![no_price(cost)]);
    };
    let cheaper = if price.interval.high < 0.0 {
        Arm::Odd
    } else if price.interval.low > 0.0 {
        Arm::Even
    } else {
        let reason = "the interval of the projected cost's difference covers 0: neither plan is shown to be cheaper".to_owned();
        return (VerdictOutcome::NoRecommendation, None, vec![reason]);
    };
    let mut reasons = vec![format!("{cheaper} is cheaper: its plan alone would cost less by 1,000 calls, and the interval excludes 0")];
    let latency = within(metrics, MetricName::LatencyP95, cheaper, margins.latency_ms, &mut reasons);
    let errors = within(metrics, MetricName::ErrorRate, cheaper, margins.error_rate, &mut reasons);
    if let Some(reason) = grants_turn_it(cost, cheaper) {
        reasons.push(reason);
    }
    if latency && errors {
        (VerdictOutcome::Recommended, Some(cheaper), reasons)
    } else {
        (VerdictOutcome::NoRecommendation, None, reasons)
    }
}

/// Whether the cheaper arm's rise of a metric stays within its margin, with the reason either way.
fn within(metrics: &[Metric], name: MetricName, cheaper: Arm, margin: f64, reasons: &mut Vec<String>) -> bool {
    let (what, show) = (name.title(), |value| size_of_difference(name.unit(), value));
    let Some(metric) = metrics.iter().find(|metric| metric.name == name) else {
        reasons.push(format!("its {what} can't be compared yet"));
        return false;
    };
    let upper = match cheaper {
        Arm::Odd => metric.interval.high,
        Arm::Even => -metric.interval.low,
    };
    let stays = upper <= margin;
    let how = if stays { "within" } else { "past" };
    reasons.push(format!("its {what} may rise by up to {}, {how} the margin of {}", show(upper.max(0.0)), show(margin)));
    stays
}

/// Why the projected costs can't be compared.
fn no_price(cost: &CostReport) -> String {
    let unpriced = Arm::BOTH.iter().map(|arm| &cost.arms[*arm]).filter(|arm| arm.projected.is_none());
    let mut plans: Vec<&str> = unpriced.map(|arm| arm.plan.as_str()).collect();
    plans.dedup();
    if plans.is_empty() {
        "no call was compared whose price is known".to_owned()
    } else {
        format!("no price is known for {}", plans.join(" or "))
    }
}

/// Free grants are a subscription's, not a plan's: said where they would turn the choice.
fn grants_turn_it(cost: &CostReport, cheaper: Arm) -> Option<String> {
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
fn aa(metrics: &[Metric]) -> (VerdictOutcome, Option<Arm>, Vec<String>) {
    let behaviours = metrics.iter().filter_map(|metric| Some((metric, metric.p_value_adjusted?)));
    let apart: Vec<String> = behaviours
        .filter(|(metric, _)| matches!(metric.finding, Finding::Better | Finding::Worse))
        .map(|(metric, p)| {
            let (name, by) = (metric.name.title(), difference(metric.unit, metric.difference));
            format!("{name} differs by {by} although both arms are one instance (adjusted p = {})", probability(p))
        })
        .collect();
    if !apart.is_empty() {
        return (VerdictOutcome::AaFailed, None, apart);
    }
    let reason = "both arms are one instance and no metric differs: the set-up finds nothing where there is nothing".to_owned();
    (VerdictOutcome::AaPassed, None, vec![reason])
}
