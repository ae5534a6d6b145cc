//! What stands on the page: a report and a timeline in, words, marks, rows and plots out. Must not compute any figure.

mod answer;
mod cost;
mod metrics;
mod notes;
pub(super) mod parts;
pub(super) mod plans;
mod timeline;

use askama::Template;
use parts::{Figure, Mark, at_second, capitalised, sentence};

use super::layout::{Frame, SitePart};
use super::plots::canvas::PlotError;
use super::view::{Mode, REFRESH, Range, ReportView, Viewing};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{count, counted, share};
use crate::domain::probe::ProbeOutcomes;
use crate::domain::report::{CheckLine, Failures, Report, Status};
use crate::domain::run::{RunChoice, RunDocument, RunState};
use crate::domain::schedule::Rule;

/// The whole page.
#[derive(Template)]
#[template(path = "dashboard.html")]
pub(super) struct ReportPage<'a> {
    frame: Frame<'a>,
    headline: String,
    one_url: Option<&'a str>,
    answer: answer::Answer,
    scope: String,
    links: Vec<Link>,
    /// Other runs to look at.
    runs: Vec<Link>,
    arms: ByArm<ArmCard>,
    contents: Option<Contents>,
    generated_at: String,
}

struct Link {
    text: String,
    address: String,
    current: bool,
}

