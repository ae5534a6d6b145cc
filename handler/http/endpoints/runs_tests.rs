//! Runs as callers see them.

use serde_json::json;

use super::*;
use crate::domain::arm::Arm;
use crate::domain::run::{PartReport, PartSetUp, RunLog, testing};
use crate::http::endpoints::testing::{Answer, answer, headers};
use crate::store::testing::new_store;

const JSON: (&str, &str) = ("content-type", "application/json");

/// A store both of whose arms have recorded what they serve with.
async fn started() -> Store {
    let store = new_store().await;
    for arm in Arm::BOTH {
        let part = testing::arm_part(arm);
        store.record_set_up(&part, store.now()).await.unwrap();
    }
    store
}

async fn declare_run(store: &Store, body: &Value) -> Answer {
    answer(declare(store, &headers(&[JSON]), None, body.to_string().as_bytes()).await).await
}

#[tokio::test]
async fn a_declared_run_is_created_read_listed_and_ended() {
    let store = started().await;
    let body = json!({"name": "a", "for": "24h", "margins": {"latency_p95_ms": 30, "latency_p99_ms": null}});
    let created = declare_run(&store, &body).await;
    assert_eq!(
        (created.status, &created.body["kind"], &created.body["validity"]),
        (201, &json!("declared"), &json!("any_time")),
        "{created:?}"
    );
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(created.headers[LOCATION], format!("/api/runs/{id}"));
    let margins = &created.body["set_up"]["margins"];
    assert_eq!(
        (&margins["latency_p95_ms"], &margins["latency_p99_ms"], &margins["latency_mean_ms"]),
        (&json!(30.0), &Value::Null, &json!(20.0))
    );
    for name in [id, "a"] {
        assert_eq!(answer(read(&store, name, None).await).await.body["name"], "a");
    }
    let listed = answer(list(&store, Some("limit=1")).await).await.body;
    assert_eq!((listed["runs"].as_array().unwrap().len(), &listed["runs"][0]["name"]), (1, &json!("a")));
    let ended = answer(end(&store, "a", &headers(&[JSON]), None, b"{}").await).await;
    assert_eq!((ended.status, &ended.body["state"], &ended.body["validity"]), (200, &json!("pending"), &json!("any_time")), "{ended:?}");
    assert_eq!(ended.body["ends_at"], ended.body["starts_at"], "it was ended before its first minute");
}

#[tokio::test]
async fn an_array_is_no_object() {
    let store = started().await;
    for body in [json!(["a", "24h", {}]), json!({"name": "a", "for": "24h", "margins": [30]}), json!([]), json!("a"), json!(null)] {
        assert_eq!(declare_run(&store, &body).await.status, 400, "{body}");
    }
    declare_run(&store, &json!({"name": "a", "for": "24h"})).await;
    let minutes = json!(["2026-11-23T10:00:00Z", "2026-11-23T10:12:00Z", "deployment"]).to_string();
    assert_eq!(answer(exclude(&store, "a", &headers(&[JSON]), None, minutes.as_bytes()).await).await.status, 400);
    assert_eq!(answer(end(&store, "a", &headers(&[JSON]), None, b"[]").await).await.status, 400);
    let run = answer(read(&store, "a", None).await).await.body;
    assert_ne!(run["ends_at"], run["starts_at"], "it was not ended");
}

#[tokio::test]
async fn a_declared_runs_margins_and_horizon_are_never_changed() {
    let store = started().await;
    let declared = |p95: f64, lasts: &str| json!({"name": "a", "for": lasts, "margins": {"latency_p95_ms": p95}});
    let created = declare_run(&store, &declared(30.0, "24h")).await;
    let again = declare_run(&store, &declared(30.0, "1d")).await;
    assert_eq!((again.status, &again.body["id"]), (200, &created.body["id"]), "a call that a redirect repeated");
    for other in [declared(31.0, "24h"), declared(30.0, "25h")] {
        let refused = declare_run(&store, &other).await;
        assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/api/docs/problems#run-immutable")), "{refused:?}");
    }
    let another = declare_run(&store, &json!({"name": "b", "for": "24h"})).await;
    assert_eq!((another.status, &another.body["type"]), (409, &json!("/api/docs/problems#conflict")), "one at a time: {another:?}");
    assert_eq!(answer(read(&store, "a", None).await).await.body["set_up"]["margins"]["latency_p95_ms"], 30.0);
}

