//! Whether anything but the plans follows the minute's parity. Must not know what else might.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::figures::{decimals, difference};
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::metrics::Metric;
use crate::domain::schedule::Rule;

/// What follows the minute's parity.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MinuteConfound {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// z of the mean latency's difference between the two mappings; present under `mirrored` alone.
    pub z: Option<f64>,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered, metrics: &[Metric]) -> MinuteConfound {
    match gathered.schedule().rule() {
        Rule::Parity => {
            let summary = "under plain parity, anything that happens every second minute (a job on even minutes, say) looks exactly like \
                           a difference between the plans and can't be told apart; the mirrored schedule can tell";
            MinuteConfound { status: Status::Warning, summary: summary.to_owned(), z: None }
        }
        Rule::Mirrored => between_mappings(metrics),
        Rule::Random(_) => {
            let summary = "the order of each pair is drawn, so nothing that happens every second minute favours an arm";
            MinuteConfound { status: Status::Passed, summary: summary.to_owned(), z: None }
        }
    }
}

/// What differs between the mappings that a mirrored schedule swaps.
fn between_mappings(metrics: &[Metric]) -> MinuteConfound {
    let latency = metrics.iter().find(|metric| metric.name == MetricName::LatencyMean);
    let Some(confound) = latency.and_then(|metric| metric.confound) else {
        let summary = "there are not yet ten pairs of both mappings: the mirrored schedule swaps them every hour".to_owned();
        return MinuteConfound { status: Status::Unknown, summary, z: None };
    };
    let size = format!("{}, z = {}", difference(MetricName::LatencyMean.unit(), confound.difference), decimals(confound.z, 2));
    let (status, summary) = if confound.flagged {
        (Status::Warning, format!("something follows the minute's parity ({size}); the mirrored schedule took it out of the comparison"))
    } else {
        (Status::Passed, format!("nothing follows the minute's parity ({size})"))
    };
    MinuteConfound { status, summary, z: Some(confound.z) }
}
