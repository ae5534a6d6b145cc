//! The API's own description: OpenAPI 3.1 for programs, and pages for people that work offline, the manual without scripts too.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use utoipa_swagger_ui::Config;
use warp::reply::Response;

use crate::http::auth::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, json};
use crate::page::{MANUAL_POLICY, ManualOperation, ManualProblem, render_manual, render_problems};

/// The description for programs: the OpenAPI `document` itself.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "documentation",
    summary = "Describe the API to programs",
    description = "This document: OpenAPI 3.1.",
    responses((status = 200, description = "The document", body = BTreeMap<String, Value>, content_type = "application/json"))
)]
#[must_use]
pub fn openapi(document: &Value) -> Response {
    json(document)
}

/// The description for people, made from the OpenAPI `document`.
///
/// # Errors
/// An internal problem where the page cannot be written.
#[utoipa::path(
    get,
    path = "/api/docs",
    tag = "documentation",
    summary = "Describe the API to people",
    description = "Every operation with its parameters and answers, to be read and tried out: Swagger UI, served from here, and the same as plain text where no script runs.",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub fn manual(document: &Value, caller: &Principal) -> Result<Response, Problem> {
    reply::page_under(&MANUAL_POLICY, StatusCode::OK, render_manual(&operations(document), &caller.visitor()))
}

/// Every type of problem, what it means and what to do.
///
/// # Errors
/// An internal problem where the page cannot be written.
#[utoipa::path(
    get,
    path = "/api/docs/problems",
    tag = "documentation",
    summary = "Explain every type of problem",
    description = "What each type of problem document means and what a caller can do about it, as a page.",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub fn problems(caller: &Principal) -> Result<Response, Problem> {
    let problem = |kind: &ProblemKind| ManualProblem {
        slug: kind.slug(),
        status: kind.status().as_u16(),
        title: kind.title(),
        meaning: kind.meaning(),
    };
    let problems: Vec<ManualProblem> = ProblemKind::ALL.iter().map(problem).collect();
    reply::page(StatusCode::OK, render_problems(&problems, &caller.visitor()))
}

/// A file that the manual loads: Swagger UI's, which its crate carries along, and what starts it.
///
/// # Errors
/// 404 for any other.
#[utoipa::path(
    get,
    path = "/api/docs/{id}",
    tag = "documentation",
    summary = "Load a part of the manual",
    description = "swagger-ui.css, swagger-ui-bundle.js and start.js, which the page at /api/docs loads.",
    params(("id" = String, Path, description = "The file's name", example = "start.js")),
    responses(
        (status = 200, description = "The file", content((String = "text/javascript"), (String = "text/css"))),
        (status = 404, description = "The manual has no such file"),
    )
)]
pub fn part(name: &str) -> Result<Response, Problem> {
    let missing = || Problem::new(ProblemKind::NotFound, "the manual has no such file");
    let content_type = match name {
        "start.js" => return Ok(asset(START.as_bytes().to_vec(), "text/javascript", false)),
        "swagger-ui.css" => "text/css",
        "swagger-ui-bundle.js" => "text/javascript",
        _ => return Err(missing()),
    };
    let unreadable = |error: Box<dyn std::error::Error>| Problem::internal(error.to_string());
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).map_err(unreadable)?.ok_or_else(missing)?;
    Ok(asset(file.bytes.into_owned(), content_type, file.gzpipped))
}

const START: &str = include_str!("start.js");

fn asset(bytes: Vec<u8>, content_type: &'static str, compressed: bool) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // They change with the program alone.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    if compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn operations(document: &Value) -> Vec<ManualOperation> {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let parameter = |value: &Value| [text(value, "name"), text(value, "in"), text(value, "description")];
    let mut operations = Vec::new();
    for (path, item) in members(document.get("paths")) {
        for (method, operation) in members(Some(&item)) {
            operations.push(ManualOperation {
                method: method.to_uppercase(),
                path: path.clone(),
                summary: text(&operation, "summary"),
                description: text(&operation, "description"),
                scope: operation["security"][0]["api_key"][0].as_str().map(str::to_owned),
                parameters: operation.get("parameters").and_then(Value::as_array).into_iter().flatten().map(parameter).collect(),
                answers: members(operation.get("responses"))
                    .iter()
                    .map(|(status, answer)| (status.clone(), text(answer, "description")))
                    .collect(),
            });
        }
    }
    operations
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openapi;

    fn text(response: Response) -> String {
        use futures_util::FutureExt as _;
        use http_body_util::BodyExt as _;
        let bytes = response.into_body().collect().now_or_never().expect("at hand").expect("whole").to_bytes();
        String::from_utf8(bytes.to_vec()).expect("text")
    }

    #[test]
    fn every_problem_type_has_its_place_on_the_page() {
        let html = text(problems(&Principal::anyone()).expect("a page"));
        for kind in ProblemKind::ALL {
            assert!(html.contains(&format!("id=\"{}\"", kind.slug())), "{kind:?}");
        }
    }

    #[test]
    fn the_manual_loads_what_is_here_and_says_it_all_without_scripts() {
        let page = manual(openapi::document(), &Principal::anyone()).expect("a page");
        let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let html = text(page);
        let loaded =
            html.split("=\"/api/docs/").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).filter(|name| name.contains('.'));
        let loaded: Vec<&str> = loaded.collect();
        assert_eq!(loaded, ["swagger-ui.css", "swagger-ui-bundle.js", "start.js"]);
        for name in loaded {
            assert!(part(name).is_ok(), "{name}");
        }
        assert!(html.contains("<h2>POST /api/imports</h2>") && html.contains("Content-Digest"));
        assert_eq!(part("../Cargo.toml").expect_err("no such file").kind, ProblemKind::NotFound);
    }
}
