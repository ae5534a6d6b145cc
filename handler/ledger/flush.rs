//! Writing what was counted: windows and decisions, every few seconds and once more when the process drains.
//!
//! Rows hold absolute values, so whatever failed or was interrupted is simply written again. Must not know how anything is counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Ledger;
use crate::clock::Clock;
use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::Window;
use crate::routing::Routing;
use crate::routing::turn::Counts;
use crate::store::{Store, StoreError};

/// Longest time between two writings: what a worker that is killed loses at most.
const INTERVAL: Duration = Duration::from_secs(2);
/// Windows, or minutes of decisions, of one writing.
const PART: usize = 60;
/// How long one writing may take before it is given up and tried again.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The same for the last one: the platform ends the process five seconds after it asked it to stop.
const LAST_TIMEOUT: Duration = Duration::from_millis(450);

/// Time between two writings: two seconds, or a quarter of a development system's short minute.
#[must_use]
pub fn interval(schedule: &Schedule) -> Duration {
    (schedule.minute_length() / 4).min(INTERVAL)
}

/// Writes `ledger`'s windows into `store` until `stop`, then once more.
pub async fn windows(ledger: Arc<Ledger>, store: Store, stop: CancellationToken) {
    let mut flusher = WindowFlusher { ledger, store, written: HashMap::new(), outage: Outage::new("windows") };
    let interval = interval(flusher.ledger.schedule());
    while !stop.is_cancelled() {
        flusher.ledger.prepare();
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(interval) => flusher.flush(false, TIMEOUT).await,
        }
    }
    // All parts of it together.
    let _ = tokio::time::timeout(LAST_TIMEOUT, flusher.flush(true, LAST_TIMEOUT)).await;
}

struct WindowFlusher {
    ledger: Arc<Ledger>,
    store: Store,
    /// What was written last of each window: its calls of all kinds, and whether it was closed.
    written: HashMap<(Minute, Arm), (u64, bool)>,
    outage: Outage,
}

fn state(window: &Window) -> (u64, bool) {
    (window.counts.calls() + window.counts.probes + window.counts.unrouted, window.closed)
}

impl WindowFlusher {
    async fn flush(&mut self, draining: bool, timeout: Duration) {
        let stock = self.ledger.take_stock(draining);
        // Windows no longer in stock are written for good.
        self.written.retain(|key, _| stock.iter().any(|window| (window.minute, window.arm) == *key));
        let changed = |window: &Window| self.written.get(&(window.minute, window.arm)) != Some(&state(window));
        let (due, same): (Vec<Window>, Vec<Window>) = stock.into_iter().partition(changed);
        self.ledger.forget(&same);
        // In parts, so that what an outage kept back is written even where all of it takes longer than one writing may.
        for part in due.chunks(PART) {
            let writing = self.store.write_windows(self.ledger.schedule(), part, self.ledger.clock.now());
            if !self.outage.note(tokio::time::timeout(timeout, writing).await, part.len()) {
                break;
            }
            self.written.extend(part.iter().map(|window| ((window.minute, window.arm), state(window))));
            self.ledger.forget(part);
        }
    }
}

/// Writes `routing`'s decisions into `store` as `worker`'s until `stop`, then once more.
pub async fn decisions(routing: Arc<Routing>, worker: Uuid, store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut flusher = DecisionFlusher { routing, store, clock, worker, written: HashMap::new(), outage: Outage::new("decisions") };
    let interval = interval(flusher.routing.schedule());
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(interval) => flusher.flush(TIMEOUT).await,
        }
    }
    let _ = tokio::time::timeout(LAST_TIMEOUT, flusher.flush(LAST_TIMEOUT)).await;
}

struct DecisionFlusher {
    routing: Arc<Routing>,
    store: Store,
    clock: Arc<dyn Clock>,
    worker: Uuid,
    written: HashMap<Minute, Counts>,
    outage: Outage,
}

impl DecisionFlusher {
    async fn flush(&mut self, timeout: Duration) {
        let turns: Vec<(Minute, Counts)> = self.routing.turns().iter().map(|turn| (turn.minute, turn.counts())).collect();
        let kept: HashSet<Minute> = turns.iter().map(|(minute, _)| *minute).collect();
        self.written.retain(|minute, _| kept.contains(minute));
        let due: Vec<(Minute, Counts)> =
            turns.into_iter().filter(|(minute, counts)| self.written.get(minute).copied().unwrap_or_default() != *counts).collect();
        for part in due.chunks(PART) {
            let rows: Vec<DecisionCount> = part.iter().flat_map(|(minute, counts)| rows(*minute, counts)).collect();
            let writing = self.store.write_decisions(self.routing.schedule(), self.worker, &rows, self.clock.now());
            if !self.outage.note(tokio::time::timeout(timeout, writing).await, rows.len()) {
                break;
            }
            self.written.extend(part.iter().copied());
        }
    }
}

fn rows(minute: Minute, counts: &Counts) -> Vec<DecisionCount> {
    let all = Arm::BOTH.into_iter().flat_map(|arm| Reason::ALL.into_iter().map(move |reason| (arm, reason)));
    all.map(|(arm, reason)| DecisionCount { decision: Decision { minute, arm, reason }, calls: counts.of(arm, reason) })
        .filter(|row| row.calls > 0)
        .collect()
}

/// Says once that writing fails and once that it works again, not every two seconds.
struct Outage {
    what: &'static str,
    failing: bool,
}

impl Outage {
    const fn new(what: &'static str) -> Self {
        Outage { what, failing: false }
    }

    /// Whether the writing of `rows` rows went well.
    fn note(&mut self, outcome: Result<Result<(), StoreError>, tokio::time::error::Elapsed>, rows: usize) -> bool {
        let what = self.what;
        let reason = match outcome {
            Ok(Ok(())) => {
                if self.failing && rows > 0 {
                    tracing::info!(what, rows, "writing works again; what was kept back is written");
                    self.failing = false;
                }
                return true;
            }
            Ok(Err(error)) => crate::telemetry::chain(&error),
            Err(elapsed) => elapsed.to_string(),
        };
        if !self.failing {
            tracing::warn!(what, rows, reason, "writing fails; counts are kept and written once it works again");
            self.failing = true;
        }
        false
    }
}
