//! The route tables, one page: which path, method and right leads to which endpoint.
//!
//! A path is one route; its methods are told apart where it is served, so that a wrong one learns the right ones. Rejections only mean
//! that no path matched; whatever an endpoint has to say is a reply or a [`Problem`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use warp::path::FullPath;
use warp::{Filter, Rejection};

use super::auth::{Auth, Caller};
use super::call::Call;
use super::edge::Routes;
use super::endpoints::timer::Watch;
use super::endpoints::{health, instance, routing, timer};
use super::problem::Problem;
use super::redirect::redirect;
use super::request::{self, Asked, asked, finish, get, not_found, query, timed, with};
use crate::clock::Clock;
use crate::config::ApiConfig;
use crate::config::keys::Scope;
use crate::domain::schedule::Schedule;
use crate::routing::Routing;
use crate::store::Store;

/// What the router's routes need.
pub struct RouterParts {
    /// The router at work.
    pub routing: Arc<Routing>,
    /// What the Functions timer needs.
    pub watch: Watch,
    /// Whether the Functions host stands before this process.
    pub under_functions_host: bool,
}

/// What an arm's routes need.
pub struct ApiParts {
    /// The arm's settings.
    pub config: ApiConfig,
    /// Who may call.
    pub auth: Auth,
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// Where charges and windows are kept.
    pub store: Store,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// What the Functions timer needs.
    pub watch: Watch,
    /// Whether the Functions host stands before this process.
    pub under_functions_host: bool,
}

/// The router redirects every method and path but those that begin with this.
const RESERVED: &str = "/_switchback/";

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
        |name: String, api: Arc<ApiParts>, asked: Asked| async move {
            api.admit_unless(api.config.open.health, &asked)?;
            get(&asked.method)?;
            match name.as_str() {
                "live" => Ok(health::live()),
                "ready" => timed(api.call_timeout, health::ready(&api.store)).await,
                _ => Err(not_found()),
            }
        },
    );
    let instance = warp::path!("api" / "instance").and(with.clone()).and(asked()).map(|api: Arc<ApiParts>, asked: Asked| {
        api.admit(&asked, Scope::Read)?;
        get(&asked.method)?;
        Ok(instance::instance(&api.config, &api.schedule, &asked.call))
    });
    let watch = request::timer(timer::NAME, under_functions_host)
        .and(with)
        .then(|body: Bytes, api: Arc<ApiParts>| async move { timer::watch(&api.watch, &body).await });
    finish(health.or(instance).unify().or(watch).unify())
}

impl ApiParts {
    fn admit(&self, asked: &Asked, scope: Scope) -> Result<Caller, Problem> {
        self.auth.admit(&asked.call, &asked.headers, scope)
    }

    fn admit_unless(&self, open: bool, asked: &Asked) -> Result<(), Problem> {
        if open { Ok(()) } else { self.admit(asked, Scope::Read).map(drop) }
    }
}

fn path_where(
    holds: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (FullPath,), Error = Rejection> + Clone {
    warp::path::full()
        .and_then(move |path: FullPath| std::future::ready(if holds(path.as_str()) { Ok(path) } else { Err(warp::reject::not_found()) }))
}
