//! Runs as pages.

use http::StatusCode;
use warp::reply::Response;

use super::runs::{choice, document};
use crate::http::auth::Principal;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::page::{render_run, render_runs};
use crate::store::Store;

/// Most runs on the page.
const SHOWN: usize = 200;

/// The runs, newest first.
///
/// # Errors
/// 400 for a parameter.
#[utoipa::path(
    get,
    path = "/runs",
    tag = "pages",
    summary = "Show runs on a page",
    description = "The newest first, with what each compared.",
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "It takes no parameter"),
    )
)]
pub async fn list(store: &Store, caller: &Principal, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let mut runs = store.run_log().await?.documents(store.now());
    runs.truncate(SHOWN);
    reply::page(StatusCode::OK, render_runs(&runs, &caller.visitor()))
}

/// One run.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/runs/{id}",
    tag = "pages",
    summary = "Show a run on a page",
    description = "What it compares, its margins, the minutes left out, and the way to its verdict.",
    params(("id" = String, Path, description = "The run's id or name, or current")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn read(store: &Store, caller: &Principal, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    reply::page(StatusCode::OK, render_run(&document(store, &choice(id)?).await?, &caller.visitor()))
}
