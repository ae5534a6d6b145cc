//! Which instance answers.

use serde_json::json;
use warp::reply::Response;

use super::json as reply;
use crate::config::ApiConfig;
use crate::domain::schedule::Schedule;
use crate::http::call::Call;

/// `GET /api/instance`: arm, hosting, plan, region, version, and the minute the call was routed in.
#[must_use]
pub fn instance(config: &ApiConfig, schedule: &Schedule, call: &Call) -> Response {
    let plan = config.comparison.plans[config.arm].as_str();
    reply(&json!({
        "arm": config.arm,
        "hosting": plan.split('/').next(),
        "plan": plan,
        "region": config.comparison.region,
        "version": env!("CARGO_PKG_VERSION"),
        "minute": schedule.label(call.minute),
        "routing": if call.ticketed { "ticket" } else { "arrival" },
    }))
}
