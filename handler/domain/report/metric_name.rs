//! Which metrics there are, their units and names. Must not know how any is estimated.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::figures::Unit;
use crate::domain::listed::listed;

listed! {
    /// Names of the metrics; lower is better for all of them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum MetricName {
        /// Mean of the windows' mean latencies, ms.
        LatencyMean,
        /// Median latency, ms.
        LatencyP50,
        /// 95th percentile of latency, ms.
        LatencyP95,
        /// 99th percentile of latency, ms.
        LatencyP99,
        /// Calls answered 5xx, a share of those that arrived.
        ErrorRate,
        /// Calls that failed in any way, a share of those scheduled to the arm.
        FailureShare,
        /// List price of the run per 1,000 calls the arm served, USD, without free grants.
        CostObserved,
        /// List price per 1,000 calls if the arm's plan alone took all the traffic, USD, without free grants.
        CostProjected,
    }
}

impl MetricName {
    /// What the metric's figures are measured in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            MetricName::LatencyMean | MetricName::LatencyP50 | MetricName::LatencyP95 | MetricName::LatencyP99 => Unit::Milliseconds,
            MetricName::ErrorRate | MetricName::FailureShare => Unit::Share,
            MetricName::CostObserved | MetricName::CostProjected => Unit::UsdPer1000Calls,
        }
    }

    /// Whether it is money: judged alone, and no behaviour of an instance.
    #[must_use]
    pub const fn is_cost(self) -> bool {
        matches!(self, MetricName::CostObserved | MetricName::CostProjected)
    }

    /// Its place among the metrics that are told in sentences and at every burn-in; none where it stands in the table alone.
    #[must_use]
    pub const fn headline(self) -> Option<u8> {
        match self {
            MetricName::LatencyP95 => Some(0),
            MetricName::LatencyMean => Some(1),
            MetricName::FailureShare => Some(2),
            MetricName::ErrorRate
            | MetricName::LatencyP50
            | MetricName::LatencyP99
            | MetricName::CostObserved
            | MetricName::CostProjected => None,
        }
    }

    /// The metric's name in a sentence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            MetricName::LatencyMean => "mean latency",
            MetricName::LatencyP50 => "median latency",
            MetricName::LatencyP95 => "p95 latency",
            MetricName::LatencyP99 => "p99 latency",
            MetricName::ErrorRate => "error rate",
            MetricName::FailureShare => "failure share",
            MetricName::CostObserved => "observed cost per 1,000 calls",
            MetricName::CostProjected => "projected cost per 1,000 calls",
        }
    }
}
