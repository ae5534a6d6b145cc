//! Whether as many calls a window were scheduled to both arms. Must not know what became of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::ByArm;
use crate::domain::figures::{decimals, probability};
use crate::domain::pairs::Mapping;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metrics::Pooling;
use crate::domain::statistics::{Influence, SeriesEstimator};

/// Probability of a failed check where the arms do get the same number of calls.
const ALPHA: f64 = 0.001;

/// Calls a window of each arm, compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SampleRatio {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Mean calls a window of each arm.
    pub calls_per_window: Option<ByArm<f64>>,
    /// p-value of no difference between the arms' calls a window, for one look.
    pub p_value: Option<f64>,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> SampleRatio {
    let pairs = &gathered.outcomes.pairs;
    let mappings: Vec<Mapping> = pairs.iter().map(|(mapping, _)| *mapping).collect();
    let pooled = Pooling::of(gathered.schedule().rule(), mappings.iter().copied()).fit(&mappings, |mapping| {
        let own = pairs.iter().filter(|(own, _)| mapping.is_none_or(|mapping| mapping == *own));
        Influence::of_mean(&own.map(|(_, pair)| f64::from(pair.odd.scheduled) - f64::from(pair.even.scheduled)).collect::<Vec<_>>())
    });
    let Some(estimate) = pooled.and_then(|pooled| pooled.effect.estimate(&mut SeriesEstimator::default())) else {
        let summary = "there are fewer than three pairs of windows".to_owned();
        return SampleRatio { status: Status::Unknown, summary, calls_per_window: None, p_value: None };
    };
    let calls = gathered.outcomes.failures.map(|failures| failures.scheduled as f64 / pairs.len() as f64);
    let p = estimate.p_value();
    let numbers = format!("{} calls a window on even, {} on odd, p = {}", decimals(calls.even, 1), decimals(calls.odd, 1), probability(p));
    let reach = estimate.half_width(gathered.inputs.validity(), ALPHA);
    let (status, summary) = if reach.is_some_and(|reach| estimate.mean.abs() > reach) {
        (Status::Failed, format!("the arms do not get the same number of calls: {numbers}; callers may wait for answers"))
    } else {
        (Status::Passed, format!("both arms get the same number of calls: {numbers}"))
    };
    SampleRatio { status, summary, calls_per_window: Some(calls), p_value: Some(p) }
}
