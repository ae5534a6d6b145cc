//! Replies that several endpoints make: JSON, pages, ways to pages. Must not know what they say.

use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY};
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use warp::Reply;

use super::problem::Problem;
use crate::json::write_texts;
use crate::page::{POLICY, PageError};

/// Room for a short document's bytes, and for an answer's headers with those that the edge adds: neither has to grow on its way.
const JSON_BYTES: usize = 512;
const HEADERS: usize = 12;

/// JSON that no cache keeps.
#[must_use]
pub fn json(value: &impl Serialize) -> warp::reply::Response {
    let mut body = Vec::with_capacity(JSON_BYTES);
    if let Err(error) = serde_json::to_writer(&mut body, value) {
        return Problem::internal(error).into_response();
    }
    json_document(body)
}

/// JSON that no cache keeps: an object whose fields are all texts. They are copied whole, where [`json`] looks at them byte by byte.
#[must_use]
pub fn json_of_texts(fields: &[(&str, &str)]) -> warp::reply::Response {
    let mut body = Vec::with_capacity(JSON_BYTES);
    if let Err(error) = write_texts(&mut body, fields.iter().copied()) {
        return Problem::internal(error).into_response();
    }
    json_document(body)
}

fn json_document(body: Vec<u8>) -> warp::reply::Response {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut response = Response::new(body.into());
    *response.headers_mut() = headers;
    response
}

/// A page of the site, with this status.
///
/// # Errors
/// An internal problem where the page could not be rendered.
pub fn page(status: StatusCode, rendered: Result<String, PageError>) -> Result<warp::reply::Response, Problem> {
    page_under(&POLICY, status, rendered)
}

/// A page of the site under a policy of its own.
///
/// # Errors
/// As [`page`].
pub fn page_under(policy: &str, status: StatusCode, rendered: Result<String, PageError>) -> Result<warp::reply::Response, Problem> {
    let policy = HeaderValue::try_from(format!("{policy}; frame-ancestors 'none'")).map_err(Problem::internal)?;
    let mut response = Response::new(rendered.map_err(Problem::internal)?.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    // Without it a browser says of a form that its origin is null, as those of strangers say.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    Ok(response)
}

/// The way to another page of the site, to be read with GET (RFC 9110, section 15.4.4).
///
/// # Errors
/// An internal problem where `address` can't stand in a header.
pub fn see_other(address: &str) -> Result<warp::reply::Response, Problem> {
    let mut response = Response::new(Default::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::try_from(address).map_err(Problem::internal)?);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whether a caller wants a page, as browsers do that follow a link or send a form; programs name other types, or any.
#[must_use]
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"))
}
