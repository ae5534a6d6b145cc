//! Which runs there were, from what was recorded. Must not know how records are written or asked for.
//!
//! A run begins with the first whole pair after a change and ends with the last whole pair before the next one, so no pair holds minutes
//! of two set-ups. A set-up changes part by part: a run that is younger than [`SETTLING_PAIRS`] has no verdict to lose yet, so a further
//! change begins the same run anew instead of another one. A rolling deployment is one run.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::name::RunName;
use super::period::{Run, RunKind};
use super::set_up::{PartNews, PartSetUp, Parts, SetUp};
use crate::domain::draw::Seed;
use crate::domain::margins::Margins;
use crate::domain::schedule::Schedule;

/// Pairs within which further changes of the set-up begin an observed run anew: as many as a verdict needs.
pub const SETTLING_PAIRS: u32 = 10;

/// A part recorded what it serves with.
#[derive(Debug, Clone, PartialEq)]
pub struct PartReport {
    /// Id of the run that begins with it, if one does.
    pub id: Uuid,
    /// Since when the part serves with it.
    pub since: OffsetDateTime,
    /// What it serves with.
    pub part: PartSetUp,
}

/// A run was declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The run's id.
    pub id: Uuid,
    /// Id of the observed run that follows at its horizon.
    pub follower: Uuid,
    /// Its name.
    pub name: RunName,
    /// When it was declared: before its first minute.
    pub declared_at: OffsetDateTime,
    /// How long it lasts.
    pub lasts: Duration,
    /// How much worse the cheaper arm may be.
    pub margins: Margins,
}

/// A run was ended before it would have ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Id of the observed run that follows.
    pub follower: Uuid,
    /// The run that ended.
    pub run: Uuid,
    /// When that was asked for.
    pub ended_at: OffsetDateTime,
}

/// Minutes that are left out of every comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    /// First instant left out; the whole pair it lies in is.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// First instant that is not left out by it.
    #[serde(with = "time::serde::rfc3339")]
    pub to: OffsetDateTime,
    /// Why.
    #[schema(example = "deployment of 3f2a91c")]
    pub reason: String,
    /// When it was recorded: whoever reads can tell whether the result was known by then.
    #[serde(with = "time::serde::rfc3339")]
    pub recorded_at: OffsetDateTime,
}

/// Everything recorded about runs.
#[derive(Debug, Clone, Default)]
pub struct RunLog {
    /// What parts served with.
    pub reports: Vec<PartReport>,
    /// Runs that were declared.
    pub declarations: Vec<Declaration>,
    /// Runs that were ended.
    pub endings: Vec<Ending>,
    /// Minutes left out.
    pub exclusions: Vec<Exclusion>,
    /// Seeds of random schedules that were shown.
    pub shown_seeds: Vec<Seed>,
    /// Start of the first window there is, where it is older than all reports.
    pub first_window: Option<OffsetDateTime>,
}

