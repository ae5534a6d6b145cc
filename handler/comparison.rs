//! The report's way from the store to a value: which windows, decisions, prices and charges go in.
//!
//! Must not know formulas (the domain's), SQL (the store's), nor how a report is shown.

use std::num::NonZeroU32;
use std::sync::Arc;

use time::{Date, OffsetDateTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;
use crate::config::comparison::ComparisonConfig;
use crate::domain::arm::ByArm;
use crate::domain::draw::Seed;
use crate::domain::minute_range::MinuteRange;
use crate::domain::price::PriceBook;
use crate::domain::report::{Accumulator, Inputs, Report, assemble};
use crate::domain::run::{Exclusion, Run, RunChoice, RunDocument, RunLog, RunRefusal, find};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::statistics::Validity;
use crate::domain::timeline::{Timeline, TimelineBuilder};
use crate::domain::window::BurnIn;
use crate::store::writing::interval;
use crate::store::{Store, StoreError};

/// Windows are compared once this many writing intervals have passed since their end.
const SETTLED_TURNS: u32 = 5;
/// Minutes at the end of a range whose calls are compared by route: a day of real ones.
const MAX_ROUTE_MINUTES: i64 = 1_440;
/// Minutes read at a time, a month of real ones: what a report holds of each of them until all is known.
const PART_MINUTES: NonZeroU32 = NonZeroU32::new(30 * 1_440).expect("positive");
/// What is compared by default: the last day.
const DEFAULT_RANGE: time::Duration = time::Duration::DAY;

/// Reports that may wait for the one being made; whoever comes after them is told to come back.
const MAX_WAITING: usize = 4;

/// What a comparison may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportQuery {
    /// The run; without one and without a range, the current one.
    pub run: Option<RunChoice>,
    /// Start of the range; the run's where a run is named, else a day before `to`.
    pub from: Option<OffsetDateTime>,
    /// End of the range, exclusive; the run's where a run is named, else now.
    pub to: Option<OffsetDateTime>,
    /// Only so much of the end of it.
    pub last: Option<time::Duration>,
    /// What is trimmed from the windows' edges in the headline figures.
    pub burn_in: BurnIn,
}

/// What people look at.
#[derive(Debug)]
pub struct Overview {
    /// The comparison.
    pub report: Report,
    /// Its last minutes.
    pub timeline: Timeline,
    /// Every run, newest first.
    pub runs: Vec<RunDocument>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such run.
    #[error(transparent)]
    NoSuchRun(RunRefusal),
    /// A run's minutes can't be told apart without the seed its schedule was drawn from.
    #[error("{0} was drawn from a seed that is not known here: set SWITCHBACK_SCHEDULE_SEED to it")]
    SeedUnknown(String),
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

/// What a report compares.
struct Subject {
    range: MinuteRange,
    /// The run whose minutes these are; several, where none is compared.
    runs: Vec<RunDocument>,
    /// Minutes left out, from and up to.
    excluded: Vec<(Minute, Minute)>,
}

impl Subject {
    /// Whether the minutes asked for are several runs', so that nothing is compared.
    fn spans_runs(&self) -> bool {
        self.runs.len() > 1
    }
}

/// A range asked for: up to `latest` at most, and a day long where no start is named.
fn bounded(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>, latest: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
    let to = to.map_or(latest, |to| to.min(latest));
    (from.unwrap_or(to - DEFAULT_RANGE), to)
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
        let (from, to) = bounded(from, to, settled);
        MinuteRange::new(self.schedule, self.schedule.minute_at(from), self.schedule.minute_at(to))
    }

