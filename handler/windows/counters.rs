//! One window while it is counted: atomic cells, sharded so that calls on different cores do not share a cache line.
//! Must not know which window a call belongs to, nor when a window is written.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::domain::arm::Arm;
use crate::domain::histogram::{BUCKETS, bucket_of};
use crate::domain::schedule::Minute;
use crate::domain::window::{
    CALLER_LEFT, RouteCounts, RouteLatencies, SLICES, STATUS_CLASSES, Slice, TIMED_OUT, WindowCounts, status_class,
};

/// Most shards per window; each takes about 45 kB.
const MAX_SHARDS: usize = 8;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallOutcome {
    /// The status it was answered with.
    pub status: u16,
    /// From its arrival to its answer, µs.
    pub latency_us: u64,
    /// Bytes of its body, as announced.
    pub request_bytes: u64,
    /// Bytes of the answer's body, as announced.
    pub response_bytes: u64,
    /// Position of its route among those that calls are counted under.
    pub route: usize,
    /// The part of the minute it arrived in.
    pub slice: usize,
}

/// A window being counted.
#[derive(Debug)]
pub struct OpenWindow {
    /// The minute.
    pub minute: Minute,
    /// The arm it is booked to.
    pub arm: Arm,
    /// Calls that began in it and have not ended yet.
    in_flight: AtomicU64,
    /// Times the worker began to serve in it: 0 or 1.
    cold_starts: AtomicU64,
    probes: AtomicU64,
    unrouted: AtomicU64,
    callers_left: AtomicU64,
    timed_out: AtomicU64,
    metered_ms: AtomicU64,
    shards: Box<[Shard]>,
}

#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    slices: [SliceCells; SLICES],
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
    /// By route.
    routes: Box<[RouteCells]>,
}

#[derive(Debug, Default)]
struct RouteCells {
    status_classes: [AtomicU64; STATUS_CLASSES],
    latency_us: AtomicU64,
}

#[derive(Debug)]
struct SliceCells {
    server_errors: AtomicU64,
    latency_sum_us: AtomicU64,
    buckets: Box<[AtomicU32]>,
}

impl SliceCells {
    fn new() -> Self {
        SliceCells {
            server_errors: AtomicU64::new(0),
            latency_sum_us: AtomicU64::new(0),
            buckets: std::iter::repeat_with(|| AtomicU32::new(0)).take(BUCKETS).collect(),
        }
    }
}

/// The shard of the current thread: threads take shards in turn.
fn own_shard(shards: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| own % shards.max(1))
}

/// How many shards a window has on this machine.
pub fn shards() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_SHARDS))
}

impl OpenWindow {
    /// An empty window for calls to one of `routes` routes.
    #[must_use]
    pub fn new(minute: Minute, arm: Arm, shards: usize, routes: usize) -> Self {
        let shard = || Shard {
            slices: std::array::from_fn(|_| SliceCells::new()),
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
            routes: std::iter::repeat_with(Default::default).take(routes).collect(),
        };
        OpenWindow {
            minute,
            arm,
            in_flight: AtomicU64::new(0),
            cold_starts: AtomicU64::new(0),
            probes: AtomicU64::new(0),
            unrouted: AtomicU64::new(0),
            callers_left: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            metered_ms: AtomicU64::new(0),
            shards: std::iter::repeat_with(shard).take(shards.max(1)).collect(),
        }
    }