/// One record, by what it says.
#[derive(Debug, Clone, Copy)]
enum RunRecord<'a> {
    Report(&'a PartReport),
    Declaration(&'a Declaration),
    Ending(&'a Ending),
}

impl RunRecord<'_> {
    const fn at(&self) -> OffsetDateTime {
        match self {
            RunRecord::Report(report) => report.since,
            RunRecord::Declaration(declaration) => declaration.declared_at,
            RunRecord::Ending(ending) => ending.ended_at,
        }
    }
}

impl RunLog {
    /// The runs there were by `now`, in time order, the one that is about to begin included.
    #[must_use]
    pub fn runs(&self, now: OffsetDateTime) -> Vec<Run> {
        let mut records: Vec<RunRecord<'_>> = self.reports.iter().map(RunRecord::Report).collect();
        records.extend(self.declarations.iter().map(RunRecord::Declaration));
        records.extend(self.endings.iter().map(RunRecord::Ending));
        records.retain(|record| record.at() <= now);
        // Stable: what was recorded of one moment stays in its order.
        records.sort_by_key(RunRecord::at);
        let mut history = RunHistory::new(self.reports.iter().map(|report| report.since).min(), self.first_window);
        for record in records {
            history.reach(record.at());
            match record {
                RunRecord::Report(report) => history.report(report),
                RunRecord::Declaration(declaration) => history.declare(declaration),
                RunRecord::Ending(ending) => history.end(ending),
            }
        }
        history.reach(now);
        history.finish()
    }

    /// What is served with at `now`, once both arms have recorded theirs.
    #[must_use]
    pub fn set_up(&self, now: OffsetDateTime) -> Option<SetUp> {
        let mut reports: Vec<&PartReport> = self.reports.iter().filter(|report| report.since <= now).collect();
        reports.sort_by_key(|report| report.since);
        let mut parts = Parts::default();
        for report in reports {
            parts.note(&report.part);
        }
        parts.set_up()
    }

    /// The exclusions that touch `run`, in time order.
    #[must_use]
    pub fn exclusions_of(&self, run: &Run) -> Vec<Exclusion> {
        let mut touching: Vec<Exclusion> =
            self.exclusions.iter().filter(|exclusion| run.overlaps(exclusion.from, exclusion.to)).cloned().collect();
        touching.sort_by_key(|exclusion| exclusion.from);
        touching
    }
}

/// The run that goes on while records are read.
#[derive(Debug, Clone)]
struct OpenRun {
    run: Run,
    set_up: SetUp,
    /// Id of the observed run that follows a declared one at its horizon.
    follower: Option<Uuid>,
}

impl OpenRun {
    fn minutes(&self) -> Schedule {
        self.set_up.schedule.minutes()
    }
}

#[derive(Debug)]
struct RunHistory {
    parts: Parts,
    open: Option<OpenRun>,
    runs: Vec<Run>,
    first_report: Option<OffsetDateTime>,
    first_window: Option<OffsetDateTime>,
}

impl RunHistory {
    fn new(first_report: Option<OffsetDateTime>, first_window: Option<OffsetDateTime>) -> Self {
        RunHistory { parts: Parts::default(), open: None, runs: Vec::new(), first_report, first_window }
    }

    /// Ends a declared run whose horizon has passed by `moment`.
    fn reach(&mut self, moment: OffsetDateTime) {
        let Some(open) = &self.open else { return };
        if let (Some(horizon), Some(follower)) = (open.run.horizon, open.follower)
            && horizon <= moment
        {
            self.close(horizon);
            self.observe(follower, horizon);
        }
    }

    fn report(&mut self, report: &PartReport) {
        let news = self.parts.note(&report.part);
        let (Some(set_up), false) = (self.parts.set_up(), news == PartNews::Same) else { return };
        let minutes = set_up.schedule.minutes();
        let next = minutes.next_whole_pair(report.since);
        let Some(open) = &mut self.open else {
            // Where nothing was counted before, nothing can be mixed.
            let first = self.first_report.unwrap_or(report.since);
            let fresh = self.first_window.is_none_or(|window| window >= minutes.pair_start(first));
            self.observe(report.id, if fresh { minutes.pair_start(first) } else { next });
            return;
        };
        if news == PartNews::First {
            // A router that records its part for the first time completes the set-up, and changes nothing.
            open.set_up.router_version.clone_from(&set_up.router_version);
            return;
        }
        let minutes_before = open.minutes();
        let last_whole_pair = minutes_before.pair_start(report.since);
        // A run that was to end with this pair, since another one is about to begin, ends before it.
        if let Some(before) = self.runs.last_mut().filter(|before| before.ends_at.is_some_and(|end| end > last_whole_pair)) {
            before.ends_at = Some(last_whole_pair.max(before.starts_at));
        }
        let settled = open.run.starts_at + minutes_before.minute_length() * (2 * SETTLING_PAIRS);
        if open.run.kind == RunKind::Observed && report.since < settled {
            open.run.starts_at = next;
            open.set_up = set_up;
            return;
        }
        self.close(last_whole_pair);
        self.observe(report.id, next);
    }

    fn declare(&mut self, declaration: &Declaration) {
        let Some(open) = &self.open else { return };
        let minutes = open.minutes();
        let starts_at = minutes.next_whole_pair(declaration.declared_at).max(open.run.starts_at);
        let horizon = minutes.next_whole_pair(starts_at + declaration.lasts);
        self.close(starts_at);
        let Some(set_up) = self.parts.set_up() else { return };
        self.open = Some(OpenRun {
            run: Run {
                id: declaration.id,
                kind: RunKind::Declared,
                name: Some(declaration.name.clone()),
                starts_at,
                ends_at: Some(horizon),
                horizon: Some(horizon),
                set_up: None,
            },
            set_up: SetUp { margins: declaration.margins, ..set_up },
            follower: Some(declaration.follower),
        });
    }

    fn end(&mut self, ending: &Ending) {
        let Some(open) = self.open.as_ref().filter(|open| open.run.id == ending.run) else { return };
        let next = open.minutes().next_whole_pair(ending.ended_at).max(open.run.starts_at);
        let end = open.run.horizon.map_or(next, |horizon| horizon.min(next));
        self.close(end);
        self.observe(ending.follower, end);
    }

    /// Ends the open run at `end`, or drops it where it never began.
    fn close(&mut self, end: OffsetDateTime) {
        let Some(OpenRun { mut run, set_up, .. }) = self.open.take() else { return };
        let end = end.max(run.starts_at);
        if end > run.starts_at || run.kind == RunKind::Declared {
            run.ends_at = Some(end);
            run.set_up = Some(set_up);
            self.runs.push(run);
        }
    }

    /// Begins an observed run.
    fn observe(&mut self, id: Uuid, starts_at: OffsetDateTime) {
        let Some(set_up) = self.parts.set_up() else { return };
        let run = Run { id, kind: RunKind::Observed, name: None, starts_at, ends_at: None, horizon: None, set_up: None };
        self.open = Some(OpenRun { run, set_up, follower: None });
    }

    fn finish(mut self) -> Vec<Run> {
        if let Some(OpenRun { run, set_up, .. }) = self.open {
            self.runs.push(Run { set_up: Some(set_up), ..run });
        }
        let unrecorded = self.first_window.and_then(|starts_at| {
            let ends_at = self.first_report.map(|first| self.runs.first().map_or(first, |run| minutes_of(run).pair_start(first)));
            let run = Run { id: Uuid::nil(), kind: RunKind::Observed, name: None, starts_at, ends_at, horizon: None, set_up: None };
            ends_at.is_none_or(|end| end > starts_at).then_some(run)
        });
        unrecorded.into_iter().chain(self.runs).collect()
    }
}

fn minutes_of(run: &Run) -> Schedule {
    run.set_up.as_ref().map_or_else(Schedule::default, |set_up| set_up.schedule.minutes())
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
