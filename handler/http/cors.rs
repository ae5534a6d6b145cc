//! Calls from browsers on other origins (Fetch standard, CORS protocol).
//!
//! A browser that follows the router's 307 for a page of a third host sends `Origin: null` to the arm, as it does for any page in a
//! sandboxed frame. No list admits that one, since it would admit every website: pages of other hosts call an arm through the one URL
//! where every origin is allowed (`*`), or call the arm itself. Must not know who may call.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Response, StatusCode};

use crate::config::CorsOrigins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("content-type, idempotency-key, x-api-key, x-request-id, traceparent, tracestate");
const EXPOSED: &str = "link, location, retry-after, switchback-arm, switchback-minute, switchback-reason, switchback-routing, x-request-id";
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("600");

/// Whether a request is a preflight, whose redirection browsers refuse.
#[must_use]
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight: 204, with permissions where the origin is allowed.
#[must_use]
pub fn preflight(origins: &CorsOrigins, headers: &HeaderMap) -> warp::reply::Response {
    let mut response = Response::new(Default::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Some(allowed) = allowed_origin(origins, headers) {
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    }
    response.headers_mut().insert(VARY, HeaderValue::from_static("origin"));
    response
}

/// Adds to an answer what lets a browser's script read it, where the request's origin is allowed.
pub fn allow(origin: Option<HeaderValue>, answer: &mut HeaderMap) {
    if let Some(origin) = origin {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        answer.append(VARY, HeaderValue::from_static("origin"));
    }
}

/// Hands the lines that [`allow`] adds to `put`, as bytes.
pub fn write_allowed(origin: &[u8], mut put: impl FnMut(&[u8])) {
    put(b"access-control-allow-origin: ");
    put(origin);
    put(b"\r\naccess-control-expose-headers: ");
    put(EXPOSED.as_bytes());
    put(b"\r\nvary: origin\r\n");
}

/// The value of `Access-Control-Allow-Origin` for a request; none where it has no origin or one that is not allowed.
#[must_use]
pub fn allowed_origin(origins: &CorsOrigins, headers: &HeaderMap) -> Option<HeaderValue> {
    HeaderValue::from_bytes(allowed(origins, headers.get(ORIGIN)?.as_bytes())?).ok()
}

/// The value of `Access-Control-Allow-Origin` for `origin`; none where it is not allowed.
#[must_use]
pub fn allowed<'origin>(origins: &CorsOrigins, origin: &'origin [u8]) -> Option<&'origin [u8]> {
    match origins {
        CorsOrigins::Any => Some(b"*"),
        CorsOrigins::Only(list) => list.iter().any(|allowed| origin == allowed.as_bytes()).then_some(origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static(origin))])
    }

    #[test]
    fn only_listed_origins_are_allowed_and_null_never_is() {
        let origins = CorsOrigins::Only(vec!["https://app.example".into()]);
        assert_eq!(allowed_origin(&origins, &headers("https://app.example")).unwrap(), "https://app.example");
        assert!(allowed_origin(&origins, &headers("null")).is_none());
        assert!(allowed_origin(&origins, &headers("https://app.example.evil")).is_none());
        assert!(allowed_origin(&CorsOrigins::Only(vec![]), &headers("null")).is_none());
        assert!(allowed_origin(&CorsOrigins::Any, &HeaderMap::new()).is_none());
    }

    #[test]
    fn an_options_request_without_the_cors_headers_is_no_preflight() {
        assert!(!is_preflight(&Method::OPTIONS, &headers("https://app.example")));
        let mut asking = headers("https://app.example");
        asking.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        assert!(is_preflight(&Method::OPTIONS, &asking));
        assert!(!is_preflight(&Method::GET, &asking));
    }
}
