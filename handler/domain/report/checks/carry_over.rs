//! Whether one minute's calls weigh on the next minute's arm: the difference of mean latency with and without the minutes' edges. Must not know
//! which of them the verdict uses.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::figures::{decimals, difference};
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::{Influence, SeriesEstimator};
use crate::domain::window::BurnIn;

/// |t| above which carry-over is flagged.
const FLAGGED_T: f64 = 2.0;

/// What trimming the minutes' edges changes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CarryOver {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// The difference of mean latency, odd less even, over whole minutes, less that without 20 s at each edge, ms.
    pub difference_ms: Option<f64>,
    /// That over its standard error.
    pub t: Option<f64>,
    /// Whether |t| > 2: the verdict then rests on figures without the minutes' edges.
    pub flagged: bool,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> CarryOver {
    let pairs = gathered.series.pairs(BurnIn::None).zip(gathered.series.pairs(BurnIn::Twenty));
    let busy = pairs.filter(|((_, whole), (_, trimmed))| whole.is_busy() && trimmed.is_busy());
    let changes: Vec<f64> = busy
        .map(|((_, whole), (_, trimmed))| (whole.mean_ms.odd - whole.mean_ms.even) - (trimmed.mean_ms.odd - trimmed.mean_ms.even))
        .collect();
    let found = Influence::of_mean(&changes).and_then(|changes| changes.estimate(&mut SeriesEstimator::default()));
    let Some(found) = found else {
        let summary = "there are fewer than three pairs with calls in the middle of both minutes".to_owned();
        return CarryOver { status: Status::Unknown, summary, difference_ms: None, t: None, flagged: false };
    };
    let t = if found.standard_error > 0.0 { found.mean / found.standard_error } else { 0.0 };
    let size = format!("{}, t = {}", difference(MetricName::LatencyMean.unit(), found.mean), decimals(t, 2));
    let flagged = t.abs() > FLAGGED_T;
    let (status, summary) = if flagged {
        let summary = "the minutes' edges differ from their middle";
        (Status::Warning, format!("{summary} ({size}), so every figure leaves a third of the minute out at each edge"))
    } else {
        (Status::Passed, format!("the minutes' edges differ no more between the arms than their middle does ({size})"))
    };
    CarryOver { status, summary, difference_ms: Some(found.mean), t: Some(t), flagged }
}