    /// The minutes of a range, the current one included: not yet whole, but worth seeing.
    #[must_use]
    pub fn minutes_so_far(&self, from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> MinuteRange {
        let (from, to) = bounded(from, to, self.clock.now());
        MinuteRange::new(self.schedule, self.schedule.minute_at(from), self.schedule.minute_at(to).next())
    }

    /// The report of what is asked for.
    ///
    /// # Errors
    /// [`ComparisonError`].
    pub async fn report(&self, query: &ReportQuery) -> Result<Report, ComparisonError> {
        let (place, subject, _) = self.admitted(query).await?;
        self.compare(subject, query.burn_in, place).await
    }

    /// The report of what is asked for, with its last minutes and every run there is.
    ///
    /// # Errors
    /// [`ComparisonError`].
    pub async fn overview(&self, query: &ReportQuery) -> Result<Overview, ComparisonError> {
        let (place, subject, log) = self.admitted(query).await?;
        let range = if subject.spans_runs() { subject.range.last(0) } else { subject.range };
        let report = self.compare(subject, query.burn_in, place).await?;
        let timeline = self.timeline(range).await?;
        Ok(Overview { report, timeline, runs: log.documents(self.clock.now()) })
    }

    /// A place among the reports that are made or wait, with what is to be compared, and every run there is.
    async fn admitted(&self, query: &ReportQuery) -> Result<(OwnedSemaphorePermit, Subject, RunLog), ComparisonError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ComparisonError::Busy)?;
        let log = self.store.run_log().await?;
        Ok((place, self.subject(query, &log)?, log))
    }

    /// Unit prices in use, and the day they are seen on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prices(&self) -> Result<(PriceBook, Date), StoreError> {
        let today = self.clock.now().date();
        Ok((PriceBook::in_use(self.store.prices().await?, &self.config.price_overrides, today), today))
    }

    /// The region prices are looked up in where none is named.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.config.region
    }

    /// Which minutes are compared, of which run. A range that spans several runs compares none of them.
    fn subject(&self, query: &ReportQuery, log: &RunLog) -> Result<Subject, ComparisonError> {
        let now = self.clock.now();
        let runs: Vec<Run> = log.runs(now).into_iter().filter(|run| run.ends_at != Some(run.starts_at)).collect();
        let chosen: Vec<&Run> = match (&query.run, query.from.or(query.to)) {
            (Some(choice), _) => {
                let run = find(&runs, choice, now);
                vec![run.ok_or_else(|| ComparisonError::NoSuchRun(RunRefusal::Unknown(choice.to_string())))?]
            }
            (None, None) => find(&runs, &RunChoice::Current, now).into_iter().collect(),
            (None, Some(_)) => {
                let (from, to) = bounded(query.from, query.to, now);
                runs.iter().filter(|run| run.overlaps(from, to)).collect()
            }
        };
        let documents = chosen.iter().map(|run| RunDocument::of(run, log, now)).collect();
        let [run] = chosen[..] else {
            return Ok(Subject { range: self.minutes(query.from, query.to), runs: documents, excluded: Vec::new() });
        };
        let schedule = self.schedule_of(run, log)?;
        let settled = now - interval(&schedule) * SETTLED_TURNS;
        let end = [run.ends_at, query.to, Some(settled)].into_iter().flatten().min().unwrap_or(settled);
        let last = query.last.map(|length| end - length);
        let start = [query.from, last].into_iter().flatten().fold(run.starts_at, OffsetDateTime::max);
        // A run that is about to begin has no minute yet.
        let range = MinuteRange::new(schedule, schedule.minute_at(start), schedule.minute_at(end.max(start)));
        let whole = range.starts_at() == run.starts_at && Some(range.ends_at()) == run.ends_at;
        let validity = if whole { run.validity(now) } else { Validity::AnyTime };
        let document = RunDocument { validity, ..RunDocument::of(run, log, now) };
        let whole_pairs = |exclusion: &Exclusion| {
            let [from, to] = [schedule.pair_start(exclusion.from), schedule.next_whole_pair(exclusion.to)];
            (schedule.minute_at(from), schedule.minute_at(to))
        };
        let excluded = document.exclusions.iter().map(whole_pairs).collect();
        Ok(Subject { range, runs: vec![document], excluded })
    }

    /// The schedule a run was served under.
    fn schedule_of(&self, run: &Run, log: &RunLog) -> Result<Schedule, ComparisonError> {
        let Some(set_up) = &run.set_up else { return Ok(self.schedule) };
        let own = self.schedule.rule().seed().into_iter().chain(self.config.seed);
        let seeds: Vec<Seed> = own.chain(log.shown_seeds.iter().copied()).collect();
        set_up.schedule.schedule(&seeds).ok_or_else(|| ComparisonError::SeedUnknown(run.title()))
    }

    async fn compare(&self, subject: Subject, burn_in: BurnIn, place: OwnedSemaphorePermit) -> Result<Report, ComparisonError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let (range, spans_runs) = (subject.range, subject.spans_runs());
        let mut accumulator = Accumulator::new(self.inputs(subject, burn_in).await?);
        if !spans_runs {
            self.read(range, &mut accumulator).await?;
        }
        let now = self.clock.now();
        // Seconds of arithmetic for a year of windows: not on a thread that serves calls.
        let arithmetic = tokio::task::spawn_blocking(move || {
            // Kept until the arithmetic ends, which it does even when nobody waits for it any more.
            let _held = (turn, place);
            assemble(&accumulator.finish(), now)
        });
        arithmetic.await.map_err(ComparisonError::Arithmetic)
    }

    async fn read(&self, range: MinuteRange, accumulator: &mut Accumulator) -> Result<(), ComparisonError> {
        // A range may begin long before anything was stored.
        let seen = self.store.first_seen(range).await?.map(|first| range.starting_no_earlier_than(first));
        for part in seen.into_iter().flat_map(|range| range.parts(PART_MINUTES)) {
            // Read beside the windows.
            let store = self.store.clone();
            let decisions = AbortOnDropHandle::new(tokio::spawn(async move {
                let mut counts = Vec::new();
                store.observe_decisions(part, |count| counts.push(*count)).await.map(|()| counts)
            }));
            self.store.observe_windows(part, |window| accumulator.observe(window)).await?;
            let decisions = decisions.await.map_err(ComparisonError::Decisions)??;
            decisions.iter().for_each(|count| accumulator.decision(count));
            accumulator.settle(part.to);
        }
        self.store.observe_routes(range.last(MAX_ROUTE_MINUTES), |count| accumulator.route(count)).await?;
        Ok(())
    }

    /// The last minutes of `range`, up to the last in which anything was counted.
    async fn timeline(&self, mut range: MinuteRange) -> Result<Timeline, StoreError> {
        // Decisions may go on when no arm serves any more: half a timeline of them is shown.
        if let Some(last) = self.store.last_window(range).await? {
            range = range.ending_no_later_than(Minute(last.0.saturating_add(TimelineBuilder::MAX_MINUTES / 2)));
        }
        let mut timeline = TimelineBuilder::new(range);
        let range = timeline.range();
        self.store.observe_decisions(range, |count| timeline.decision(count)).await?;
        self.store.observe_windows(range, |window| timeline.observe(window)).await?;
        Ok(timeline.finish())
    }

    async fn inputs(&self, Subject { range, runs, excluded }: Subject, burn_in: BurnIn) -> Result<Inputs, StoreError> {
        let config = &self.config;
        let (starts_at, ends_at) = (range.starts_at(), range.ends_at());
        let (prices, _) = self.prices().await?;
        // What the run was served with, which this process need not be served with any more.
        let set_up = runs.first().filter(|_| runs.len() == 1).and_then(|run| run.set_up.clone());
        let (plans, instances, region, margins, resource_ids, shared_resource_ids) = match &set_up {
            Some(set_up) => {
                let arms = set_up.arms.as_ref();
                let ids = arms.map(|arm| arm.resource_ids.clone());
                let region = set_up.arms.even.region.clone();
                (arms.map(|arm| arm.plan), arms.map(|arm| arm.instances), region, set_up.margins, ids, set_up.shared_resource_ids.clone())
            }
            None => {
                let (ids, shared) = (config.resource_ids.clone(), config.shared_resource_ids.clone());
                (config.plans, config.instances, config.region.clone(), config.margins, ids, shared)
            }
        };
        let charged = |ids: Vec<String>| async move { self.store.charged(&ids, starts_at, ends_at).await };
        Ok(Inputs {
            instances,
            region,
            prices,
            margins,
            burn_in,
            aa_run: match &set_up {
                Some(set_up) => set_up.aa_run,
                None => self.store.one_worker_serves_both_arms(range).await?,
            },
            charges: ByArm { even: charged(resource_ids.even).await?, odd: charged(resource_ids.odd).await? },
            shared_charges: charged(shared_resource_ids).await?,
            probes: self.store.probe_outcomes(starts_at, ends_at).await?,
            probe_latencies: self.store.probe_latencies(starts_at, ends_at).await?,
            runs,
            excluded,
            ..Inputs::new(range, plans)
        })
    }
}

#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod tests;
