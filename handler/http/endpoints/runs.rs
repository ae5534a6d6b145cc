//! Runs: declared, listed, ended, and minutes left out of them.

use std::fmt;

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use warp::Reply;
use warp::reply::Response;

use crate::config::settings;
use crate::domain::margins::ChangedMargins;
use crate::domain::run::{Exclusion, ExclusionRequest, RunChoice, RunDocument, RunName, RunRefusal, RunRequest, find};
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::Query;
use crate::http::reply::json;
use crate::http::request::media_type;
use crate::store::Store;

/// Largest body.
pub const MAX_BODY_BYTES: usize = 16_384;

/// Most runs in one answer where the caller sets no limit, and the highest limit.
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1_000;

/// A run to declare.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Its name: 1 to 64 letters, digits, `.`, `_` and `-`.
    #[schema(value_type = RunName, example = "s1-or-flex")]
    pub name: String,
    /// How long it lasts, such as 90m, 24h or 7d; rounded up to whole pairs of minutes.
    #[serde(rename = "for")]
    #[schema(example = "24h")]
    pub lasts: String,
    /// Margins that differ from the arms' settings.
    #[serde(default)]
    pub margins: ChangedMargins,
}

/// Minutes to leave out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewExclusion {
    /// First instant to leave out.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-23T10:00:00Z")]
    pub from: OffsetDateTime,
    /// First instant not to leave out.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-11-23T10:12:00Z")]
    pub to: OffsetDateTime,
    /// Why, in 1 to 200 characters.
    #[schema(example = "deployment of 3f2a91c")]
    pub reason: String,
}

/// Nothing to say beside what the path says.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RunsDocument {
    /// The runs, newest first.
    pub runs: Vec<RunDocument>,
}

/// Declares a run.
///
/// # Errors
/// 400 for a wrong body, 409 where the run is there with other margins, or another one is under way, 415.
#[utoipa::path(
    post,
    path = "/api/runs",
    tag = "comparison",
    summary = "Declare a run",
    description = "It starts with the next whole pair of minutes. Its margins and its horizon never change; the same declaration again is the same run.",
    request_body(content = NewRun),
    responses(
        (status = 201, description = "Declared; Location names the run", body = RunDocument),
        (status = 200, description = "Declared before, and not over: that run", body = RunDocument),
        (status = 400, description = "The body is wrong"),
        (status = 409, description = "The run exists with other margins or another horizon (`run-immutable`), another declared run is not over, or no set-up is known yet"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "The body is not JSON"),
    )
)]
pub async fn declare(store: &Store, headers: &HeaderMap, raw_query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let NewRun { name, lasts, margins } = parsed(headers, body)?;
    let wrong = |member: &str, reason: &str| Problem::new(ProblemKind::BadRequest, reason.to_owned()).with("parameter", member);
    let name: RunName = name.parse().map_err(|error: crate::domain::run::NotARunName| wrong("name", &error.to_string()))?;
    let lasts = settings::duration(&lasts).map_err(|reason| wrong("for", &reason))?;
    let lasts = time::Duration::try_from(lasts).map_err(|_| wrong("for", "a run lasts at most 400 days"))?;
    let declared = store.declare_run(&RunRequest { name, lasts, margins }).await?;
    let status = if declared.again { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = warp::reply::with_status(json(&document(store, &RunChoice::Id(declared.item)).await?), status).into_response();
    let location = HeaderValue::try_from(format!("/api/runs/{}", declared.item)).map_err(Problem::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// The runs, newest first.
///
/// # Errors
/// 400 for a wrong parameter.
#[utoipa::path(
    get,
    path = "/api/runs",
    tag = "comparison",
    summary = "List runs",
    description = "The newest first, observed ones as well as declared ones.",
    params(("limit" = Option<u16>, Query, description = "Most runs listed, 1 to 1,000; 100 where it is absent")),
    responses(
        (status = 200, description = "The runs", body = RunsDocument),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn list(store: &Store, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let limit = |text: &str| text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    let limit = query.parsed("limit", "a number from 1 to 1000", limit)?.unwrap_or(DEFAULT_LIMIT);
    query.finish()?;
    let mut runs = store.run_log().await?.documents(store.now());
    runs.truncate(limit);
    Ok(json(&RunsDocument { runs }))
}

/// One run.
///
/// # Errors
/// 404 where there is none.
#[utoipa::path(
    get,
    path = "/api/runs/{id}",
    tag = "comparison",
    summary = "Read a run",
    description = "With what was served with, its margins, and the minutes left out.",
    params(("id" = String, Path, description = "The run's id or name, or current")),
    responses(
        (status = 200, description = "The run", body = RunDocument),
        (status = 400, description = "It takes no parameter"),
        (status = 404, description = "There is no such run"),
    )
)]
pub async fn read(store: &Store, id: &str, raw_query: Option<&str>) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    Ok(json(&document(store, &choice(id)?).await?))
}

/// Ends a run with the present pair of minutes.
///
/// # Errors
/// 400 for a wrong body, 404 where there is no such run, 415.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/end",
    tag = "comparison",
    summary = "End a run",
    description = "With the present pair of minutes; an observed run follows. A run that is over stays as it is. The body is `{}`.",
    params(("id" = String, Path, description = "The run's id or name, or current")),
    request_body(content = Nothing),
    responses(
        (status = 200, description = "The run as it ended", body = RunDocument),
        (status = 400, description = "The body is wrong"),
        (status = 404, description = "There is no such run"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "The body is not JSON"),
    )
)]
pub async fn end(store: &Store, id: &str, headers: &HeaderMap, raw_query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let Nothing {} = parsed(headers, body)?;
    let ended = store.end_run(&choice(id)?).await?;
    Ok(json(&document(store, &RunChoice::Id(ended.item)).await?))
}

