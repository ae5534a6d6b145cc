//! Costs as callers see them, on the real file.

use serde_json::json as document;

use super::*;
use crate::domain::import::ImportOrder;
use crate::http::endpoints::testing::{Answer, answer};
use crate::import::{ReadLimits, import};
use crate::store::testing::new_store;

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/focus-1.0-sample.csv");

async fn sample() -> Store {
    let store = new_store().await;
    import(&store, &ImportOrder::default(), SAMPLE, ReadLimits { max_bytes: 1 << 30, strict: true, body_digest: None }, |_| ())
        .await
        .unwrap();
    store
}

async fn get(store: &Store, query: &str) -> Answer {
    let answer = answer(costs(store, &HeaderMap::new(), Some(query)).await).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    answer
}

fn amounts(answer: &Answer, key: &str) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("null").to_owned();
    answer.body["costs"].as_array().unwrap().iter().map(|cost| (text(&cost["group"][key]), text(&cost["amount"]))).collect()
}

#[tokio::test]
async fn the_real_file_by_provider_is_exact_to_the_last_digit() {
    let answer = get(&sample().await, "group_by=provider&metric=billed").await;
    let expected = document!({
        "metric": "billed", "group_by": ["provider"], "period": "none",
        "costs": [
            {"group": {"provider": "AWS"}, "currency": "USD", "amount": "18.00663861840", "charges": 942},
            {"group": {"provider": "Microsoft"}, "currency": "USD", "amount": "1.97651418586", "charges": 51},
            {"group": {"provider": "Oracle"}, "currency": "USD", "amount": "0.53707392473", "charges": 7}
        ],
        "totals": [{"currency": "USD", "amount": "20.52022672899", "charges": 1000}]
    });
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn every_grouping_metric_and_period_adds_up_to_the_same() {
    let store = sample().await;
    for query in [
        "",
        "period=month",
        "period=day&group_by=service",
        "group_by=provider,service,resource,region,sub_account,charge_category,tag.environment,tag.business_unit",
    ] {
        let answer = get(&store, query).await;
        assert_eq!(answer.body["totals"], document!([{"currency": "USD", "amount": "20.52022672899", "charges": 1000}]), "{query}");
    }
    let months = get(&store, "period=month&metric=list").await;
    let starts: Vec<&str> = months.body["costs"].as_array().unwrap().iter().map(|cost| cost["period_start"].as_str().unwrap()).collect();
    assert!(starts.contains(&"2024-09-01T00:00:00Z") && starts.is_sorted(), "{starts:?}");
    let contracted = get(&store, "group_by=provider&metric=contracted").await;
    assert!(amounts(&contracted, "provider").contains(&("Oracle".to_owned(), "null".to_owned())), "no Oracle row has a contracted cost");
}

#[tokio::test]
async fn filters_and_tags_choose_what_is_added() {
    let store = sample().await;
    let microsoft = get(&store, "provider=Microsoft&group_by=resource").await;
    assert_eq!(microsoft.body["totals"][0]["amount"], "1.97651418586");
    assert!(amounts(&microsoft, "resource").iter().all(|(resource, _)| resource.starts_with("/subscriptions/")));
    let dev = get(&store, "group_by=tag.environment&tag.environment=dev").await;
    assert_eq!(amounts(&dev, "tag.environment").len(), 1);
    assert_eq!(get(&store, "from=2030-01-01").await.body["costs"], document!([]));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let store = new_store().await;
    for (query, expected) in [
        ("metric=blended", "metric must be one of billed, effective, list, contracted, not 'blended'"),
        ("period=week", "period must be one of none, day, month, billing_period, not 'week'"),
        (
            "group_by=providr",
            "group_by names 'providr': expected provider, service, resource, region, account, sub_account, invoice, charge_category, charge_class, currency, billing_period, import, dataset or tag.KEY",
        ),
        (
            "group_by=tag.",
            "group_by names 'tag.': expected provider, service, resource, region, account, sub_account, invoice, charge_category, charge_class, currency, billing_period, import, dataset or tag.KEY",
        ),
        ("group_by=region,region", "group_by names region twice"),
        ("group_by=tag.a,tag.b,tag.c,tag.d,tag.e,tag.f,tag.g,tag.h,tag.i", "group_by names more than 8 dimensions"),
        (
            "grouped_by=region",
            "grouped_by is not a parameter of this path: it takes metric, group_by, period, top, from, to, billing_period, import, dataset, invoice, account, sub_account, category, charge_class, currency, provider, service, resource_id, region, tag.KEY",
        ),
    ] {
        let refused = answer(costs(&store, &HeaderMap::new(), Some(query)).await).await;
        assert_eq!((refused.status, refused.detail()), (400, expected));
    }
}
