//! Writing windows, every few seconds and once more when the process drains, and publishing the meter as often as the platform does. Must not
//! know how anything is counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::CallCounter;
use crate::domain::arm::Arm;
use crate::domain::schedule::Minute;
use crate::domain::window::Window;
use crate::store::Store;
use crate::store::writing::{LAST_TIMEOUT, Outage, PART, TIMEOUT, interval};

/// Writes `calls`'s windows into `store` until `stop`, then once more, and publishes their meter meanwhile.
pub async fn windows(calls: Arc<CallCounter>, store: Store, stop: CancellationToken) {
    // Beside the writing, which may wait for the database.
    tokio::join!(write(Arc::clone(&calls), store, stop.clone()), publish(calls, stop));
}

async fn publish(calls: Arc<CallCounter>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(calls.until_publish()) => calls.publish(),
        }
    }
}

async fn write(calls: Arc<CallCounter>, store: Store, stop: CancellationToken) {
    let mut flusher = WindowFlusher { calls, store, written: HashMap::new(), outage: Outage::new("windows") };
    let interval = interval(flusher.calls.schedule());
    while !stop.is_cancelled() {
        flusher.calls.prepare();
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(interval) => flusher.flush(false, TIMEOUT).await,
        }
    }
    // What is still in flight is metered up to now.
    flusher.calls.publish();
    // All parts of it together.
    let _ = tokio::time::timeout(LAST_TIMEOUT, flusher.flush(true, LAST_TIMEOUT)).await;
}

struct WindowFlusher {
    calls: Arc<CallCounter>,
    store: Store,
    /// What was written last of each window.
    written: HashMap<(Minute, Arm), Written>,
    outage: Outage,
}

/// What tells one version of a window from the next.
#[derive(Debug, PartialEq, Eq)]
struct Written {
    /// Calls of all kinds.
    calls: u64,
    metered_ms: Option<u64>,
    closed: bool,
}

fn state(window: &Window) -> Written {
    let counts = &window.counts;
    Written { calls: counts.calls() + counts.probes + counts.unrouted, metered_ms: counts.metered_ms, closed: window.closed }
}

impl WindowFlusher {
    async fn flush(&mut self, draining: bool, timeout: Duration) {
        let pending = self.calls.pending_windows(draining);
        // Windows no longer in pending are written for good.
        self.written.retain(|key, _| pending.iter().any(|window| (window.minute, window.arm) == *key));
        let changed = |window: &Window| self.written.get(&(window.minute, window.arm)) != Some(&state(window));
        let (due, same): (Vec<Window>, Vec<Window>) = pending.into_iter().partition(changed);
        self.calls.mark_written(&same);
        // In parts, so that what an outage kept back is written even where all of it takes longer than one writing may.
        for part in due.chunks(PART) {
            let writing = self.store.write_windows(self.calls.schedule(), part, self.calls.clock.now());
            if !self.outage.note(tokio::time::timeout(timeout, writing).await, part.len()) {
                break;
            }
            self.written.extend(part.iter().map(|window| ((window.minute, window.arm), state(window))));
            self.calls.mark_written(part);
        }
    }
}
