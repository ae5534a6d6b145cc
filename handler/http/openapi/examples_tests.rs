//! Every example against the schema it stands beside, and those that are sent against the operations that take them.

use serde_json::{Map, json};

use super::*;
use crate::domain::arm::Arm;
use crate::domain::run::testing;
use crate::http::endpoints::testing::{Answer, answer, chunks, headers};
use crate::http::endpoints::{charges, imports, runs};
use crate::http::openapi::document;
use crate::store::Store;
use crate::store::testing::new_store;

/// Forbids members that a schema does not list: an example must not show what is long gone. Of schemas put together each knows only its own.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.iter_mut().filter(|(name, _)| *name != "allOf").for_each(|(_, member)| close(member));
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn every_example_keeps_the_schema_it_stands_beside() {
    let mut components = document()["components"].clone();
    close(&mut components);
    for example in &EXAMPLES {
        let name = format!("{} {} {:?}", example.method, example.path, example.status);
        let mut described = document().clone();
        let place = example.place(&mut described).unwrap_or_else(|| panic!("{name} has no place"));
        assert_eq!(place["example"], example.value(), "{name}");
        let mut schema = Map::from_iter([("components".to_owned(), components.clone())]);
        schema.extend(place["schema"].as_object().unwrap().clone());
        let validator = jsonschema::validator_for(&Value::Object(schema)).unwrap();
        let wrong: Vec<String> =
            validator.iter_errors(&place["example"]).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}");
    }
}

/// What an operation answers to the example that is sent there.
async fn sent_to(store: &Store, path: &str) -> Answer {
    let example = EXAMPLES.iter().find(|example| example.path == path && example.status.is_none()).unwrap();
    let (headers, body) = (headers(&[("content-type", example.content_type)]), example.text.as_bytes());
    match path {
        "/api/imports" => answer(imports::create(store, "ci", 1 << 20, &headers, None, &mut chunks(body)).await).await,
        "/api/charges" => answer(charges::create(store, "ci", &headers, None, body).await).await,
        _ => answer(runs::declare(store, &headers, None, body).await).await,
    }
}

#[tokio::test]
async fn what_is_shown_to_be_sent_is_taken() {
    let store = new_store().await;
    for arm in Arm::BOTH {
        store.record_set_up(&testing::arm_part(arm), store.now()).await.unwrap();
    }
    for (path, member, value) in
        [("/api/imports", "accepted", json!(2)), ("/api/charges", "accepted", json!(1)), ("/api/runs", "kind", json!("declared"))]
    {
        let taken = sent_to(&store, path).await;
        assert_eq!((taken.status, &taken.body[member]), (201, &value), "{path}: {taken:?}");
    }
}
