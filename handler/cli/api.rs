//! What the API answers, asked over HTTP or within this process: the same text, the same refusals. Must not know what is asked for.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, LOCATION};
use http::{HeaderMap, Method, Response};
use http_body_util::BodyExt;
use serde_json::Value;

use super::failure::Failure;
use crate::config::{BaseUrl, process_setting};
use crate::contract::API_KEY;
use crate::http::problem::Problem;
use crate::outgoing::http_client;

/// The body's type, where there is a body.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Calls `path` at `url` with the key of SWITCHBACK_CLIENT_KEY; the answer's text.
///
/// # Errors
/// [`Failure::Input`] where the API refuses, [`Failure::Operation`] where no answer comes.
pub async fn call(url: &BaseUrl, method: Method, path: &str, accept: HeaderValue, body: Option<String>) -> Result<String, Failure> {
    let failed = |error: reqwest::Error| Failure::operation(&error);
    let client = http_client().map_err(|error| Failure::operation(&error))?;
    let mut next = format!("{url}{path}");
    // The one URL redirects once, to an arm; key and body go along.
    for _ in 0..2 {
        let mut headers = HeaderMap::from_iter([(ACCEPT, accept.clone())]);
        if let Some(key) = process_setting("SWITCHBACK_CLIENT_KEY").and_then(|key| HeaderValue::try_from(key).ok()) {
            headers.insert(API_KEY, key);
        }
        let mut request = client.request(method.clone(), &next);
        if let Some(body) = &body {
            headers.insert(CONTENT_TYPE, JSON);
            request = request.body(body.clone());
        }
        let response = request.headers(headers).send().await.map_err(failed)?;
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match location.filter(|_| status.is_redirection()) {
            Some(location) => next = location,
            None if status.is_success() => return response.text().await.map_err(failed),
            None => return Err(refused(&response.json().await.map_err(failed)?, "")),
        }
    }
    Err(Failure::Operation(format!("{url} redirects on and on")))
}

/// What an endpoint of `path`, called within this process, answered.
///
/// # Errors
/// As [`call`].
pub async fn answered<B: BodyExt<Error: std::error::Error>>(path: &str, outcome: Result<Response<B>, Problem>) -> Result<String, Failure> {
    let response = outcome.map_err(|problem| refusal(path, &problem))?;
    let body = response.into_body().collect().await.map_err(|error| Failure::operation(&error))?;
    String::from_utf8(body.to_bytes().into()).map_err(|error| Failure::operation(&error))
}

/// What a problem at `path` says.
pub fn refusal(path: &str, problem: &Problem) -> Failure {
    refused(&problem.document(path, ""), &problem.cause_chain())
}

/// What a problem document says: a fault of what was asked, or of the way to the answer.
fn refused(document: &Value, cause: &str) -> Failure {
    let said = document["detail"].as_str().or(document["title"].as_str()).unwrap_or("no answer");
    match document["status"].as_u64() {
        Some(400..=499) => Failure::input(said),
        _ if cause.is_empty() => Failure::Operation(said.to_owned()),
        _ => Failure::Operation(format!("{said}: {cause}")),
    }
}
