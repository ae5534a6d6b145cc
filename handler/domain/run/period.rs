//! A run: its kind, its time, its set-up. Must not know how it came about.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::name::{RunChoice, RunName};
use super::set_up::SetUp;
use crate::domain::statistics::Validity;

/// How a run came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// It began by itself, with a change of the set-up.
    Observed,
    /// It was declared before its first minute, with its margins and its horizon.
    Declared,
}

/// Whether a run has begun and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It begins with the next whole pair.
    Pending,
    /// It is under way.
    Running,
    /// It is over.
    Ended,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id; nil for the time before runs were recorded.
    pub id: Uuid,
    /// How it came about.
    pub kind: RunKind,
    /// Its name, where it was declared.
    pub name: Option<RunName>,
    /// Its first instant: the start of a pair.
    pub starts_at: OffsetDateTime,
    /// The first instant after it, where that is known; for a declared run under way its horizon.
    pub ends_at: Option<OffsetDateTime>,
    /// When a declared run ends unless it is ended before.
    pub horizon: Option<OffsetDateTime>,
    /// What was served with, margins included; none before runs were recorded.
    pub set_up: Option<SetUp>,
}

impl Run {
    /// Whether it has begun and ended by `now`.
    #[must_use]
    pub fn state(&self, now: OffsetDateTime) -> RunState {
        if self.ends_at.is_some_and(|end| end <= now) {
            RunState::Ended
        } else if self.starts_at > now {
            RunState::Pending
        } else {
            RunState::Running
        }
    }

    /// What intervals over all of the run are good for when looked at `now`: fixed ones for a declared run that reached its horizon.
    #[must_use]
    pub fn validity(&self, now: OffsetDateTime) -> Validity {
        let reached = self.horizon.is_some() && self.ends_at == self.horizon && self.state(now) == RunState::Ended;
        if reached { Validity::FixedHorizon } else { Validity::AnyTime }
    }

    /// Whether any of it lies from `from` up to but not including `to`.
    #[must_use]
    pub fn overlaps(&self, from: OffsetDateTime, to: OffsetDateTime) -> bool {
        self.starts_at < to && self.ends_at.is_none_or(|end| end > from)
    }

    /// How it is called in a sentence.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("run {name}"),
            None if self.id.is_nil() => "the time before runs were recorded".to_owned(),
            None => format!("run {}", self.id),
        }
    }
}

/// The run `choice` means among `runs`, which are in time order. The current one is the one under way; before its first minute the one
/// that is about to begin; else the last there was.
#[must_use]
pub fn find<'a>(runs: &'a [Run], choice: &RunChoice, now: OffsetDateTime) -> Option<&'a Run> {
    let with_state = |state: RunState| runs.iter().rfind(|run| run.state(now) == state);
    match choice {
        RunChoice::Current => {
            with_state(RunState::Running).or_else(|| with_state(RunState::Pending)).or_else(|| with_state(RunState::Ended))
        }
        RunChoice::Id(id) => runs.iter().find(|run| run.id == *id),
        RunChoice::Named(name) => runs.iter().find(|run| run.name.as_ref() == Some(name)),
    }
}
