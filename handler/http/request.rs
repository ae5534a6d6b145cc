//! What route tables are made of: the filters that read a request, and the ends every route comes to. Must not know any route.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::body;
use super::call::Call;
use super::edge::Routes;
use super::problem::{Problem, ProblemKind};
use crate::host;

/// Longest invocation the Functions host sends for a timer, with much to spare.
const INVOCATION_BYTES: usize = 65_536;

/// What every endpoint may want to know of a request.
pub struct RequestParts {
    /// Its method; an arm sees HEAD as GET.
    pub method: Method,
    /// Its headers.
    pub headers: HeaderMap,
    /// What the edge learned of it.
    pub call: Call,
    /// Its raw query, without tickets.
    pub query: Option<String>,
}

/// Extracts what an endpoint needs beside the body.
pub fn asked() -> impl Filter<Extract = (RequestParts,), Error = Rejection> + Clone {
    let facts = warp::method().and(warp::header::headers_cloned()).and(warp::ext::get::<Call>()).and(query());
    facts.map(|method, headers, call, query| RequestParts { method, headers, call, query })
}

/// Extracts the raw query, if there is one.
pub fn query() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Clone {
    warp::query::raw().map(Some).or(warp::any().map(|| None)).unify()
}

/// Hands `parts` to a route.
pub fn with<T: Send + Sync>(parts: Arc<T>) -> impl Filter<Extract = (Arc<T>,), Error = Infallible> + Clone {
    warp::any().map(move || Arc::clone(&parts))
}

/// Matches the Functions host's own call of the timer `name`, and nobody else's: outsiders find nothing there.
pub fn timer(name: &'static str, under_functions_host: bool) -> impl Filter<Extract = (Bytes,), Error = Rejection> + Clone {
    let genuine = warp::path(name).and(warp::path::end()).and(warp::post()).and(warp::header::headers_cloned()).and_then(
        move |headers: HeaderMap| {
            let genuine = under_functions_host && host::is_timer(&headers);
            std::future::ready(if genuine { Ok(()) } else { Err(warp::reject::not_found()) })
        },
    );
    let body = warp::body::stream().and_then(|body| async move {
        // The host sends its JSON chunked and without a length; more than this is not the host.
        body::collect(body, INVOCATION_BYTES).await.map_err(|_| warp::reject::not_found())
    });
    genuine.untuple_one().and(body)
}

/// Passes GET and HEAD; hyper leaves the body out for HEAD.
///
/// # Errors
/// 405 otherwise.
pub fn get(method: &Method) -> Result<(), Problem> {
    if matches!(*method, Method::GET | Method::HEAD) { Ok(()) } else { Err(Problem::method_not_allowed("GET, HEAD")) }
}

/// An endpoint's answer, or 504 once its time is up; what it was doing is dropped, and the database rolls it back.
///
/// # Errors
/// The endpoint's own problem, or [`ProblemKind::DeadlineExceeded`].
pub async fn timed(limit: Duration, answer: impl Future<Output = Result<Response, Problem>>) -> Result<Response, Problem> {
    let elapsed = |_| Err(Problem::new(ProblemKind::DeadlineExceeded, format!("the call was not finished within {limit:?}")));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(elapsed)
}

/// Nothing lives at a path.
#[must_use]
pub fn not_found() -> Problem {
    Problem::new(ProblemKind::NotFound, "nothing lives at this path; /api/docs lists those that do")
}

/// Turns replies and problems into responses, and whatever matched nothing into 404: the one place where a rejection ends.
pub fn finish(
    routes: impl Filter<Extract = (Result<Response, Problem>,), Error = Rejection, Future: Send> + Clone + Send + Sync + 'static,
) -> Routes {
    let nothing = |_: Rejection| std::future::ready(Ok::<_, Infallible>(not_found().into_response()));
    routes.map(Reply::into_response).recover(nothing).unify().boxed()
}
