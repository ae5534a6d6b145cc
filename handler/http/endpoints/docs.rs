//! The API's own description: OpenAPI 3.1 for programs, and pages for people that work offline and without scripts.

use askama::Template;
use http::HeaderValue;
use serde_json::Value;
use warp::reply::Response;

use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{html, json};

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
    description = "Every operation with its parameters and answers, as a page without scripts.",
    responses((status = 200, description = "The page", body = String, content_type = "text/html"))
)]
pub fn manual(document: &Value) -> Result<Response, Problem> {
    page(&Manual { operations: operations(document) })
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
pub fn problems() -> Result<Response, Problem> {
    page(&Problems { kinds: ProblemKind::ALL })
}

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "manual.html")]
struct Manual {
    operations: Vec<Operation>,
}

#[derive(Template)]
#[template(path = "problems.html")]
struct Problems {
    kinds: &'static [ProblemKind],
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    description: String,
    /// The scope a key needs; none where no key may be needed.
    scope: Option<String>,
    parameters: Vec<Parameter>,
    answers: Vec<(String, String)>,
}

struct Parameter {
    name: String,
    place: String,
    description: String,
}

fn operations(document: &Value) -> Vec<Operation> {
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let parameter =
        |value: &Value| Parameter { name: text(value, "name"), place: text(value, "in"), description: text(value, "description") };
    let mut operations = Vec::new();
    for (path, item) in members(document.get("paths")) {
        for (method, operation) in members(Some(&item)) {
            operations.push(Operation {
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

fn page(template: &impl Template) -> Result<Response, Problem> {
    Ok(html(template.render().map_err(Problem::internal)?, HeaderValue::from_static(POLICY), "no-cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_type_has_its_place_on_the_page() {
        let html = Problems { kinds: ProblemKind::ALL }.render().unwrap();
        for kind in ProblemKind::ALL {
            assert!(html.contains(&format!("id=\"{}\"", kind.slug())), "{kind:?}");
        }
    }
}
