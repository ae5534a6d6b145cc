//! Counting on a clock that moves when told to, and against a real PostgreSQL.

use time::macros::datetime;

use super::*;
use crate::clock::ManualClock;
use crate::domain::minute_range::MinuteRange;
use crate::domain::schedule::Rule;
use crate::store::testing::new_store;
use tokio_util::sync::CancellationToken;

const ROUTES: [&str; 2] = ["/api/costs", "other"];

/// Minute 29,659,324 since the epoch: an even one.
const START: OffsetDateTime = datetime!(2026-11-23 10:04:00 UTC);

fn counter(clock: &ManualClock, booking: Booking) -> Arc<CallCounter> {
    Arc::new(CallCounter::new(Arc::new(clock.clone()), Schedule::default(), booking, Uuid::from_u128(1), &ROUTES))
}

fn arrival(counter: &CallCounter, kind: CallKind) -> Arrival {
    let at = counter.clock.now();
    Arrival { minute: counter.schedule.minute_at(at), at, uptime: counter.clock.uptime(), kind, route: 0, request_bytes: 10 }
}

fn call(counter: &Arc<CallCounter>, clock: &ManualClock, took: Duration, status: u16) {
    let entry = counter.begin(arrival(counter, CallKind::Call)).expect("counted");
    clock.advance(took);
    entry.finish(status, 100, counter.clock.uptime());
}

#[test]
fn a_call_is_counted_where_it_was_routed_with_its_latency() {
    let clock = ManualClock::new(START + Duration::from_secs(30));
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    call(&counter, &clock, Duration::from_millis(25), 200);
    call(&counter, &clock, Duration::from_millis(5), 503);
    let _ = counter.begin(arrival(&counter, CallKind::Probe));
    let _ = counter.begin(arrival(&counter, CallKind::Unrouted));
    drop(counter.begin(arrival(&counter, CallKind::Call)));
    let pending = counter.pending_windows(false);
    let [window] = pending.as_slice() else { panic!("one window: {pending:?}") };
    let counts = &window.counts;
    assert_eq!(counts.status_classes, [0, 1, 0, 1, 1], "a caller that left counts as 499");
    assert_eq!((counts.probes, counts.unrouted, counts.cold_starts), (1, 1, 1));
    assert_eq!((counts.request_bytes, counts.response_bytes, counts.latency_sum_us()), (30, 200, 30_000));
    assert_eq!(counts.slices.0[3].calls, 3, "the middle of the minute");
    assert_eq!(counts.routes["/api/costs"], [0, 1, 0, 1, 1]);
    assert!(!window.closed);
}

#[test]
fn a_call_that_outlasts_its_minute_keeps_the_window_open_and_stays_in_it() {
    let clock = ManualClock::new(START + Duration::from_secs(59));
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    let entry = counter.begin(arrival(&counter, CallKind::Call)).expect("counted");
    clock.advance(Duration::from_secs(400));
    let pending = counter.pending_windows(false);
    assert!(pending.iter().all(|window| !window.closed), "{pending:?}");
    entry.finish(200, 0, counter.clock.uptime());
    let pending = counter.pending_windows(false);
    assert_eq!((pending.len(), pending[0].closed, pending[0].counts.slices.0[SLICE_LAST].calls), (1, true, 1));
    assert_eq!(counter.unwritten(), 1, "it was retired");
    counter.mark_written(&pending);
    assert_eq!(counter.unwritten(), 0);
}

const SLICE_LAST: usize = crate::domain::window::SLICES - 1;

#[test]
fn a_retired_window_is_never_opened_again() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    call(&counter, &clock, Duration::ZERO, 200);
    clock.advance(Duration::from_secs(600));
    let pending = counter.pending_windows(false);
    counter.mark_written(&pending);
    clock.set(START);
    assert!(counter.begin(arrival(&counter, CallKind::Call)).is_none(), "the clock was set back");
    assert_eq!((counter.late(), counter.pending_windows(false).len()), (1, 0));
}

