//! What routes are made of: the filters that read a request, and the ends every route comes to. Must not know any route.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};
use warp::filters::BoxedFilter;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::call::Call;
use super::endpoint::{Endpoint, Table};
use super::problem::{Problem, ProblemKind};

/// Longest request head, in bytes; larger ones get 431.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A role's routes, as the edge calls them.
pub type Routes = BoxedFilter<(Response,)>;

/// What every endpoint may want to know of a request.
pub struct RequestParts {
    /// Its method; an arm sees HEAD as GET.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// What the edge learned of it.
    pub call: Call,
    /// Its raw query, without tickets.
    pub query: Option<String>,
}

/// An endpoint that a request's path leads to.
pub struct Target<Id: 'static> {
    /// The endpoint.
    pub endpoint: &'static Endpoint<Id>,
    /// The text of the path's parameter; empty where the path has none.
    pub parameter: String,
}

/// The type a body says it is of, without its parameters (RFC 9110, section 8.3.1); empty where it says none, or says it unreadably.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> &str {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Matches the paths in `table`.
pub fn target<Id: Sync>(table: &'static Table<Id>) -> impl Filter<Extract = (Target<Id>,), Error = Rejection> + Clone {
    warp::path::full().and_then(move |path: FullPath| {
        let target = |parameter: &str, endpoint| Target { endpoint, parameter: parameter.to_owned() };
        let found = table.find(path.as_str()).map(|found| target(found.parameter, found.endpoint));
        ready(found.ok_or_else(warp::reject::not_found))
    })
}

/// Matches paths of which `holds` is true.
pub fn path_where(
    holds: impl Fn(&str) -> bool + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (FullPath,), Error = Rejection> + Clone {
    warp::path::full().and_then(move |path: FullPath| ready(if holds(path.as_str()) { Ok(path) } else { Err(warp::reject::not_found()) }))
}

/// Extracts what an endpoint needs beside the body.
pub fn parts() -> impl Filter<Extract = (RequestParts,), Error = Rejection> + Clone {
    let facts = warp::method().and(warp::path::full()).and(warp::header::headers_cloned()).and(warp::ext::get::<Call>()).and(query());
    facts.map(|method, path: FullPath, headers, call, query| RequestParts { method, path: path.as_str().to_owned(), headers, call, query })
}

/// Extracts the raw query, if there is one.
pub fn query() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    warp::query::raw().map(Some).or(warp::any().map(|| None)).unify()
}

/// Hands `shared` to a route.
pub fn with<T: Send + Sync>(shared: Arc<T>) -> impl Filter<Extract = (Arc<T>,), Error = Infallible> + Clone {
    warp::any().map(move || Arc::clone(&shared))
}

/// An endpoint's answer, or 504 once its time is up; what it was doing is dropped, and the database rolls it back.
///
/// # Errors
/// The endpoint's own problem, or [`ProblemKind::DeadlineExceeded`].
pub async fn timed(limit: Duration, answer: impl Future<Output = Result<Response, Problem>>) -> Result<Response, Problem> {
    let elapsed = |_| Err(Problem::new(ProblemKind::DeadlineExceeded, format!("the call was not finished within {limit:?}")));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(elapsed)
}

/// Turns replies and problems into responses, and whatever matched nothing into 404: the one place where a rejection ends.
pub fn finish(
    routes: impl Filter<Extract = (Result<Response, Problem>,), Error = Rejection, Future: Send> + Clone + Send + Sync + 'static,
) -> Routes {
    let not_found = || Problem::new(ProblemKind::NotFound, "nothing lives at this path; /api/docs lists those that do");
    let nothing = move |_: Rejection| ready(Ok::<_, Infallible>(not_found().into_response()));
    routes.map(Reply::into_response).recover(nothing).unify().boxed()
}
