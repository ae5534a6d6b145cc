//! The last minutes one by one: plots, what they show in words, and the same as a table. Must not compute any figure.

use super::super::plots::canvas::PlotError;
use super::super::plots::{decisions, timeline as plots};
use super::parts::{Figure, at_second};
use crate::domain::arm::Arm;
use crate::domain::figures::{count, milliseconds};
use crate::domain::schedule::Schedule;
use crate::domain::timeline::{Decided, MinuteSeen, Served, Timeline};

pub(super) struct Section {
    pub scope: String,
    pub figures: Vec<Figure>,
    pub notes: Vec<String>,
    pub rows: Vec<MinuteRow>,
}

pub(super) struct MinuteRow {
    pub minute: String,
    pub arm: String,
    pub calls: String,
    pub errors: String,
    pub p50: String,
    pub p95: String,
    pub routing: String,
}

pub(super) fn section(timeline: &Timeline) -> Result<Section, PlotError> {
    let mut section = Section { scope: String::new(), figures: Vec::new(), notes: Vec::new(), rows: Vec::new() };
    let Some((first, last)) = timeline.minutes.first().zip(timeline.minutes.last()) else { return Ok(section) };
    let starts = |minute: &MinuteSeen| at_second(timeline.schedule.starts_at(minute.minute));
    let shortened = timeline.schedule.minute_length() < Schedule::MINUTE;
    let length = if shortened { format!("; here a minute lasts {:?}", timeline.schedule.minute_length()) } else { String::new() };
    section.scope = format!("{} minutes, from {} to the one of {}{length}.", timeline.minutes.len(), starts(first), starts(last));
    section.figures = figures(timeline)?;
    section.notes = notes(timeline);
    section.rows = timeline.minutes.iter().rev().flat_map(|minute| rows(timeline.schedule, minute)).collect();
    Ok(section)
}

fn figures(timeline: &Timeline) -> Result<Vec<Figure>, PlotError> {
    let total = |arm: Arm, of: fn(&Served) -> u64| {
        let each = timeline.minutes.iter().filter_map(|minute| minute.served[arm].as_ref());
        count(each.map(of).sum())
    };
    let highest = |arm: Arm| {
        let each = timeline.minutes.iter().filter_map(|minute| minute.served[arm].as_ref()?.p95_us);
        each.fold(None, |highest: Option<f64>, us| Some(highest.map_or(us, |highest| highest.max(us))))
            .map_or_else(|| "no calls".to_owned(), |us| milliseconds(us / 1_000.0))
    };
    let both = |of: fn(&Served) -> u64| format!("Even {}, odd {} in all.", total(Arm::Even, of), total(Arm::Odd, of));
    let mut figures = vec![
        Figure {
            id: "timeline-calls",
            title: "Calls by minute".to_owned(),
            description: both(|served| served.calls),
            plot: plots::calls(timeline)?,
        },
        Figure {
            id: "timeline-latency",
            title: "Latency by minute, ms: p95 with marks, median thin".to_owned(),
            description: format!("Highest p95: even {}, odd {}.", highest(Arm::Even), highest(Arm::Odd)),
            plot: plots::latency(timeline)?,
        },
    ];
    if let Some(plot) = plots::errors(timeline)? {
        figures.push(Figure {
            id: "timeline-errors",
            title: "Calls answered 5xx by minute".to_owned(),
            description: both(|served| served.server_errors),
            plot,
        });
    }
    let [astray, unavailable] = unusual(timeline);
    figures.push(Figure {
        id: "timeline-decisions",
        title: "Which arm took the calls of each minute".to_owned(),
        description: format!("Minutes with a failover: {astray}; with calls no arm could take: {unavailable}; all others on schedule."),
        plot: decisions::plot(timeline)?,
    });
    Ok(figures)
}

/// Minutes with a failover, and minutes in which no arm could take a call.
fn unusual(timeline: &Timeline) -> [usize; 2] {
    let minutes = |of: fn(&Decided) -> u64| {
        timeline.minutes.iter().filter(|minute| Arm::BOTH.iter().any(|arm| of(&minute.decided[*arm]) > 0)).count()
    };
    [minutes(|decided| decided.failover), minutes(|decided| decided.unavailable)]
}

fn notes(timeline: &Timeline) -> Vec<String> {
    let mut notes = Vec::new();
    let served = || timeline.minutes.iter().flat_map(|minute| Arm::BOTH.map(|arm| minute.served[arm])).flatten();
    if served().all(|served| served.server_errors == 0) {
        notes.push("No arm answered a call with 5xx in these minutes.".to_owned());
    }
    match unusual(timeline) {
        [0, 0] => notes.push("The router kept to the schedule in every minute.".to_owned()),
        [failed_over, 0] => notes.push(format!("Minutes with a failover: {failed_over}. These calls are failures of the arm whose minute it was.")),
        [failed_over, unavailable] => notes
            .push(format!("Minutes with a failover: {failed_over}; with calls no arm could take: {unavailable}. These calls are failures of the arm whose minute it was.")),
    }
    let incomplete = served().filter(|served| !served.complete).count();
    if incomplete > 0 {
        notes.push(format!(
            "Unclosed windows, as when a worker is killed: {incomplete}. What was counted of them is compared, what was lost is a failure."
        ));
    }
    notes
}

fn rows(schedule: Schedule, minute: &MinuteSeen) -> Vec<MinuteRow> {
    let row = |arm: Arm| {
        let (served, decided) = (&minute.served[arm], &minute.decided[arm]);
        let calls = served.map_or(0, |served| served.calls);
        if arm != minute.scheduled && calls == 0 && *decided == Decided::default() {
            return None;
        }
        let latency = |us: Option<f64>| us.map_or_else(|| "none".to_owned(), |us| milliseconds(us / 1_000.0));
        let turn = if arm == minute.scheduled { "" } else { " (not its turn)" };
        Some(MinuteRow {
            minute: schedule.label(minute.minute),
            arm: format!("{arm}{turn}"),
            calls: count(calls),
            errors: count(served.map_or(0, |served| served.server_errors)),
            p50: latency(served.and_then(|served| served.p50_us)),
            p95: latency(served.and_then(|served| served.p95_us)),
            routing: routing(decided),
        })
    };
    [minute.scheduled, minute.scheduled.other()].into_iter().filter_map(row).collect()
}

fn routing(decided: &Decided) -> String {
    let parts = [(decided.schedule, "on schedule"), (decided.failover, "failed over to it"), (decided.unavailable, "to nobody")];
    let said: Vec<String> =
        parts.into_iter().filter(|(calls, _)| *calls > 0).map(|(calls, what)| format!("{} {what}", count(calls))).collect();
    if said.is_empty() { "no call".to_owned() } else { said.join(", ") }
}
