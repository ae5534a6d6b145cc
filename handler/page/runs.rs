//! The runs: a list of them, and one with what it was served with. Must not know how runs come about.

use askama::Template;

use super::layout::{Frame, SitePart, Visitor};
use super::sections::parts::at_minute;
use super::{PageError, sections};
use crate::domain::figures::decimals;
use crate::domain::run::{RunDocument, RunState, SetUp};
use crate::domain::statistics::Validity;

#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
}

struct Row {
    address: String,
    title: String,
    state: &'static str,
    from: String,
    until: String,
    even: String,
    odd: String,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    frame: Frame<'a>,
    words: String,
    comparison: String,
    facts: Vec<(&'static str, String)>,
    arms: Vec<ArmRow>,
    exclusions: Vec<(String, String, String)>,
    /// What its end is ordered by, while it is declared and not over.
    ends_by: Option<String>,
}

struct ArmRow {
    name: &'static str,
    plan: &'static str,
    region: String,
    version: String,
    resources: String,
}

/// The list of runs, newest first.
///
/// # Errors
/// [`PageError`].
pub fn render_runs(runs: &[RunDocument], visitor: &Visitor) -> Result<String, PageError> {
    let rows = runs.iter().map(row).collect();
    Ok(RunsPage { frame: Frame::served("Runs", Some(SitePart::Runs), visitor), rows }.render()?)
}

/// One run.
///
/// # Errors
/// [`PageError`].
pub fn render_run(run: &RunDocument, visitor: &Visitor) -> Result<String, PageError> {
    let arms = run.set_up.iter().flat_map(|set_up| [("even", &set_up.arms.even), ("odd", &set_up.arms.odd)]);
    let arms = arms.map(|(name, arm)| ArmRow {
        name,
        plan: arm.plan.as_str(),
        region: arm.region.clone(),
        version: arm.version.clone(),
        resources: if arm.resource_ids.is_empty() { "none named".to_owned() } else { arm.resource_ids.join(", ") },
    });
    let ends_by = run.name.as_ref().filter(|_| run.state != RunState::Ended).map(ToString::to_string);
    let exclusions = run.exclusions.iter().map(|left_out| (at_minute(left_out.from), at_minute(left_out.to), left_out.reason.clone()));
    let page = RunPage {
        frame: Frame::served(called(run), Some(SitePart::Runs), visitor),
        words: sections::parts::sentence(&run.in_words()),
        comparison: format!("/?run={}", run.id),
        facts: facts(run),
        arms: arms.collect(),
        exclusions: exclusions.collect(),
        ends_by,
    };
    Ok(page.render()?)
}

fn row(run: &RunDocument) -> Row {
    let plan = |of: fn(&SetUp) -> &'static str| run.set_up.as_ref().map_or("not recorded", of).to_owned();
    Row {
        address: format!("/runs/{}", run.id),
        title: called(run),
        state: state(run.state),
        from: at_minute(run.starts_at),
        until: run.ends_at.map_or_else(|| "open".to_owned(), at_minute),
        even: plan(|set_up| set_up.arms.even.plan.as_str()),
        odd: plan(|set_up| set_up.arms.odd.plan.as_str()),
    }
}

/// What a run is called on pages: its name, or that it was observed.
pub(super) fn called(run: &RunDocument) -> String {
    match (&run.name, run.id.is_nil()) {
        (Some(name), _) => name.to_string(),
        (None, true) => "Before runs were recorded".to_owned(),
        (None, false) => format!("Observed since {}", at_minute(run.starts_at)),
    }
}

const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Pending => "about to begin",
        RunState::Running => "under way",
        RunState::Ended => "over",
    }
}

fn facts(run: &RunDocument) -> Vec<(&'static str, String)> {
    let mut facts = vec![("State", state(run.state).to_owned())];
    let validity = match run.validity {
        Validity::FixedHorizon => "for one look, at the horizon that was declared",
        Validity::AnyTime => "valid however often you look",
    };
    facts.push(("Intervals", validity.to_owned()));
    if let Some(horizon) = run.horizon {
        facts.push(("Horizon", at_minute(horizon)));
    }
    if let Some(set_up) = &run.set_up {
        let seconds = f64::from(set_up.schedule.minute_ms) / 1_000.0;
        facts.push(("Schedule", format!("{}, a minute lasts {} s", set_up.schedule.rule, decimals(seconds, 1))));
        facts.push(("Margins", set_up.margins.in_words()));
        let as_of = set_up.prices.as_of.as_ref().map_or_else(|| "set by hand".to_owned(), |day| format!("as of {day}"));
        facts.push(("Prices", as_of));
        let router = set_up.router_version.as_ref().map_or_else(|| "not recorded".to_owned(), |version| format!("version {version}"));
        facts.push(("Router", router));
    }
    facts.extend(run.seed.as_ref().map(|seed| ("Seed", seed.clone())));
    facts.push(("Id", run.id.to_string()));
    facts
}