#[test]
fn a_clock_that_ran_ahead_for_a_while_stops_no_counting() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    let count = || counter.begin(arrival(&counter, CallKind::Call)).map(|call| call.finish(200, 0, counter.clock.uptime())).is_some();
    assert!(count());
    clock.set(START + time::Duration::HOUR);
    assert!(count());
    clock.advance(Duration::from_secs(10));
    let _ = counter.pending_windows(false);
    clock.set(START + time::Duration::seconds(10));
    assert!(count(), "the minute it really is takes calls");
    // An hour ahead from the start on: what is retired meanwhile is not in the way of what comes.
    let clock = ManualClock::new(START + time::Duration::HOUR);
    let counter = self::counter(&clock, Booking::Arm(Arm::Even));
    let count = || counter.begin(arrival(&counter, CallKind::Call)).map(|call| call.finish(200, 0, counter.clock.uptime())).is_some();
    assert!(count());
    clock.advance(Duration::from_secs(600));
    counter.mark_written(&counter.pending_windows(false));
    assert_eq!(counter.unwritten(), 0);
    clock.set(START + time::Duration::seconds(600));
    assert!(count(), "a clock that is put right does not silence the arm");
    assert_eq!(counter.late(), 0);
}

#[test]
fn a_minute_without_calls_gets_a_row_only_from_its_own_arm() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    counter.prepare();
    assert!(counter.pending_windows(false).is_empty(), "the minute is not over");
    clock.advance(Duration::from_secs(120));
    let pending = counter.pending_windows(false);
    assert_eq!(pending.len(), 1, "10:04 is even's, 10:05 is not: {pending:?}");
    assert!(pending[0].closed && pending[0].counts.calls() == 0);
}

#[test]
fn an_aa_instance_books_each_minute_to_its_own_arm() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Both);
    call(&counter, &clock, Duration::from_secs(60), 200);
    call(&counter, &clock, Duration::ZERO, 200);
    let arms: Vec<Arm> = counter.pending_windows(false).iter().map(|window| window.arm).collect();
    assert_eq!(arms, [Arm::Even, Arm::Odd]);
}

#[tokio::test]
async fn windows_reach_the_database_once_whatever_fails_in_between() {
    let store = new_store().await;
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    let run = |stop: CancellationToken| flush::windows(Arc::clone(&counter), store.clone(), stop);
    call(&counter, &clock, Duration::from_millis(1), 200);
    // Each run writes on its way out, as a drain does.
    for _ in 0..3 {
        let stop = CancellationToken::new();
        stop.cancel();
        run(stop).await;
    }
    call(&counter, &clock, Duration::from_millis(1), 200);
    let stop = CancellationToken::new();
    stop.cancel();
    run(stop).await;
    let minute = counter.schedule.minute_at(START);
    let windows = store.windows_for_test(MinuteRange::new(counter.schedule, minute, minute.next())).await;
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].counts.calls(), windows[0].closed), (2, true), "the drain closes what it writes");
    assert!(store.windows_for_test(MinuteRange::new(Schedule::new(Rule::Mirrored), minute, minute.next())).await.is_empty());
}

/// Metered time of each window there is to write, ms.
fn metered(counter: &CallCounter) -> Vec<Option<u64>> {
    counter.pending_windows(false).iter().map(|window| window.counts.metered_ms).collect()
}

#[test]
fn a_window_is_metered_by_activity_and_not_by_the_call() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    // Forty calls of 20 ms a second for ten seconds: each second is metered once.
    for _ in 0..400 {
        call(&counter, &clock, Duration::from_millis(20), 200);
        clock.advance(Duration::from_millis(5));
    }
    assert_eq!(metered(&counter), [Some(10_000)]);
}

#[test]
fn supervision_and_strangers_are_not_metered() {
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    for kind in [CallKind::Probe, CallKind::Unrouted] {
        let none = counter.begin(arrival(&counter, kind));
        clock.advance(Duration::from_secs(3));
        counter.publish();
        drop(none);
    }
    assert_eq!(metered(&counter), [Some(0)]);
}

