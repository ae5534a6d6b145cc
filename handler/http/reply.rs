//! Replies that several endpoints make: JSON and pages. Must not know what they say.

use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use serde::Serialize;
use warp::Reply;

/// JSON that no cache keeps.
#[must_use]
pub fn json(value: &impl Serialize) -> warp::reply::Response {
    warp::reply::with_header(warp::reply::json(value), CACHE_CONTROL, "no-store").into_response()
}

/// A page under a content security policy; `cache` is its `Cache-Control`.
#[must_use]
pub fn html(page: String, policy: HeaderValue, cache: &'static str) -> warp::reply::Response {
    let mut response = Response::new(page.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}
