//! Sending what is recorded, on a thread of its own: in batches, metrics once a minute, and once more before the process ends.
//!
//! Whatever the ingestion service does, only this thread waits for it. Must not know what is recorded.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{Request, StatusCode};
use opentelemetry::InstrumentationScope;
use opentelemetry_application_insights::Exporter;
use opentelemetry_http::HttpClient as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::destination::{Destination, IngestionClient};
use super::instruments::Instruments;
use super::metrics::Registry;
use super::queue::{BATCH, Queue, TelemetryItem};
use super::requests::{self, RequestItems};
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
        let requests = RequestItems::new(&self.destination.instrumentation_key, &self.scope, self.sampling);
        let Some(mut exporters) = Exporters::new(&self.destination.instrumentation_key, client, requests, self.sampling, &self.queue)
        else {
            return;
        };
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

/// The exporter, once for each weight an item may have, and a shorter way for plain calls.
struct Exporters {
    client: IngestionClient,
    requests: RequestItems,
    /// For calls recorded by chance: each stands for those that were not.
    sampled: Exporter<IngestionClient>,
    /// For everything that stands for itself.
    certain: Exporter<IngestionClient>,
    queue: Arc<Queue>,
    failing: bool,
}

impl Exporters {
    fn new(instrumentation_key: &str, client: IngestionClient, requests: RequestItems, sampling: f64, queue: &Arc<Queue>) -> Option<Self> {
        // The address is the client's own matter.
        match Exporter::new_from_connection_string(format!("InstrumentationKey={instrumentation_key}"), client.clone()) {
            Ok(certain) => {
                let sampled = certain.clone().with_sample_rate(sampling);
                Some(Exporters { client, requests, sampled, certain, queue: Arc::clone(queue), failing: false })
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
        let (mut calls, mut sampled, mut certain, mut logs) = (Vec::new(), Vec::<SpanData>::new(), Vec::<SpanData>::new(), Vec::new());
        for item in batch {
            match item {
                TelemetryItem::Span { span, certain } if requests::is_plain(&span) => calls.push((*span, certain)),
                TelemetryItem::Span { span, certain: true } => certain.push(*span),
                TelemetryItem::Span { span, certain: false } => sampled.push(*span),
                TelemetryItem::Log(log) => logs.push(log),
            }
        }
        for (span, is_certain) in self.send_calls(calls).await {
            (if is_certain { &mut certain } else { &mut sampled }).push(span);
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

    /// Sends plain calls; those that were not taken at once, for the exporter, which knows when and how often to try again.
    async fn send_calls(&mut self, calls: Vec<(SpanData, bool)>) -> Vec<(SpanData, bool)> {
        if calls.is_empty() {
            return calls;
        }
        let Ok(document) = self.requests.document(calls.iter().map(|(span, certain)| (span, *certain))) else { return calls };
        let request = Request::post("/v2/track").header(CONTENT_TYPE, "application/json").header(CONTENT_ENCODING, "gzip");
        let Ok(request) = request.body(Bytes::from(document)) else { return calls };
        let count = calls.len();
        let left = match self.client.send_bytes(request).await {
            Ok(response) if response.status() == StatusCode::OK => Vec::new(),
            Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => refused(response.body(), calls),
            _ => calls,
        };
        if left.len() < count {
            self.note(Ok(()), count - left.len());
        }
        left
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

/// What the service says of a batch it did not take whole.
#[derive(Deserialize)]
struct PartialAnswer {
    errors: Vec<RefusedItem>,
}

#[derive(Deserialize)]
struct RefusedItem {
    index: usize,
}

/// Those of `calls` that the service refused, by its answer; all of them where it cannot be read.
fn refused<T>(answer: &[u8], calls: Vec<T>) -> Vec<T> {
    let Ok(PartialAnswer { errors }) = serde_json::from_slice(answer) else { return calls };
    let refused: HashSet<usize> = errors.into_iter().map(|RefusedItem { index }| index).collect();
    calls.into_iter().enumerate().filter_map(|(index, call)| refused.contains(&index).then_some(call)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_batch_taken_in_part_the_rest_is_tried_again() {
        let calls = || (0..3).map(|call| (call, false)).collect::<Vec<_>>();
        let answer = br#"{"itemsReceived":3,"itemsAccepted":2,"errors":[{"index":1,"statusCode":429,"message":"later"}]}"#;
        assert_eq!(refused(answer, calls()), [(1, false)]);
        assert_eq!(refused(b"<html>", calls()), calls(), "nobody knows which were taken");
    }
}
