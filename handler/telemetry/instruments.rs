//! The registry's metrics as OpenTelemetry collects them for export: increments since the last collection, and current values.
//!
//! Histogram buckets are left to scrapers: exported every minute, they would cost more than they add to the requests that are exported
//! anyway. Must not know what is counted.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::metrics::{MetricKind, RegisteredMetric, Registry};

/// Collects the registry's metrics.
pub(super) struct Instruments {
    reader: SharedReader,
    collected: ResourceMetrics,
    _provider: SdkMeterProvider,
}

impl Instruments {
    /// Instruments for every metric that is in `registry` now.
    pub fn new(registry: &Registry, scope: &InstrumentationScope) -> Self {
        let reader = SharedReader(Arc::new(ManualReader::builder().with_temporality(Temporality::Delta).build()));
        let resource = Resource::builder_empty().build();
        let provider = SdkMeterProvider::builder().with_reader(reader.clone()).with_resource(resource).build();
        let meter = provider.meter_with_scope(scope.clone());
        for metric in registry.metrics() {
            observe(&meter, metric);
        }
        Instruments { reader, collected: ResourceMetrics::default(), _provider: provider }
    }

    /// The current values.
    pub fn collect(&mut self) -> Result<&ResourceMetrics, opentelemetry_sdk::error::OTelSdkError> {
        self.reader.collect(&mut self.collected)?;
        Ok(&self.collected)
    }
}

/// The provider keeps an instrument alive, so the handle that building returns is not needed.
fn observe(meter: &Meter, metric: RegisteredMetric) {
    let name = metric.name;
    match metric.kind {
        MetricKind::Counter => {
            let _ = meter.f64_observable_counter(name).with_callback(callback(metric, "")).build();
        }
        MetricKind::Gauge => {
            let _ = meter.f64_observable_gauge(name).with_callback(callback(metric, "")).build();
        }
        MetricKind::Histogram => {
            for suffix in ["_sum", "_count"] {
                let counter = meter.f64_observable_counter(format!("{name}{suffix}"));
                let _ = counter.with_callback(callback(metric.clone(), suffix)).build();
            }
        }
    }
}

fn callback(metric: RegisteredMetric, suffix: &'static str) -> impl Fn(&dyn AsyncInstrument<f64>) + Send + Sync + 'static {
    move |instrument| {
        for sample in metric.read().into_iter().filter(|sample| sample.suffix == suffix) {
            let labels: Vec<KeyValue> = sample.labels.into_iter().map(|(name, value)| KeyValue::new(name, value)).collect();
            instrument.observe(sample.value, &labels);
        }
    }
}

/// The reader, held by the provider and by whoever collects.
#[derive(Debug, Clone)]
struct SharedReader(Arc<ManualReader>);

impl MetricReader for SharedReader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
