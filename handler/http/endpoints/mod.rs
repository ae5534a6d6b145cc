//! What each noun of the API does, one file a noun. Endpoints take parsed values, call the domain and the store, and return a reply or
//! a [`super::problem::Problem`].

pub mod charge_document;
pub mod charges;
pub mod costs;
pub mod dashboard;
pub mod docs;
pub mod health;
pub mod imports;
pub mod instance;
pub mod metrics;
pub mod report;
pub mod routing;
pub mod timer;
pub mod windows;

#[cfg(test)]
mod testing;

use serde::Serialize;
use warp::Reply;
use warp::reply::Response;

/// A JSON reply that no cache keeps.
#[must_use]
pub fn json(value: &impl Serialize) -> Response {
    warp::reply::with_header(warp::reply::json(value), "cache-control", "no-store").into_response()
}
