//! Metrics: named, read on request, never pushed by whoever counts. Owns the registry and Prometheus' text format.
//!
//! Must not know what is counted.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// What kind of numbers a metric has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound; samples are named `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// One number of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What is added to the metric's name; empty but for histograms.
    pub suffix: &'static str,
    /// Labels that tell it from the metric's other numbers.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// The number.
    pub value: f64,
}

impl Sample {
    /// A number without labels.
    #[must_use]
    pub const fn plain(value: f64) -> Self {
        Sample { suffix: "", labels: Vec::new(), value }
    }

    /// A number with one label.
    #[must_use]
    pub fn labelled(label: &'static str, name: impl Into<Cow<'static, str>>, value: f64) -> Self {
        Sample { suffix: "", labels: vec![(label, name.into())], value }
    }
}

type Read = Arc<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// One metric.
#[derive(Clone)]
pub struct RegisteredMetric {
    /// Its name by Prometheus' conventions: it ends with the unit or, for counters, with `_total`.
    pub name: &'static str,
    /// Its help text.
    pub help: &'static str,
    /// What kind of numbers it has.
    pub kind: MetricKind,
    read: Read,
}

impl RegisteredMetric {
    /// Its current values.
    #[must_use]
    pub fn read(&self) -> Vec<Sample> {
        (self.read)()
    }
}

impl std::fmt::Debug for RegisteredMetric {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metric").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The process's metrics.
#[derive(Debug, Default)]
pub struct Registry {
    metrics: Mutex<Vec<RegisteredMetric>>,
}

impl Registry {
    /// Adds a metric whose numbers `read` gives.
    pub fn register(
        &self,
        name: &'static str,
        help: &'static str,
        kind: MetricKind,
        read: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        let metric = RegisteredMetric { name, help, kind, read: Arc::new(read) };
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).push(metric);
    }

    /// All metrics, in the order they were added.
    #[must_use]
    pub fn metrics(&self) -> Vec<RegisteredMetric> {
        self.metrics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The current values, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn exposition(&self) -> String {
        let mut text = String::with_capacity(4_096);
        for metric in self.metrics() {
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            let name = metric.name;
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
            for sample in metric.read() {
                let _ = writeln!(text, "{name}{}{} {}", sample.suffix, labels(&sample.labels), sample.value);
            }
        }
        text
    }
}

/// Content type of the text format.
pub const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

fn labels(labels: &[(&'static str, Cow<'static, str>)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposition_matches_prometheus_format() {
        let registry = Registry::default();
        registry.register("switchback_x_total", "Counts x.", MetricKind::Counter, || {
            vec![Sample::labelled("arm", "even", 3.0), Sample::labelled("arm", "a\"b\\c\nd", 0.5)]
        });
        registry.register("switchback_y_bytes", "Size of y.", MetricKind::Gauge, || vec![Sample::plain(1_048_576.0)]);
        let expected = concat!(
            "# HELP switchback_x_total Counts x.\n# TYPE switchback_x_total counter\n",
            "switchback_x_total{arm=\"even\"} 3\nswitchback_x_total{arm=\"a\\\"b\\\\c\\nd\"} 0.5\n",
            "# HELP switchback_y_bytes Size of y.\n# TYPE switchback_y_bytes gauge\nswitchback_y_bytes 1048576\n",
        );
        assert_eq!(registry.exposition(), expected);
    }
}
