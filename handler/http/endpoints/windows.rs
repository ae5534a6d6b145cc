//! Windows and decisions, minute by minute.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use warp::reply::Response;

use crate::comparison::Comparison;
use crate::domain::arm::Arm;
use crate::domain::decision::{DecisionCount, Reason};
use crate::domain::moment;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::{RouteCounts, Window, WindowCounts};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply::json;
use crate::store::Store;

/// Most minutes in one answer where the caller sets no limit, and the highest limit.
const DEFAULT_LIMIT: u32 = 240;
const MAX_LIMIT: u32 = 5_000;

/// Windows in time order, with the decisions of the same minutes.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowsDocument {
    /// One entry for each minute and arm, all its workers together.
    pub windows: Vec<WindowDocument>,
    /// What the routers decided, minute by minute.
    pub decisions: Vec<DecisionsDocument>,
    /// Share of these decisions that follow the schedule, recorded failovers included; null without any.
    #[schema(example = 1.0)]
    pub conformance: Option<f64>,
}

/// What one arm served in one minute. Latencies are in milliseconds.
#[derive(Debug, Serialize, ToSchema)]
pub struct WindowDocument {
    /// The minute, as the router names it.
    #[schema(example = "2026-11-23T10:04Z")]
    pub minute: String,
    /// Its first instant.
    #[schema(example = "2026-11-23T10:04:00Z")]
    pub starts_at: String,
    /// The arm that served.
    pub arm: Arm,
    /// Whether the minute was that arm's own.
    pub on_schedule: bool,
    /// Processes that served.
    pub workers: u32,
    /// Whether each of them wrote its last count.
    pub closed: bool,
    /// Calls.
    pub calls: u64,
    /// Those answered 4xx.
    pub client_errors: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Mean latency; null without a call.
    pub latency_mean_ms: Option<f64>,
    /// Median latency.
    pub latency_p50_ms: Option<f64>,
    /// 95th percentile.
    pub latency_p95_ms: Option<f64>,
    /// 99th percentile.
    pub latency_p99_ms: Option<f64>,
    /// Bytes of request bodies, as far as announced.
    pub request_bytes: u64,
    /// Bytes of response bodies, as far as announced.
    pub response_bytes: u64,
    /// Workers that began to serve.
    pub cold_starts: u64,
    /// Probes, which are in no other number.
    pub probes: u64,
    /// Calls without a valid ticket where tickets are in use, which are in no other number.
    pub unrouted: u64,
    /// Time that Flex Consumption would have metered for these calls, each worker an instance; null where none of them metered.
    #[schema(example = 58_500)]
    pub metered_ms: Option<u64>,
    /// Calls by route and status class, 1xx to 5xx.
    #[schema(value_type = BTreeMap<String, [u64; 5]>, example = json!({"/api/costs": [0, 118, 0, 2, 0]}))]
    pub routes: RouteCounts,
}

/// What the routers decided in one minute.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionsDocument {
    /// The minute, as the router names it.
    #[schema(example = "2026-11-23T10:04Z")]
    pub minute: String,
    /// The arm whose turn it is.
    pub scheduled: Arm,
    /// Calls sent to that arm.
    pub on_schedule: u64,
    /// Calls sent to the other one because it was down.
    pub failed_over: u64,
    /// Calls no arm could take.
    pub unavailable: u64,
    /// Calls sent to the wrong arm without a recorded failover: there should be none.
    pub violations: u64,
}

