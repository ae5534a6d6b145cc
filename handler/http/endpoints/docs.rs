//! The API's own description: OpenAPI 3.1 for programs, and pages for people that work offline and without scripts.

use std::sync::LazyLock;

use askama::Template;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use warp::reply::Response;

use super::{charges, costs, imports, metrics, report, windows};
use crate::contract::API_KEY;
use crate::http::problem::{Problem, ProblemKind};

#[derive(OpenApi)]
#[openapi(
    info(title = "Switchback", description = "FOCUS cost data in, cost answers out; and which of two plans is worth its price. Errors are RFC 9457 problem documents.", license(name = "MIT")),
    paths(
        imports::create, imports::list, imports::read, imports::delete,
        charges::create, charges::list, charges::read,
        costs::costs,
        windows::windows, report::report,
        metrics::metrics,
    ),
    modifiers(&Security)
)]
struct Description;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(API_KEY.as_str()))));
        openapi.security = Some(vec![SecurityRequirement::new("api_key", Vec::<String>::new())]);
    }
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(Description::openapi()).unwrap_or_default());

/// The OpenAPI document.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// `GET /api/openapi.json`: the description for programs.
#[must_use]
pub fn openapi() -> Response {
    super::json(document())
}

/// `GET /api/docs`: the description for people.
///
/// # Errors
/// An internal problem where the page cannot be written.
pub fn manual() -> Result<Response, Problem> {
    page(&Manual { operations: operations(document()) })
}

/// `GET /api/docs/problems`: every type of problem, what it means and what to do.
///
/// # Errors
/// An internal problem where the page cannot be written.
pub fn problems() -> Result<Response, Problem> {
    page(&Problems { kinds: ProblemKind::ALL })
}

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
                summary: [text(&operation, "summary"), text(&operation, "description")].join(" ").trim().to_owned(),
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
    let html = template.render().map_err(Problem::internal)?;
    let mut response = Response::new(html.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_openapi_3_1_with_every_operation_explained() {
        assert!(document()["openapi"].as_str().unwrap().starts_with("3.1"));
        let operations = operations(document());
        assert!(operations.len() >= 8, "{}", operations.len());
        for operation in operations {
            assert!(!operation.summary.is_empty(), "{} {}", operation.method, operation.path);
            assert!(!operation.answers.is_empty(), "{} {}", operation.method, operation.path);
        }
    }

    #[test]
    fn every_problem_type_has_its_place_on_the_page() {
        let html = Problems { kinds: ProblemKind::ALL }.render().unwrap();
        for kind in ProblemKind::ALL {
            assert!(html.contains(&format!("id=\"{}\"", kind.slug())), "{kind:?}");
        }
    }
}
