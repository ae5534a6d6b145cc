//! The shell around the routes: what happens to every call, in order, before a route is tried and after it answered.
//!
//! In: preflights, the Functions host's own requests, the bound on calls at once, the call's id and window. Out: problems become documents,
//! failures get their one log line, headers every answer carries. Must not know any single route.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::header::{EXPECT, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, Request, Uri};
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
use super::table;
use super::timer::{self, WatchTimer};
use crate::clock::{Clock, Moment};
use crate::config::CorsOrigins;
use crate::contract::{ARM, REQUEST_ID, ROUTING};
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
        let shared = Arc::clone(&self.edge.shared);
        let peer = self.peer;
        Box::pin(async move { Ok(shared.answer(request, peer).await) })
    }
}

impl Shared {
    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> warp::reply::Response {
        if cors::is_preflight(request.method(), request.headers()) {
            return cors::preflight(&self.config.cors, request.headers());
        }
        let timer = match self.config.front.as_ref().and_then(|front| front.claim(&request)) {
            Some(HostRequest::Ping) => return front::ready(),
            Some(HostRequest::Watch(timer)) => Some(timer),
            None => None,
        };
        let method = request.method().clone();
        let call = self.open(&mut request, peer, timer.is_some());
        let entry = self.begin(&request, &call);
        let path = kept(request.uri().path()).to_owned();
        let origin = cors::allowed_origin(&self.config.cors, request.headers());
        let invocation_id = request.headers().get(host::INVOCATION_ID).cloned();
        let seen = ObservedRequest { call: &call, method: &method, path: &path, invocation_id: invocation_id.as_ref() };
        let observed = self.config.observer.begin(seen, request.headers());
        let mut failure = None;
        let too_large = head_bytes(&request) > MAX_HEAD_BYTES;
        let permit = if table::is_health(&path) { Ok(None) } else { self.permits.try_acquire().map(Some) };
        let mut response = match permit {
            Ok(_) if too_large => Problem::new(ProblemKind::HeadTooLarge, "the request's head is larger than 64 KiB").into_response(),
            Ok(_permit) => {
                let served = AssertUnwindSafe(self.serve(request, &call, timer)).catch_unwind();
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
            self.log(&problem, &causes, &call, &path);
            response = problem.response(&path, &call.request_id);
            failure = Some(CallFailure { kind: problem.kind, causes });
        }
        self.add_headers(response.headers_mut(), &call);
        cors::allow(origin, response.headers_mut());
        let uptime = self.config.clock.uptime();
        if let Some(entry) = entry {
            entry.finish(response.status().as_u16(), response.body().size_hint().exact().unwrap_or(0), uptime);
        }
        observed.end(&response, failure, uptime);
        response
    }

    /// Adds what every answer carries.
    fn add_headers(&self, headers: &mut HeaderMap, call: &Call) {
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Some(arm) = self.config.arm {
            headers.insert(ARM, arm_value(arm));
            headers.insert(ROUTING, HeaderValue::from_static(if call.ticketed { "ticket" } else { "arrival" }));
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Pages with forms say otherwise: without a referrer a browser hides their origin too.
        headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    }

    /// Counts the call into its window; dropped unfinished, the entry counts as a caller who left.
    fn begin(&self, request: &Request<Incoming>, call: &Call) -> Option<OpenCall> {
        let counter = self.config.windows.as_ref()?;
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
            route: table::position(request.uri().path()),
            request_bytes: request.body().size_hint().exact().unwrap_or(0),
        })
    }

    /// Collects the facts about a call, and removes its ticket from what the routes will see. A call that is `supervision`, or goes where only
    /// supervision does, counts as a probe: watching an experiment must not change what it measures.
    fn open(&self, request: &mut Request<Incoming>, peer: SocketAddr, supervision: bool) -> Call {
        let config = &self.config;
        // The authority form (CONNECT) has no path, and warp needs one.
        if request.uri().path_and_query().is_none() {
            *request.uri_mut() = Uri::from_static("/");
        }
        let Moment { since_epoch, uptime: arrived_uptime } = config.clock.moment();
        let arrived_at = OffsetDateTime::UNIX_EPOCH + since_epoch;
        let arrival = config.schedule.minute_at(arrived_at);
        let mut proven = None;
        if let Some(arm) = config.arm
            && let Some((uri, ticket)) = take_ticket(request.uri())
        {
            *request.uri_mut() = uri;
            // An instance that is both arms takes both arms' tickets.
            let own: &[Arm] = if config.windows.as_ref().is_some_and(|counter| counter.is_both_arms()) { &Arm::BOTH } else { &[arm] };
            let prove = |key| own.iter().find_map(|arm| ticketed_minute(&ticket, key, *arm, arrival));
            proven = config.ticket_key.as_ref().and_then(prove);
        }
        // Tickets say what arrivals only suggest; and an instance that is both arms has no minute that is not its own.
        let guessed = config.ticket_key.is_none() && config.windows.as_ref().is_some_and(|counter| !counter.is_both_arms());
        let of_one_arm = config.arm.filter(|_| guessed);
        let arrived_in = || of_one_arm.map_or(arrival, |arm| config.schedule.routed_minute(arm, arrived_at));
        let call = Call {
            request_id: request_id(request.headers(), since_epoch),
            peer,
            arrived_at,
            arrived_uptime,
            minute: proven.unwrap_or_else(arrived_in),
            ticketed: proven.is_some(),
            probe: supervision || table::is_supervision(request.uri().path()),
        };
        // An arm answers HEAD as GET; hyper leaves the body out. The router redirects it as what it is.
        if config.arm.is_some() && request.method() == Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        call
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

    async fn serve(&self, mut request: Request<Incoming>, call: &Call, timer: Option<&WatchTimer>) -> warp::reply::Response {
        let expects_continue = request.headers().contains_key(EXPECT);
        if let Some(timer) = timer {
            let body = LingeringBody::new(request.into_body(), expects_continue);
            return timer::watch(timer, body.into_data_stream()).await.into_response();
        }
        let parts = RequestParts::take(&mut request, call.clone());
        request.extensions_mut().insert(Arc::new(parts));
        let request = request.map(|body| LingeringBody::new(body, expects_continue));
        let Ok(response) = warp::service(self.routes.clone()).call(request).await;
        // Not before: a route that runs on a core that has just woken is slower than the other arm's, and the report would find that.
        self.delay.wait().await;
        response
    }
}

/// The caller's own request id where it is usable, else a new one.
fn request_id(headers: &HeaderMap, since_epoch: Duration) -> Arc<str> {
    match headers.get(REQUEST_ID).and_then(|value| request_id::own(value.as_bytes())) {
        Some(own) => own.into(),
        None => Arc::from(&*request_id::new(since_epoch).hyphenated().encode_lower(&mut Uuid::encode_buffer())),
    }
}

/// Bytes of a request's head, about. hyper bounds its buffer, which a head that arrives at once may outgrow.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + target
}

/// What a panic said.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", said.unwrap_or("without a word"))
}

#[cfg(test)]
#[path = "edge_tests.rs"]
mod tests;
