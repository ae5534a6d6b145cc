//! The arm at work: every call is counted into the window it was routed in, and windows are written every few seconds.
//!
//! Counting takes no lock that another call waits for: the current windows hang from an atomic pointer, and their cells are sharded. Callers'
//! calls are metered beside, as Flex Consumption would meter this process; supervision's and timers' are not, which a Flex app serves on
//! instances of their own or at a cost that is shown apart. Must not know HTTP: it is told which route a call took and how it ended.

mod counters;
pub mod flush;
pub mod meter;
mod steps;

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::clock::Clock;
use crate::domain::arm::Arm;
use crate::domain::metering::PUBLISH_INTERVAL;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::{CALLER_LEFT, Window, slice_at};
use counters::{CallOutcome, OpenWindow};
use meter::InstanceMeter;
use steps::Steps;

/// Minutes a window stays open for calls that arrive late: a ticket is good for two, and clocks differ.
const OPEN_MINUTES: i64 = 4;
/// Most windows that wait for the database: a day of them.
const MAX_PENDING: usize = 1_440;
/// Most retired minutes that are remembered: a day of them.
const MAX_RETIRED: usize = 1_440;

/// Which windows calls are booked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booking {
    /// This arm's.
    Arm(Arm),
    /// Those of the arm whose minute it is: one instance is both arms, an A/A run.
    Both,
}

/// What kind of call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// A caller's.
    Call,
    /// Supervision's: counted apart.
    Probe,
    /// One without a ticket where tickets are in use: counted apart.
    Unrouted,
}

/// What is known of a call when it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// The minute it was routed in.
    pub minute: Minute,
    /// When it arrived.
    pub at: OffsetDateTime,
    /// The clock's uptime then.
    pub uptime: Duration,
    /// What kind of call it is.
    pub kind: CallKind,
    /// Position of its route among those that calls are counted under.
    pub route: usize,
    /// Bytes of its body, as announced.
    pub request_bytes: u64,
}

/// Counts this process's calls.
#[derive(Debug)]
pub struct CallCounter {
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    booking: Booking,
    worker: Uuid,
    routes: &'static [&'static str],
    shards: usize,
    meter: InstanceMeter,
    /// Windows that take calls, oldest first.
    open: ArcSwap<Vec<Arc<OpenWindow>>>,
    /// Held while a window is opened or retired: once a minute, ahead of time, by the flusher.
    changing: Mutex<()>,
    /// Minutes whose rows are written for good: their windows take no more calls.
    retired: Mutex<BTreeSet<Minute>>,
    steps: Mutex<Steps>,
    served: AtomicBool,
    late: AtomicU64,
    /// Whole windows that no longer take calls and are not written yet.
    pending: Mutex<VecDeque<Window>>,
}

/// A call being served; counted when it is finished, or, when it is dropped before, as one whose caller left.
#[derive(Debug)]
pub struct OpenCall {
    counter: Arc<CallCounter>,
    window: Arc<OpenWindow>,
    arrival: Arrival,
    /// Status and bytes of the answer, and the uptime at it, once there is one.
    answer: Option<(u16, u64, Duration)>,
}

