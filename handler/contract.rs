//! Names on the wire that several rooms speak: headers and the path of the health check.
//!
//! A name that only one room uses stays in that room. Must not know what any of them means to whom.

use http::HeaderName;

/// Names the arm a call was sent to, or that answered it.
pub const ARM: HeaderName = HeaderName::from_static("switchback-arm");
/// Names the minute a call was routed in.
pub const MINUTE: HeaderName = HeaderName::from_static("switchback-minute");
/// Says why the router sent a call where it sent it.
pub const REASON: HeaderName = HeaderName::from_static("switchback-reason");
/// Says how an arm knows the minute of a call: from a `ticket`, or from the call's `arrival`.
pub const ROUTING: HeaderName = HeaderName::from_static("switchback-routing");
/// Says what an arm goes by, to the router that must go by the same.
pub const SETTINGS: HeaderName = HeaderName::from_static("switchback-settings");
/// Carries a call's id in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Carries an API key; clients keep it when a redirect leads to another host, which they don't with `Authorization`.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Carries a call's trace from hop to hop (W3C Trace Context).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The path by which an arm says that its process is up; the cheapest it answers itself.
pub const LIVE_PATH: &str = "/api/health/live";
