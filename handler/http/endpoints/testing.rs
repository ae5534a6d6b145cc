//! Calling endpoints in tests without a server around them.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use warp::reply::Response;

use crate::http::problem::Problem;

/// An endpoint's answer, read.
#[derive(Debug)]
pub(in crate::http) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Json,
}

/// Reads an endpoint's answer, problems as the documents they become.
pub(in crate::http) async fn answer(outcome: Result<Response, Problem>) -> Answer {
    let response = outcome.unwrap_or_else(|problem| problem.response("/", "r"));
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let body = if body.is_empty() { Json::Null } else { serde_json::from_slice(&body).expect("JSON") };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

impl Answer {
    /// The problem's detail.
    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

/// Request headers.
pub(in crate::http) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a header value"))).collect()
}

/// A request body that arrives in pieces.
pub(in crate::http) fn chunks(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, Infallible>> + Unpin + use<> {
    let chunks: Vec<_> = bytes.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    futures_util::stream::iter(chunks)
}
