//! The shell around the routes: what happens to every call, in order, before a route is tried and after it answered.
//!
//! In: preflights, the Functions host's own requests, the bound on calls at once, the call's id and window. Out: problems become documents,
//! failures get their one log line, headers every answer carries. Must not know any single route.

use std::any::Any;
use std::convert::Infallible;
use std::future::{Future, ready};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::{EXPECT, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use opentelemetry::context::FutureExt as _;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tower_service::Service as _;
use uuid::Uuid;
use warp::Reply;

use super::body::LingeringBody;
use super::call::{Call, kept, take_ticket, ticketed_minute};
use super::cors;
use super::delay::Delay;
use super::front::{self, Front, HostRequest};
use super::observed::{CallFailure, ObservedRequest, Observer};
use super::problem::{Carried, Problem, ProblemKind};
use super::redirect::arm_value;
use super::request::{MAX_HEAD_BYTES, RequestParts, Routes};
use super::request_id;
use super::table::{self, ARM};
use super::timer;
use crate::clock::{Clock, Moment};
use crate::config::CorsOrigins;
use crate::contract;
use crate::domain::arm::Arm;
use crate::domain::schedule::Schedule;
use crate::domain::ticket::TicketKey;
use crate::host;
use crate::telemetry::{BOUNDARY, Throttle};
use crate::windows::{Arrival, CallCounter, CallKind, OpenCall};

/// How the edge treats calls.
pub struct EdgeConfig {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// Key of tickets.
    pub ticket_key: Option<TicketKey>,
    /// Which arm this is; none for the router, which lets tickets pass as they are.
    pub arm: Option<Arm>,
    /// The Functions host's own requests, where it stands before this process.
    pub front: Option<Front>,
    /// Origins browsers may call from.
    pub cors: CorsOrigins,
    /// Calls served at once.
    pub max_calls: usize,
    /// Time added to every call; only development asks for any.
    pub slow: Duration,
    /// Where calls are counted; none for the router, which counts decisions.
    pub windows: Option<Arc<CallCounter>>,
    /// What operators see of calls.
    pub observer: Observer,
}

/// The shell; clones share everything.
#[derive(Clone)]
pub struct Edge {
    shared: Arc<Shared>,
}

struct Shared {
    config: EdgeConfig,
    routes: Routes,
    /// One permit for each call that may be served at once.
    permits: Semaphore,
    delay: Delay,
    /// By problem kind.
    lines: Box<[Throttle]>,
}

impl Edge {
    /// A shell around `routes`.
    #[must_use]
    pub fn new(config: EdgeConfig, routes: Routes) -> Self {
        let permits = Semaphore::new(config.max_calls);
        let delay = Delay::new(Arc::clone(&config.clock), config.slow);
        let lines = ProblemKind::ALL.iter().map(|_| Throttle::default()).collect();
        Edge { shared: Arc::new(Shared { config, routes, permits, delay, lines }) }
    }

    /// Calls being served now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.config.max_calls.saturating_sub(self.shared.permits.available_permits())
    }

    /// Whether as many calls are being served as may be.
    pub(super) fn is_full(&self) -> bool {
        self.shared.permits.available_permits() == 0
    }

    /// How calls are treated.
    pub(super) fn config(&self) -> &EdgeConfig {
        &self.shared.config
    }

    /// The shell as hyper sees it, for one connection.
    #[must_use]
    pub fn connection(&self, peer: SocketAddr) -> EdgeConnection {
        EdgeConnection { edge: self.clone(), peer }
    }
}

/// One connection's view of the edge.
#[derive(Clone)]
pub struct EdgeConnection {
    edge: Edge,
    peer: SocketAddr,
}

impl hyper::service::Service<Request<Incoming>> for EdgeConnection {
    type Response = warp::reply::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = &self.edge.shared;
        // Preflights and pings have nothing to do with routes.
        if cors::is_preflight(request.method(), request.headers()) {
            return Box::pin(ready(Ok(cors::preflight(&shared.config.cors, request.headers()))));
        }
        let timer = match shared.config.front.as_ref().and_then(|front| front.claim(&request)) {
            Some(HostRequest::Ping) => return Box::pin(ready(Ok(front::ready()))),
            Some(HostRequest::Watch) => true,
            None => false,
        };
        // The request is taken apart before the answer's future begins, which then need not hold it.
        let arrived = shared.open(request, self.peer, timer);
        Box::pin(Arc::clone(shared).answer(arrived))
    }
}

