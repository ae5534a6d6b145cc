//! The route tables, one page: which path, method and right leads to which endpoint.
//!
//! A path is one route; its methods are told apart where it is served, so that a wrong one learns the right ones. Rejections only mean
//! that no path matched; whatever an endpoint has to say is a reply or a [`Problem`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::auth::{Auth, Caller};
use super::call::Call;
use super::edge::Routes;
use super::endpoints::{health, instance, routing};
use super::problem::{Kind, Problem};
use super::redirect::redirect;
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
}

/// The router redirects every method and path but those that begin with this.
const RESERVED: &str = "/_switchback/";

/// The router's table. The redirect stands first because nearly every call is one.
#[must_use]
pub fn router(parts: Arc<RouterParts>) -> Routes {
    let with = with(parts);
    let redirected = unreserved().and(warp::ext::get::<Call>()).and(with.clone()).map(
        |path: FullPath, query: Option<String>, call: Call, router: Arc<RouterParts>| {
            redirect(&router.routing, path.as_str(), query.as_deref(), call.probe)
        },
    );
    let reserved =
        warp::path!("_switchback" / String).and(with).and(warp::method()).map(|name: String, router: Arc<RouterParts>, method: Method| {
            match name.as_str() {
                "health" => get(&method).map(|()| routing::health(&router.routing)),
                "routing" => get(&method).map(|()| routing::routing(&router.routing)),
                _ => Err(not_found()),
            }
        });
    finish(redirected.or(reserved).unify())
}

/// An arm's table.
#[must_use]
pub fn api(parts: Arc<ApiParts>) -> Routes {
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
    let instance = warp::path!("api" / "instance").and(with).and(asked()).map(|api: Arc<ApiParts>, asked: Asked| {
        api.admit(&asked, Scope::Read)?;
        get(&asked.method)?;
        Ok(instance::instance(&api.config, &api.schedule, &asked.call))
    });
    finish(health.or(instance).unify())
}

/// What every endpoint may want to know of a request.
struct Asked {
    method: Method,
    headers: HeaderMap,
    call: Call,
    query: Option<String>,
}

impl ApiParts {
    fn admit(&self, asked: &Asked, scope: Scope) -> Result<Caller, Problem> {
        self.auth.admit(&asked.call, &asked.headers, scope)
    }

    fn admit_unless(&self, open: bool, asked: &Asked) -> Result<(), Problem> {
        if open { Ok(()) } else { self.admit(asked, Scope::Read).map(drop) }
    }
}

fn get(method: &Method) -> Result<(), Problem> {
    if method == Method::GET { Ok(()) } else { Err(Problem::method_not_allowed("GET, HEAD")) }
}

/// An endpoint's answer, or 504 once its time is up; what it was doing is dropped, and the database rolls it back.
async fn timed(limit: Duration, answer: impl Future<Output = Result<Response, Problem>>) -> Result<Response, Problem> {
    let elapsed = |_| Err(Problem::new(Kind::DeadlineExceeded, format!("the call was not finished within {limit:?}")));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(elapsed)
}

fn not_found() -> Problem {
    Problem::new(Kind::NotFound, "nothing lives at this path; /api/docs lists those that do")
}

fn with<T: Send + Sync>(parts: Arc<T>) -> impl Filter<Extract = (Arc<T>,), Error = Infallible> + Clone {
    warp::any().map(move || Arc::clone(&parts))
}

fn asked() -> impl Filter<Extract = (Asked,), Error = Rejection> + Clone {
    let facts = warp::method().and(warp::header::headers_cloned()).and(warp::ext::get::<Call>()).and(query());
    facts.map(|method, headers, call, query| Asked { method, headers, call, query })
}

fn query() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    warp::query::raw().map(Some).or(warp::any().map(|| None)).unify()
}

fn unreserved() -> impl Filter<Extract = (FullPath, Option<String>), Error = Rejection> + Clone {
    let path = warp::path::full().and_then(|path: FullPath| {
        std::future::ready(if path.as_str().starts_with(RESERVED) { Err(warp::reject::not_found()) } else { Ok(path) })
    });
    path.and(query())
}

/// Turns replies and problems into responses, and whatever matched nothing into 404.
fn finish(
    routes: impl Filter<Extract = (Result<Response, Problem>,), Error = Rejection, Future: Send> + Clone + Send + Sync + 'static,
) -> Routes {
    routes
        .map(Reply::into_response)
        .recover(|_: Rejection| std::future::ready(Ok::<_, Infallible>(not_found().into_response())))
        .unify()
        .map(|response: Response| response)
        .boxed()
}
