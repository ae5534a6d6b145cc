//! Which instance answers.

use serde::Serialize;
use utoipa::ToSchema;
use warp::reply::Response;

use crate::config::ApiConfig;
use crate::domain::arm::Arm;
use crate::domain::schedule::Schedule;
use crate::http::call::Call;
use crate::http::reply::json;

/// The instance that answered, and the minute it answered for.
#[derive(Debug, Serialize, ToSchema)]
pub struct InstanceDocument<'instance> {
    /// The arm it is.
    arm: Arm,
    /// The plan's kind: what stands before the slash in `plan`.
    #[schema(example = "functions")]
    hosting: &'instance str,
    /// The plan it runs on.
    #[schema(example = "functions/flex-2048")]
    plan: &'instance str,
    /// The Azure region it runs in.
    #[schema(example = "westeurope")]
    region: &'instance str,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The minute the call was routed in, as the router names it.
    #[schema(example = "2026-11-23T10:04Z")]
    minute: String,
    /// How the arm knows that minute: from a `ticket`, or from the call's `arrival`.
    #[schema(example = "ticket")]
    routing: &'static str,
}

/// Arm, hosting, plan, region, version, and the minute the call was routed in.
#[utoipa::path(
    get,
    path = "/api/instance",
    tag = "operations",
    summary = "Tell which instance answers",
    description = "Its arm, plan, region and version, and the minute the call was routed in.",
    responses((status = 200, description = "The instance that answered", body = InstanceDocument))
)]
#[must_use]
pub fn instance(config: &ApiConfig, schedule: &Schedule, call: &Call) -> Response {
    let plan = config.comparison.plans[config.arm].as_str();
    json(&InstanceDocument {
        arm: config.arm,
        hosting: plan.split('/').next().unwrap_or_default(),
        plan,
        region: &config.comparison.region,
        version: env!("CARGO_PKG_VERSION"),
        minute: schedule.label(call.minute),
        routing: if call.ticketed { "ticket" } else { "arrival" },
    })
}