    /// A call of the experiment has begun.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that began has ended; whoever sees it ended also sees its counts.
    pub fn end(&self, outcome: &CallOutcome) {
        let shard = &self.shards[own_shard(self.shards.len())];
        let class = status_class(outcome.status);
        let slice = &shard.slices[outcome.slice.min(SLICES - 1)];
        slice.buckets[bucket_of(outcome.latency_us)].fetch_add(1, Ordering::Relaxed);
        slice.latency_sum_us.fetch_add(outcome.latency_us, Ordering::Relaxed);
        if class == STATUS_CLASSES - 1 {
            slice.server_errors.fetch_add(1, Ordering::Relaxed);
        }
        // Few enough for cells that all cores share.
        match outcome.status {
            CALLER_LEFT => self.callers_left.fetch_add(1, Ordering::Relaxed),
            TIMED_OUT => self.timed_out.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        shard.request_bytes.fetch_add(outcome.request_bytes, Ordering::Relaxed);
        shard.response_bytes.fetch_add(outcome.response_bytes, Ordering::Relaxed);
        if let Some(route) = shard.routes.get(outcome.route) {
            route.latency_us.fetch_add(outcome.latency_us, Ordering::Relaxed);
            // Whoever sees this sees the call in its slice too.
            route.status_classes[class].fetch_add(1, Ordering::Release);
        }
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    /// Time was metered for calls of this window, before the last of them ended: most calls meter none.
    pub fn meter(&self, milliseconds: u64) {
        if milliseconds > 0 {
            self.metered_ms.fetch_add(milliseconds, Ordering::Relaxed);
        }
    }

    /// The worker has begun to serve.
    pub fn cold_start(&self) {
        self.cold_starts.fetch_add(1, Ordering::Relaxed);
    }

    /// A probe has arrived.
    pub fn probe(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
    }

    /// A call has arrived that the router did not send.
    pub fn unrouted(&self) {
        self.unrouted.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether no call is in flight; the counts then hold every call that has ended.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }

    /// The counts so far, with `routes` naming the routes. A call that ends meanwhile is counted fully, in its slice alone or not at all, and fully
    /// by the next time: a process that is killed in between leaves no call that the slices, which reports are made of, do not hold.
    #[must_use]
    pub fn counts(&self, routes: &[&str]) -> WindowCounts {
        let sum = |pick: &dyn Fn(&Shard) -> &AtomicU64| self.shards.iter().map(|shard| pick(shard).load(Ordering::Relaxed)).sum::<u64>();
        let (of_routes, route_latency_us) = self.routes(routes);
        let mut counts = WindowCounts {
            request_bytes: sum(&|shard| &shard.request_bytes),
            response_bytes: sum(&|shard| &shard.response_bytes),
            cold_starts: self.cold_starts.load(Ordering::Relaxed),
            probes: self.probes.load(Ordering::Relaxed),
            unrouted: self.unrouted.load(Ordering::Relaxed),
            callers_left: self.callers_left.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            metered_ms: Some(self.metered_ms.load(Ordering::Relaxed)),
            ..WindowCounts::default()
        };
        for (index, slice) in counts.slices.0.iter_mut().enumerate() {
            let server_errors = sum(&|shard| &shard.slices[index].server_errors);
            let latency_sum_us = sum(&|shard| &shard.slices[index].latency_sum_us);
            let buckets = self.buckets(index);
            let calls = buckets.iter().map(|(_, count)| u64::from(*count)).sum();
            // The histogram decides what is counted; errors of calls it does not hold yet wait for the next time.
            *slice = Slice { calls, server_errors: server_errors.min(calls), latency_sum_us, buckets };
        }
        (counts.routes, counts.route_latency_us) = (of_routes, route_latency_us);
        for classes in counts.routes.values() {
            for (total, class) in counts.status_classes.iter_mut().zip(classes) {
                *total += class;
            }
        }
        counts
    }

    fn buckets(&self, slice: usize) -> Vec<(u16, u32)> {
        let count = |bucket: usize| {
            let cells = self.shards.iter().map(|shard| shard.slices[slice].buckets[bucket].load(Ordering::Relaxed));
            cells.fold(0_u32, u32::saturating_add)
        };
        (0_u16..).zip((0..BUCKETS).map(count)).filter(|(_, count)| *count > 0).collect()
    }

    /// Calls and latencies by route, of routes with calls.
    fn routes(&self, names: &[&str]) -> (RouteCounts, RouteLatencies) {
        let (mut routes, mut latencies) = (RouteCounts::new(), RouteLatencies::new());
        for (index, name) in names.iter().enumerate() {
            let (mut classes, mut latency_us) = ([0; STATUS_CLASSES], 0);
            for cells in self.shards.iter().filter_map(|shard| shard.routes.get(index)) {
                for (total, cell) in classes.iter_mut().zip(&cells.status_classes) {
                    *total += cell.load(Ordering::Acquire);
                }
                latency_us += cells.latency_us.load(Ordering::Relaxed);
            }
            if classes.iter().any(|count| *count > 0) {
                routes.insert((*name).to_owned(), classes);
                latencies.insert((*name).to_owned(), latency_us);
            }
        }
        (routes, latencies)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn threads_count_together_and_nothing_is_lost() {
        let window = Arc::new(OpenWindow::new(Minute(1), Arm::Odd, 4, 2));
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let window = Arc::clone(&window);
                std::thread::spawn(move || {
                    for call in 0..5_000_u64 {
                        window.begin();
                        window.end(&CallOutcome {
                            status: if call % 100 == 0 { 503 } else { 200 },
                            latency_us: 100 + call,
                            request_bytes: 1,
                            response_bytes: 2,
                            route: usize::from(thread % 2 == 0),
                            slice: 3,
                        });
                    }
                })
            })
            .collect();
        // Meanwhile a reader always sees consistent slices.
        for _ in 0..20 {
            let counts = window.counts(&["/a", "/b"]);
            let held: u64 = counts.slices.0.iter().map(|slice| slice.calls).sum();
            assert!(held >= counts.calls(), "the slices hold {held} of {} calls", counts.calls());
            assert_eq!(crate::domain::window::Slices::decode(&counts.slices.encode()), Ok(counts.slices));
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(window.is_idle());
        let counts = window.counts(&["/a", "/b"]);
        assert_eq!((counts.calls(), counts.server_errors()), (40_000, 400));
        assert_eq!((counts.request_bytes, counts.response_bytes), (40_000, 80_000));
        assert_eq!(counts.slices.0[3].calls, 40_000);
        assert_eq!(counts.routes["/a"], [0, 19_800, 0, 0, 200]);
    }
}
