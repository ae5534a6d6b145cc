//! Liveness and readiness of an arm.

use serde_json::json;
use warp::reply::Response;

use super::json as reply;
use crate::http::problem::Problem;
use crate::store::{Store, StoreError};

/// `GET /api/health/live`: the process is up. Asks nothing of anyone, so that a shared database's trouble does not look like an arm's.
#[must_use]
pub fn live() -> Response {
    reply(&json!({ "status": "up" }))
}

/// `GET /api/health/ready`: the database answers and its schema is this program's.
///
/// # Errors
/// A 503 problem otherwise.
pub async fn ready(store: &Store) -> Result<Response, Problem> {
    if store.schema_is_current().await? { Ok(reply(&json!({ "status": "ready" }))) } else { Err(StoreError::SchemaNotCurrent.into()) }
}
