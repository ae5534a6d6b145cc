//! The report as a document: what it is made of beside the parts that have rooms of their own. Must not know how any part is made.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::checks::Checks;
use super::cost::CostReport;
use super::gathered::{Gathered, burn_in_seconds};
use super::metric_name::MetricName;
use super::metrics::{Metric, Sensitivity, Withheld};
use super::outcomes::{CountedFrom, Failures};
use super::routes::RouteComparison;
use super::verdict::Verdict;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::break_even::{PlanQuestion, PlansDocument, TrafficBasis, TrafficShape, compare_plans};
use crate::domain::pairs::Excluded;
use crate::domain::plan::Plan;
use crate::domain::price::PriceBook;
use crate::domain::probe::ProbeOutcomes;
use crate::domain::run::RunDocument;
use crate::domain::schedule::Rule;
use crate::domain::window::BurnIn;

/// The whole comparison. Differences are odd less even, latencies are in milliseconds, rates are shares of 1.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Report {
    /// When the report was made.
    #[serde(with = "time::serde::rfc3339")]
    pub generated_at: OffsetDateTime,
    /// First instant compared.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// End of the compared range, exclusive.
    #[serde(with = "time::serde::rfc3339")]
    pub to: OffsetDateTime,
    /// The run whose minutes these are; null where there is none, or several.
    pub run: Option<RunDocument>,
    /// The runs that the minutes asked for span, where there are several: none of them is compared.
    pub spanned_runs: Vec<RunDocument>,
    /// Which minutes belong to which arm.
    pub schedule: ScheduleSummary,
    /// Whether both arms are one instance, so that no difference is expected.
    pub aa_run: bool,
    /// What each arm served.
    pub arms: ByArm<ArmSummary>,
    /// What the comparison rests on.
    pub data: DataSummary,
    /// The checks that come before any verdict.
    pub checks: Checks,
    /// The comparison, metric by metric, at the burn-in of the schedule above: the declared one, or 20 s where carry-over was flagged.
    pub metrics: Vec<Metric>,
    /// Metrics that are held back, and why.
    pub withheld: Vec<Withheld>,
    /// The same metrics with more or less trimmed from the windows' edges.
    pub sensitivity: Vec<Sensitivity>,
    /// Each route's calls and latencies in the last day of the run, as exploration: the verdict rests on all of them together.
    pub by_route: Vec<RouteComparison>,
    /// Observed and projected cost.
    pub cost: CostReport,
    /// The traffic measured, for what it would cost on every plan; none without a call in a pair.
    #[serde(skip)]
    #[schema(ignore)]
    pub traffic: Option<TrafficShape>,
    /// Unit prices, for the same.
    #[serde(skip)]
    #[schema(ignore)]
    pub price_book: PriceBook,
    /// Supervision from outside; absent where there was none.
    pub probes: Option<ProbeOutcomes>,
    /// Which plan is worth its price.
    pub verdict: Verdict,
    /// The report in plain words, one statement each.
    pub summary: Vec<String>,
}

impl Report {
    /// A month of the traffic measured on each of `plans`, or on all of the catalogue where none is named; none without a call in a pair.
    #[must_use]
    pub fn plans(&self, plans: Vec<Plan>, calls_per_day: Option<f64>, region: Option<&str>) -> Option<PlansDocument> {
        Some(compare_plans(&self.plan_question(plans, calls_per_day, region)?, self.generated_at.date()))
    }

    /// The question that [`Report::plans`] answers.
    #[must_use]
    pub fn plan_question(&self, plans: Vec<Plan>, calls_per_day: Option<f64>, region: Option<&str>) -> Option<PlanQuestion> {
        let measured = self.traffic.as_ref()?;
        let measured_calls_per_day = Some(measured.calls_per_day());
        let scaled = calls_per_day.map(|calls| measured.scaled(calls / measured.calls_per_day()));
        Some(PlanQuestion {
            basis: if scaled.is_some() { TrafficBasis::Scaled } else { TrafficBasis::Measured },
            traffic: scaled.unwrap_or_else(|| measured.clone()),
            measured_calls_per_day,
            prices: self.price_book.clone(),
            region: region.unwrap_or(&self.cost.region).to_owned(),
            plans,
            arms: Some([self.arms.even.plan, self.arms.odd.plan]).filter(|[even, odd]| even != odd),
        })
    }