/// What each arm served, minute by minute, and what the routers decided.
///
/// # Errors
/// 400 for a query that is wrong.
#[utoipa::path(
    get,
    path = "/api/windows",
    tag = "comparison",
    summary = "List windows and decisions",
    description = "What each arm served, minute by minute, and what the routers decided in the same minutes.",
    params(
        ("from" = Option<String>, Query, description = "First moment shown; a day before `to` where none is given"),
        ("to" = Option<String>, Query, description = "First moment not shown; now where none is given"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 5_000, description = "Most minutes shown, the latest in which anything was counted, each with all its windows: 1 to 5,000, else 240"),
    ),
    responses(
        (status = 200, description = "The windows in time order, and the decisions of their minutes", body = WindowsDocument),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn windows(store: &Store, comparison: &Comparison, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let (from, to) = (query.moment("from")?, query.moment("to")?);
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", "a number from 1 to 5000", limit)?.unwrap_or(DEFAULT_LIMIT);
    query.finish()?;
    let schedule = comparison.schedule();
    let range = comparison.minutes_so_far(from, to);
    let mut windows = JoinedWindows::new();
    store.last_windows(range, limit, |window| join(&mut windows, &window)).await?;
    // Decisions of the minutes shown, not of the whole range.
    let range = windows.first_key_value().map_or(range, |((first, _), _)| range.starting_no_earlier_than(*first));
    let mut decisions: BTreeMap<Minute, DecisionsDocument> = BTreeMap::new();
    store.observe_decisions(range, |count| add(&mut decisions, schedule, count)).await?;
    let decisions: Vec<DecisionsDocument> = decisions.into_values().collect();
    Ok(json(&WindowsDocument { windows: documents(schedule, windows), conformance: conformance(&decisions), decisions }))
}

fn add(decisions: &mut BTreeMap<Minute, DecisionsDocument>, schedule: &Schedule, count: &DecisionCount) {
    let minute = count.decision.minute;
    let scheduled = schedule.arm_of(minute);
    let entry = decisions.entry(minute).or_insert_with(|| DecisionsDocument {
        minute: schedule.label(minute),
        scheduled,
        on_schedule: 0,
        failed_over: 0,
        unavailable: 0,
        violations: 0,
    });
    let cell = match (count.decision.reason, count.decision.arm == scheduled) {
        (Reason::Schedule | Reason::Unsure, true) => &mut entry.on_schedule,
        (Reason::Failover, false) => &mut entry.failed_over,
        (Reason::Unavailable, _) => &mut entry.unavailable,
        _ => &mut entry.violations,
    };
    *cell += count.calls;
}

fn conformance(decisions: &[DecisionsDocument]) -> Option<f64> {
    let sum = |pick: fn(&DecisionsDocument) -> u64| decisions.iter().map(pick).sum::<u64>();
    let violations = sum(|minute| minute.violations);
    let all = violations + sum(|minute| minute.on_schedule + minute.failed_over + minute.unavailable);
    (all > 0).then(|| 1.0 - violations as f64 / all as f64)
}

/// By minute and arm: what all its workers counted, how many they are, and whether each of them closed.
type JoinedWindows = BTreeMap<(Minute, Arm), (WindowCounts, u32, bool)>;

fn join(joined: &mut JoinedWindows, window: &Window) {
    let (counts, workers, closed) = joined.entry((window.minute, window.arm)).or_insert_with(|| (WindowCounts::default(), 0, true));
    counts.merge(&window.counts);
    *workers += 1;
    *closed &= window.closed;
}

fn documents(schedule: &Schedule, joined: JoinedWindows) -> Vec<WindowDocument> {
    joined.into_iter().map(|((minute, arm), (counts, workers, closed))| document(schedule, minute, arm, counts, workers, closed)).collect()
}

fn document(schedule: &Schedule, minute: Minute, arm: Arm, counts: WindowCounts, workers: u32, closed: bool) -> WindowDocument {
    let histogram = counts.histogram();
    let quantile = |q| histogram.quantile_us(q).map(|us| us / 1_000.0);
    let calls = counts.calls();
    WindowDocument {
        minute: schedule.label(minute),
        starts_at: moment::format(schedule.starts_at(minute)),
        arm,
        on_schedule: schedule.arm_of(minute) == arm,
        workers,
        closed,
        calls,
        client_errors: counts.client_errors(),
        server_errors: counts.server_errors(),
        latency_mean_ms: (calls > 0).then(|| counts.latency_sum_us() as f64 / calls as f64 / 1_000.0),
        latency_p50_ms: quantile(0.5),
        latency_p95_ms: quantile(0.95),
        latency_p99_ms: quantile(0.99),
        request_bytes: counts.request_bytes,
        response_bytes: counts.response_bytes,
        cold_starts: counts.cold_starts,
        probes: counts.probes,
        unrouted: counts.unrouted,
        metered_ms: counts.metered_ms,
        routes: counts.routes,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::decision::Decision;
    use crate::domain::histogram::bucket_of;
    use crate::domain::window::Slice;

    fn window(minute: i64, arm: Arm, closed: bool, calls: u32) -> Window {
        let mut counts = WindowCounts { status_classes: [0, u64::from(calls), 0, 0, 0], ..WindowCounts::default() };
        let bucket = u16::try_from(bucket_of(10_000)).unwrap();
        counts.slices.0[1] =
            Slice { calls: calls.into(), server_errors: 0, latency_sum_us: 10_000 * u64::from(calls), buckets: vec![(bucket, calls)] };
        Window { minute: Minute(minute), arm, worker: Uuid::from_u128(calls.into()), closed, counts }
    }

    #[test]
    fn a_minutes_workers_are_merged_into_one_entry() {
        let mut joined = JoinedWindows::new();
        for window in [window(2, Arm::Even, true, 3), window(2, Arm::Even, false, 5), window(2, Arm::Odd, true, 1)] {
            join(&mut joined, &window);
        }
        let shown = documents(&Schedule::default(), joined);
        assert_eq!(shown.len(), 2);
        assert_eq!((shown[0].calls, shown[0].workers, shown[0].closed, shown[0].on_schedule), (8, 2, false, true));
        assert_eq!(shown[0].latency_mean_ms, Some(10.0));
        assert!((shown[0].latency_p95_ms.unwrap() - 10.0).abs() < 0.16);
        assert!(!shown[1].on_schedule);
    }

    #[tokio::test]
    async fn a_limit_never_cuts_a_minute_between_its_workers() {
        use crate::clock::ManualClock;
        use crate::http::endpoints::testing::answer;
        use crate::store::testing::new_store;

        let (store, schedule) = (new_store().await, Schedule::default());
        let now = schedule.starts_at(Minute(10));
        let worker = |minute, arm, worker, calls| Window { worker: Uuid::from_u128(worker), ..window(minute, arm, true, calls) };
        let windows = [
            worker(4, Arm::Even, 1, 1),
            worker(4, Arm::Even, 2, 2),
            worker(5, Arm::Odd, 3, 4),
            worker(5, Arm::Odd, 4, 8),
            worker(5, Arm::Even, 1, 16),
        ];
        store.write_windows(&schedule, &windows, now).await.unwrap();
        let (config, _) = crate::config::comparison::from_process_environment().unwrap();
        let comparison = Comparison::new(store.clone(), schedule, config, std::sync::Arc::new(ManualClock::new(now)));
        let shown = async |limit: u32| {
            let answer = answer(super::windows(&store, &comparison, Some(&format!("from=1970-01-01&limit={limit}"))).await).await;
            let windows = answer.body["windows"].as_array().unwrap().clone();
            windows.iter().map(|window| (window["calls"].as_u64().unwrap(), window["workers"].as_u64().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(shown(1).await, [(16, 1), (12, 2)]);
        assert_eq!(shown(2).await, [(3, 2), (16, 1), (12, 2)]);
        assert_eq!(shown(3).await, shown(2).await);
    }

    #[test]
    fn decisions_are_compared_with_the_schedule() {
        let mut decisions = BTreeMap::new();
        let schedule = Schedule::default();
        let mut count = |minute, arm, reason, calls| {
            add(&mut decisions, &schedule, &DecisionCount { decision: Decision { minute: Minute(minute), arm, reason }, calls });
        };
        count(2, Arm::Even, Reason::Schedule, 6);
        count(3, Arm::Even, Reason::Failover, 2);
        count(4, Arm::Odd, Reason::Schedule, 1);
        count(5, Arm::Odd, Reason::Unavailable, 1);
        let shown: Vec<DecisionsDocument> = decisions.into_values().collect();
        assert_eq!([shown[0].on_schedule, shown[1].failed_over, shown[2].violations, shown[3].unavailable], [6, 2, 1, 1]);
        assert_eq!(conformance(&shown), Some(0.9));
        assert_eq!(conformance(&[]), None);
    }
}
