//! The five checks that stand above any verdict. Must not know the verdict.

use serde::Serialize;

use super::accumulator::Gathered;
use super::metrics::{Metric, MetricName, by_mapping};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{Unit, count, counted, decimals, difference, probability, share as shown};
use crate::domain::pairs::Mapping;
use crate::domain::schedule::Rule;
use crate::domain::statistics::Estimate;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Passed,
    /// Something the reader must know; the verdict stands.
    Warning,
    /// The comparison can't be trusted; no verdict.
    Failed,
    /// There is not enough to check.
    Unknown,
}

/// All five, in the order they are shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checks {
    /// Every redirect went to its minute's arm, but for recorded failovers.
    pub conformance: Conformance,
    /// Both arms got as many calls a window.
    pub sample_ratio: SampleRatio,
    /// Redirected calls arrived.
    pub follow_through: FollowThrough,
    /// Nothing else follows the minute's parity.
    pub minute_confound: MinuteConfound,
    /// What cold starts this run can show.
    pub cold_starts: ColdStarts,
}

impl Checks {
    /// Each check's title, status and what it says.
    #[must_use]
    pub fn list(&self) -> [(&'static str, Status, &str); 5] {
        [
            ("conformance", self.conformance.status, &self.conformance.summary),
            ("sample ratio", self.sample_ratio.status, &self.sample_ratio.summary),
            ("follow-through", self.follow_through.status, &self.follow_through.summary),
            ("minute confound", self.minute_confound.status, &self.minute_confound.summary),
            ("cold starts", self.cold_starts.status, &self.cold_starts.summary),
        ]
    }

    /// Whether a check failed.
    #[must_use]
    pub fn any_failed(&self) -> bool {
        self.list().iter().any(|(_, status, _)| *status == Status::Failed)
    }
}

/// Check 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conformance {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Decisions taken.
    pub decisions: u64,
    /// Those for the minute's own arm.
    pub on_schedule: u64,
    /// Recorded failovers.
    pub failed_over: u64,
    /// Calls no arm could take.
    pub unavailable: u64,
    /// Calls sent to the wrong arm without a recorded failover.
    pub violations: u64,
    /// Share of decisions that follow the rule, recorded failovers included.
    pub conforming_share: Option<f64>,
}

/// Check 2.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleRatio {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Mean calls a window of each arm.
    pub calls_per_window: Option<ByArm<f64>>,
    /// p-value of the paired t on calls a window.
    pub p_value: Option<f64>,
}

/// Check 3.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowThrough {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Redirects sent to each arm.
    pub redirected: ByArm<u64>,
    /// Calls that arrived at each arm.
    pub arrived: ByArm<u64>,
    /// Arrived by redirected.
    pub share: ByArm<Option<f64>>,
}

/// Check 4.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MinuteConfound {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// z of the mean latency's difference between the two mappings; absent under `parity`.
    pub z: Option<f64>,
}

/// Check 5.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColdStarts {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Times a worker of each arm began to serve.
    pub counted: ByArm<u64>,
}

const SAMPLE_RATIO_P: f64 = 0.001;
const FOLLOW_THROUGH_FAILED: f64 = 0.95;
const FOLLOW_THROUGH_WARNING: f64 = 0.001;

pub(super) fn all(gathered: &Gathered, metrics: &[Metric]) -> Checks {
    Checks {
        conformance: conformance(gathered),
        sample_ratio: sample_ratio(gathered),
        follow_through: follow_through(gathered),
        minute_confound: minute_confound(gathered, metrics),
        cold_starts: cold_starts(gathered),
    }
}

fn conformance(gathered: &Gathered) -> Conformance {
    let routed = &gathered.routed;
    let decisions = routed.on_schedule + routed.failed_over + routed.unavailable + routed.violations;
    let (status, summary) = match (decisions, routed.violations, routed.failed_over + routed.unavailable) {
        (0, _, _) => (Status::Unknown, "no routing decision was recorded in this time".to_owned()),
        (_, 0, 0) => (Status::Passed, format!("{} sent, each to the arm of its minute", counted(decisions, "redirect"))),
        (_, 0, _) => {
            let mut exceptions = vec![counted(routed.failed_over, "recorded failover")];
            if routed.unavailable > 0 {
                exceptions.push(format!("{} no arm could take", counted(routed.unavailable, "call")));
            }
            let exceptions = exceptions.join(" and ");
            let summary = format!("every redirect went to the arm of its minute, but for {exceptions}; their minutes are not compared");
            (Status::Passed, summary)
        }
        (_, violations, _) => (
            Status::Failed,
            format!("{} of {} went to the wrong arm without a recorded failover", count(violations), counted(decisions, "redirect")),
        ),
    };
    let conforming_share = (decisions > 0).then(|| 1.0 - routed.violations as f64 / decisions as f64);
    Conformance {
        status,
        summary,
        decisions,
        on_schedule: routed.on_schedule,
        failed_over: routed.failed_over,
        unavailable: routed.unavailable,
        violations: routed.violations,
        conforming_share,
    }
}

