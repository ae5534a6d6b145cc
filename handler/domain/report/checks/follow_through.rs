//! Whether redirected calls arrived. Must not know where they were due.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures;
use crate::domain::report::gathered::{Gathered, Totals};

/// An arm that fewer of its redirects reach fails the check.
const MIN_SHARE: f64 = 0.95;
/// A share further from 1 than this is worth a word.
const TOLERANCE: f64 = 0.001;

/// Calls that arrived, by redirects sent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> FollowThrough {
    let redirected = gathered.routed.sent;
    let arrived = gathered.totals.as_ref().map(Totals::served);
    let share = ByArm::build(|arm| (redirected[arm] > 0).then(|| arrived[arm] as f64 / redirected[arm] as f64));
    let shares: Vec<f64> = Arm::BOTH.iter().filter_map(|arm| share[*arm]).collect();
    let lowest = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = shares.iter().copied().fold(0.0, f64::max);
    // Calls lost in unclosed windows, and those sent to an arm before it was known to be down, are not lost by callers.
    let lost_windows = |arm: Arm| gathered.totals[arm].unclosed + gathered.failover_minutes(arm);
    let excused = |arm: Arm| {
        let totals = &gathered.totals[arm];
        lost_windows(arm) as f64 * totals.calls as f64 / totals.windows.max(1) as f64
    };
    let missing = |arm: &Arm| {
        let (redirected, arrived) = (redirected[*arm] as f64, arrived[*arm] as f64);
        redirected > 0.0 && (arrived + excused(*arm)) / redirected < MIN_SHARE
    };
    let (status, summary) = if shares.is_empty() {
        (Status::Unknown, "no redirect was recorded in this time".to_owned())
    } else if Arm::BOTH.iter().any(missing) {
        (Status::Failed, format!("only {} of the redirects arrived at an arm: callers do not follow them", figures::share(lowest)))
    } else if highest > 1.0 + TOLERANCE {
        (Status::Warning, format!("{} of the redirects arrived: some callers go to an arm directly", figures::share(highest)))
    } else if lowest < 1.0 - TOLERANCE {
        let lost: u64 = Arm::BOTH.iter().map(|arm| lost_windows(*arm)).sum();
        let why = if lost > 0 { "; an arm was down or a worker was lost meanwhile" } else { "" };
        (Status::Warning, format!("{} of the redirects arrived at the arm with the lower share{why}", figures::share(lowest)))
    } else {
        (Status::Passed, format!("at least {} of the redirects arrived at each arm", figures::share(lowest)))
    };
    FollowThrough { status, summary, redirected, arrived, share }
}
