//! The route tables, one page: which path, method and right leads to which endpoint.
//!
//! A path is one route; its methods are told apart where it is served, so that a wrong one learns the right ones. Rejections only mean
//! that no path matched; whatever an endpoint has to say is a reply or a [`Problem`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use warp::filters::BoxedFilter;
use warp::path::{FullPath, Tail};
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::auth::{Principal, Trust};
use super::body;
use super::call::Call;
use super::edge::Routes;
use super::endpoints::dashboard::{self, Dashboard};
use super::endpoints::timer::WatchTimer;
use super::endpoints::{charges, costs, docs, health, imports, instance, metrics, report, routing, timer, windows};
use super::problem::Problem;
use super::redirect::redirect;
use super::request::{self, RequestParts, asked, finish, get, not_found, query, timed, with};
use super::route_names::RESERVED;
use crate::comparison::Comparison;
use crate::config::keys::Scope;
use crate::config::{ApiConfig, ImportLimits};
use crate::domain::schedule::Schedule;
use crate::routing::Routing;
use crate::store::Store;
use crate::telemetry::metrics::Registry;

/// What the router's routes need.
pub struct RouterParts {
    /// The router at work.
    pub routing: Arc<Routing>,
    /// The process's metrics.
    pub registry: Arc<Registry>,
    /// What the Functions timer needs.
    pub watch: WatchTimer,
    /// Whether the Functions host stands before this process.
    pub under_functions_host: bool,
}

/// What an arm's routes need.
pub struct ApiParts {
    /// The arm's settings.
    pub config: ApiConfig,
    /// Who may call.
    pub trust: Trust,
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// Where charges and windows are kept.
    pub store: Store,
    /// What makes reports.
    pub comparison: Comparison,
    /// The page at `/`.
    pub dashboard: Dashboard,
    /// The process's metrics.
    pub registry: Arc<Registry>,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// What the Functions timer needs.
    pub watch: WatchTimer,
    /// Whether the Functions host stands before this process.
    pub under_functions_host: bool,
}

/// The router's table. The redirect stands first because nearly every call is one.
#[must_use]
pub fn router(parts: Arc<RouterParts>) -> Routes {
    let under_functions_host = parts.under_functions_host;
    let with = with(parts);
    let send = |path: FullPath, query: Option<String>, call: Call, router: Arc<RouterParts>| {
        redirect(&router.routing, path.as_str(), query.as_deref(), call.probe)
    };
    let own = move |path: &str| path.starts_with(RESERVED) || (under_functions_host && path.strip_prefix('/') == Some(timer::NAME));
    let others = path_where(move |path| !own(path)).and(query()).and(warp::ext::get::<Call>()).and(with.clone()).map(send);
    let reserved = warp::path!("_switchback" / String).and(with.clone()).and(warp::method()).map(
        |name: String, router: Arc<RouterParts>, method: Method| match name.as_str() {
            "health" => get(&method).map(|()| routing::health(&router.routing)),
            "routing" => get(&method).map(|()| routing::routing(&router.routing)),
            "metrics" => get(&method).map(|()| metrics::metrics(&router.registry)),
            _ => Err(not_found()),
        },
    );
    let watch = request::timer(timer::NAME, under_functions_host)
        .and(with.clone())
        .then(|body: Bytes, router: Arc<RouterParts>| async move { timer::watch(&router.watch, &body).await });
    // A caller's own call to the timer's path is redirected like any other; the arm has nothing there.
    let pretended = path_where(|path| !path.starts_with(RESERVED)).and(query()).and(warp::ext::get::<Call>()).and(with).map(send);
    finish(others.or(reserved).unify().or(watch).unify().or(pretended).unify())
}

/// An arm's table.
#[must_use]
pub fn api(parts: Arc<ApiParts>) -> Routes {
    let under_functions_host = parts.under_functions_host;
    let with = with(parts);
    let health = warp::path!("api" / "health" / String).and(with.clone()).and(asked()).then(
        |name: String, api: Arc<ApiParts>, asked: RequestParts| async move {
            api.admit_unless(api.config.open.health, &asked)?;
            get(&asked.method)?;
            match name.as_str() {
                "live" => Ok(health::live()),
                "ready" => timed(api.call_timeout, health::ready(&api.store)).await,
                _ => Err(not_found()),
            }
        },
    );
    let instance = warp::path!("api" / "instance").and(with.clone()).and(asked()).map(|api: Arc<ApiParts>, asked: RequestParts| {
        api.admit(&asked, Scope::Read)?;
        get(&asked.method)?;
        Ok(instance::instance(&api.config, &api.schedule, &asked.call))
    });
    let watch = request::timer(timer::NAME, under_functions_host)
        .and(with.clone())
        .then(|body: Bytes, api: Arc<ApiParts>| async move { timer::watch(&api.watch, &body).await });
    let about = health.or(instance).unify().or(about(with.clone())).unify();
    finish(ledger(with.clone()).or(comparison(with)).unify().or(about).unify().or(watch).unify())
}

/// An arm's table, continued: the API's own description.
fn about(
    with: impl Filter<Extract = (Arc<ApiParts>,), Error = Infallible> + Clone + Send + Sync + 'static,
) -> BoxedFilter<(Result<Response, Problem>,)> {
    let openapi = warp::path!("api" / "openapi.json").and(with.clone()).and(asked()).map(|api: Arc<ApiParts>, asked: RequestParts| {
        api.admit_unless(api.config.open.docs, &asked)?;
        get(&asked.method)?;
        Ok(docs::openapi())
    });
    let pages = warp::path!("api" / "docs" / ..).and(warp::path::tail()).and(with).and(asked()).map(
        |page: Tail, api: Arc<ApiParts>, asked: RequestParts| {
            api.admit_unless(api.config.open.docs, &asked)?;
            get(&asked.method)?;
            match page.as_str() {
                "" => docs::manual(),
                "problems" => docs::problems(),
                _ => Err(not_found()),
            }
        },
    );
    openapi.or(pages).unify().boxed()
}

