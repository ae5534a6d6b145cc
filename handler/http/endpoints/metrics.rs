//! The process's metrics, for those who scrape.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use warp::reply::Response;

use crate::telemetry::metrics::{EXPOSITION_TYPE, Registry};

/// `GET /api/metrics` on an arm, `GET /_switchback/metrics` on the router: this process's own numbers since it started.
#[utoipa::path(
    get,
    path = "/api/metrics",
    tag = "operations",
    summary = "Show the process's metrics",
    description = "This process's own numbers since it started, in Prometheus' text format 0.0.4.",
    responses((status = 200, description = "The metrics", content_type = "text/plain", body = String))
)]
#[must_use]
pub fn metrics(registry: &Registry) -> Response {
    let mut response = Response::new(registry.exposition().into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EXPOSITION_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
