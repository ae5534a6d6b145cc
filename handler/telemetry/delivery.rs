//! Sending what is recorded, on a thread of its own: in batches, metrics once a minute, and once more before the process ends.
//!
//! Whatever the ingestion service does, only this thread waits for it. Must not know what is recorded.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_application_insights::Exporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::destination::{Destination, IngestionClient};
use super::instruments::Instruments;
use super::metrics::Registry;
use super::queue::{BATCH, Queue, TelemetryItem};
use crate::clock::Clock;

/// Longest time an item waits for its batch to fill.
const INTERVAL: Duration = Duration::from_secs(2);
/// Time between two sendings of metrics.
const METRICS_INTERVAL: Duration = Duration::from_secs(60);

/// What the thread needs.
#[derive(Debug)]
pub(super) struct Delivery {
    pub destination: Destination,
    pub sampling: f64,
    pub clock: Arc<dyn Clock>,
    pub queue: Arc<Queue>,
    pub receiver: mpsc::Receiver<TelemetryItem>,
    pub scope: InstrumentationScope,
    pub registry: Arc<Registry>,
}

/// The running thread.
#[derive(Debug)]
pub(super) struct Running {
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
}

impl Running {
    /// Waits for the thread to panic; one that ends because nothing can be sent has said so.
    pub async fn died(&mut self) {
        if (&mut self.ended).await.is_ok() {
            std::future::pending::<()>().await;
        }
    }

    /// Sends what is queued, for at most `limit`, and ends the thread.
    pub async fn flush(self, limit: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(limit, self.ended).await.is_err() {
            tracing::warn!(limit_ms = limit.as_millis(), "telemetry was lost: the ingestion service did not accept it in time");
        }
    }
}

impl Delivery {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system cannot start a thread.
    pub fn start(self) -> std::io::Result<Running> {
        let stop = CancellationToken::new();
        let (ends, ended) = oneshot::channel();
        let stopped = stop.clone();
        std::thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(self.run(stopped)),
                Err(error) => tracing::error!(%error, "telemetry cannot be sent: its thread has no runtime"),
            }
            // The receiver is gone when nobody is waiting.
            let _ = ends.send(());
        })?;
        Ok(Running { stop, ended })
    }

    async fn run(mut self, stop: CancellationToken) {
        let client = match (self.destination.connect)() {
            Ok(client) => client,
            Err(error) => {
                // The receiver ends here, so items are dropped and counted from now on.
                tracing::error!(%error, "telemetry cannot be sent");
                return;
            }
        };
        let Some(mut exporters) = Exporters::new(&self.destination.instrumentation_key, client, self.sampling, &self.queue) else { return };
        let mut instruments = Instruments::new(&self.registry, &self.scope);
        let mut metrics_at = self.clock.uptime() + METRICS_INTERVAL;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.queue.filled.notified() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
            exporters.send_waiting(&mut self.receiver).await;
            if self.clock.uptime() >= metrics_at {
                metrics_at = self.clock.uptime() + METRICS_INTERVAL;
                exporters.send_metrics(&mut instruments).await;
            }
        }
        exporters.send_waiting(&mut self.receiver).await;
        exporters.send_metrics(&mut instruments).await;
    }
}

/// The exporter, once for each weight an item may have.
struct Exporters {
    /// For calls recorded by chance: each stands for those that were not.
    sampled: Exporter<IngestionClient>,
    /// For everything that stands for itself.
    certain: Exporter<IngestionClient>,
    queue: Arc<Queue>,
    failing: bool,
}

impl Exporters {
    fn new(instrumentation_key: &str, client: IngestionClient, sampling: f64, queue: &Arc<Queue>) -> Option<Self> {
        // The address is the client's own matter.
        match Exporter::new_from_connection_string(format!("InstrumentationKey={instrumentation_key}"), client) {
            Ok(certain) => {
                let sampled = certain.clone().with_sample_rate(sampling);
                Some(Exporters { sampled, certain, queue: Arc::clone(queue), failing: false })
            }
            Err(error) => {
                tracing::error!(%error, "telemetry cannot be sent");
                None
            }
        }
    }

    /// Sends what is queued, batch by batch; what arrives meanwhile waits for the next round.
    async fn send_waiting(&mut self, receiver: &mut mpsc::Receiver<TelemetryItem>) {
        let mut waiting = receiver.len();
        while waiting > 0 {
            let mut batch = Vec::with_capacity(waiting.min(BATCH));
            while batch.len() < waiting.min(BATCH) {
                let Ok(item) = receiver.try_recv() else { break };
                batch.push(item);
            }
            if batch.is_empty() {
                return;
            }
            waiting -= batch.len();
            self.send(batch).await;
        }
    }

    async fn send(&mut self, batch: Vec<TelemetryItem>) {
        let (mut sampled, mut certain, mut logs) = (Vec::<SpanData>::new(), Vec::<SpanData>::new(), Vec::new());
        for item in batch {
            match item {
                TelemetryItem::Span { span, certain: true } => certain.push(*span),
                TelemetryItem::Span { span, certain: false } => sampled.push(*span),
                TelemetryItem::Log(log) => logs.push(log),
            }
        }
        let (sampled_count, certain_count) = (sampled.len(), certain.len());
        if certain_count > 0 {
            let outcome = SpanExporter::export(&self.certain, certain).await;
            self.note(outcome, certain_count);
        }
        if sampled_count > 0 {
            let outcome = SpanExporter::export(&self.sampled, sampled).await;
            self.note(outcome, sampled_count);
        }
        if !logs.is_empty() {
            let records: Vec<(&SdkLogRecord, &InstrumentationScope)> = logs.iter().map(|log| (&log.0, &log.1)).collect();
            let outcome = LogExporter::export(&self.certain, LogBatch::new(&records)).await;
            self.note(outcome, logs.len());
        }
    }

    async fn send_metrics(&mut self, instruments: &mut Instruments) {
        let metrics = match instruments.collect() {
            Ok(metrics) => metrics,
            Err(error) => {
                tracing::warn!(%error, "metrics could not be collected");
                return;
            }
        };
        let outcome = PushMetricExporter::export(&self.certain, metrics).await;
        self.note(outcome, 1);
    }

    /// Counts the outcome for `items` items, and logs once when sending starts to fail and once when it recovers.
    fn note(&mut self, outcome: OTelSdkResult, items: usize) {
        let count = u64::try_from(items).unwrap_or(u64::MAX);
        match outcome {
            Ok(()) => {
                self.queue.outcomes.sent.fetch_add(count, Ordering::Relaxed);
                if self.failing {
                    tracing::info!("telemetry is accepted again");
                }
                self.failing = false;
            }
            Err(error) => {
                self.queue.outcomes.refused.fetch_add(count, Ordering::Relaxed);
                if !self.failing {
                    tracing::warn!(%error, "telemetry is not being accepted; what does not fit the queue is dropped and counted");
                }
                self.failing = true;
            }
        }
    }
}
