//! Charges as callers see them.

use serde_json::json as document;

use super::*;
use crate::http::endpoints::testing::{Answer, answer, headers};
use crate::store::testing::new_store;

fn charge(billed: &str, start: &str) -> Json {
    document!({
        "billed_cost": billed, "effective_cost": billed, "billing_currency": "USD", "charge_category": "Usage",
        "charge_period_start": start, "charge_period_end": "2024-12-31", "provider_name": "Microsoft", "service_name": "Functions",
        "resource_id": format!("/subscriptions/1/SITES/{start}"), "region_id": "westeurope", "tags": {"env": "dev"}
    })
}

async fn post(store: &Store, pairs: &[(&'static str, &str)], body: &Json) -> Answer {
    answer(create(store, "ci", &headers(pairs), None, body.to_string().as_bytes()).await).await
}

async fn get(store: &Store, query: &str) -> Answer {
    answer(list(store, &headers(&[]), Some(query)).await).await
}

#[tokio::test]
async fn a_posted_charge_is_found_by_its_location() {
    let store = new_store().await;
    let posted = post(&store, &[("content-type", "application/json")], &charge("0.10", "2024-09-01")).await;
    assert_eq!((posted.status, &posted.body["accepted"]), (201, &1.into()), "{posted:?}");
    let id = posted.headers[LOCATION].to_str().unwrap().trim_start_matches("/api/charges/").to_owned();
    let found = answer(read(&store, &id, None).await).await;
    assert_eq!((found.status, &found.body["billed_cost"], &found.body["id"]), (200, &"0.10".into(), &id.as_str().into()));
    assert_eq!(answer(read(&store, &Uuid::nil().to_string(), None).await).await.status, 404);
    assert_eq!(answer(read(&store, "x", None).await).await.status, 404);
}

#[tokio::test]
async fn a_repeated_key_repeats_the_answer_and_stores_nothing() {
    let store = new_store().await;
    let key = [("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324")];
    let body = document!([charge("1", "2024-09-01"), charge("2", "2024-09-02")]);
    let first = post(&store, &key, &body).await;
    let again = post(&store, &key, &body).await;
    assert_eq!((first.status, again.status, &again.body), (201, 201, &first.body));
    assert!(first.headers.get(REPLAYED).is_none() && again.headers[REPLAYED] == "true");
    assert_eq!(get(&store, "").await.body["charges"].as_array().unwrap().len(), 2);
    let other = post(&store, &key, &charge("3", "2024-09-01")).await;
    assert_eq!((other.status, other.body["type"].as_str().unwrap()), (422, "/api/docs/problems#idempotency-key-reused"));
    let elsewhere = create(&store, "bi", &headers(&key), None, body.to_string().as_bytes()).await;
    assert!(answer(elsewhere).await.headers.get(REPLAYED).is_none(), "keys of different callers do not meet");
    let long = "x".repeat(256);
    assert_eq!(post(&store, &[("idempotency-key", &long)], &body).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_once_stores_once() {
    let store = new_store().await;
    let body = charge("1", "2024-09-01");
    let calls = (0..8).map(|_| post(&store, &[("idempotency-key", "k")], &body));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body), "{answers:?}");
    assert_eq!(get(&store, "").await.body["charges"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn wrong_charges_are_told_one_by_one_and_none_is_stored() {
    let store = new_store().await;
    let mut wrong = charge("1", "2024-09-01");
    wrong["billed_cost"] = document!(0.1);
    let refused = post(&store, &[], &document!([charge("1", "2024-09-01"), wrong, charge("1", "yesterday")])).await;
    assert_eq!((refused.status, refused.detail()), (400, "2 of 3 charges were refused; nothing was stored"));
    let problems = refused.body["problems"].as_array().unwrap();
    assert_eq!((&problems[0]["index"], &problems[0]["field"]), (&1.into(), &"billed_cost".into()));
    assert_eq!((&problems[1]["index"], &problems[1]["field"]), (&2.into(), &"charge_period_start".into()));
    assert_eq!(get(&store, "").await.body["charges"], document!([]));
    assert_eq!(post(&store, &[], &document!([])).await.detail(), "the array holds no charge");
    assert_eq!(post(&store, &[("content-type", "text/csv")], &document!([])).await.status, 415);
    assert_eq!(answer(create(&store, "ci", &headers(&[]), None, b"{").await).await.status, 400);
}

#[tokio::test]
async fn charges_are_filtered_by_each_parameter() {
    let store = new_store().await;
    let mut other = charge("2", "2024-10-01");
    for (field, value) in [("provider_name", "AWS"), ("service_name", "S3"), ("region_id", "eu-west-1")] {
        other[field] = value.into();
    }
    other["tags"] = document!({"env": "prod", "cost centre": "42"});
    other["resource_id"] = Json::Null;
    post(&store, &[], &document!([charge("1", "2024-09-01"), other])).await;
    for (query, expected) in [
        ("", vec!["1", "2"]),
        ("from=2024-09-01", vec!["1", "2"]),
        ("from=2024-09-02", vec!["2"]),
        ("to=2024-10-01", vec!["1"]),
        ("provider=AWS", vec!["2"]),
        ("service=Functions", vec!["1"]),
        ("region=eu-west-1", vec!["2"]),
        ("resource_id=/SUBSCRIPTIONS/1/sites/2024-09-01", vec!["1"]),
        ("tag.env=prod&tag.cost+centre=42", vec!["2"]),
        ("tag.env=prod&provider=Microsoft", vec![]),
        ("tag.env=%27%3B+DROP+TABLE+charges", vec![]),
    ] {
        let found = get(&store, query).await;
        let billed: Vec<&str> = found.body["charges"]
            .as_array()
            .unwrap_or_else(|| panic!("{query}: {found:?}"))
            .iter()
            .map(|charge| charge["billed_cost"].as_str().unwrap())
            .collect();
        assert_eq!(billed, expected, "{query}");
    }
    assert_eq!(get(&store, "limit=1001").await.status, 400);
    assert_eq!(get(&store, "cursor=AQ").await.detail(), "cursor is not one this path has given out");
}

#[tokio::test]
async fn pages_hold_every_charge_once_in_order() {
    let store = new_store().await;
    let days: Vec<Json> = (0..25).map(|index| charge(&index.to_string(), &format!("2024-09-{:02}", 1 + index % 5))).collect();
    post(&store, &[], &document!(days)).await;
    let (mut query, mut seen, mut pages) = ("limit=7&tag.env=dev".to_owned(), Vec::new(), 0);
    loop {
        let page = get(&store, &query).await;
        seen.extend(page.body["charges"].as_array().unwrap().iter().map(|charge| {
            (charge["charge_period_start"].as_str().unwrap().to_owned(), charge["billed_cost"].as_str().unwrap().parse::<u32>().unwrap())
        }));
        pages += 1;
        let Some(link) = page.headers.get(http::header::LINK) else { break };
        query = link.to_str().unwrap().trim_start_matches("</api/charges?").trim_end_matches(">; rel=\"next\"").to_owned();
    }
    assert_eq!((pages, seen.len()), (4, 25));
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "by period, then as posted: {seen:?}");
}
