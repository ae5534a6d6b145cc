//! The kept document against the code and the table, and the rules every operation keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize as _;
use serde_json::ser::PrettyFormatter;

use super::*;
use crate::config::process_setting;
use crate::http::endpoint::{Access, Endpoint, Operation, Table};
use crate::http::table::{ARM, RESERVED, ROUTER};

/// Set, the kept document is written anew; `make openapi` sets it.
const REWRITE: &str = "UPDATE_OPENAPI";

/// Every operation of the document: method, path, and what is said of it.
fn operations() -> Vec<(String, String, &'static Value)> {
    let paths = document()["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &'static Value)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_table_is_described_and_nothing_else() {
    let described: BTreeSet<(String, String)> = operations().into_iter().map(|(method, path, _)| (method, path)).collect();
    let listed = ARM.0.iter().flat_map(|endpoint| {
        endpoint.operations.iter().map(|operation| (operation.method.to_string(), endpoint.template.as_str().to_owned()))
    });
    assert_eq!(described, listed.collect());
}

/// The rows of a list of endpoints in markdown: operation, scope, what calls count as, and what it does.
fn rows(markdown: &str) -> Vec<[String; 4]> {
    let cells = |row: &str| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    markdown.lines().filter(|line| line.starts_with("| `")).filter_map(|row| cells(row).try_into().ok()).collect()
}

/// The rows that list what `table` holds; `does` says what an operation does, where the description knows.
fn listed<Id>(table: &Table<Id>, does: impl Fn(&str, &str) -> String) -> Vec<[String; 4]> {
    let rows = table.0.iter().flat_map(|endpoint| endpoint.operations.iter().map(move |operation| (endpoint, operation)));
    let row = |(endpoint, operation): (&Endpoint<Id>, &Operation<Id>)| {
        let (method, path) = (operation.method.as_str(), endpoint.template.as_str());
        let scope = match operation.access {
            Access::Everyone => "none".to_owned(),
            Access::OpenBy(opening) => format!("read; none with `{}` open", opening.as_str()),
            Access::Read => "read".to_owned(),
            Access::Write | Access::WriteForm => "write".to_owned(),
        };
        let counted = if endpoint.supervision { "supervision" } else { "" };
        [format!("`{method} {path}`"), scope, counted.to_owned(), does(method, path)]
    };
    rows.map(row).collect()
}

#[test]
fn the_manual_lists_what_the_tables_hold() {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md")).unwrap();
    let summary = |method: &str, path: &str| document()["paths"][path][method.to_lowercase()]["summary"].as_str().unwrap().to_owned();
    let (of_arms, of_router): (Vec<_>, Vec<_>) = rows(&manual).into_iter().partition(|[operation, ..]| !operation.contains(RESERVED));
    assert_eq!(of_arms, listed(&ARM, summary), "docs/api.md, the arms' endpoints");
    let without_words: Vec<_> =
        of_router.into_iter().map(|[operation, scope, counted, _]| [operation, scope, counted, String::new()]).collect();
    assert_eq!(without_words, listed(&ROUTER, |_, _| String::new()), "docs/api.md, the router's endpoints");
}

/// A line for each member, as reviews need it, and no more blanks than that takes: the program carries them.
fn indented(document: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b" "));
    document.serialize(&mut serializer).unwrap();
    String::from_utf8(text).unwrap() + "\n"
}

#[test]
fn the_document_is_the_one_that_is_kept() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("handler/http/openapi/openapi.json");
    let now = indented(&described::document());
    if process_setting(REWRITE).is_some() {
        fs::write(&path, &now).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let changed = now.lines().zip(kept.lines()).find(|(now, kept)| now != kept);
    assert!(now == kept, "the API's description has changed, first in {changed:?}: run `make openapi` and look at the difference");
}

#[test]
fn every_operation_says_what_it_does_takes_and_answers() {
    assert!(document()["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path} shares its id");
        let operation_name = format!("{method} {path}");
        for member in ["summary", "description"] {
            let text = operation[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{operation_name} has no {member}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(!parameter["description"].as_str().unwrap_or_default().is_empty(), "{operation_name}: {parameter}");
        }
        let answers = operation["responses"].as_object().unwrap();
        let succeeds = |status: &String| status.starts_with('2') || status == "303";
        assert!(answers.keys().any(succeeds), "{operation_name} never succeeds");
        for (status, answer) in answers {
            assert!(!answer["description"].as_str().unwrap_or_default().is_empty(), "{operation_name}: {status} is not explained");
            let problem = answer["content"]["application/problem+json"]["schema"]["$ref"].as_str();
            assert_eq!(problem.is_some(), status.starts_with(['4', '5']), "{operation_name}: {status}");
        }
        let takes_query = operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["in"] == "query");
        assert!(!takes_query || answers.contains_key("400"), "{operation_name} never says which parameter is wrong");
    }
}

#[test]
fn keys_are_asked_for_as_the_table_says() {
    let security = |path: &str, method: &str| document()["paths"][path][method]["security"].clone();
    assert_eq!(security("/api/charges", "get"), serde_json::json!([{ "api_key": ["read"] }]));
    assert_eq!(security("/api/charges", "post"), serde_json::json!([{ "api_key": ["write"] }]));
    assert_eq!(security("/api/health/ready", "get"), serde_json::json!([{}, { "api_key": ["read"] }]));
    assert_eq!(security("/api/health/live", "get"), serde_json::json!([{}]));
    let answers = |path: &str, method: &str, status: &str| document()["paths"][path][method]["responses"].get(status).is_some();
    assert!(answers("/api/imports", "post", "403") && !answers("/api/imports", "get", "403"));
}

#[test]
fn nothing_in_it_is_written_for_rustdoc() {
    fn visit(value: &Value) {
        if let Some(text) = value.get("description").and_then(Value::as_str) {
            assert!(!text.contains("# ") && !text.contains("[`"), "{text}");
        }
        match value {
            Value::Object(members) => members.values().for_each(visit),
            Value::Array(items) => items.iter().for_each(visit),
            _ => {}
        }
    }
    visit(document());
}

#[test]
fn no_schema_is_an_object_of_anything() {
    fn bare(place: &str, schema: &Value, found: &mut Vec<String>) {
        match schema {
            Value::Object(members) => {
                let shaped = ["properties", "additionalProperties", "allOf", "oneOf"].iter().any(|member| members.contains_key(*member));
                if members.get("type").is_some_and(|kind| kind == "object") && !shaped {
                    found.push(place.to_owned());
                }
                members.iter().for_each(|(name, member)| bare(&format!("{place}/{name}"), member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| bare(place, item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    bare("", document(), &mut found);
    assert_eq!(found, [] as [&str; 0]);
}

#[test]
fn an_empty_query_parameter_counts_as_absent_and_the_document_says_so() {
    let mut parameters = 0;
    for (method, path, operation) in operations() {
        for parameter in operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
            assert_eq!(parameter["allowEmptyValue"], true, "{method} {path}: {}", parameter["name"]);
            parameters += 1;
        }
    }
    assert!(parameters > 10, "only {parameters} query parameters were found");
}
