//! The answer, before anything it rests on: what to keep or what is missing, what each plan costs a month beside what it buys, and how the
//! cheaper one keeps its margins. Must not compute any figure.

use super::parts::{Figure, Mark, capitalised, sentence};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{UNKNOWN, amount, count, duration, money, share, size_of_difference};
use crate::domain::margins::GUARDED;
use crate::domain::report::{Metric, MetricName, Report, Status, VerdictOutcome};
use crate::page::plots::canvas::PlotError;
use crate::page::plots::guardrails::{self, Guardrail};

pub(in crate::page) struct Answer {
    pub class: &'static str,
    /// Said before anything else.
    pub warning: Option<String>,
    pub grounds: Vec<String>,
    pub arms: ByArm<ArmAnswer>,
    pub guardrails: Option<Figure>,
    pub checks: Mark,
    pub checks_text: String,
}

pub(in crate::page) struct ArmAnswer {
    pub name: &'static str,
    pub plan: &'static str,
    pub recommended: bool,
    pub month: Option<String>,
    /// Said where there is no month.
    pub no_month: &'static str,
    pub buys: Vec<(&'static str, String)>,
}

pub(in crate::page) fn answer(report: &Report) -> Result<Answer, PlotError> {
    let class = match report.verdict.outcome {
        VerdictOutcome::Recommended | VerdictOutcome::AaPassed => "good",
        VerdictOutcome::Withheld | VerdictOutcome::AaFailed => "bad",
        VerdictOutcome::NoRecommendation | VerdictOutcome::SeveralRuns | VerdictOutcome::NotEnoughData | VerdictOutcome::NoPrice => "warn",
    };
    let (checks, checks_text) = checks(report);
    Ok(Answer {
        class,
        warning: report.cost.stale_prices.as_deref().map(sentence),
        grounds: report.verdict.reasons.iter().cloned().chain(wait(report)).map(|words| sentence(&words)).collect(),
        arms: ByArm::build(|arm| arm_answer(report, arm)),
        guardrails: guardrails(report)?,
        checks,
        checks_text,
    })
}

/// How long it takes until there is a verdict at all.
fn wait(report: &Report) -> Option<String> {
    let early = report.verdict.outcome == VerdictOutcome::NotEnoughData;
    let more = report.verdict.missing.iter().filter(|_| early).filter_map(|missing| missing.more_seconds).fold(0.0, f64::max);
    (more > 0.0).then(|| format!("that takes about {} more with callers in every minute", duration(more)))
}

fn arm_answer(report: &Report, arm: Arm) -> ArmAnswer {
    let summary = &report.arms[arm];
    let month = report.cost.arms[arm].projected.as_ref().map(|projected| money(&projected.per_month, report.cost.currency));
    let of = |name: MetricName| {
        let value = |metric: &Metric| amount(metric.unit, if arm == Arm::Even { metric.even } else { metric.odd });
        report.metric(name).map_or_else(|| UNKNOWN.to_owned(), value)
    };
    let served = summary.calls + summary.off_schedule_calls;
    let mut buys = vec![("Latency, p95", of(MetricName::LatencyP95)), ("Latency, mean", of(MetricName::LatencyMean))];
    let failures = report.metric(MetricName::FailureShare).map(|metric| {
        let share = if arm == Arm::Even { metric.even } else { metric.odd };
        // Estimated from decisions and arrivals, so that it can come out below nothing, which none can fail.
        amount(metric.unit, share.max(0.0))
    });
    buys.push(("Calls that fail", failures.unwrap_or_else(|| UNKNOWN.to_owned())));
    buys.push(("Calls so far", count(served)));
    ArmAnswer {
        name: arm.as_str(),
        plan: summary.plan.as_str(),
        recommended: report.verdict.recommended == Some(arm),
        month,
        no_month: match summary.plan.listed() {
            Some(_) => "What a month costs is known once calls were counted.",
            None => "No price is known for it.",
        },
        buys,
    }
}

/// The margins of the cheaper arm, where it is known which that is.
fn guardrails(report: &Report) -> Result<Option<Figure>, PlotError> {
    let Some(price) = report.metric(MetricName::CostProjected).filter(|price| price.difference != 0.0) else { return Ok(None) };
    let cheaper = if price.difference < 0.0 { Arm::Odd } else { Arm::Even };
    let rows: Vec<Guardrail> = GUARDED.into_iter().filter_map(|name| guardrail(report, cheaper, name)).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let described: Vec<String> = rows.iter().map(|row| sentence(&row.words)).collect();
    Ok(Some(Figure {
        id: "guardrails",
        title: format!("What {cheaper}, the cheaper plan, may cost your callers"),
        description: described.join(" "),
        plot: guardrails::plot(&rows)?,
    }))
}

fn guardrail(report: &Report, cheaper: Arm, name: MetricName) -> Option<Guardrail> {
    let (metric, margin) = (report.metric(name)?, report.verdict.margins.of(name)?);
    let [low, high] = match cheaper {
        Arm::Odd => [metric.interval.low, metric.interval.high],
        Arm::Even => [-metric.interval.high, -metric.interval.low],
    };
    let kept = high <= margin;
    let show = |rise: f64| size_of_difference(metric.unit, rise);
    let how = if kept { "✓ within" } else { "✕ past" };
    let rise = if high > 0.0 { format!("up by {} at most", show(high)) } else { "not up".to_owned() };
    let words = format!("{}: {rise}, {how} the margin of {}", capitalised(metric.name.title()), show(margin));
    // A margin of nothing has no parts.
    let part = |rise: f64| if margin > 0.0 { rise / margin } else { f64::NAN };
    Some(Guardrail { words, ends: [part(low), part(high)], kept })
}

/// One line on whether the comparison can be trusted.
fn checks(report: &Report) -> (Mark, String) {
    let lines = report.checks.lines();
    let failed: Vec<&str> = lines.iter().filter(|line| line.status == Status::Failed).map(|line| line.title).collect();
    let passed = lines.iter().filter(|line| line.status == Status::Passed).count();
    let conformance = &report.checks.conformance;
    let routed = match conformance.conforming_share {
        Some(conforming) => format!("{} of {} calls were routed as the schedule says", share(conforming), count(conformance.decisions)),
        None => "no routing was recorded yet".to_owned(),
    };
    match &failed[..] {
        [] => {
            let mark = Mark { class: "good", symbol: "✓", word: "Sound so far" };
            (mark, format!("{passed} of {} checks passed, none failed; {routed}.", lines.len()))
        }
        failed => {
            let mark = Mark { class: "bad", symbol: "✕", word: "Not to be trusted" };
            (mark, format!("failed: {}; {routed}.", failed.join(", ")))
        }
    }
}