/// An arm's table, continued: what is stored.
fn ledger(
    with: impl Filter<Extract = (Arc<ApiParts>,), Error = Infallible> + Clone + Send + Sync + 'static,
) -> BoxedFilter<(Result<Response, Problem>,)> {
    let imports = warp::path!("api" / "imports").and(with.clone()).and(asked()).and(warp::body::stream()).then(
        |api: Arc<ApiParts>, asked: RequestParts, body| async move {
            let query = asked.query.as_deref();
            match asked.method {
                Method::GET => api.read(&asked, imports::list(&api.store, query)).await,
                Method::POST => {
                    api.admit(&asked, Scope::Write)?;
                    let ImportLimits { timeout, max_bytes } = api.config.imports;
                    timed(timeout, imports::create(&api.store, max_bytes, &asked.headers, query, &mut Box::pin(body))).await
                }
                _ => Err(Problem::method_not_allowed("GET, HEAD, POST")),
            }
        },
    );
    let import = warp::path!("api" / "imports" / String).and(with.clone()).and(asked()).then(
        |id: String, api: Arc<ApiParts>, asked: RequestParts| async move {
            let query = asked.query.as_deref();
            match asked.method {
                Method::GET => api.read(&asked, imports::read(&api.store, &id, query)).await,
                Method::DELETE => {
                    api.admit(&asked, Scope::Write)?;
                    timed(api.config.imports.timeout, imports::delete(&api.store, &id, query)).await
                }
                _ => Err(Problem::method_not_allowed("GET, HEAD, DELETE")),
            }
        },
    );
    let charges = warp::path!("api" / "charges").and(with.clone()).and(asked()).and(warp::body::stream()).then(
        |api: Arc<ApiParts>, asked: RequestParts, body| async move {
            let query = asked.query.as_deref();
            match asked.method {
                Method::GET => api.read(&asked, charges::list(&api.store, query)).await,
                Method::POST => {
                    let caller = api.admit(&asked, Scope::Write)?;
                    let create = async {
                        let body = body::collect(body, charges::MAX_BODY_BYTES).await?;
                        charges::create(&api.store, &caller.name, &asked.headers, query, &body).await
                    };
                    timed(api.call_timeout, create).await
                }
                _ => Err(Problem::method_not_allowed("GET, HEAD, POST")),
            }
        },
    );
    let charge = warp::path!("api" / "charges" / String).and(with.clone()).and(asked()).then(
        |id: String, api: Arc<ApiParts>, asked: RequestParts| async move {
            get(&asked.method)?;
            api.read(&asked, charges::read(&api.store, &id, asked.query.as_deref())).await
        },
    );
    let costs = warp::path!("api" / "costs").and(with).and(asked()).then(|api: Arc<ApiParts>, asked: RequestParts| async move {
        get(&asked.method)?;
        api.read(&asked, costs::costs(&api.store, asked.query.as_deref())).await
    });
    imports.or(import).unify().or(charges).unify().or(charge).unify().or(costs).unify().boxed()
}

/// An arm's table, continued: what was counted.
fn comparison(
    with: impl Filter<Extract = (Arc<ApiParts>,), Error = Infallible> + Clone + Send + Sync + 'static,
) -> BoxedFilter<(Result<Response, Problem>,)> {
    let windows =
        warp::path!("api" / "windows").and(with.clone()).and(asked()).then(|api: Arc<ApiParts>, asked: RequestParts| async move {
            get(&asked.method)?;
            api.read(&asked, windows::windows(&api.store, &api.comparison, asked.query.as_deref())).await
        });
    let report = warp::path!("api" / "report").and(with.clone()).and(asked()).then(|api: Arc<ApiParts>, asked: RequestParts| async move {
        get(&asked.method)?;
        api.read(&asked, report::report(&api.comparison, asked.query.as_deref())).await
    });
    let metrics = warp::path!("api" / "metrics").and(with.clone()).and(asked()).map(|api: Arc<ApiParts>, asked: RequestParts| {
        get(&asked.method)?;
        api.admit(&asked, Scope::Read)?;
        Ok(metrics::metrics(&api.registry))
    });
    let dashboard = warp::path::end().and(with).and(asked()).then(|api: Arc<ApiParts>, asked: RequestParts| async move {
        api.admit_unless(api.config.open.dashboard, &asked)?;
        get(&asked.method)?;
        timed(api.call_timeout, dashboard::dashboard(&api.dashboard, asked.query.as_deref())).await
    });
    windows.or(report).unify().or(metrics).unify().or(dashboard).unify().boxed()
}

impl ApiParts {
    fn admit(&self, asked: &RequestParts, scope: Scope) -> Result<Principal, Problem> {
        self.trust.admit(&asked.call, &asked.headers, scope)
    }

    /// What a caller with read scope asked for, within the time limit of a call.
    async fn read(&self, asked: &RequestParts, answer: impl Future<Output = Result<Response, Problem>>) -> Result<Response, Problem> {
        self.admit(asked, Scope::Read)?;
        timed(self.call_timeout, answer).await
    }

    fn admit_unless(&self, open: bool, asked: &RequestParts) -> Result<(), Problem> {
        if open { Ok(()) } else { self.admit(asked, Scope::Read).map(drop) }
    }
}

fn path_where(
    holds: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (FullPath,), Error = Rejection> + Clone {
    warp::path::full()
        .and_then(move |path: FullPath| std::future::ready(if holds(path.as_str()) { Ok(path) } else { Err(warp::reject::not_found()) }))
}
