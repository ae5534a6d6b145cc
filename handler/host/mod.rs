//! The Azure Functions host's contract with a custom handler: invocation in, reply out.
//!
//! Owns how the host's own requests are told apart from callers', and the JSON it speaks for timers. Must not know what a timer does.
//! Source: the public code of azure-functions-host 4.10xx.

use http::{HeaderName, Method, Request};
use serde::Deserialize;
use serde_json::{Value, json};

/// Header the host sets on every invocation, and only there.
pub const INVOCATION_ID: HeaderName = HeaderName::from_static("x-azure-functions-invocationid");
/// Headers the host's proxy sets for callers' requests, and never for a timer's.
const FORWARDED: [HeaderName; 3] =
    [HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-forwarded-host"), HeaderName::from_static("x-forwarded-proto")];

/// Whether a request is the host asking if the process is up: `GET /` outside any invocation. It must be answered here, since the host
/// follows redirects.
#[must_use]
pub fn is_ping<B>(request: &Request<B>) -> bool {
    request.uri().path() == "/" && request.method() == Method::GET && !request.headers().contains_key(INVOCATION_ID)
}

/// Whether a request is the host invoking the timer `name` rather than a caller's POST that came through a catch-all function.
#[must_use]
pub fn is_timer<B>(request: &Request<B>, name: &str) -> bool {
    let headers = request.headers();
    request.method() == Method::POST
        && request.uri().path().strip_prefix('/') == Some(name)
        && headers.contains_key(INVOCATION_ID)
        && !FORWARDED.iter().any(|name| headers.contains_key(name))
}

/// What of a timer's invocation matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimerInvocation {
    /// Whether the host runs the timer late.
    pub past_due: bool,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Data")]
    data: serde_json::Map<String, Value>,
}

impl TimerInvocation {
    /// Reads the host's JSON for a timer bound as `binding`, leniently: members may be null, added, or encoded a second time.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn parse(body: &[u8], binding: &str) -> Result<Self, String> {
        let envelope: Envelope = serde_json::from_slice(body).map_err(|error| format!("not an invocation: {error}"))?;
        let timer = envelope.data.get(binding).ok_or_else(|| format!("the invocation has no data for '{binding}'"))?;
        let timer = match timer {
            Value::String(encoded) => serde_json::from_str(encoded).unwrap_or(Value::Null),
            other => other.clone(),
        };
        Ok(TimerInvocation { past_due: timer.get("IsPastDue").and_then(Value::as_bool).unwrap_or(false) })
    }
}

/// The reply that reports success. The host hangs on an empty body and on `null`, so it is always this object.
#[must_use]
pub fn completed(logs: &[String]) -> Value {
    json!({ "Outputs": {}, "Logs": logs, "ReturnValue": null })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timer_invocations_are_parsed_leniently() {
        let parse = |body: &str| TimerInvocation::parse(body.as_bytes(), "watch");
        let full = r#"{"Data":{"watch":{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":true}},"Metadata":{}}"#;
        assert_eq!(parse(full), Ok(TimerInvocation { past_due: true }));
        assert_eq!(parse(r#"{"Data":{"watch":"{\"IsPastDue\":true}"}}"#), Ok(TimerInvocation { past_due: true }));
        assert_eq!(parse(r#"{"Data":{"watch":"noise","RetryContext":{}}}"#), Ok(TimerInvocation { past_due: false }));
        assert!(parse("").is_err());
        assert!(parse(r#"{"Data":{"other":{}}}"#).is_err());
    }

    #[test]
    fn only_the_hosts_own_post_is_a_timer_invocation() {
        let is_timer = |method: &str, path: &str, names: &[&str]| {
            let request = names.iter().fold(Request::builder().method(method).uri(path), |request, name| request.header(*name, "x"));
            super::is_timer(&request.body(()).unwrap(), "watch")
        };
        assert!(is_timer("POST", "/watch", &["x-azure-functions-invocationid"]));
        assert!(!is_timer("POST", "/watch", &["x-azure-functions-invocationid", "x-forwarded-for"]));
        assert!(!is_timer("POST", "/watch", &[]));
        assert!(!is_timer("GET", "/watch", &["x-azure-functions-invocationid"]));
        assert!(!is_timer("POST", "/watch/", &["x-azure-functions-invocationid"]));
    }
}
