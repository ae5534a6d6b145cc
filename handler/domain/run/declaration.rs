//! Declaring and ending runs, leaving minutes out: what may be asked for, and what is refused. Must not know who asks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Duration, OffsetDateTime};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::log::{Declaration, Ending, Exclusion, RunLog};
use super::{RunChoice, RunState, find};
use crate::domain::margins::{ChangedMargins, MarginOutOfBounds};
use crate::domain::moment;

/// A declared run's name: letters, digits, `.`, `_` and `-`, so that it can stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunName(String);

/// Most characters of a name.
const MAX_NAME: usize = 64;
/// Most characters of a reason.
const MAX_REASON: usize = 200;
/// Longest declared run, and longest exclusion.
const MAX_LENGTH: Duration = Duration::days(400);

impl RunName {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for RunName {
    type Err = RunRefusal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        let reserved = matches!(text, "current" | "first") || Uuid::try_parse(text).is_ok();
        if text.is_empty() || text.len() > MAX_NAME || reserved || !text.chars().all(plain) {
            return Err(RunRefusal::BadName(text.chars().take(MAX_NAME).collect()));
        }
        Ok(RunName(text.to_owned()))
    }
}

impl Serialize for RunName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for RunName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9._-]{1,64}$")).into()
    }
}

impl ToSchema for RunName {}

/// A run to declare.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// Its name.
    pub name: RunName,
    /// How long it is to last; rounded up to whole pairs.
    pub lasts: Duration,
    /// Margins that differ from the set-up's.
    pub margins: ChangedMargins,
}

/// Minutes to leave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExclusionRequest {
    /// First instant to leave out.
    pub from: OffsetDateTime,
    /// First instant not to leave out.
    pub to: OffsetDateTime,
    /// Why.
    pub reason: String,
}

/// What became of a declaration.
#[derive(Debug, Clone, PartialEq)]
pub enum Declared {
    /// It is to be recorded.
    New(Declaration),
    /// The same run was declared before and is not over: a call that was sent twice.
    Again(Uuid),
}

/// Why something asked for about runs is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunRefusal {
    /// The text is no name.
    #[error("'{0}' is not a run's name: 1 to 64 letters, digits, '.', '_' and '-', other than current, first or an id")]
    BadName(String),
    /// There is no such run.
    #[error("there is no run '{0}'")]
    Unknown(String),
    /// A margin is out of bounds.
    #[error(transparent)]
    Margin(#[from] MarginOutOfBounds),
    /// It is to last no time, or too long.
    #[error("a run lasts longer than 0 s and at most 400 days")]
    BadLength,
    /// The arms have not recorded what they serve with.
    #[error("no set-up is known yet: both arms record theirs once they have started")]
    NoSetUp,
    /// The run exists with other margins or another horizon.
    #[error("run {0} was declared with other margins or another horizon, and these never change: end it and declare one of another name")]
    Immutable(RunName),
    /// The name was used by a run that is over.
    #[error("run {0} is over: choose another name")]
    NameTaken(RunName),
    /// Another declared run is not over yet.
    #[error("run {name} was declared until {until}: end it first")]
    Underway {
        /// The run.
        name: RunName,
        /// Its horizon.
        until: String,
    },
    /// What is to be left out is no stretch of time.
    #[error("what is left out ends after it begins, and lasts at most 400 days")]
    BadExclusion,
    /// Why minutes are left out is not said.
    #[error("a reason has 1 to 200 characters on one line")]
    BadReason,
    /// The minutes to be left out are none of the run's.
    #[error("{0} has none of these minutes")]
    OutsideRun(String),
}

impl RunLog {
    /// What is to be recorded for `request`, made at `now`, under new ids.
    ///
    /// # Errors
    /// [`RunRefusal`].
    pub fn declare(&self, request: &RunRequest, now: OffsetDateTime, ids: [Uuid; 2]) -> Result<Declared, RunRefusal> {
        request.margins.check()?;
        if !(Duration::ZERO < request.lasts && request.lasts <= MAX_LENGTH) {
            return Err(RunRefusal::BadLength);
        }
        let margins = self.set_up(now).ok_or(RunRefusal::NoSetUp)?.margins.with(&request.margins);
        let runs = self.runs(now);
        if let Some(known) = self.declarations.iter().find(|known| known.name == request.name) {
            let over = runs.iter().any(|run| run.id == known.id && run.state(now) == RunState::Ended);
            let same = known.lasts == request.lasts && known.margins == margins;
            return match (over, same) {
                (true, _) => Err(RunRefusal::NameTaken(request.name.clone())),
                (false, true) => Ok(Declared::Again(known.id)),
                (false, false) => Err(RunRefusal::Immutable(request.name.clone())),
            };
        }
        let under_way = runs.iter().find(|run| run.name.is_some() && run.state(now) != RunState::Ended);
        if let Some((name, until)) = under_way.and_then(|run| Some((run.name.clone()?, run.ends_at?))) {
            return Err(RunRefusal::Underway { name, until: moment::format(until) });
        }
        let [id, follower] = ids;
        let declaration = Declaration { id, follower, name: request.name.clone(), declared_at: now, lasts: request.lasts, margins };
        Ok(Declared::New(declaration))
    }

    /// The run that `choice` means, and what is to be recorded so that it ends now; nothing where it is over.
    ///
    /// # Errors
    /// [`RunRefusal::Unknown`].
    pub fn end(&self, choice: &RunChoice, now: OffsetDateTime, follower: Uuid) -> Result<(Uuid, Option<Ending>), RunRefusal> {
        let runs = self.runs(now);
        let run = find(&runs, choice, now)?;
        let goes_on = run.state(now) != RunState::Ended && !run.id.is_nil();
        Ok((run.id, goes_on.then_some(Ending { follower, run: run.id, ended_at: now })))
    }

    /// What is to be recorded so that minutes are left out: of the run `choice` means, or, without one, of whichever they belong to.
    ///
    /// # Errors
    /// [`RunRefusal`].
    pub fn exclude(
        &self,
        choice: Option<&RunChoice>,
        request: ExclusionRequest,
        recorded_at: OffsetDateTime,
    ) -> Result<Exclusion, RunRefusal> {
        let ExclusionRequest { from, to, reason } = request;
        if from >= to || to - from > MAX_LENGTH {
            return Err(RunRefusal::BadExclusion);
        }
        if reason.trim().is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
            return Err(RunRefusal::BadReason);
        }
        if let Some(choice) = choice {
            let runs = self.runs(recorded_at);
            let run = find(&runs, choice, recorded_at)?;
            if !run.overlaps(from, to) {
                return Err(RunRefusal::OutsideRun(run.title()));
            }
        }
        Ok(Exclusion { from, to, reason, recorded_at })
    }
}
