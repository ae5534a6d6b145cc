//! Whether both arms got as many calls a window. Must not know what became of them.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::ByArm;
use crate::domain::figures::{decimals, probability};
use crate::domain::pairs::Mapping;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metrics::{Pooling, by_mapping};
use crate::domain::report::series::PairRow;
use crate::domain::statistics::Estimate;
use crate::domain::window::BurnIn;

/// Below this p-value the arms do not get the same number of calls.
const MIN_P_VALUE: f64 = 0.001;

/// Calls a window of each arm, compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> SampleRatio {
    let series = &gathered.series;
    let difference = |(mapping, row): (Mapping, &PairRow)| (mapping, f64::from(row.calls.odd) - f64::from(row.calls.even));
    let differences: Vec<(Mapping, f64)> = series.pairs(BurnIn::None).map(difference).collect();
    let Some((estimate, _)) = by_mapping(Pooling::of(gathered.schedule().rule()), &differences, Estimate::of) else {
        let summary = "there are fewer than two pairs of windows".to_owned();
        return SampleRatio { status: Status::Unknown, summary, calls_per_window: None, p_value: None };
    };
    let calls = series.calls(BurnIn::None).map(|calls| calls as f64 / series.len() as f64);
    let p = estimate.p_value();
    let numbers = format!("{} calls a window on even, {} on odd, p = {}", decimals(calls.even, 1), decimals(calls.odd, 1), probability(p));
    let (status, summary) = if p < MIN_P_VALUE {
        (
            Status::Failed,
            format!("the arms do not get the same number of calls: {numbers}; callers may wait for answers, or calls get lost"),
        )
    } else {
        (Status::Passed, format!("both arms get the same number of calls: {numbers}"))
    };
    SampleRatio { status, summary, calls_per_window: Some(calls), p_value: Some(p) }
}