struct ArmCard {
    name: &'static str,
    plan: &'static str,
    facts: Vec<(&'static str, String)>,
}

/// What is shown once calls were counted.
struct Contents {
    checks: Vec<Check>,
    findings: Vec<String>,
    metrics: Vec<metrics::MetricRow>,
    intervals: Vec<Figure>,
    looks: &'static str,
    withheld: Vec<String>,
    routes: Vec<metrics::RouteLine>,
    power: Vec<metrics::Power>,
    cost: cost::CostSection,
    plans: Option<plans::PlansSection>,
    /// Where every plan is priced; none in a file.
    plans_address: Option<String>,
    timeline: timeline::Section,
    probes: Option<Probes>,
    notes: notes::Notes,
}

struct Check {
    mark: Mark,
    title: String,
    text: String,
}

struct Probes {
    mark: Mark,
    text: String,
    facts: Vec<(&'static str, String)>,
}

/// The page of a view.
///
/// # Errors
/// [`PlotError`].
pub(super) fn page<'a>(view: &ReportView<'a>, mode: Mode<'a>) -> Result<ReportPage<'a>, PlotError> {
    let report = view.report;
    let (served, visitor) = match mode {
        Mode::File => (None, None),
        Mode::Served(viewing, visitor) => (Some(viewing), Some(visitor)),
    };
    // Whoever signed in did so at this arm alone, and stays there.
    let one_url = view.one_url.filter(|_| visitor.is_none_or(|visitor| visitor.signed_in_as.is_none()));
    let any = |arm: Arm| report.arms[arm].calls + report.arms[arm].off_schedule_calls > 0;
    let is_empty = report.checks.conformance.decisions == 0 && !Arm::BOTH.into_iter().any(any);
    let headline = if is_empty {
        "Too early: no whole minute has been counted yet.".to_owned()
    } else {
        sentence(report.summary.first().map_or("", String::as_str))
    };
    Ok(ReportPage {
        frame: Frame {
            title: headline.clone(),
            place: Some(SitePart::Verdict),
            visitor,
            refresh: served.as_ref().filter(|viewing| !viewing.still).map(|viewing| refresh(viewing, one_url)),
            scripts: false,
        },
        headline,
        one_url: view.one_url,
        answer: answer::answer(report)?,
        scope: scope(report),
        links: served.as_ref().map(links).unwrap_or_default(),
        runs: served.as_ref().map(|viewing| run_links(viewing, view)).unwrap_or_default(),
        arms: ByArm::build(|arm| arm_card(report, arm)),
        contents: if is_empty { None } else { Some(contents(view, served.as_ref())?) },
        generated_at: at_second(report.generated_at),
    })
}

fn contents(view: &ReportView<'_>, served: Option<&Viewing>) -> Result<Contents, PlotError> {
    let report = view.report;
    let plans = if served.is_some() { plans::served(report) } else { plans::in_file(report)? };
    Ok(Contents {
        checks: report.checks.lines().into_iter().map(check).collect(),
        findings: findings(report),
        metrics: metrics::rows(report),
        intervals: metrics::intervals(report)?,
        looks: metrics::looks(report),
        withheld: metrics::withheld(report),
        routes: metrics::routes(report),
        power: metrics::power(report),
        cost: cost::cost(report)?,
        plans,
        plans_address: served.map(plans_address),
        timeline: timeline::section(view.timeline)?,
        probes: report.probes.as_ref().map(probes),
        notes: notes::notes(report),
    })
}

/// Most runs offered on the page; `/api/runs` lists them all.
const MAX_RUNS: usize = 12;

fn address(viewing: &Viewing) -> String {
    let run = if viewing.run == RunChoice::Current { String::new() } else { format!("&run={}", viewing.run) };
    let still = if viewing.still { "&refresh=off" } else { "" };
    format!("/?range={}{run}{still}", viewing.range.as_str())
}

fn plans_address(viewing: &Viewing) -> String {
    if viewing.run == RunChoice::Current { "/plans".to_owned() } else { format!("/plans?run={}", viewing.run) }
}

/// Through the one URL where it is known: the page then outlives the arm that served it.
fn refresh(viewing: &Viewing, one_url: Option<&str>) -> String {
    let seconds = REFRESH.as_secs();
    one_url.map_or_else(|| seconds.to_string(), |url| format!("{seconds}; url={}{}", url.trim_end_matches('/'), address(viewing)))
}

fn links(viewing: &Viewing) -> Vec<Link> {
    let range = |range: Range| Link {
        text: if range == Range::Run { "The whole run".to_owned() } else { format!("Its last {}", range.as_str()) },
        address: address(&Viewing { range, ..viewing.clone() }),
        current: range == viewing.range,
    };
    let turned = Viewing { still: !viewing.still, ..viewing.clone() };
    let text = if viewing.still { "Refresh by itself again".to_owned() } else { format!("Stop refreshing every {} s", REFRESH.as_secs()) };
    let refreshing = Link { text, address: address(&turned), current: false };
    Range::ALL.into_iter().map(range).chain([refreshing]).collect()
}

/// The newest runs, where there is more than one to choose from.
fn run_links(viewing: &Viewing, view: &ReportView<'_>) -> Vec<Link> {
    let shown = view.report.run.as_ref().map(|run| run.id);
    let link = |run: &RunDocument| Link {
        text: run_title(run),
        address: address(&Viewing { run: RunChoice::Id(run.id), ..viewing.clone() }),
        current: shown == Some(run.id),
    };
    if view.runs.len() > 1 { view.runs.iter().take(MAX_RUNS).map(link).collect() } else { Vec::new() }
}

fn run_title(run: &RunDocument) -> String {
    let called = match (&run.name, run.id.is_nil()) {
        (Some(name), _) => format!("{name} (declared)"),
        (None, true) => "Before runs were recorded".to_owned(),
        (None, false) => "Observed".to_owned(),
    };
    let state = match run.state {
        RunState::Pending => ", about to begin",
        RunState::Running => ", under way",
        RunState::Ended => "",
    };
    format!("{called}, from {}{state}", at_second(run.starts_at))
}

fn arm_card(report: &Report, arm: Arm) -> ArmCard {
    let summary = &report.arms[arm];
    let served = summary.calls + summary.off_schedule_calls;
    let failed = match (served, summary.server_errors) {
        (0, _) => "none".to_owned(),
        (_, errors) => format!("{} ({})", count(errors), share(errors as f64 / served as f64)),
    };
    let turn = match (report.schedule.rule, arm) {
        (Rule::Parity, Arm::Even) => "even UTC minutes",
        (Rule::Parity, Arm::Odd) => "odd UTC minutes",
        (Rule::Mirrored, Arm::Even) => "even UTC minutes of even hours, odd ones of odd hours",
        (Rule::Mirrored, Arm::Odd) => "odd UTC minutes of even hours, even ones of odd hours",
        (Rule::Random(_), Arm::Even | Arm::Odd) => "one UTC minute of each pair, in drawn order",
    };
    let mut facts = vec![
        ("Serves", turn.to_owned()),
        ("Minutes seen", count(summary.windows)),
        ("Calls", count(served)),
        ("Answered 5xx", failed),
        ("Failed of those scheduled", failed_of_scheduled(&summary.failures)),
        ("Cold starts", count(summary.cold_starts)),
    ];
    if summary.unrouted_calls > 0 {
        facts.push(("Calls past the router", count(summary.unrouted_calls)));
    }
    ArmCard { name: arm.as_str(), plan: summary.plan.as_str(), facts }
}

/// How many calls failed in any way, and how.
fn failed_of_scheduled(failures: &Failures) -> String {
    if failures.total == 0 {
        return format!("none of {}", count(failures.scheduled));
    }
    let parts: Vec<String> = failures.parts().into_iter().map(|(how, calls)| format!("{} {how}", count(calls))).collect();
    format!("{} of {} ({}): {}", count(failures.total), count(failures.scheduled), share(failures.share()), parts.join(", "))
}

fn scope(report: &Report) -> String {
    let kind = if report.aa_run { "; an A/A run: both arms are one instance, no difference is expected" } else { "" };
    let pairs = counted(report.data.pairs as u64, "pair");
    let run = report.run.as_ref().map(|run| format!("{}; shown: ", sentence(&run.in_words()).trim_end_matches('.'))).unwrap_or_default();
    format!("{run}{} to {}, {pairs} of minutes compared{kind}", at_second(report.from), at_second(report.to))
}

fn check(CheckLine { title, status, summary }: CheckLine<'_>) -> Check {
    let mark = match status {
        Status::Passed => Mark { class: "good", symbol: "✓", word: "Passed" },
        Status::Warning => Mark { class: "warn", symbol: "!", word: "Note" },
        Status::Failed => Mark { class: "bad", symbol: "✕", word: "Failed" },
        Status::Unknown => Mark { class: "unsure", symbol: "?", word: "Unknown" },
    };
    Check { mark, title: capitalised(title), text: sentence(summary) }
}

/// What the report says in words, beside the answer and the checks.
fn findings(report: &Report) -> Vec<String> {
    let checks = report.checks.lines().map(|check| format!("{}: {}", check.title, check.summary));
    let said = |words: &&String| !checks.contains(words) && !report.verdict.reasons.contains(words);
    report.summary.iter().skip(1).filter(said).map(|words| sentence(words)).collect()
}

fn probes(outcomes: &ProbeOutcomes) -> Probes {
    let astray = outcomes.wrong_arm + outcomes.unanswered;
    let mark = if outcomes.wrong_arm > 0 {
        Mark { class: "bad", symbol: "✕", word: "Astray" }
    } else if astray > 0 {
        Mark { class: "warn", symbol: "!", word: "Unanswered" }
    } else {
        Mark { class: "good", symbol: "✓", word: "As it should be" }
    };
    let text = outcomes.conformance().map_or_else(String::new, |conforming| {
        format!("{} of {} probes ended where the schedule says, recorded failovers included.", share(conforming), count(outcomes.sent))
    });
    let facts = vec![
        ("At the minute’s arm", count(outcomes.conformant)),
        ("Failed over", count(outcomes.failed_over)),
        ("At the wrong arm", count(outcomes.wrong_arm)),
        ("Not answered", count(outcomes.unanswered)),
    ];
    Probes { mark, text, facts }
}
