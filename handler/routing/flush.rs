//! Writing decisions, every few seconds and once more when the process drains. Must not know how anything is decided.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Routing;
use super::turn::DecisionCounts;
use crate::clock::Clock;
use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::schedule::Minute;
use crate::store::Store;
use crate::store::writing::{LAST_TIMEOUT, Outage, PART, TIMEOUT, interval};

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
    written: HashMap<Minute, DecisionCounts>,
    outage: Outage,
}

impl DecisionFlusher {
    async fn flush(&mut self, timeout: Duration) {
        let tallies: Vec<(Minute, DecisionCounts)> = self.routing.tallies().iter().map(|tally| (tally.minute, tally.counts())).collect();
        let kept: HashSet<Minute> = tallies.iter().map(|(minute, _)| *minute).collect();
        self.written.retain(|minute, _| kept.contains(minute));
        let due: Vec<(Minute, DecisionCounts)> =
            tallies.into_iter().filter(|(minute, counts)| self.written.get(minute).copied().unwrap_or_default() != *counts).collect();
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

fn rows(minute: Minute, counts: &DecisionCounts) -> Vec<DecisionCount> {
    let all = Arm::BOTH.into_iter().flat_map(|arm| Reason::ALL.into_iter().map(move |reason| (arm, reason)));
    all.map(|(arm, reason)| DecisionCount { decision: Decision { minute, arm, reason }, calls: counts.of(arm, reason) })
        .filter(|row| row.calls > 0)
        .collect()
}