    /// The metric called `name` at the declared burn-in.
    #[must_use]
    pub fn metric(&self, name: MetricName) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// The schedule as the report shows it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ScheduleSummary {
    /// The rule.
    pub rule: Rule,
    /// How long a minute lasts: 60 s but in a development system.
    pub minute_seconds: f64,
    /// What was trimmed from each edge of a window.
    pub burn_in_seconds: f64,
}

/// One arm's totals over all its windows, paired or not.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ArmSummary {
    /// What it ran on.
    pub plan: Plan,
    /// Minutes of its own in which it was seen.
    pub windows: u64,
    /// Calls served in them.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Calls served in the other arm's minutes: failovers and late arrivals.
    pub off_schedule_calls: u64,
    /// Times a worker began to serve.
    pub cold_starts: u64,
    /// Supervision probes, which no other number includes.
    pub probes: u64,
    /// Calls without a valid ticket where tickets are in use, which no other number includes.
    pub unrouted_calls: u64,
    /// Windows that a worker left without its last seconds.
    pub unclosed_windows: u64,
    /// How calls scheduled to it failed, over the pairs compared.
    pub failures: Failures,
}

/// What the comparison rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct DataSummary {
    /// Stored rows read: one for each minute, arm and worker.
    pub rows: u64,
    /// Rows that could not be read or came out of order.
    pub unreadable_rows: u64,
    /// First instant of the first window seen.
    #[serde(with = "time::serde::rfc3339::option")]
    pub first_window: Option<OffsetDateTime>,
    /// First instant after the last window seen.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_window_end: Option<OffsetDateTime>,
    /// Pairs compared.
    pub pairs: usize,
    /// Pairs in which an arm served no call: they count for failures, not for latency.
    pub idle_pairs: usize,
    /// From what failures are counted.
    pub failures_counted_from: CountedFrom,
    /// Minutes in no pair.
    pub excluded: Excluded,
}

impl ScheduleSummary {
    /// The schedule, and the burn-in of the headline figures.
    pub(super) fn of(gathered: &Gathered, burn_in: BurnIn) -> Self {
        let schedule = gathered.schedule();
        ScheduleSummary {
            rule: schedule.rule(),
            minute_seconds: schedule.minute_length().as_secs_f64(),
            burn_in_seconds: burn_in_seconds(schedule, burn_in),
        }
    }
}

impl ArmSummary {
    /// What `arm` served.
    pub(super) fn of(gathered: &Gathered, arm: Arm) -> Self {
        let totals = &gathered.totals[arm];
        ArmSummary {
            plan: gathered.inputs.plans[arm],
            windows: totals.windows,
            calls: totals.calls,
            server_errors: totals.server_errors,
            off_schedule_calls: totals.off_schedule_calls,
            cold_starts: totals.cold_starts,
            probes: totals.probes,
            unrouted_calls: totals.unrouted,
            unclosed_windows: totals.unclosed,
            failures: gathered.outcomes.failures[arm],
        }
    }
}

impl DataSummary {
    /// What was read and paired.
    pub(super) fn of(gathered: &Gathered) -> Self {
        let (schedule, pairs) = (gathered.schedule(), gathered.outcomes.pairs.len());
        DataSummary {
            rows: gathered.rows,
            unreadable_rows: gathered.unreadable_rows,
            first_window: gathered.seen.map(|(first, _)| schedule.starts_at(first)),
            last_window_end: gathered.seen.map(|(_, last)| schedule.starts_at(last.next())),
            pairs,
            idle_pairs: pairs - gathered.series.busy_pairs(),
            failures_counted_from: gathered.outcomes.counted_from,
            excluded: gathered.outcomes.excluded,
        }
    }
}
