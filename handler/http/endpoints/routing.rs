//! What the router says of itself, under its reserved paths.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;
use warp::reply::Response;

use crate::domain::arm::Arm;
use crate::domain::decision::{Failover, Reason};
use crate::http::reply::json;
use crate::routing::Routing;
use crate::routing::turn::DecisionCounts;

/// `GET /_switchback/health`: the router is up; how it sees the arms.
#[must_use]
pub fn health(routing: &Routing) -> Response {
    json(&json!({ "status": "up", "arms": routing.health().now() }))
}

/// `GET /_switchback/routing`: whose turn it is, when that changes, how the arms are, and what was decided so far.
#[must_use]
pub fn routing(routing: &Routing) -> Response {
    let schedule = routing.schedule();
    let turn = routing.turn();
    let next = schedule.next_switch(turn.minute);
    json(&json!({
        "settings": routing.settings().as_str(),
        "schedule": schedule.rule(),
        "failover": routing.failover() == Failover::On,
        "minute_length_ms": u64::try_from(schedule.minute_length().as_millis()).ok(),
        "minute": schedule.label(turn.minute),
        "arm": turn.scheduled,
        "next_switch": { "at": schedule.starts_at(next).format(&Rfc3339).ok(), "arm": schedule.arm_of(next) },
        "arms": Arm::BOTH.map(|arm| arm_now(routing, arm)),
        "decisions": decisions(routing),
    }))
}

fn arm_now(routing: &Routing, arm: Arm) -> Value {
    let settings = routing.health().settings()[arm].clone();
    let agrees = settings.as_deref().map(|theirs| theirs == routing.settings().as_str());
    json!({
        "arm": arm,
        "url": routing.arms()[arm].as_str(),
        "health": routing.health().now()[arm],
        "probes": routing.health().probes()[arm],
        "settings": settings,
        "agrees": agrees,
        "last_failure": routing.health().last_failures()[arm],
    })
}

/// Totals since this process started, and the last minutes one by one, newest first.
fn decisions(routing: &Routing) -> Value {
    let minutes: Vec<Value> = routing
        .tallies()
        .iter()
        .rev()
        .take(MAX_MINUTES)
        .map(|tally| json!({ "minute": routing.schedule().label(tally.minute), "decisions": counts(&tally.counts()) }))
        .collect();
    json!({ "total": counts(&routing.decided()), "minutes": minutes })
}

fn counts(counts: &DecisionCounts) -> Value {
    let of = |arm| Reason::ALL.iter().map(|reason| (reason.as_str().to_owned(), json!(counts.of(arm, *reason)))).collect::<Map<_, _>>();
    json!({ "even": of(Arm::Even), "odd": of(Arm::Odd) })
}

const MAX_MINUTES: usize = 10;
