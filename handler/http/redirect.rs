//! The router's one answer, 307 (RFC 9110, section 15.4.8): the method and body go along to the arm.

use http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use http::{Response, StatusCode};

use super::problem::{Problem, ProblemKind};
use crate::contract::{ARM, MINUTE, REASON};
use crate::domain::arm::Arm;
use crate::domain::decision::Reason;
use crate::routing::{RoutedCall, Routing};

/// An arm's name as a header value.
#[must_use]
pub const fn arm_value(arm: Arm) -> HeaderValue {
    HeaderValue::from_static(arm.as_str())
}

/// Sends a call to the arm whose turn it is.
///
/// # Errors
/// [`ProblemKind::NoArm`] when neither arm is up, [`ProblemKind::BadRequest`] when the target has bytes no header may hold.
pub fn redirect(routing: &Routing, path: &str, query: Option<&str>, probe: bool) -> Result<warp::reply::Response, Problem> {
    let RoutedCall { decision, label, location } = routing.route(path, query, probe);
    if decision.reason == Reason::Unavailable {
        return Err(Problem::new(ProblemKind::NoArm, "both arms are down; probes go on"));
    }
    let Some(location) = location else {
        return Err(Problem::new(ProblemKind::BadRequest, "the request target holds bytes that no Location may hold"));
    };
    let mut response = Response::new(Default::default());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(ARM, arm_value(decision.arm));
    headers.insert(MINUTE, label);
    headers.insert(REASON, HeaderValue::from_static(decision.reason.as_str()));
    Ok(response)
}
