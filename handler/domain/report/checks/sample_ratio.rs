//! Whether both arms got as many calls a window. Must not know what became of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::ByArm;
use crate::domain::figures::{decimals, probability};
use crate::domain::pairs::Mapping;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metrics::Pooling;
use crate::domain::statistics::{Influence, SeriesEstimator};
use crate::domain::window::BurnIn;

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
    let series = &gathered.series;
    let mappings: Vec<Mapping> = series.mappings.clone();
    let pooled = Pooling::of(gathered.schedule().rule(), mappings.iter().copied()).fit(&mappings, |mapping| {
        let own = series.pairs(BurnIn::None).filter(|(own, _)| mapping.is_none_or(|mapping| mapping == *own));
        Influence::of_mean(&own.map(|(_, row)| f64::from(row.calls.odd) - f64::from(row.calls.even)).collect::<Vec<_>>())
    });
    let Some(estimate) = pooled.and_then(|pooled| pooled.effect.estimate(&mut SeriesEstimator::default())) else {
        let summary = "there are fewer than three pairs of windows".to_owned();
        return SampleRatio { status: Status::Unknown, summary, calls_per_window: None, p_value: None };
    };
    let calls = series.calls(BurnIn::None).map(|calls| calls as f64 / series.len() as f64);
    let p = estimate.p_value();
    let numbers = format!("{} calls a window on even, {} on odd, p = {}", decimals(calls.even, 1), decimals(calls.odd, 1), probability(p));
    let reach = estimate.half_width(gathered.inputs.validity(), ALPHA);
    let (status, summary) = if reach.is_some_and(|reach| estimate.mean.abs() > reach) {
        (
            Status::Failed,
            format!("the arms do not get the same number of calls: {numbers}; callers may wait for answers, or calls get lost"),
        )
    } else {
        (Status::Passed, format!("both arms get the same number of calls: {numbers}"))
    };
    SampleRatio { status, summary, calls_per_window: Some(calls), p_value: Some(p) }
}
