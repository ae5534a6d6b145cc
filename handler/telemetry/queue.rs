//! Items on their way out: a bounded queue that never waits, and the count of what became of them.
//!
//! Must not know what an item says, nor how it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::SpanData;
use tokio::sync::{Notify, mpsc};

/// Most items that wait at once; each takes 2 to 4 kB.
const MAX_WAITING: usize = 2_048;
/// Items that make a full batch, which is sent without waiting for the next round.
pub(super) const BATCH: usize = 512;

/// One item.
#[derive(Debug)]
pub(super) enum TelemetryItem {
    /// A request or a dependency; `certain` where it was recorded whatever the sampling, so that it stands for itself alone.
    Span {
        /// What happened.
        span: Box<SpanData>,
        /// Whether it stands for itself alone.
        certain: bool,
    },
    /// A log line.
    Log(Box<(SdkLogRecord, InstrumentationScope)>),
}

/// The outcomes of items so far.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// Taken by the ingestion service.
    pub sent: AtomicU64,
    /// Dropped because the queue was full or closed.
    pub overflowed: AtomicU64,
    /// Calls not recorded because enough were already recorded in the same second.
    pub capped: AtomicU64,
    /// Dropped because the ingestion service refused them or was away for too long.
    pub refused: AtomicU64,
}

/// The sending half of the queue.
#[derive(Debug)]
pub(super) struct Queue {
    sender: mpsc::Sender<TelemetryItem>,
    /// Woken when a batch is full.
    pub filled: Arc<Notify>,
    pub outcomes: Arc<Outcomes>,
}

impl Queue {
    /// A queue and its receiver.
    pub fn new() -> (Arc<Queue>, mpsc::Receiver<TelemetryItem>) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Arc::new(Queue { sender, filled: Arc::default(), outcomes: Arc::default() }), receiver)
    }

    /// Puts an item into the queue, or drops and counts it.
    pub fn put(&self, item: TelemetryItem) {
        if self.sender.try_send(item).is_err() {
            self.outcomes.overflowed.fetch_add(1, Ordering::Relaxed);
        } else if self.sender.capacity() <= MAX_WAITING - BATCH {
            self.filled.notify_one();
        }
    }
}

/// Puts log records into the queue.
#[derive(Debug)]
pub(super) struct LogsToQueue(pub Arc<Queue>);

impl LogProcessor for LogsToQueue {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        self.0.put(TelemetryItem::Log(Box::new((record.clone(), scope.clone()))));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_sdk::logs::SdkLoggerProvider;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_drops_and_counts_and_never_waits() {
        use opentelemetry::logs::{Logger as _, LoggerProvider as _};

        let (queue, mut receiver) = Queue::new();
        let provider = SdkLoggerProvider::builder().with_log_processor(LogsToQueue(Arc::clone(&queue))).build();
        let logger = provider.logger("");
        for _ in 0..MAX_WAITING + 7 {
            logger.emit(logger.create_log_record());
        }
        assert_eq!(queue.outcomes.overflowed.load(Ordering::Relaxed), 7);
        queue.filled.notified().await;
        assert!(receiver.recv().await.is_some());
        receiver.close();
        logger.emit(logger.create_log_record());
        assert_eq!(queue.outcomes.overflowed.load(Ordering::Relaxed), 8);
    }
}
