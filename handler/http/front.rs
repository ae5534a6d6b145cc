//! The Functions host, where one stands before this process: its own requests are claimed here, before any route is tried.
//!
//! The host asks whether the process is up, and invokes its timer; everything else it passes on is a caller's. Must not know routes.

use http::{Request, Response};

use super::timer::{self, WatchTimer};
use crate::host;

/// What the host finds in this process.
pub struct Front {
    /// The timer it invokes.
    pub watch: WatchTimer,
}

/// A request of the host's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRequest {
    /// Whether the process is up.
    Ping,
    /// To run the timer.
    Watch,
}

impl Front {
    /// What the host itself wants with `request`; none where it passes on a caller's, who can pretend to neither.
    #[must_use]
    pub fn claim<B>(&self, request: &Request<B>) -> Option<HostRequest> {
        if host::is_ping(request) {
            return Some(HostRequest::Ping);
        }
        host::is_timer(request, timer::NAME).then_some(HostRequest::Watch)
    }
}

/// The answer to a ping. Any status would do but a redirect, which the host follows.
#[must_use]
pub fn ready() -> warp::reply::Response {
    Response::new("ready\n".into())
}
