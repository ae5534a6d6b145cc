//! Calls that leave this program, as dependencies of the call they are made for. Must not know what they are for.

use http::Uri;
use opentelemetry::KeyValue;
use reqwest::{RequestBuilder, Response};

use crate::contract::TRACEPARENT;
use crate::telemetry::dependency;

/// Sends `request`, a GET of `url`. If the call it is made for is being recorded, the request carries its `traceparent` and is recorded
/// too, without the query, which may hold what nobody else should see.
///
/// # Errors
/// The client's own.
pub async fn send(request: RequestBuilder, url: &str) -> Result<Response, reqwest::Error> {
    let dependency = dependency(|| {
        let uri: Uri = url.parse().unwrap_or_default();
        let (host, path) = (uri.authority().map_or("", http::uri::Authority::as_str), uri.path());
        let full = format!("{}://{host}{path}", uri.scheme_str().unwrap_or("http"));
        let facts = vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("server.address", host.to_owned()),
            KeyValue::new("url.full", full),
        ];
        (format!("GET {path}").into(), facts)
    });
    let Some(mut dependency) = dependency else { return request.send().await };
    let outcome = request.header(TRACEPARENT, dependency.traceparent()).send().await;
    let failure = match &outcome {
        Ok(response) => {
            let status = response.status();
            dependency.set("http.response.status_code", i64::from(status.as_u16()));
            (status.is_client_error() || status.is_server_error()).then(|| status.as_u16().to_string())
        }
        Err(error) => Some(if error.is_timeout() { "timeout" } else { "connection" }.to_owned()),
    };
    dependency.end(failure);
    outcome
}
