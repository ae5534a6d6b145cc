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
    entry.finish(status, 100);
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
    entry.finish(200, 0);
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
    let count = || counter.begin(arrival(&counter, CallKind::Call)).map(|call| call.finish(200, 0)).is_some();
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
    let count = || counter.begin(arrival(&counter, CallKind::Call)).map(|call| call.finish(200, 0)).is_some();
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
