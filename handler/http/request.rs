//! What routes are made of: the facts they go by, and the ends every route comes to. Must not know any route.

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_immediate;
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

use super::call::Call;
use super::problem::{Problem, ProblemKind};

/// Longest request head, in bytes; larger ones get 431.
pub const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A role's routes, as the edge calls them.
pub type Routes = BoxedFilter<(Response,)>;

/// What every endpoint may want to know of a request: read off it once, by the edge, and handed along in its extensions.
#[derive(Debug)]
pub struct RequestParts {
    /// Its method; an arm sees HEAD as GET.
    pub method: Method,
    /// Its path and query, without tickets.
    pub target: PathAndQuery,
    /// Its headers.
    pub headers: HeaderMap,
    /// What the edge learned of it.
    pub call: Call,
    /// Where an arm's table has its path; none where it leads nowhere.
    pub endpoint: Option<usize>,
}

impl RequestParts {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// Its raw query, without tickets.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.query()
    }
}

/// The type a body says it is of, without its parameters (RFC 9110, section 8.3.1); empty where it says none, or says it unreadably.
#[must_use]
pub fn media_type(headers: &HeaderMap) -> &str {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Extracts what an endpoint needs beside the body.
pub fn parts() -> impl Filter<Extract = (Arc<RequestParts>,), Error = Rejection> + Clone {
    warp::ext::get::<Arc<RequestParts>>()
}

/// An endpoint's answer, or 504 once it has waited for so long; what it was doing is dropped, and the database rolls it back.
///
/// # Errors
/// The endpoint's own problem, or [`ProblemKind::DeadlineExceeded`].
pub async fn timed(limit: Duration, answer: impl Future<Output = Result<Response, Problem>>) -> Result<Response, Problem> {
    let mut answer = pin!(answer);
    // Most are there at once, and no timer is set for those.
    if let Some(answer) = poll_immediate(answer.as_mut()).await {
        return answer;
    }
    let elapsed = |_| Err(Problem::new(ProblemKind::DeadlineExceeded, format!("the call was not finished within {limit:?}")));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(elapsed)
}

/// What is said of a path that leads nowhere.
#[must_use]
pub fn nothing_here() -> Problem {
    Problem::new(ProblemKind::NotFound, "nothing lives at this path; /api/docs lists those that do")
}

/// Turns replies and problems into responses. A rejection ends here too: it says that the edge handed nothing along, which is a failure of ours.
pub fn finish(
    routes: impl Filter<Extract = (Result<Response, Problem>,), Error = Rejection, Future: Send> + Clone + Send + Sync + 'static,
) -> Routes {
    let failure = |rejection: Rejection| ready(Ok::<_, Infallible>(Problem::internal(format!("{rejection:?}")).into_response()));
    routes.map(Reply::into_response).recover(failure).unify().boxed()
}
