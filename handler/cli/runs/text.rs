//! Runs for a terminal. Must not know where they are kept.

use comfy_table::presets;

use crate::cli::table::fitted;
use crate::domain::figures::decimals;
use crate::domain::moment;
use crate::domain::run::{Exclusion, RunDocument, RunKind, RunState, SetUp};
use crate::domain::statistics::Validity;

/// A table of runs, newest first.
pub fn list(runs: &[RunDocument]) -> String {
    if runs.is_empty() {
        return "no run yet: one begins once both arms have recorded what they serve with".to_owned();
    }
    let mut table = fitted(presets::UTF8_FULL_CONDENSED, ["run", "kind", "state", "from", "until", "even", "odd"]);
    for run in runs {
        let plan = |of: fn(&SetUp) -> &'static str| run.set_up.as_ref().map_or("unknown", of);
        table.add_row([
            run.name.as_ref().map_or_else(|| run.id.to_string(), ToString::to_string),
            kind(run.kind).to_owned(),
            state(run.state).to_owned(),
            moment::format(run.starts_at),
            run.ends_at.map(moment::format).unwrap_or_default(),
            plan(|set_up| set_up.arms.even.plan.as_str()).to_owned(),
            plan(|set_up| set_up.arms.odd.plan.as_str()).to_owned(),
        ]);
    }
    table.to_string()
}

/// A run, line by line.
pub fn run(run: &RunDocument) -> String {
    let mut lines = vec![run.in_words()];
    let mut line = |title: &str, text: String| lines.push(format!("  {title:<10} {text}"));
    line("id", run.id.to_string());
    line("state", state(run.state).to_owned());
    if let Some(set_up) = &run.set_up {
        let schedule = &set_up.schedule;
        line("schedule", format!("{}, a minute lasts {} s", schedule.rule, decimals(f64::from(schedule.minute_ms) / 1_000.0, 1)));
        if let Some(digest) = &schedule.seed_sha256 {
            line("seed", run.seed.clone().unwrap_or_else(|| format!("not shown yet; its SHA-256 is {digest}")));
        }
        for (name, arm) in [("even", &set_up.arms.even), ("odd", &set_up.arms.odd)] {
            line(name, format!("{} in {}, version {}", arm.plan, arm.region, arm.version));
        }
        line("router", set_up.router_version.as_ref().map_or_else(|| "not recorded".to_owned(), |version| format!("version {version}")));
        line("margins", set_up.margins.in_words());
        let as_of = set_up.prices.as_of.as_ref().map_or_else(|| "set by hand".to_owned(), |day| format!("as of {day}"));
        line("prices", format!("{as_of}, SHA-256 {}", set_up.prices.sha256));
    }
    let intervals = match run.validity {
        Validity::FixedHorizon => "fixed: for one look, at the horizon",
        Validity::AnyTime => "any-time: valid however often you look",
    };
    line("intervals", intervals.to_owned());
    for excluded in &run.exclusions {
        line("left out", exclusion(excluded));
    }
    lines.join("\n")
}

/// Minutes left out, on one line.
pub fn exclusion(exclusion: &Exclusion) -> String {
    let Exclusion { from, to, reason, recorded_at } = exclusion;
    let [from, to, recorded_at] = [from, to, recorded_at].map(|moment| moment::format(*moment));
    format!("{from} to {to}: {reason} (recorded {recorded_at})")
}

const fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Observed => "observed",
        RunKind::Declared => "declared",
    }
}

const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Pending => "about to begin",
        RunState::Running => "under way",
        RunState::Ended => "ended",
    }
}