#[tokio::test]
async fn minutes_are_left_out_with_a_reason_and_once() {
    let store = started().await;
    let now = crate::domain::moment::format(store.now());
    let body = json!({"from": now, "to": "2999-01-01T00:00:00Z", "reason": "deployment"});
    let exclude_now = async |store: &Store, id: &str, body: &Value| {
        answer(exclude(store, id, &headers(&[JSON]), None, body.to_string().as_bytes()).await).await
    };
    assert_eq!(exclude_now(&store, "current", &body).await.status, 400, "longer than 400 days");
    let to = crate::domain::moment::format(store.now() + time::Duration::HOUR);
    let body = json!({"from": now, "to": to, "reason": "deployment"});
    let excluded = exclude_now(&store, "current", &body).await;
    assert_eq!((excluded.status, &excluded.body["reason"]), (201, &json!("deployment")), "{excluded:?}");
    assert_eq!(exclude_now(&store, "current", &body).await.status, 200);
    assert_eq!(answer(read(&store, "current", None).await).await.body["exclusions"].as_array().unwrap().len(), 1);
    let before = json!({"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "reason": "x"});
    assert_eq!(exclude_now(&store, "current", &before).await.status, 400, "none of the run's minutes");
    assert_eq!(exclude_now(&store, "b", &body).await.status, 404);
}

#[tokio::test]
async fn wrong_bodies_and_unknown_runs_say_what_is_wrong() {
    let store = new_store().await;
    assert_eq!(declare_run(&store, &json!({"name": "a", "for": "24h"})).await.status, 409, "nobody has recorded a set-up");
    for (body, said) in [
        (json!({"name": "a/b", "for": "24h"}), "'a/b' is not a run's name"),
        (json!({"name": "current", "for": "24h"}), "not a run's name"),
        (json!({"name": "a", "for": "soon"}), "not a duration"),
        (json!({"name": "a", "for": "401d"}), "at most 400 days"),
        (json!({"name": "a", "for": "0s"}), "longer than 0 s"),
        (json!({"name": "a", "for": "24h", "margins": {"p95": 1}}), "unknown field `p95`"),
        (json!({"name": "a", "for": "24h", "margins": {"failure_share": 2}}), "is not between 0 and 1"),
        (json!({"for": "24h"}), "missing field `name`"),
    ] {
        let refused = declare_run(&store, &body).await;
        assert!(refused.status == 400 && refused.detail().contains(said), "{body}: {refused:?}");
    }
    let plain = answer(declare(&store, &headers(&[("content-type", "text/plain")]), None, b"{}").await).await;
    assert_eq!(plain.status, 415);
    for id in ["current", "a", "a%2Fb", "01a20884-36b2-7617-80dc-da0b32511652"] {
        assert_eq!(answer(read(&store, id, None).await).await.status, 404, "{id}");
    }
    assert_eq!(answer(list(&store, Some("limit=0")).await).await.status, 400);
    assert_eq!(answer(list(&store, None).await).await.body, json!({"runs": []}));
}

#[test]
fn every_property_of_a_run_is_in_its_document() {
    let part = testing::arm_part(Arm::Even);
    assert!(matches!(part, PartSetUp::Arm(Arm::Even, _)));
    let log = RunLog { reports: vec![PartReport { id: uuid::Uuid::nil(), since: OffsetDateTime::UNIX_EPOCH, part }], ..RunLog::default() };
    assert!(log.documents(OffsetDateTime::UNIX_EPOCH).is_empty(), "one arm is no set-up");
    let document = serde_json::to_value(testing::document()).unwrap();
    assert!(document.as_object().unwrap().values().all(|value| !value.is_null()), "{document}");
    assert_eq!(serde_json::from_value::<RunDocument>(document).unwrap(), testing::document(), "the commands read what the API writes");
}
