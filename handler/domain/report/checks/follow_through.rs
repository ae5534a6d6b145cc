//! Whether redirected calls arrived, at one arm as at the other. Must not know why one did not.
//!
//! Some callers follow no redirect, whichever arm it leads to; a loss that only one arm has is that arm's. So the arms' shares are compared, and
//! their level is only told.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::{interval, share};
use crate::domain::margins::Margins;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::metrics::{ALPHA, Interval, RatioPairs};
use crate::domain::statistics::{RatioTerm, SeriesEstimator};

/// A share further from 1 than this is worth a word.
const TOLERANCE: f64 = 0.001;

/// Calls that arrived, by redirects sent.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FollowThrough {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Redirects sent to each arm in its own minutes.
    pub redirected: ByArm<u64>,
    /// Calls that arrived at each arm in its own minutes.
    pub arrived: ByArm<u64>,
    /// Arrived by redirected.
    pub share: ByArm<Option<f64>>,
    /// Redirects that did not arrive, a share of those sent: the odd arm's less the even arm's.
    pub difference: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// A larger difference that is more than chance fails the check: half the margin of the failure share.
    pub allowed_difference: f64,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> FollowThrough {
    let margin = gathered.inputs.margins.failure_share.or(Margins::default().failure_share).unwrap_or(0.0);
    let pairs = &gathered.outcomes.pairs;
    let terms = pairs
        .iter()
        .map(|(mapping, pair)| (*mapping, pair.map(|arm| RatioTerm { numerator: arm.never_arrived.into(), denominator: arm.sent.into() })));
    let (rule, validity) = (gathered.schedule().rule(), gathered.inputs.validity());
    let mut estimator = SeriesEstimator::default();
    let compared = RatioPairs::new(terms).compare_shares(rule, MetricName::FailureShare, None, validity, &mut estimator);
    let sum = |of: &dyn Fn(Arm, usize) -> i64| ByArm::build(|arm| (0..pairs.len()).map(|pair| of(arm, pair)).sum::<i64>());
    let redirected = sum(&|arm, pair| pairs[pair].1[arm].sent.into());
    let missing = sum(&|arm, pair| pairs[pair].1[arm].never_arrived.into());
    let count = |calls: i64| u64::try_from(calls).unwrap_or(0);
    let mut found = FollowThrough {
        status: Status::Unknown,
        summary: "no redirect was recorded in this time".to_owned(),
        redirected: redirected.map(count),
        arrived: ByArm::build(|arm| count(redirected[arm] - missing[arm])),
        share: ByArm::build(|arm| (redirected[arm] > 0).then(|| 1.0 - missing[arm] as f64 / redirected[arm] as f64)),
        difference: compared.as_ref().map(|compared| compared.estimated.estimate.mean),
        interval: compared.and_then(|compared| compared.estimated.interval(validity, ALPHA)),
        allowed_difference: margin / 2.0,
    };
    if let Some(shares) = found.share.both() {
        (found.status, found.summary) = judge(shares, &found);
    }
    found
}

fn judge(shares: ByArm<f64>, found: &FollowThrough) -> (Status, String) {
    let arrived = format!("{} of the redirects to even arrived and {} of those to odd", share(shares.even), share(shares.odd));
    let apart = found.difference.is_some_and(|difference| difference.abs() > found.allowed_difference);
    let more_than_chance = found.interval.filter(|interval| interval.excludes_zero());
    if let Some(Interval { low, high }) = more_than_chance.filter(|_| apart) {
        let difference = interval(MetricName::FailureShare.unit(), low, high);
        return (Status::Failed, format!("{arrived}: one arm loses calls that the other does not (losses differ by {difference})"));
    }
    let highest = shares.even.max(shares.odd);
    if highest > 1.0 + TOLERANCE {
        (Status::Warning, format!("{arrived}: some callers go to an arm directly"))
    } else if shares.even.min(shares.odd) < 1.0 - TOLERANCE {
        (Status::Warning, format!("{arrived}: no more is lost on one arm than on the other, as far as can be told"))
    } else {
        (Status::Passed, arrived)
    }
}