/// A call that has arrived.
struct Arrived {
    request: Arc<RequestParts>,
    /// Its method, as it was sent.
    method: Method,
    body: Incoming,
    /// Whether the Functions host invokes its timer.
    timer: bool,
}

impl Shared {
    async fn answer(self: Arc<Self>, Arrived { request, method, body, timer }: Arrived) -> Result<warp::reply::Response, Infallible> {
        let (call, path) = (&request.call, kept(request.path()));
        let entry = self.begin(&request, &body);
        let seen = ObservedRequest { call, method: &method, path, invocation_id: request.headers.get(host::INVOCATION_ID) };
        let observed = self.config.observer.begin(seen, &request.headers);
        let mut failure = None;
        let too_large = head_bytes(&request) > MAX_HEAD_BYTES;
        let permit = if table::is_health(path) { Ok(None) } else { self.permits.try_acquire().map(Some) };
        let mut response = match permit {
            Ok(_) if too_large => Problem::new(ProblemKind::HeadTooLarge, "the request's head is larger than 64 KiB").into_response(),
            Ok(_permit) => {
                let served = pin!(self.serve(&request, body, timer));
                let served = AssertUnwindSafe(served).catch_unwind();
                let served = match observed.context() {
                    Some(context) => served.with_context(context).await,
                    None => served.await,
                };
                served.unwrap_or_else(|panic| Problem::internal(panicked(&*panic)).into_response())
            }
            Err(_) => Problem::new(ProblemKind::Overloaded, "too many calls are being served; try again shortly").into_response(),
        };
        if let Some(Carried(problem)) = response.extensions_mut().remove::<Carried>() {
            let causes = problem.cause_chain();
            self.log(&problem, &causes, call, path);
            response = problem.response(path, &call.request_id);
            failure = Some(CallFailure { kind: problem.kind, causes });
        }
        self.add_headers(response.headers_mut(), call);
        cors::allow(cors::allowed_origin(&self.config.cors, &request.headers), response.headers_mut());
        let uptime = self.config.clock.uptime();
        if let Some(entry) = entry {
            entry.finish(response.status().as_u16(), response.body().size_hint().exact().unwrap_or(0), uptime);
        }
        observed.end(&response, failure, uptime);
        Ok(response)
    }

    /// Adds what every answer carries.
    fn add_headers(&self, headers: &mut HeaderMap, call: &Call) {
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            headers.insert(contract::REQUEST_ID, id);
        }
        if let Some(arm) = self.config.arm {
            headers.insert(contract::ARM, arm_value(arm));
            headers.insert(contract::ROUTING, HeaderValue::from_static(if call.ticketed { "ticket" } else { "arrival" }));
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Pages with forms say otherwise: without a referrer a browser hides their origin too.
        headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    }

    /// Counts the call into its window; dropped unfinished, the entry counts as a caller who left.
    fn begin(&self, request: &RequestParts, body: &Incoming) -> Option<OpenCall> {
        let counter = self.config.windows.as_ref()?;
        let call = &request.call;
        let kind = if call.probe {
            CallKind::Probe
        } else if self.config.ticket_key.is_some() && !call.ticketed {
            CallKind::Unrouted
        } else {
            CallKind::Call
        };
        counter.begin(Arrival {
            minute: call.minute,
            at: call.arrived_at,
            uptime: call.arrived_uptime,
            kind,
            route: request.endpoint.unwrap_or(table::OTHER),
            request_bytes: body.size_hint().exact().unwrap_or(0),
        })
    }

