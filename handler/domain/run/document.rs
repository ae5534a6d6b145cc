//! A run as a document: what the API answers, the report holds and the commands print. Must not know how runs come about.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use super::log::{Exclusion, RunLog};
use super::name::RunName;
use super::period::{Run, RunKind, RunState};
use super::set_up::SetUp;
use crate::domain::draw::Seed;
use crate::domain::moment;
use crate::domain::statistics::Validity;

impl RunLog {
    /// Every run by `now`, newest first.
    #[must_use]
    pub fn documents(&self, now: OffsetDateTime) -> Vec<RunDocument> {
        self.runs(now).iter().rev().map(|run| RunDocument::of(run, self, now)).collect()
    }
}

/// What is compared: one set-up from a start to an end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunDocument {
    /// The run's id; all zeros for the time before runs were recorded.
    #[schema(example = "01a20884-36b2-7617-80dc-da0b32511652")]
    pub id: Uuid,
    /// Its name, where it was declared.
    pub name: Option<RunName>,
    /// How it came about.
    pub kind: RunKind,
    /// Whether it has begun and ended.
    pub state: RunState,
    /// Its first instant: the start of a pair of minutes.
    #[serde(with = "time::serde::rfc3339")]
    pub starts_at: OffsetDateTime,
    /// The first instant after it; for a declared run under way its horizon, for an observed one null.
    #[serde(with = "time::serde::rfc3339::option")]
    pub ends_at: Option<OffsetDateTime>,
    /// When a declared run ends unless it is ended before.
    #[serde(with = "time::serde::rfc3339::option")]
    pub horizon: Option<OffsetDateTime>,
    /// For how many looks intervals over all of it keep their confidence now.
    pub validity: Validity,
    /// What was served with; null before runs were recorded.
    pub set_up: Option<SetUp>,
    /// Minutes left out.
    pub exclusions: Vec<Exclusion>,
    /// The seed of a random run that is over, once it was shown.
    pub seed: Option<String>,
}

impl RunDocument {
    /// `run` as `log` has it at `now`.
    #[must_use]
    pub fn of(run: &Run, log: &RunLog, now: OffsetDateTime) -> Self {
        let digest = run.set_up.as_ref().and_then(|set_up| set_up.schedule.seed_sha256.as_deref());
        let shown = log.shown_seeds.iter().find(|seed| digest == Some(seed.digest().to_string().as_str()));
        RunDocument {
            id: run.id,
            name: run.name.clone(),
            kind: run.kind,
            state: run.state(now),
            starts_at: run.starts_at,
            ends_at: run.ends_at,
            horizon: run.horizon,
            validity: run.validity(now),
            set_up: run.set_up.clone(),
            exclusions: log.exclusions_of(run),
            seed: shown.filter(|_| run.state(now) == RunState::Ended).map(Seed::reveal),
        }
    }

    /// The run in one line: what it is called, what kind it is, from when to when.
    #[must_use]
    pub fn in_words(&self) -> String {
        let called = match &self.name {
            Some(name) => format!("run {name}, declared"),
            None if self.id.is_nil() => "before runs were recorded".to_owned(),
            None => format!("run {}, observed", self.id),
        };
        let until = match (self.state, self.ends_at) {
            (RunState::Ended, Some(end)) => format!("until {}", moment::format(end)),
            (RunState::Pending | RunState::Running, Some(end)) => format!("to last until {}", moment::format(end)),
            (_, None) => "under way".to_owned(),
        };
        format!("{called}, from {}, {until}", moment::format(self.starts_at))
    }
}