#[test]
fn a_call_that_crosses_into_the_other_arms_minute_is_metered_where_it_was_routed() {
    let clock = ManualClock::new(START + Duration::from_secs(57));
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    let entry = counter.begin(arrival(&counter, CallKind::Call)).expect("counted");
    clock.advance(Duration::from_secs(3));
    counter.publish();
    assert_eq!(metered(&counter), [Some(3_000)], "at the boundary");
    clock.advance(Duration::from_millis(4_250));
    entry.finish(200, 0, counter.clock.uptime());
    let pending = counter.pending_windows(false);
    assert_eq!((pending.len(), pending[0].minute, pending[0].counts.metered_ms), (1, counter.schedule.minute_at(START), Some(7_300)));
}

#[test]
fn an_instance_that_is_both_arms_books_what_it_publishes_to_each_minute() {
    let clock = ManualClock::new(START + Duration::from_secs(57));
    let counter = counter(&clock, Booking::Both);
    let early = counter.begin(arrival(&counter, CallKind::Call)).expect("counted");
    clock.advance(Duration::from_secs(3));
    // The boundary is published a little late, when the next minute has calls of its own.
    let late = counter.begin(arrival(&counter, CallKind::Call)).expect("counted");
    clock.advance(Duration::from_millis(4));
    counter.publish();
    clock.advance(Duration::from_millis(4_996));
    counter.publish();
    assert_eq!(metered(&counter), [Some(3_100), Some(4_900)]);
    drop((early, late));
    assert_eq!(metered(&counter), [Some(3_100), Some(4_900)], "nothing twice");
}

#[test]
fn the_meter_is_published_at_boundaries_and_every_five_seconds() {
    let clock = ManualClock::new(START + Duration::from_millis(57_250));
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    assert_eq!(counter.until_publish(), Duration::from_millis(2_750));
    clock.advance(Duration::from_millis(2_750));
    assert_eq!(counter.until_publish(), Duration::from_secs(5));
    let short = Schedule::with_minute(Rule::Parity, Duration::from_secs(2));
    let counter = CallCounter::new(Arc::new(clock.clone()), short, Booking::Arm(Arm::Even), Uuid::nil(), &ROUTES);
    clock.advance(Duration::from_millis(1_500));
    assert_eq!(counter.until_publish(), Duration::from_millis(500), "a short minute ends before five seconds are over");
}

#[test]
fn two_workers_never_share_a_mark() {
    let clock = ManualClock::new(START);
    let workers = [counter(&clock, Booking::Arm(Arm::Even)), counter(&clock, Booking::Arm(Arm::Even))];
    for worker in &workers {
        call(worker, &clock, Duration::from_millis(20), 200);
    }
    let mut together = crate::domain::window::WindowCounts::default();
    workers.iter().flat_map(|worker| worker.pending_windows(false)).for_each(|window| together.merge(&window.counts));
    assert_eq!((together.calls(), together.metered_ms), (2, Some(2_000)));
}

#[tokio::test]
async fn metered_time_is_written_without_a_call_that_ends() {
    let store = new_store().await;
    let clock = ManualClock::new(START);
    let counter = counter(&clock, Booking::Arm(Arm::Even));
    let minute = counter.schedule.minute_at(START);
    let range = MinuteRange::new(counter.schedule, minute, minute.next());
    let written = async || {
        let stop = CancellationToken::new();
        stop.cancel();
        flush::windows(Arc::clone(&counter), store.clone(), stop).await;
        store.windows_for_test(range).await.iter().map(|window| window.counts.metered_ms).collect::<Vec<_>>()
    };
    let entry = counter.begin(arrival(&counter, CallKind::Call)).expect("counted");
    clock.advance(Duration::from_millis(1_240));
    // A process that drains, or is killed after this, leaves what was metered by now.
    assert_eq!(written().await, [Some(1_300)]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(written().await, [Some(11_300)]);
    entry.finish(200, 0, counter.clock.uptime());
    assert_eq!(written().await, [Some(11_300)], "the mark stands ahead");
}
