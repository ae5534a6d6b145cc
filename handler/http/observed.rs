//! One call as telemetry sees it: begun with the call, ended with its answer, or when its caller left.
//!
//! Owns the names of what is recorded (docs/telemetry.md lists them). Must not know what is done with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use hyper::body::Body as _;
use opentelemetry::{Context, KeyValue};
use time::OffsetDateTime;
use warp::reply::Response;

use super::call::{Call, kept};
use super::problem::ProblemKind;
use super::redirect::arm_value;
use super::table::{self, RESERVED, ROUTER};
use crate::clock::Clock;
use crate::contract::{ARM, MINUTE, REASON, TRACEPARENT};
use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, Reason};
use crate::domain::schedule::Schedule;
use crate::domain::window::CALLER_LEFT;
use crate::telemetry::calls::Calls;
use crate::telemetry::{AccessLine, AccessLog, Begun, Ended, Recorder};

const REDIRECTED: u16 = 307;

/// What observing needs to know of the process.
#[derive(Debug)]
pub struct Observer {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// Which arm this is; none for the router.
    pub arm: Option<Arm>,
    /// Counts of calls.
    pub calls: Arc<Calls>,
    /// What records calls, where there is somewhere to send them.
    pub recorder: Option<Arc<Recorder>>,
    /// Where each call gets a line, where that is wanted.
    pub access: Option<Arc<AccessLog>>,
}

/// What is known of a request before it is served.
#[derive(Debug, Clone, Copy)]
pub struct ObservedRequest<'call> {
    /// The call.
    pub call: &'call Call,
    /// Its method, as it was sent.
    pub method: &'call Method,
    /// Its path.
    pub path: &'call str,
    /// The Functions host's id of the invocation.
    pub invocation_id: Option<&'call HeaderValue>,
}

/// A redirect that was answered at once.
#[derive(Debug, Clone, Copy)]
pub struct ObservedRedirect<'call> {
    /// When the call arrived, since the Unix epoch.
    pub since_epoch: Duration,
    /// The clock's uptime then.
    pub uptime: Duration,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The call's method.
    pub method: &'call Method,
    /// Its path.
    pub path: &'call str,
    /// Its `traceparent`, whatever it holds.
    pub traceparent: Option<&'call str>,
    /// Its id.
    pub request_id: &'call str,
    /// Whether it is supervision's.
    pub probe: bool,
    /// Where it was sent, and why.
    pub decision: Decision,
    /// Its minute as the answer shows it.
    pub label: &'call HeaderValue,
}

/// A call being observed.
#[derive(Debug)]
pub struct Observed<'call> {
    observer: &'call Observer,
    request: ObservedRequest<'call>,
    begun: Option<Begun>,
    ended: bool,
}

/// A problem a call was answered with.
#[derive(Debug)]
pub struct CallFailure {
    /// Its kind.
    pub kind: ProblemKind,
    /// The chain of causes; empty where it has none.
    pub causes: String,
}

impl Observer {
    /// Begins to observe a call.
    #[must_use]
    pub fn begin<'call>(&'call self, request: ObservedRequest<'call>, headers: &HeaderMap) -> Observed<'call> {
        let traceparent = self.recorder.as_ref().and_then(|_| headers.get(TRACEPARENT)?.to_str().ok());
        let begun = self.record(request.call.probe, traceparent, &request.call.request_id);
        Observed { observer: self, request, begun, ended: false }
    }

    /// Notes a redirect that was answered at once. What is recorded of it is what [`Observed`] would record.
    pub fn redirected(&self, redirect: &ObservedRedirect<'_>) {
        let ObservedRedirect { probe, decision, .. } = *redirect;
        let begun = self.record(probe, redirect.traceparent, redirect.request_id);
        if begun.as_ref().is_none_or(|begun| !begun.is_recorded() && decision.reason != Reason::Failover) {
            return self.count(probe, REDIRECTED, self.clock.uptime().saturating_sub(redirect.uptime));
        }
        let call = Call {
            request_id: redirect.request_id.into(),
            peer: redirect.peer,
            arrived_at: OffsetDateTime::UNIX_EPOCH + redirect.since_epoch,
            arrived_uptime: redirect.uptime,
            minute: decision.minute,
            ticketed: false,
            probe,
        };
        let request = ObservedRequest { call: &call, method: redirect.method, path: kept(redirect.path), invocation_id: None };
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(ARM, arm_value(decision.arm));
        headers.insert(MINUTE, redirect.label.clone());
        headers.insert(REASON, HeaderValue::from_static(decision.reason.as_str()));
        Observed { observer: self, request, begun, ended: false }.note(REDIRECTED, Some(0), &headers, None, self.clock.uptime());
    }