fn sample_ratio(gathered: &Gathered) -> SampleRatio {
    let rows = gathered.series.mappings.iter().copied().zip(&gathered.series.rows[0]);
    let differences: Vec<(Mapping, f64)> =
        rows.map(|(mapping, row)| (mapping, f64::from(row.calls.odd) - f64::from(row.calls.even))).collect();
    let Some((estimate, _)) = by_mapping(gathered.inputs.range.schedule.rule(), &differences, Estimate::of) else {
        let summary = "there are fewer than two pairs of windows".to_owned();
        return SampleRatio { status: Status::Unknown, summary, calls_per_window: None, p_value: None };
    };
    let calls = ByArm::build(|arm| {
        let calls: u64 = gathered.series.rows[0].iter().map(|row| u64::from(row.calls[arm])).sum();
        calls as f64 / gathered.series.len() as f64
    });
    let p = estimate.p_value();
    let numbers = format!("{} calls a window on even, {} on odd, p = {}", decimals(calls.even, 1), decimals(calls.odd, 1), probability(p));
    let (status, summary) = if p < SAMPLE_RATIO_P {
        (
            Status::Failed,
            format!("the arms do not get the same number of calls: {numbers}; callers may wait for answers, or calls get lost"),
        )
    } else {
        (Status::Passed, format!("both arms get the same number of calls: {numbers}"))
    };
    SampleRatio { status, summary, calls_per_window: Some(calls), p_value: Some(p) }
}

fn follow_through(gathered: &Gathered) -> FollowThrough {
    let redirected = gathered.routed.sent;
    let arrived = ByArm::build(|arm| {
        let totals = &gathered.totals[arm];
        totals.calls + totals.off_schedule_calls
    });
    let share = ByArm::build(|arm| (redirected[arm] > 0).then(|| arrived[arm] as f64 / redirected[arm] as f64));
    let shares: Vec<f64> = Arm::BOTH.iter().filter_map(|arm| share[*arm]).collect();
    let lowest = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = shares.iter().copied().fold(0.0, f64::max);
    // What a worker took with it, and what was sent to an arm before it was known to be down, is no caller's fault.
    let lost_windows = |arm: Arm| gathered.totals[arm].unclosed + gathered.failover_minutes[arm];
    let excused = |arm: Arm| {
        let totals = &gathered.totals[arm];
        lost_windows(arm) as f64 * totals.calls as f64 / totals.windows.max(1) as f64
    };
    let missing = |arm: &Arm| {
        let (redirected, arrived) = (redirected[*arm] as f64, arrived[*arm] as f64);
        redirected > 0.0 && (arrived + excused(*arm)) / redirected < FOLLOW_THROUGH_FAILED
    };
    let (status, summary) = if shares.is_empty() {
        (Status::Unknown, "no redirect was recorded in this time".to_owned())
    } else if Arm::BOTH.iter().any(missing) {
        (Status::Failed, format!("only {} of the redirects arrived at an arm: callers do not follow them", shown(lowest)))
    } else if highest > 1.0 + FOLLOW_THROUGH_WARNING {
        (Status::Warning, format!("{} of the redirects arrived: some callers go to an arm directly", shown(highest)))
    } else if lowest < 1.0 - FOLLOW_THROUGH_WARNING {
        let lost: u64 = Arm::BOTH.iter().map(|arm| lost_windows(*arm)).sum();
        let why = if lost > 0 { "; an arm was down or a worker lost in between" } else { "" };
        (Status::Warning, format!("{} of the redirects arrived at the arm with fewer{why}", shown(lowest)))
    } else {
        (Status::Passed, format!("at least {} of the redirects arrived at each arm", shown(lowest)))
    };
    FollowThrough { status, summary, redirected, arrived, share }
}

fn minute_confound(gathered: &Gathered, metrics: &[Metric]) -> MinuteConfound {
    if gathered.inputs.range.schedule.rule() == Rule::Parity {
        let summary = "under plain parity, anything that happens every second minute (a job on even minutes, say) looks exactly like a \
                       difference between the plans and can't be told apart; the mirrored schedule can tell";
        return MinuteConfound { status: Status::Warning, summary: summary.to_owned(), z: None };
    }
    let latency = metrics.iter().find(|metric| metric.name == MetricName::LatencyMean);
    let Some(confound) = latency.and_then(|metric| metric.confound) else {
        let summary = "there are not yet ten pairs of both mappings: the mirrored schedule swaps them every hour".to_owned();
        return MinuteConfound { status: Status::Unknown, summary, z: None };
    };
    let size = format!("{}, z = {}", difference(Unit::Milliseconds, confound.difference), decimals(confound.z, 2));
    let (status, summary) = if confound.flagged {
        (Status::Warning, format!("something follows the minute's parity ({size}); the mirrored schedule took it out of the comparison"))
    } else {
        (Status::Passed, format!("nothing follows the minute's parity ({size})"))
    };
    MinuteConfound { status, summary, z: Some(confound.z) }
}

fn cold_starts(gathered: &Gathered) -> ColdStarts {
    let counted = ByArm::build(|arm| gathered.totals[arm].cold_starts);
    let summary = format!(
        "workers that began to serve: {} on even, {} on odd; an arm rests for one minute at most while calls come in, too short for scaling to \
         zero to show: what a first call after a long silence waits is not measured here",
        count(counted.even),
        count(counted.odd)
    );
    ColdStarts { status: Status::Warning, summary, counted }
}
