//! What operators see: log lines, recorded calls, metrics. Owns how they are made and how they reach Application Insights.
//!
//! Must not know what is being done, only that it was. Nothing here waits on behalf of a call: what cannot be sent is dropped and counted.

mod access;
pub mod calls;
mod delivery;
mod destination;
mod instruments;
mod logs;
pub mod metrics;
mod process;
mod queue;
mod recorder;
mod requests;
mod sampling;
mod throttle;
mod traceparent;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::{InstrumentationScope, KeyValue, Value};

pub use access::{AccessLine, AccessLog};
pub use destination::{Destination, IngestionClient};
pub use logs::{BOUNDARY, start};
pub use recorder::{Begun, Dependency, Ended, Recorder, dependency};
pub use sampling::SamplingSecret;
pub use throttle::Throttle;

use crate::clock::Clock;
use calls::Calls;
use delivery::{Delivery, Running};
use metrics::{MetricKind, Registry, Sample};
use queue::{Outcomes, Queue};
use sampling::Sampler;

/// Which calls are recorded.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// The share of calls, 0 to 1.
    pub share: f64,
    /// What keeps callers from choosing to be in it.
    pub secret: SamplingSecret,
}

/// A process's telemetry.
#[derive(Debug)]
pub struct Telemetry {
    /// Its metrics.
    pub registry: Arc<Registry>,
    /// Counts of its calls.
    pub calls: Arc<Calls>,
    /// What records its calls; none where there is nowhere to send them.
    pub recorder: Option<Arc<Recorder>>,
    delivery: Option<Delivery>,
}

/// Telemetry that is being sent.
#[derive(Debug)]
pub struct Sending(Option<Running>);

impl Telemetry {
    /// The telemetry of the process `worker` in `role` (`router`, `even` or `odd`). Calls are recorded where there is a `destination`: every
    /// one that fails or fails over, and of the others the share that `sampling` sets.
    #[must_use]
    pub fn new(destination: Option<Destination>, sampling: Sampling, clock: Arc<dyn Clock>, role: &'static str, worker: &str) -> Self {
        let (registry, calls) = (Arc::new(Registry::default()), Arc::new(Calls::default()));
        let (by_class, durations, probes) = (Arc::clone(&calls), Arc::clone(&calls), Arc::clone(&calls));
        registry.register("switchback_calls_total", "Calls answered; 5xx are errors.", MetricKind::Counter, move || by_class.by_class());
        registry.register("switchback_call_duration_seconds", "From a call's arrival to its answer.", MetricKind::Histogram, move || {
            durations.durations()
        });
        registry.register(
            "switchback_probes_total",
            "Calls of supervision, which are in no other number: health checks, looks at what was counted.",
            MetricKind::Counter,
            move || vec![Sample::plain(probes.probes() as f64)],
        );
        registry.register("process_resident_memory_bytes", "Memory the process holds.", MetricKind::Gauge, process::resident_memory);
        let Some(destination) = destination else {
            return Telemetry { registry, calls, recorder: None, delivery: None };
        };
        let (queue, receiver) = Queue::new();
        register_outcomes(&registry, &queue.outcomes);
        let scope = scope(role, worker);
        logs::send_to(&queue, &scope);
        let recorder = Recorder::new(Arc::clone(&clock), Arc::clone(&queue), scope.clone(), Sampler::new(sampling.share, sampling.secret));
        let delivery = Delivery { destination, sampling: sampling.share, clock, queue, receiver, scope, registry: Arc::clone(&registry) };
        Telemetry { registry, calls, recorder: Some(Arc::new(recorder)), delivery: Some(delivery) }
    }

    /// Starts sending; metrics registered later are not sent.
    pub fn send(&mut self) -> Sending {
        let running = self.delivery.take().map(Delivery::start);
        Sending(running.and_then(|started| {
            started.map_err(|error| tracing::error!(%error, "telemetry cannot be sent: its thread could not be started")).ok()
        }))
    }
}

impl Sending {
    /// Waits for the sending thread to end before it was told to.
    pub async fn died(&mut self) {
        match &mut self.0 {
            Some(running) => running.died().await,
            None => std::future::pending().await,
        }
    }

    /// Sends what is queued, for at most `limit`.
    pub async fn flush(self, limit: Duration) {
        if let Some(running) = self.0 {
            running.flush(limit).await;
        }
    }
}

/// What every item says of its origin, in the names the exporter makes cloud role, role instance and application version of.
fn scope(role: &'static str, worker: &str) -> InstrumentationScope {
    let shared = |text: &str| Value::String(Arc::<str>::from(text).into());
    InstrumentationScope::builder("switchback")
        .with_attributes([
            KeyValue::new("service.name", role),
            KeyValue::new("service.instance.id", shared(worker)),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build()
}

fn register_outcomes(registry: &Registry, outcomes: &Arc<Outcomes>) {
    let value = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
    let sent = Arc::clone(outcomes);
    registry.register(
        "switchback_telemetry_sent_total",
        "Telemetry items taken by the ingestion service.",
        MetricKind::Counter,
        move || vec![Sample::plain(value(&sent.sent))],
    );
    let dropped = Arc::clone(outcomes);
    registry.register("switchback_telemetry_dropped_total", "Telemetry items dropped.", MetricKind::Counter, move || {
        let of = |cause, count| Sample::labelled("cause", cause, value(count));
        vec![of("overflow", &dropped.overflowed), of("refused", &dropped.refused), of("capped", &dropped.capped)]
    });
}
