//! Margins: how much worse the cheaper arm may be, declared before a run. Must not know how any metric is estimated.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::figures::{Unit, size_of_difference};
use super::report::MetricName;

/// Largest acceptable rise of each guarded metric; null where a metric is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Margins {
    /// Of the mean latency, ms.
    #[schema(example = 20.0)]
    pub latency_mean_ms: Option<f64>,
    /// Of p95 latency, ms.
    #[schema(example = 50.0)]
    pub latency_p95_ms: Option<f64>,
    /// Of p99 latency, ms.
    #[schema(example = 200.0)]
    pub latency_p99_ms: Option<f64>,
    /// Of the share of calls that fail, a share of 1.
    #[schema(example = 0.001)]
    pub failure_share: Option<f64>,
}

/// The metrics that may be guarded by a margin.
pub const GUARDED: [MetricName; 4] = [MetricName::LatencyMean, MetricName::LatencyP95, MetricName::LatencyP99, MetricName::FailureShare];

impl Default for Margins {
    fn default() -> Self {
        Margins { latency_mean_ms: Some(20.0), latency_p95_ms: Some(50.0), latency_p99_ms: Some(200.0), failure_share: Some(0.001) }
    }
}

impl Margins {
    /// Largest margin of a latency, ms.
    pub const MAX_LATENCY_MS: f64 = 600_000.0;

    /// The margin of one metric, in its unit; none where it is not judged.
    #[must_use]
    pub const fn of(&self, name: MetricName) -> Option<f64> {
        match name {
            MetricName::LatencyMean => self.latency_mean_ms,
            MetricName::LatencyP95 => self.latency_p95_ms,
            MetricName::LatencyP99 => self.latency_p99_ms,
            MetricName::ErrorRate | MetricName::FailureShare => self.failure_share,
            MetricName::LatencyP50 | MetricName::CostObserved | MetricName::CostProjected => None,
        }
    }

    /// These margins with those that `changed` sets.
    #[must_use]
    pub fn with(self, changed: &ChangedMargins) -> Self {
        Margins {
            latency_mean_ms: changed.latency_mean_ms.unwrap_or(self.latency_mean_ms),
            latency_p95_ms: changed.latency_p95_ms.unwrap_or(self.latency_p95_ms),
            latency_p99_ms: changed.latency_p99_ms.unwrap_or(self.latency_p99_ms),
            failure_share: changed.failure_share.unwrap_or(self.failure_share),
        }
    }

    /// Each guarded metric with its margin, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let one = |name: MetricName| match self.of(name) {
            Some(margin) => format!("{} of {}", size_of_difference(name.unit(), margin), name.title()),
            None => format!("{} not judged", name.title()),
        };
        GUARDED.map(one).join(", ")
    }
}

/// Margins that differ from those a set-up declares: absent keeps the set-up's, null judges the metric no more.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedMargins {
    /// Of the mean latency, ms.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 20.0)]
    pub latency_mean_ms: Option<Option<f64>>,
    /// Of p95 latency, ms.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 50.0)]
    pub latency_p95_ms: Option<Option<f64>>,
    /// Of p99 latency, ms.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 200.0)]
    pub latency_p99_ms: Option<Option<f64>>,
    /// Of the share of calls that fail, a share of 1.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 0.001)]
    pub failure_share: Option<Option<f64>>,
}

/// A margin is out of bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the margin of {metric} is not between 0 and {most}")]
pub struct MarginOutOfBounds {
    metric: &'static str,
    most: String,
}

impl ChangedMargins {
    /// Checks every margin that is set.
    ///
    /// # Errors
    /// The first one out of bounds.
    pub fn check(&self) -> Result<(), MarginOutOfBounds> {
        let margins = [self.latency_mean_ms, self.latency_p95_ms, self.latency_p99_ms, self.failure_share];
        for (name, margin) in GUARDED.into_iter().zip(margins) {
            let (most, words) = match name.unit() {
                Unit::Share => (1.0, "1".to_owned()),
                unit => (Margins::MAX_LATENCY_MS, size_of_difference(unit, Margins::MAX_LATENCY_MS)),
            };
            if margin.flatten().is_some_and(|margin| !(0.0..=most).contains(&margin)) {
                return Err(MarginOutOfBounds { metric: name.title(), most: words });
            }
        }
        Ok(())
    }
}

/// A field that is there, be it null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keeps_and_null_turns_off() {
        let changed: ChangedMargins = serde_json::from_str(r#"{"latency_p95_ms": 30, "latency_p99_ms": null}"#).unwrap();
        let margins = Margins::default().with(&changed);
        assert_eq!(
            GUARDED.map(|name| margins.of(name)),
            [Some(20.0), Some(30.0), None, Some(0.001)],
            "mean and failure share are the set-up's"
        );
        assert!(margins.in_words().contains("30.0 ms of p95 latency, p99 latency not judged"), "{}", margins.in_words());
        assert!(serde_json::from_str::<ChangedMargins>(r#"{"p95": 30}"#).is_err());
    }

    #[test]
    fn margins_out_of_bounds_are_refused_by_name() {
        let refused = |json: &str| serde_json::from_str::<ChangedMargins>(json).unwrap().check().map_err(|error| error.to_string());
        assert_eq!(refused(r#"{"failure_share": 1.5}"#), Err("the margin of failure share is not between 0 and 1".to_owned()));
        assert!(refused(r#"{"latency_mean_ms": -1}"#).unwrap_err().contains("mean latency"));
        assert_eq!(refused(r#"{"latency_mean_ms": 0, "failure_share": null}"#), Ok(()));
    }
}