impl CallCounter {
    /// A counter for the process `worker`, whose calls go to one of `routes`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, schedule: Schedule, booking: Booking, worker: Uuid, routes: &'static [&'static str]) -> Self {
        CallCounter {
            steps: Mutex::new(Steps::new(clock.now(), clock.uptime())),
            clock,
            schedule,
            booking,
            worker,
            routes,
            shards: counters::shards(),
            meter: InstanceMeter::default(),
            open: ArcSwap::default(),
            changing: Mutex::default(),
            retired: Mutex::default(),
            served: AtomicBool::new(false),
            late: AtomicU64::new(0),
            pending: Mutex::default(),
        }
    }

    /// The schedule calls are counted under.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Whether this instance is both arms: an A/A run.
    #[must_use]
    pub fn is_both_arms(&self) -> bool {
        self.booking == Booking::Both
    }

    /// Counts a call that has arrived. `None` for calls of which only the number is kept.
    #[must_use]
    pub fn begin(self: &Arc<Self>, arrival: Arrival) -> Option<OpenCall> {
        let Some(window) = self.window(arrival.minute) else {
            self.late.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        match arrival.kind {
            CallKind::Probe => window.probe(),
            CallKind::Unrouted => window.unrouted(),
            CallKind::Call => {
                if !self.served.load(Ordering::Relaxed) && !self.served.swap(true, Ordering::Relaxed) {
                    window.cold_start();
                }
                // A call is in flight in its window for as long as it is on the meter.
                window.begin();
                self.meter.begin(arrival.uptime);
                return Some(OpenCall { counter: Arc::clone(self), window, arrival, answer: None });
            }
        }
        None
    }

    /// Meters what is in flight, as the Functions host does every five seconds, and books it to a minute of those calls: the latest.
    fn publish(&self) {
        let metered_ms = self.meter.publish(self.clock.uptime());
        if metered_ms == 0 {
            return;
        }
        let now = self.clock.now();
        let minute = self.schedule.minute_at(now);
        // At the boundary of two minutes, what is metered is of the one before.
        let begun = now - self.schedule.starts_at(minute) < self.publish_interval() / 2;
        let last = if begun { minute.previous() } else { minute };
        let open = self.open.load();
        let busy = || open.iter().rev().filter(|window| !window.is_idle());
        let booked = busy().find(|window| window.minute <= last).or_else(|| busy().next());
        if let Some(window) = booked {
            window.meter(metered_ms);
        }
    }

    /// Time until the meter is to be published: on the boundaries of minutes, and every five seconds from there.
    fn until_publish(&self) -> Duration {
        let now = self.clock.now();
        let since = Duration::try_from(now - self.schedule.starts_at(self.schedule.minute_at(now))).unwrap_or_default();
        let interval = self.publish_interval();
        let elapsed = since.as_nanos() % interval.as_nanos().max(1);
        interval.saturating_sub(Duration::from_nanos(u64::try_from(elapsed).unwrap_or(0)))
    }

    /// The platform's interval, or a development system's short minute.
    fn publish_interval(&self) -> Duration {
        PUBLISH_INTERVAL.min(self.schedule.minute_length())
    }

    /// Windows that wait to be written, for metrics.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Calls that belonged to a window already retired: counted here alone.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    fn window(&self, minute: Minute) -> Option<Arc<OpenWindow>> {
        let find = |windows: &[Arc<OpenWindow>]| windows.iter().rev().find(|window| window.minute == minute).cloned();
        if let Some(window) = find(&self.open.load()) {
            return Some(window);
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.open.load_full();
        if let Some(window) = find(&open) {
            return Some(window);
        }
        if self.retired.lock().unwrap_or_else(PoisonError::into_inner).contains(&minute) {
            // Its row is written, and rows are absolute: a second window of the same minute would erase what it counted.
            return None;
        }
        let arm = match self.booking {
            Booking::Arm(arm) => arm,
            Booking::Both => self.schedule.arm_of(minute),
        };
        let window = Arc::new(OpenWindow::new(minute, arm, self.shards, self.routes.len()));
        let mut windows: Vec<Arc<OpenWindow>> = open.iter().cloned().collect();
        windows.push(Arc::clone(&window));
        windows.sort_by_key(|window| window.minute);
        self.open.store(Arc::new(windows));
        Some(window)
    }

    /// Opens the windows that will be needed next, so that no call has to.
    fn prepare(&self) {
        let now = self.schedule.minute_at(self.clock.now());
        for minute in [now, now.next()] {
            let _ = self.window(minute);
        }
    }

    /// Retires windows that take no more calls, and returns everything there is to write: whole windows first, then what the open ones
    /// hold so far. While `draining` the open ones count as ended.
    pub(crate) fn pending_windows(&self, draining: bool) -> Vec<Window> {
        let now = self.schedule.minute_at(self.clock.now());
        let mut pending_now = Vec::new();
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.open.load_full();
        let last_ripe = self.trusted_minute().0.saturating_sub(OPEN_MINUTES);
        let (ripe, kept): (Vec<_>, Vec<_>) = open.iter().cloned().partition(|window| window.minute.0 < last_ripe && window.is_idle());
        if !ripe.is_empty() {
            let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
            retired.extend(ripe.iter().map(|window| window.minute));
            while retired.len() > MAX_RETIRED {
                retired.pop_first();
            }
            self.open.store(Arc::new(kept.clone()));
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.extend(ripe.iter().filter_map(|window| self.as_written(window, now, true)));
        while pending.len() > MAX_PENDING {
            pending.pop_front();
        }
        pending_now.extend(pending.iter().cloned());
        pending_now.extend(kept.iter().filter_map(|window| self.as_written(window, now, draining)));
        pending_now
    }

    /// The current minute, as far as the uptime confirms the clock: one that runs ahead for a moment must not close minutes to come.
    fn trusted_minute(&self) -> Minute {
        let patience = self.schedule.minute_length() * OPEN_MINUTES.unsigned_abs().try_into().unwrap_or(u32::MAX);
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        self.schedule.minute_at(steps.trusted(self.clock.now(), self.clock.uptime(), patience))
    }

    /// Drops whole windows that have been written.
    fn mark_written(&self, written: &[Window]) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|waiting| !written.iter().any(|window| window.minute == waiting.minute && window.arm == waiting.arm));
    }

    /// The window as it would be written now; `None` where there is nothing to write: a minute without calls gets a row only once it is over,
    /// and only if it is the arm's own.
    fn as_written(&self, window: &OpenWindow, now: Minute, ended: bool) -> Option<Window> {
        let closed = (ended || window.minute < now) && window.is_idle();
        let counts = window.counts(self.routes);
        let empty = counts.calls() + counts.probes + counts.unrouted + counts.metered_ms.unwrap_or(0) == 0;
        let own = self.schedule.arm_of(window.minute) == window.arm && window.minute < now;
        if empty && !(closed && own) {
            return None;
        }
        Some(Window { minute: window.minute, arm: window.arm, worker: self.worker, closed, counts })
    }
}

impl OpenCall {
    /// The call was answered at `uptime`.
    pub fn finish(mut self, status: u16, response_bytes: u64, uptime: Duration) {
        self.answer = Some((status, response_bytes, uptime));
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let counter = &self.counter;
        let (status, response_bytes, uptime) = self.answer.unwrap_or_else(|| (CALLER_LEFT, 0, counter.clock.uptime()));
        self.window.meter(counter.meter.end(uptime));
        let took = uptime.saturating_sub(self.arrival.uptime);
        let elapsed = counter.schedule.elapsed(self.arrival.minute, self.arrival.at);
        self.window.end(&CallOutcome {
            status,
            latency_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            request_bytes: self.arrival.request_bytes,
            response_bytes,
            route: self.arrival.route,
            slice: slice_at(elapsed, counter.schedule.minute_length()),
        });
    }
}

#[cfg(test)]
mod tests;
