//! The ledger on a clock that moves when told to, and against a real PostgreSQL.

use time::macros::datetime;

use super::*;
use crate::clock::ManualClock;
use crate::domain::schedule::Rule;
use crate::store::testing::new_store;
use tokio_util::sync::CancellationToken;

const ROUTES: [&str; 2] = ["/api/costs", "other"];

/// Minute 29,659,324 since the epoch: an even one.
const START: OffsetDateTime = datetime!(2026-11-23 10:04:00 UTC);

fn ledger(clock: &ManualClock, booking: Booking) -> Arc<Ledger> {
    Arc::new(Ledger::new(Arc::new(clock.clone()), Schedule::default(), booking, &ROUTES))
}

fn arrival(ledger: &Ledger, kind: Kind) -> Arrival {
    let at = ledger.clock.now();
    Arrival { minute: ledger.schedule.minute_at(at), at, uptime: ledger.clock.uptime(), kind, route: 0, request_bytes: 10 }
}

fn call(ledger: &Arc<Ledger>, clock: &ManualClock, took: Duration, status: u16) {
    let entry = ledger.begin(arrival(ledger, Kind::Call)).expect("counted");
    clock.advance(took);
    entry.finish(status, 100);
}

#[test]
fn a_call_is_counted_where_it_was_routed_with_its_latency() {
    let clock = ManualClock::new(START + Duration::from_secs(30));
    let ledger = ledger(&clock, Booking::Arm(Arm::Even));
    call(&ledger, &clock, Duration::from_millis(25), 200);
    call(&ledger, &clock, Duration::from_millis(5), 503);
    let _ = ledger.begin(arrival(&ledger, Kind::Probe));
    let _ = ledger.begin(arrival(&ledger, Kind::Unrouted));
    drop(ledger.begin(arrival(&ledger, Kind::Call)));
    let stock = ledger.take_stock(false);
    let [window] = stock.as_slice() else { panic!("one window: {stock:?}") };
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
    let ledger = ledger(&clock, Booking::Arm(Arm::Even));
    let entry = ledger.begin(arrival(&ledger, Kind::Call)).expect("counted");
    clock.advance(Duration::from_secs(400));
    let stock = ledger.take_stock(false);
    assert!(stock.iter().all(|window| !window.closed), "{stock:?}");
    entry.finish(200, 0);
    let stock = ledger.take_stock(false);
    assert_eq!((stock.len(), stock[0].closed, stock[0].counts.slices.0[SLICE_LAST].calls), (1, true, 1));
    assert_eq!(ledger.unwritten(), 1, "it was retired");
    ledger.forget(&stock);
    assert_eq!(ledger.unwritten(), 0);
}

const SLICE_LAST: usize = crate::domain::window::SLICES - 1;

#[test]
fn a_retired_window_is_never_opened_again() {
    let clock = ManualClock::new(START);
    let ledger = ledger(&clock, Booking::Arm(Arm::Even));
    call(&ledger, &clock, Duration::ZERO, 200);
    clock.advance(Duration::from_secs(600));
    let stock = ledger.take_stock(false);
    ledger.forget(&stock);
    clock.set(START);
    assert!(ledger.begin(arrival(&ledger, Kind::Call)).is_none(), "the clock was set back");
    assert_eq!((ledger.late(), ledger.take_stock(false).len()), (1, 0));
}

#[test]
fn a_silent_minute_of_its_own_is_a_row_and_the_other_arms_is_none() {
    let clock = ManualClock::new(START);
    let ledger = ledger(&clock, Booking::Arm(Arm::Even));
    ledger.prepare();
    assert!(ledger.take_stock(false).is_empty(), "the minute is not over");
    clock.advance(Duration::from_secs(120));
    let stock = ledger.take_stock(false);
    assert_eq!(stock.len(), 1, "10:04 is even's, 10:05 is not: {stock:?}");
    assert!(stock[0].closed && stock[0].counts.calls() == 0);
}

#[test]
fn an_aa_instance_books_each_minute_to_its_own_arm() {
    let clock = ManualClock::new(START);
    let ledger = ledger(&clock, Booking::Both);
    call(&ledger, &clock, Duration::from_secs(60), 200);
    call(&ledger, &clock, Duration::ZERO, 200);
    let arms: Vec<Arm> = ledger.take_stock(false).iter().map(|window| window.arm).collect();
    assert_eq!(arms, [Arm::Even, Arm::Odd]);
}

#[tokio::test]
async fn windows_reach_the_database_once_whatever_fails_in_between() {
    let store = new_store().await;
    let clock = ManualClock::new(START);
    let ledger = ledger(&clock, Booking::Arm(Arm::Even));
    let run = |stop: CancellationToken| flush::windows(Arc::clone(&ledger), store.clone(), stop);
    call(&ledger, &clock, Duration::from_millis(1), 200);
    // Each run writes on its way out, as a drain does.
    for _ in 0..3 {
        let stop = CancellationToken::new();
        stop.cancel();
        run(stop).await;
    }
    call(&ledger, &clock, Duration::from_millis(1), 200);
    let stop = CancellationToken::new();
    stop.cancel();
    run(stop).await;
    let minute = ledger.schedule.minute_at(START);
    let windows = store.windows(&ledger.schedule, minute, minute.next(), 10).await.unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!((windows[0].counts.calls(), windows[0].closed), (2, true), "the drain closes what it writes");
    assert!(store.windows(&Schedule::new(Rule::Mirrored), minute, minute.next(), 10).await.unwrap().is_empty());
}