/// Leaves minutes out of a run.
///
/// # Errors
/// 400 for a wrong body or minutes that are none of the run's, 404 where there is no such run, 415.
#[utoipa::path(
    post,
    path = "/api/runs/{id}/exclusions",
    tag = "comparison",
    summary = "Leave minutes out of a run",
    description = "Minutes around a deployment, say: every report leaves out the whole pairs they lie in, and lists them with the reason.",
    params(("id" = String, Path, description = "The run's id or name, or current")),
    request_body(content = NewExclusion),
    responses(
        (status = 201, description = "Left out", body = Exclusion),
        (status = 200, description = "Left out before", body = Exclusion),
        (status = 400, description = "The body is wrong, or the run has none of these minutes"),
        (status = 404, description = "There is no such run"),
        (status = 413, description = "The body is too large"),
        (status = 415, description = "The body is not JSON"),
    )
)]
pub async fn exclude(store: &Store, id: &str, headers: &HeaderMap, raw_query: Option<&str>, body: &[u8]) -> Result<Response, Problem> {
    Query::parse(raw_query)?.finish()?;
    let NewExclusion { from, to, reason } = parsed(headers, body)?;
    let excluded = store.exclude_minutes(Some(&choice(id)?), ExclusionRequest { from, to, reason }).await?;
    let status = if excluded.again { StatusCode::OK } else { StatusCode::CREATED };
    Ok(warp::reply::with_status(json(&excluded.item), status).into_response())
}

/// The run that a path names.
///
/// # Errors
/// 404 where it can't be one.
pub fn choice(text: &str) -> Result<RunChoice, Problem> {
    text.parse().map_err(|_| Problem::from(RunRefusal::Unknown(text.chars().take(64).collect())))
}

/// The run as a document.
///
/// # Errors
/// 404 where there is none.
pub async fn document(store: &Store, choice: &RunChoice) -> Result<RunDocument, Problem> {
    let (log, now) = (store.run_log().await?, store.now());
    let runs = log.runs(now);
    let run = find(&runs, choice, now).ok_or_else(|| RunRefusal::Unknown(choice.to_string()))?;
    Ok(RunDocument::of(run, &log, now))
}

/// The body as what the operation takes.
fn parsed<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T, Problem> {
    let sent_as = media_type(headers);
    if !sent_as.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, format!("'{sent_as}' is not JSON: send application/json")));
    }
    let wrong = |reason: &dyn fmt::Display| Problem::new(ProblemKind::BadRequest, format!("the body is not as described: {reason}"));
    let document: Value = serde_json::from_slice(body).map_err(|error| wrong(&error))?;
    // Serde would take an array for an object, its items for the members in the order they are declared in.
    let has_array = document.as_object().is_none_or(|members| members.values().any(Value::is_array));
    if has_array {
        return Err(wrong(&"an object is expected, and no array in it"));
    }
    serde_json::from_slice(body).map_err(|error| wrong(&error))
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
