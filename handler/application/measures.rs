//! Which of the process's parts are measured, and under which names (docs/telemetry.md lists them all).
//!
//! Parts count for themselves and are asked when somebody wants to know. Must not know how numbers leave the process.

use std::borrow::Cow;
use std::sync::Arc;

use crate::domain::arm::Arm;
use crate::domain::decision::{Health, Reason};
use crate::http::connections::Connections;
use crate::http::edge::Edge;
use crate::routing::Routing;
use crate::store::Store;
use crate::telemetry::AccessLog;
use crate::telemetry::metrics::{MetricKind, Registry, Sample};
use crate::windows::CallCounter;

/// Measures what every role has.
pub fn edge(registry: &Registry, edge: &Edge, connections: &Arc<Connections>) {
    connections_of(registry, connections);
    let edge = edge.clone();
    registry.register("switchback_calls_in_flight", "Calls being served.", MetricKind::Gauge, move || {
        vec![Sample::plain(edge.in_flight() as f64)]
    });
}

fn connections_of(registry: &Registry, connections: &Arc<Connections>) {
    let measure = |name, help, kind, value: fn(&Connections) -> f64| {
        let connections = Arc::clone(connections);
        registry.register(name, help, kind, move || vec![Sample::plain(value(&connections))]);
    };
    measure("switchback_connections_open", "Connections open.", MetricKind::Gauge, |connections| connections.open() as f64);
    measure("switchback_connections_accepted_total", "Connections taken.", MetricKind::Counter, |connections| {
        connections.accepted() as f64
    });
    measure("switchback_connections_turned_away_total", "Connections past an address's bound.", MetricKind::Counter, |connections| {
        connections.turned_away() as f64
    });
    measure(
        "switchback_connections_closed_idle_total",
        "Connections closed to make room, idle ones first.",
        MetricKind::Counter,
        |connections| connections.closed_idle() as f64,
    );
    measure("switchback_heads_refused_total", "Heads that were no requests: 400, 414, 431.", MetricKind::Counter, |connections| {
        connections.refused_heads() as f64
    });
}

/// Measures the access log.
pub fn access(registry: &Registry, access: &Arc<AccessLog>) {
    let access = Arc::clone(access);
    registry.register(
        "switchback_access_log_left_out_total",
        "Lines of the access log left out because standard output was not read in time.",
        MetricKind::Counter,
        move || vec![Sample::plain(access.left_out() as f64)],
    );
}

/// Measures an arm.
pub fn arm(registry: &Registry, counter: &Arc<CallCounter>, store: &Store) {
    pool(registry, store);
    let windows = Arc::clone(counter);
    registry.register("switchback_windows_unwritten", "Whole windows that wait for the database.", MetricKind::Gauge, move || {
        vec![Sample::plain(windows.unwritten() as f64)]
    });
    let late = Arc::clone(counter);
    registry.register(
        "switchback_calls_late_total",
        "Calls whose window was written already: counted here alone.",
        MetricKind::Counter,
        move || vec![Sample::plain(late.late() as f64)],
    );
}

/// Measures a router.
pub fn router(registry: &Registry, routing: &Arc<Routing>, store: Option<&Store>) {
    let decisions = Arc::clone(routing);
    registry.register(
        "switchback_decisions_total",
        "Decisions by arm and reason; failover and unavailable mean an arm was down.",
        MetricKind::Counter,
        move || {
            let decided = decisions.decided();
            let all = Arm::BOTH.into_iter().flat_map(|arm| Reason::ALL.into_iter().map(move |reason| (arm, reason)));
            let label = |arm: Arm, reason: Reason| vec![("arm", Cow::Borrowed(arm.as_str())), ("reason", Cow::Borrowed(reason.as_str()))];
            all.map(|(arm, reason)| Sample { suffix: "", labels: label(arm, reason), value: decided.of(arm, reason) as f64 }).collect()
        },
    );
    let health = Arc::clone(routing);
    registry.register("switchback_arm_up", "Whether the router counts an arm as up, 1 or 0.", MetricKind::Gauge, move || {
        let now = health.health().now();
        Arm::BOTH.map(|arm| Sample::labelled("arm", arm.as_str(), f64::from(u8::from(now[arm] == Health::Up)))).into()
    });
    let settings = Arc::clone(routing);
    registry.register(
        "switchback_arm_agrees",
        "Whether an arm goes by the router's schedule and ticket key, 1 or 0; absent until it has said.",
        MetricKind::Gauge,
        move || {
            let (own, theirs) = (settings.settings(), settings.health().settings());
            let agrees = |arm: Arm| theirs[arm].as_deref().map(|theirs| f64::from(u8::from(theirs == own.as_str())));
            Arm::BOTH.into_iter().filter_map(|arm| Some(Sample::labelled("arm", arm.as_str(), agrees(arm)?))).collect()
        },
    );
    if let Some(store) = store {
        pool(registry, store);
    }
}

fn pool(registry: &Registry, store: &Store) {
    let store = store.clone();
    registry.register("switchback_pool_connections", "Database connections, used and idle.", MetricKind::Gauge, move || {
        let pool = store.pool_use();
        let state = |state, count: u32| Sample::labelled("state", state, f64::from(count));
        vec![state("used", pool.open.saturating_sub(pool.idle)), state("idle", pool.idle)]
    });
}
