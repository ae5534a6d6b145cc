//! Runs: what is compared, one set-up from a start to an end.
//!
//! The arms and the router record the set-up they serve with, people declare and end runs; which runs there were follows from these
//! records alone ([`RunLog::runs`]), so nobody has to notice a change at the right moment. Must not know where records are kept.

mod declaration;
mod document;
mod log;
mod set_up;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

pub use declaration::{Declared, ExclusionRequest, RunName, RunRefusal, RunRequest};
pub use document::RunDocument;
pub use log::{Declaration, Ending, Exclusion, PartReport, RunLog, SETTLING_PAIRS};
pub use set_up::{ArmPart, ArmSetUp, PartSetUp, PricesUsed, RouterPart, ScheduleSetUp, SetUp, SharedSetUp};

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

/// What a run's intervals are good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalKind {
    /// One look, at the horizon that was declared.
    Fixed,
    /// Valid however often one looks.
    AnyTime,
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
    pub fn interval_kind(&self, now: OffsetDateTime) -> IntervalKind {
        let reached = self.horizon.is_some() && self.ends_at == self.horizon && self.state(now) == RunState::Ended;
        if reached { IntervalKind::Fixed } else { IntervalKind::AnyTime }
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

/// Which run is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RunChoice {
    /// The one under way.
    #[default]
    Current,
    /// The one with this id.
    Id(Uuid),
    /// The declared one with this name.
    Named(RunName),
}

impl FromStr for RunChoice {
    type Err = RunRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "current" => Ok(RunChoice::Current),
            "first" => Ok(RunChoice::Id(Uuid::nil())),
            _ => match Uuid::try_parse(text) {
                Ok(id) => Ok(RunChoice::Id(id)),
                Err(_) => text.parse().map(RunChoice::Named),
            },
        }
    }
}

impl fmt::Display for RunChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunChoice::Current => formatter.write_str("current"),
            RunChoice::Id(id) => id.fmt(formatter),
            RunChoice::Named(name) => name.fmt(formatter),
        }
    }
}

/// The run `choice` means among `runs`, which are in time order. The current one is the one under way; before its first minute the one
/// that is about to begin; else the last there was.
///
/// # Errors
/// [`RunRefusal::Unknown`] where there is none.
pub fn find<'a>(runs: &'a [Run], choice: &RunChoice, now: OffsetDateTime) -> Result<&'a Run, RunRefusal> {
    let with_state = |state: RunState| runs.iter().rfind(|run| run.state(now) == state);
    let found = match choice {
        RunChoice::Current => {
            with_state(RunState::Running).or_else(|| with_state(RunState::Pending)).or_else(|| with_state(RunState::Ended))
        }
        RunChoice::Id(id) => runs.iter().find(|run| run.id == *id),
        RunChoice::Named(name) => runs.iter().find(|run| run.name.as_ref() == Some(name)),
    };
    found.ok_or_else(|| RunRefusal::Unknown(choice.to_string()))
}
