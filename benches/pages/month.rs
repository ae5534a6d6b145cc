//! A month of windows and decisions, ten calls a second, latencies as unevenly spread as real ones.

use std::collections::BTreeMap;

use switchback::domain::arm::Arm;
use switchback::domain::decision::{Decision, DecisionCount, Reason};
use switchback::domain::histogram::bucket_of;
use switchback::domain::schedule::{Minute, Schedule};
use switchback::domain::statistics::random::Random;
use switchback::domain::window::{EDGES_SIXTIETHS, Slice, Slices, Window, WindowCounts};
use switchback::store::Store;
use time::OffsetDateTime;
use uuid::Uuid;

const CALLS_PER_SECOND: u64 = 10;
const ROUTES: [&str; 3] = ["/api/instance", "/api/costs", "/api/charges"];
/// Minutes written at once.
const BATCH: usize = 1_000;

/// Writes the minutes from `start` up to `end`.
pub async fn fill(store: &Store, start: OffsetDateTime, end: OffsetDateTime) {
    let schedule = Schedule::default();
    let mut random = Random::new(307);
    let minutes: Vec<Minute> = (schedule.minute_at(start).0 + 2..schedule.minute_at(end).0).map(Minute).collect();
    for minutes in minutes.chunks(BATCH) {
        let windows: Vec<Window> = minutes.iter().map(|minute| window(*minute, schedule.arm_of(*minute), &mut random)).collect();
        store.write_windows(&schedule, &windows, end).await.unwrap();
        let decision = |window: &Window| DecisionCount {
            decision: Decision { minute: window.minute, arm: window.arm, reason: Reason::Schedule },
            calls: window.counts.calls(),
        };
        let decisions: Vec<DecisionCount> = windows.iter().map(decision).collect();
        store.write_decisions(&schedule, Uuid::from_u128(9), &decisions, end).await.unwrap();
    }
}

fn window(minute: Minute, arm: Arm, random: &mut Random) -> Window {
    let mut slices = Slices::default();
    for (slice, edges) in slices.0.iter_mut().zip(EDGES_SIXTIETHS.windows(2)) {
        *slice = calls(u64::from(edges[1] - edges[0]) * CALLS_PER_SECOND, arm, random);
    }
    let calls: u64 = slices.0.iter().map(|slice| slice.calls).sum();
    let latency_us: u64 = slices.0.iter().map(|slice| slice.latency_sum_us).sum();
    let of_routes = |whole: u64| ROUTES.map(|route| (route.to_owned(), whole / ROUTES.len() as u64));
    let counts = WindowCounts {
        status_classes: [0, calls, 0, 0, 0],
        request_bytes: 0,
        response_bytes: calls * 800,
        metered_ms: Some(59_000),
        slices,
        routes: of_routes(calls).map(|(route, calls)| (route, [0, calls, 0, 0, 0])).into(),
        route_latency_us: BTreeMap::from(of_routes(latency_us)),
        ..WindowCounts::default()
    };
    Window { minute, arm, worker: Uuid::from_u128(if arm == Arm::Even { 1 } else { 2 }), closed: true, counts }
}

fn calls(calls: u64, arm: Arm, random: &mut Random) -> Slice {
    let mut buckets: BTreeMap<u16, u32> = BTreeMap::new();
    let mut latency_sum_us = 0;
    for _ in 0..calls {
        let base = if arm == Arm::Even { 4_000.0 } else { 7_000.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few milliseconds")]
        let latency_us = (base * (0.5 + random.exponential())) as u64;
        latency_sum_us += latency_us;
        *buckets.entry(u16::try_from(bucket_of(latency_us)).unwrap()).or_default() += 1;
    }
    Slice { calls, server_errors: 0, latency_sum_us, buckets: buckets.into_iter().collect() }
}
