//! The report's way from the store to a value: which windows, decisions, prices and charges go in.
//!
//! Must not know formulas (the domain's), SQL (the store's), nor how a report is shown.

use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;
use crate::config::comparison::ComparisonConfig;
use crate::domain::arm::ByArm;
use crate::domain::minute_range::MinuteRange;
use crate::domain::price::PriceBook;
use crate::domain::report::{Accumulator, Inputs, Report, assemble};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::timeline::{Timeline, TimelineBuilder};
use crate::domain::window::BurnIn;
use crate::store::writing::interval;
use crate::store::{Store, StoreError};

/// Windows are compared once this many writing intervals have passed since their end.
const SETTLED_TURNS: u32 = 5;
/// What is compared by default: the last day.
const DEFAULT_RANGE: time::Duration = time::Duration::DAY;

/// Reports that may wait for the one being made; whoever comes after them is told to come back.
const MAX_WAITING: usize = 4;

/// What a comparison may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportQuery {
    /// Start of the range; a day before `to` by default.
    pub from: Option<OffsetDateTime>,
    /// End of the range, exclusive; now by default.
    pub to: Option<OffsetDateTime>,
    /// What is trimmed from the windows' edges in the headline figures.
    pub burn_in: BurnIn,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Enough reports wait already: this one may be asked for again shortly.
    #[error("too many reports at once")]
    Busy,
    /// The task that reads the router's decisions ended without them.
    #[error("the task that reads decisions failed")]
    Decisions(#[source] JoinError),
    /// The task that makes the report of what was read ended without it.
    #[error("the task that makes the report failed")]
    Arithmetic(#[source] JoinError),
}

/// Makes reports.
#[derive(Debug, Clone)]
pub struct Comparison {
    store: Store,
    schedule: Schedule,
    config: ComparisonConfig,
    clock: Arc<dyn Clock>,
    /// One report at a time: a long range takes all cores and some hundred MB of an instance whose calls are being measured.
    turn: Arc<Semaphore>,
    /// One place for the report being made, and those for the ones that wait.
    places: Arc<Semaphore>,
}

impl Comparison {
    /// Comparisons of what `store` holds of `schedule`.
    #[must_use]
    pub fn new(store: Store, schedule: Schedule, config: ComparisonConfig, clock: Arc<dyn Clock>) -> Self {
        let (turn, places) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(1 + MAX_WAITING)));
        Comparison { store, schedule, config, clock, turn, places }
    }

    /// The schedule windows are compared under.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The minutes of a range that have been over for long enough to be whole.
    #[must_use]
    pub fn minutes(&self, from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> MinuteRange {
        let settled = self.clock.now() - interval(&self.schedule) * SETTLED_TURNS;
        let to = to.map_or(settled, |to| to.min(settled));
        let from = from.unwrap_or(to - DEFAULT_RANGE);
        MinuteRange::new(self.schedule, self.schedule.minute_at(from), self.schedule.minute_at(to))
    }

    /// The minutes of a range, the current one included: not yet whole, but worth seeing.
    #[must_use]
    pub fn minutes_so_far(&self, from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> MinuteRange {
        let now = self.clock.now();
        let to = to.map_or(now, |to| to.min(now));
        let from = from.unwrap_or(to - DEFAULT_RANGE);
        MinuteRange::new(self.schedule, self.schedule.minute_at(from), self.schedule.minute_at(to).next())
    }

    /// The report of what is asked for.
    ///
    /// # Errors
    /// [`ComparisonError`].
    pub async fn report(&self, asked: ReportQuery) -> Result<Report, ComparisonError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ComparisonError::Busy)?;
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let range = self.minutes(asked.from, asked.to);
        let mut accumulator = Accumulator::new(self.inputs(range, asked.burn_in).await?);
        self.store.failovers(range).await?.iter().for_each(|count| accumulator.decision(count));
        // Read beside the windows, which need only the failovers before them.
        let store = self.store.clone();
        let decisions = AbortOnDropHandle::new(tokio::spawn(async move { store.scheduled_decisions(range).await }));
        self.store.observe_windows(range, |window| accumulator.observe(window)).await?;
        let decisions = decisions.await.map_err(ComparisonError::Decisions)??;
        decisions.iter().for_each(|count| accumulator.decision(count));
        let now = self.clock.now();
        // Seconds of arithmetic for a year of windows: not on a thread that serves calls.
        let arithmetic = tokio::task::spawn_blocking(move || {
            // Kept until the arithmetic ends, which it does even when nobody waits for it any more.
            let _held = (turn, place);
            assemble(&accumulator.finish(), now)
        });
        arithmetic.await.map_err(ComparisonError::Arithmetic)
    }

    /// The last minutes of what `report` compares, up to the last in which anything was counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn timeline(&self, report: &Report) -> Result<Timeline, StoreError> {
        let [from, to] = [report.from, report.to].map(|moment| self.schedule.minute_at(moment));
        // Decisions may go on when no arm serves any more: half a timeline of them is shown.
        let mut range = MinuteRange::new(self.schedule, from, to);
        if let Some(last) = self.store.last_window(range).await? {
            range = range.ending_no_later_than(Minute(last.0.saturating_add(TimelineBuilder::MAX_MINUTES / 2)));
        }
        let mut timeline = TimelineBuilder::new(range);
        let range = timeline.range();
        self.store.observe_decisions(range, |count| timeline.decision(count)).await?;
        self.store.observe_windows(range, |window| timeline.observe(window)).await?;
        Ok(timeline.finish())
    }

    async fn inputs(&self, range: MinuteRange, burn_in: BurnIn) -> Result<Inputs, StoreError> {
        let config = &self.config;
        let (starts_at, ends_at) = (range.starts_at(), range.ends_at());
        let prices = PriceBook::in_use(self.store.prices().await?, &config.price_overrides, self.clock.now().date());
        let charged = |ids: &[String]| {
            let ids = ids.to_vec();
            async move { self.store.charged(&ids, starts_at, ends_at).await }
        };
        Ok(Inputs {
            region: config.region.clone(),
            prices,
            margins: config.margins,
            burn_in,
            aa_run: self.store.one_worker_serves_both_arms(range).await?,
            charges: ByArm { even: charged(&config.resource_ids.even).await?, odd: charged(&config.resource_ids.odd).await? },
            shared_charges: charged(&config.shared_resource_ids).await?,
            probes: self.store.probe_outcomes(starts_at, ends_at).await?,
            ..Inputs::new(range, config.plans)
        })
    }
}

#[cfg(test)]
mod tests;
