//! Declaring and ending runs, leaving minutes out: what may be asked for, and what is refused. Must not know who asks.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::log::{Declaration, Ending, Exclusion, RunLog};
use super::name::{RunChoice, RunName};
use super::period::{RunState, find};
use crate::domain::margins::{ChangedMargins, MarginOutOfBounds};
use crate::domain::moment;

/// Most characters of a reason.
const MAX_REASON: usize = 200;
/// Longest declared run, and longest exclusion.
const MAX_LENGTH: Duration = Duration::days(400);

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
        let run = find(&runs, choice, now).ok_or_else(|| RunRefusal::Unknown(choice.to_string()))?;
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
            let run = find(&runs, choice, recorded_at).ok_or_else(|| RunRefusal::Unknown(choice.to_string()))?;
            if !run.overlaps(from, to) {
                return Err(RunRefusal::OutsideRun(run.title()));
            }
        }
        Ok(Exclusion { from, to, reason, recorded_at })
    }
}