    /// Collects the facts about a call, without its ticket. A call of the `timer`, or one that goes where only supervision does, counts as a
    /// probe: watching an experiment must not change what it measures.
    fn open(&self, request: Request<Incoming>, peer: SocketAddr, timer: bool) -> Arrived {
        let config = &self.config;
        let (head, body) = request.into_parts();
        // The authority form (CONNECT) has no path.
        let mut target = head.uri.into_parts().path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let Moment { since_epoch, uptime: arrived_uptime } = config.clock.moment();
        let arrived_at = OffsetDateTime::UNIX_EPOCH + since_epoch;
        let arrival = config.schedule.minute_at(arrived_at);
        let mut proven = None;
        if let Some(arm) = config.arm
            && let Some((rest, ticket)) = take_ticket(&target)
        {
            target = rest;
            // An instance that is both arms takes both arms' tickets.
            let own: &[Arm] = if config.windows.as_ref().is_some_and(|counter| counter.is_both_arms()) { &Arm::BOTH } else { &[arm] };
            let prove = |key| own.iter().find_map(|arm| ticketed_minute(&ticket, key, *arm, arrival));
            proven = config.ticket_key.as_ref().and_then(prove);
        }
        // Tickets say what arrivals only suggest; and an instance that is both arms has no minute that is not its own.
        let guessed = config.ticket_key.is_none() && config.windows.as_ref().is_some_and(|counter| !counter.is_both_arms());
        let of_one_arm = config.arm.filter(|_| guessed);
        let arrived_in = || of_one_arm.map_or(arrival, |arm| config.schedule.routed_minute(arm, arrived_at));
        let found = ARM.find(target.path());
        let call = Call {
            request_id: request_id(&head.headers, since_epoch),
            peer,
            arrived_at,
            arrived_uptime,
            minute: proven.unwrap_or_else(arrived_in),
            ticketed: proven.is_some(),
            probe: timer || table::is_supervision(target.path(), found.as_ref()),
        };
        let endpoint = found.map(|found| found.position);
        // An arm answers HEAD as GET; hyper leaves the body out. The router redirects it as what it is.
        let served_as = if config.arm.is_some() && head.method == Method::HEAD { Method::GET } else { head.method.clone() };
        let request = Arc::new(RequestParts { method: served_as, target, headers: head.headers, call, endpoint });
        Arrived { request, method: head.method, body, timer }
    }

    /// The one log line of a failure, at most one a second of each kind; the caller's own mistakes are debug matters.
    fn log(&self, problem: &Problem, cause: &str, call: &Call, path: &str) {
        let (kind, status) = (problem.kind.slug(), problem.kind.status().as_u16());
        let request_id = &*call.request_id;
        if status < 500 {
            tracing::debug!(target: BOUNDARY, kind, status, path, request_id, cause, "call refused");
            return;
        }
        let Some(left_out) = self.lines.get(problem.kind as usize).and_then(|lines| lines.admit(self.config.clock.uptime())) else {
            return;
        };
        match problem.kind {
            ProblemKind::Internal => {
                tracing::error!(target: BOUNDARY, kind, status, path, request_id, cause, left_out, "call failed");
            }
            _ => tracing::warn!(target: BOUNDARY, kind, status, path, request_id, cause, left_out, "call could not be served"),
        }
    }

    async fn serve(&self, request: &Arc<RequestParts>, body: Incoming, timer: bool) -> warp::reply::Response {
        // Most have no body, and need no look.
        let expects_continue = !body.is_end_stream() && request.headers.contains_key(EXPECT);
        let body = LingeringBody::new(body, expects_continue);
        if let Some(front) = self.config.front.as_ref().filter(|_| timer) {
            // In a box of its own: it is once a minute, and large.
            return Box::pin(timer::watch(&front.watch, body.into_data_stream())).await.into_response();
        }
        let Ok(response) = warp::service(self.routes.clone()).call(routed(request, body)).await;
        // Not before: a route that runs on a core that has just woken is slower than the other arm's, and the report would find that.
        self.delay.wait().await;
        response
    }
}

/// A request as routes take it: all that they may know of its head goes along in its extensions.
fn routed(request: &Arc<RequestParts>, body: LingeringBody) -> Request<LingeringBody> {
    let mut routed = Request::new(body);
    routed.extensions_mut().insert(Arc::clone(request));
    routed
}

/// The caller's own request id where it is usable, else a new one.
fn request_id(headers: &HeaderMap, since_epoch: Duration) -> Arc<str> {
    match headers.get(contract::REQUEST_ID).and_then(|value| request_id::own(value.as_bytes())) {
        Some(own) => own.into(),
        None => Arc::from(&*request_id::new(since_epoch).hyphenated().encode_lower(&mut Uuid::encode_buffer())),
    }
}

/// Bytes of a request's head, about. hyper bounds its buffer, which a head that arrives at once may outgrow.
fn head_bytes(request: &RequestParts) -> usize {
    request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + request.target.as_str().len()
}

/// What a panic said.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", said.unwrap_or("without a word"))
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