    /// Decides whether a call is recorded. Probes are no callers; one that fails is recorded all the same.
    fn record(&self, probe: bool, traceparent: Option<&str>, request_id: &str) -> Option<Begun> {
        let recorder = self.recorder.as_ref()?;
        Some(if probe { Begun::default() } else { recorder.begin(traceparent, request_id) })
    }

    fn count(&self, probe: bool, status: u16, took: Duration) {
        if probe {
            self.calls.count_probe();
        } else {
            self.calls.count(status, took);
        }
    }
}

impl Observed<'_> {
    /// What the call's work must run in, where it is recorded.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        self.begun.as_ref().and_then(Begun::context)
    }

    /// The call was answered at `uptime`.
    pub fn end(mut self, response: &Response, failure: Option<CallFailure>, uptime: Duration) {
        self.note(response.status().as_u16(), response.body().size_hint().exact(), response.headers(), failure, uptime);
    }

    fn note(&mut self, status: u16, bytes: Option<u64>, headers: &HeaderMap, failure: Option<CallFailure>, uptime: Duration) {
        self.ended = true;
        let took = uptime.saturating_sub(self.request.call.arrived_uptime);
        self.observer.count(self.request.call.probe, status, took);
        if let Some(access) = &self.observer.access {
            self.write_line(access, status, bytes, took);
        }
        let (Some(recorder), Some(begun)) = (&self.observer.recorder, self.begun.take()) else { return };
        let diverted = self.observer.arm.is_none() && headers.get(REASON).is_some_and(|reason| reason == Reason::Failover.as_str());
        let certain = status >= 500 || diverted;
        if certain || begun.is_recorded() {
            let attributes = self.attributes(headers, failure.as_ref().map(|failure| failure.kind));
            // A refusal has no cause: it is an answer, not an exception.
            let exception = failure.filter(|failure| status >= 500 && !failure.causes.is_empty());
            let exception = exception.map(|failure| (failure.kind.slug(), failure.causes));
            recorder.end(begun, Ended { at: self.request.call.arrived_at, took, status, attributes, exception }, certain);
        }
    }

    fn attributes(&self, headers: &HeaderMap, problem: Option<ProblemKind>) -> Vec<KeyValue> {
        let Observed { observer, request, .. } = self;
        let ObservedRequest { call, .. } = request;
        let schedule = &observer.schedule;
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
        let mut attributes = vec![
            KeyValue::new("http.request.method", kept(request.method.as_str()).to_owned()),
            KeyValue::new("http.route", self.route()),
            KeyValue::new("url.path", request.path.to_owned()),
            KeyValue::new("request_id", call.request_id.to_string()),
            KeyValue::new("window", schedule.label(call.minute)),
            KeyValue::new("scheduled_arm", schedule.arm_of(call.minute).as_str()),
        ];
        let mut add = |name: &'static str, value: Option<String>| attributes.extend(value.map(|value| KeyValue::new(name, value)));
        match observer.arm {
            Some(arm) => {
                add("arm", Some(arm.as_str().to_owned()));
                add("routing", Some(if call.ticketed { "ticket" } else { "arrival" }.to_owned()));
                add("routing_minute", call.ticketed.then(|| schedule.label(call.minute)));
            }
            None => {
                add("arm", text(ARM));
                add("routing_minute", text(MINUTE));
                // A call that no arm could take has no redirect to say so.
                add(
                    "reason",
                    text(REASON).or_else(|| (problem == Some(ProblemKind::NoArm)).then(|| Reason::Unavailable.as_str().to_owned())),
                );
            }
        }
        add("problem", problem.map(|kind| kind.slug().to_owned()));
        add("invocation_id", request.invocation_id.and_then(|id| id.to_str().ok()).map(|id| kept(id).to_owned()));
        add("probe", call.probe.then(|| "true".to_owned()));
        attributes
    }

    fn write_line(&self, access: &AccessLog, status: u16, bytes: Option<u64>, took: Duration) {
        let ObservedRequest { call, method, path, .. } = &self.request;
        // The answer to HEAD has no body, whatever it says of one.
        let bytes = if **method == Method::HEAD { Some(0) } else { bytes };
        access.write(&AccessLine {
            at: call.arrived_at,
            peer: call.peer.ip(),
            method: kept(method.as_str()),
            path,
            status,
            bytes,
            took,
            request_id: &call.request_id,
        });
    }

    /// The template of the call's path.
    fn route(&self) -> &'static str {
        match self.observer.arm {
            Some(_) => table::ARM.route(self.request.path),
            None if self.request.path.starts_with(RESERVED) => ROUTER.route(self.request.path),
            None => "/{path}",
        }
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.note(CALLER_LEFT, None, &HeaderMap::new(), None, self.observer.clock.uptime());
        }
    }
}
