//! Liveness and readiness of an arm.

use http::HeaderValue;
use serde::Serialize;
use utoipa::ToSchema;
use warp::reply::Response;

use crate::clock::Clock;
use crate::contract::{LIVE_PATH, SETTINGS};
use crate::domain::shared_settings::SharedSettings;
use crate::http::lame_duck::LameDuck;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::json;
use crate::store::{Store, StoreError};

/// How an arm is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthDocument {
    /// `up` of a process that is alive, `ready` of one that can serve.
    #[schema(example = "up")]
    status: &'static str,
}

/// The process is up; a header says what it goes by, for the router to compare. Asks nothing of anyone, so that a shared database's trouble does not look like an arm's.
///
/// # Errors
/// 503 once the process is about to stop.
#[utoipa::path(
    get,
    path = LIVE_PATH,
    tag = "operations",
    summary = "Tell whether the process is up",
    description = "Asks nothing of the database, so that trouble both arms share does not look like one arm's.",
    responses(
        (status = 200, description = "The process is up", body = HealthDocument),
        (status = 503, description = "The process serves on, but is about to stop"),
    )
)]
pub fn live(lame_duck: &LameDuck, settings: &SharedSettings, clock: &dyn Clock) -> Result<Response, Problem> {
    if lame_duck.look(clock.uptime()) {
        return Err(Problem::new(ProblemKind::Stopping, "this instance is about to stop; send no more calls here"));
    }
    let mut response = json(&HealthDocument { status: "up" });
    response.headers_mut().insert(SETTINGS, HeaderValue::try_from(settings.as_str()).map_err(Problem::internal)?);
    Ok(response)
}

/// The database answers and its schema is this program's.
///
/// # Errors
/// A 503 problem otherwise.
#[utoipa::path(
    get,
    path = "/api/health/ready",
    tag = "operations",
    summary = "Tell whether the arm can serve",
    description = "It can once the database answers and its schema is current.",
    responses(
        (status = 200, description = "The arm can serve", body = HealthDocument),
        (status = 503, description = "The database cannot be reached or its schema is not current, or too many calls are being served"),
    )
)]
pub async fn ready(store: &Store) -> Result<Response, Problem> {
    if store.schema_is_current().await? { Ok(json(&HealthDocument { status: "ready" })) } else { Err(StoreError::SchemaNotCurrent.into()) }
}
