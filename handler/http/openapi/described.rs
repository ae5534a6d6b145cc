//! The description as the code has it: what the endpoints' annotations say, and what follows for each from the table.
//!
//! Only tests build it, to hold the kept document to it. Must not know any single endpoint.

use http::Method;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation as Described, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Ref, RefOr, ResponseBuilder};

use super::examples;
use crate::contract::API_KEY;
use crate::http::endpoint::Access;
use crate::http::problem::ProblemDocument;
use crate::http::table::{ARM, ArmDescription};

/// The API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchback",
        description = "FOCUS cost data in, cost answers out; and which of two plans is worth its price. Errors are RFC 9457 problem documents.",
        license(name = "MIT")
    ),
    components(schemas(ProblemDocument))
)]
struct Frame;

/// The security scheme's name.
const SCHEME: &str = "api_key";

/// The OpenAPI document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(describe()).expect("a description is JSON");
    allow_empty_values(&mut document);
    examples::add(&mut document);
    document
}

/// Says of every query parameter that an empty one counts as absent, as [`crate::http::query::Query`] reads it. utoipa knows no such word.
fn allow_empty_values(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    let operations = paths.filter_map(Value::as_object_mut).flat_map(|path| path.values_mut());
    let parameters = operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()).flatten();
    for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
        parameter["allowEmptyValue"] = true.into();
    }
}

fn describe() -> utoipa::openapi::OpenApi {
    let mut description = Frame::openapi();
    description.merge(ArmDescription::openapi());
    let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(API_KEY.as_str())));
    description.components.get_or_insert_default().add_security_scheme(SCHEME, key);
    for endpoint in ARM.0 {
        let Some(path) = description.paths.paths.get_mut(endpoint.template.as_str()) else { continue };
        for listed in endpoint.operations {
            if let Some(operation) = slot(path, &listed.method) {
                // Names of functions repeat from noun to noun; the table's do not.
                operation.operation_id = Some(format!("{:?}", listed.id));
                operation.security = Some(security(listed.access));
                add_problems(operation, listed.access);
            }
        }
    }
    description
}

/// Where a path keeps what it says of a method.
fn slot<'path>(path: &'path mut PathItem, method: &Method) -> Option<&'path mut Described> {
    match method.as_str() {
        "GET" => path.get.as_mut(),
        "POST" => path.post.as_mut(),
        "PUT" => path.put.as_mut(),
        "PATCH" => path.patch.as_mut(),
        "DELETE" => path.delete.as_mut(),
        _ => None,
    }
}

/// What a caller must bring: a key with the scope, or nothing where a setting may have opened the operation.
fn security(access: Access) -> Vec<SecurityRequirement> {
    let key = |scope: &str| SecurityRequirement::new(SCHEME, [scope]);
    match access {
        Access::Everyone => vec![SecurityRequirement::default()],
        Access::OpenBy(_) => vec![SecurityRequirement::default(), key("read")],
        Access::Read => vec![key("read")],
        Access::Write | Access::WriteForm => vec![key("write")],
    }
}

/// Adds the problems any such operation may answer with, and says of every problem that it is a document.
fn add_problems(operation: &mut Described, access: Access) {
    let shared: [(&str, &str, bool); 5] = [
        ("401", "No API key came with the call, or one that is not known", access != Access::Everyone),
        ("403", "The API key lacks the scope `write`", matches!(access, Access::Write | Access::WriteForm)),
        ("500", "The program failed; the request id finds the log line", true),
        ("503", "Too many calls are being served, or the database is unavailable: try again after Retry-After", true),
        ("504", "The call was not finished within its time limit", true),
    ];
    let responses = &mut operation.responses.responses;
    for (status, description, _) in shared.into_iter().filter(|(.., applies)| *applies) {
        responses.entry(status.to_owned()).or_insert_with(|| ResponseBuilder::new().description(description).build().into());
    }
    for (_, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        if let RefOr::T(response) = response {
            let document = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDocument"))).build();
            response.content.insert("application/problem+json".to_owned(), document.into());
        }
    }
}
