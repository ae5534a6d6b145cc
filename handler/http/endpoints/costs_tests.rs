//! Costs as callers see them, on the real file.

use serde_json::json as document;

use super::*;
use crate::domain::import::ImportOrder;
use crate::http::endpoints::testing::{Answer, answer};
use crate::import::{ReadLimits, import};
use crate::store::testing::new_store;

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/focus-1.0-sample.csv");

async fn sample() -> Store {
    imported(SAMPLE).await
}

async fn imported(file: &'static [u8]) -> Store {
    let store = new_store().await;
    import(&store, &ImportOrder::default(), file, ReadLimits { max_bytes: 1 << 30, strict: true, body_digest: None }, |_| ())
        .await
        .unwrap();
    store
}

#[test]
fn a_sum_is_written_as_it_is_described() {
    let names = ["service", "tag.\"a\\b\""].map(str::to_owned);
    let labels = CostDocument::labels(&names).unwrap();
    let of = |values: [Option<&str>; 2], is_rest, month: bool, amount: Option<&str>| CostRow {
        group: values.map(|value| value.map(str::to_owned)).into(),
        is_rest,
        period_start: month.then_some(time::macros::datetime!(2026-11-01 0:00 UTC)),
        currency: "EUR".to_owned(),
        amount: amount.map(str::to_owned),
        charges: -7,
    };
    for row in [
        of([Some("Functions"), None], false, true, Some("-0.10")),
        of([Some("a \"b\"\n\u{1} ü"), Some("")], false, false, None),
        of([Some("x"), None], true, true, Some("1")),
    ] {
        let (document, mut written) = (CostDocument::of(&names, &row), Vec::new());
        document.write(&labels, &mut written).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&document).unwrap());
    }
    let (row, mut written) = (CostRow { group: Vec::new(), ..of([None, None], false, false, None) }, Vec::new());
    CostDocument::of(&[], &row).write(&[], &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), r#"{"group":{},"currency":"EUR","amount":null,"charges":-7}"#);
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

async fn text(store: &Store, accept: &'static str, query: &str) -> (String, String) {
    use http_body_util::BodyExt;
    let headers = [(http::header::ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
    let response = costs(store, &headers, Some(query)).await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (content_type, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn the_greatest_groups_stand_alone_and_the_rest_is_one() {
    let store = sample().await;
    let all = get(&store, "group_by=service").await;
    let top = get(&store, "group_by=service&top=3").await;
    let costs = top.body["costs"].as_array().unwrap();
    assert_eq!(costs.len(), 4);
    assert_eq!(costs[..3], all.body["costs"].as_array().unwrap()[..3]);
    assert_eq!((&costs[3]["group"], &costs[3]["other"]), (&document!({"service": "other"}), &document!(true)));
    assert_eq!(top.body["totals"], all.body["totals"]);
    let days = get(&store, "group_by=service&top=1&period=day").await;
    assert_eq!(days.body["totals"], all.body["totals"]);
    let named: std::collections::HashSet<String> = amounts(&days, "service").into_iter().map(|(service, _)| service).collect();
    assert_eq!(named.len(), 2, "the same group is greatest on every day: {named:?}");
    assert_eq!(get(&store, "group_by=service&top=1000").await.body["costs"], all.body["costs"], "nothing is left over");
}

#[tokio::test]
async fn the_greatest_of_many_groups_are_found_at_once() {
    const RESOURCES: usize = 10_000;
    let header = "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,\
                  ProviderName,ServiceName,ResourceId";
    let row = |number: usize| format!("{number}.5,1,USD,2026-09-01,2026-10-01,Usage,2026-09-01,2026-09-02,Microsoft,Storage,/r/{number}");
    let file: Vec<String> = std::iter::once(header.to_owned()).chain((1..=RESOURCES).map(row)).collect();
    let store = imported(file.join("\n").into_bytes().leak()).await;
    // Compared each with each they would take some ten times as long.
    let asked = get(&store, "group_by=resource&period=day&top=2");
    let top = tokio::time::timeout(std::time::Duration::from_secs(3), asked).await.expect("an answer in time");
    let costs = amounts(&top, "resource");
    assert_eq!(costs[..2], [("/r/10000".to_owned(), "10000.5".to_owned()), ("/r/9999".to_owned(), "9999.5".to_owned())]);
    assert_eq!((costs.len(), &top.body["costs"][2]["charges"]), (3, &(RESOURCES - 2).into()));
}

#[tokio::test]
async fn sums_come_as_csv_and_json_lines_too() {
    let store = sample().await;
    let (content_type, csv) = text(&store, "text/csv", "group_by=provider").await;
    assert_eq!(content_type, "text/csv; charset=utf-8");
    assert_eq!(
        csv,
        "provider,currency,amount,charges\nAWS,USD,18.00663861840,942\nMicrosoft,USD,1.97651418586,51\nOracle,USD,0.53707392473,7\n"
    );
    let (content_type, lines) = text(&store, "application/jsonl", "group_by=provider&top=1&period=billing_period").await;
    assert_eq!(content_type, "application/jsonl");
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["currency"] == "USD" && line["period_start"].is_string()), "{lines:?}");
}

#[tokio::test]
async fn an_answer_has_no_bound_on_its_length() {
    let store = new_store().await;
    let mut file = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ResourceId\n".to_owned();
    (0..12_000).for_each(|row| file.push_str(&format!("0.01,USD,Usage,2026-09-02,2026-09-01,0.01,/resources/{row:060}\n")));
    let limits = ReadLimits { max_bytes: 1 << 30, strict: true, body_digest: None };
    import(&store, &ImportOrder::default(), std::io::Cursor::new(file), limits, |_| ()).await.unwrap();
    let answer = get(&store, "group_by=resource").await;
    assert_eq!(answer.body["costs"].as_array().unwrap().len(), 12_000, "more than fits the spool's memory");
    assert_eq!(answer.body["totals"], document!([{"currency": "USD", "amount": "120.00", "charges": 12_000}]));
}

#[tokio::test]
async fn invoices_and_billing_periods_reconcile() {
    let store = new_store().await;
    let file = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,BillingPeriodStart,BillingPeriodEnd,InvoiceId,ChargeClass,BillingAccountId\n\
                10.00,USD,Usage,2026-09-02,2026-09-01,2026-09-01,2026-10-01,I-1,,a\n\
                -2.50,USD,Credit,2026-08-31,2026-08-30,2026-09-01,2026-10-01,I-1,Correction,a\n\
                7.00,USD,Usage,2026-10-02,2026-10-01,2026-10-01,2026-11-01,I-2,,b\n";
    let limits = ReadLimits { max_bytes: 1 << 30, strict: true, body_digest: None };
    let order = ImportOrder { dataset: Some("d".parse().unwrap()), ..ImportOrder::default() };
    import(&store, &order, file.as_bytes(), limits, |_| ()).await.unwrap();
    let invoices = get(&store, "group_by=invoice&period=billing_period").await;
    assert_eq!(amounts(&invoices, "invoice"), [("I-1".to_owned(), "7.50".to_owned()), ("I-2".to_owned(), "7.00".to_owned())]);
    assert_eq!(invoices.body["costs"][0]["period_start"], "2026-09-01T00:00:00Z");
    for (query, amount) in [
        ("billing_period=2026-09", "7.50"),
        ("invoice=I-1&category=credit", "-2.50"),
        ("charge_class=Correction", "-2.50"),
        ("account=b&currency=usd", "7.00"),
        ("dataset=d&billing_period=2026-10-01", "7.00"),
        ("dataset=e", "none"),
        ("from=2026-09-01&billing_period=2026-09", "10.00"),
    ] {
        let answer = get(&store, query).await;
        assert_eq!(answer.body["totals"][0]["amount"].as_str().unwrap_or("none"), amount, "{query}");
    }
    let imports = get(&store, "group_by=dataset,import,account,charge_class,billing_period").await;
    assert_eq!(imports.body["costs"].as_array().unwrap().len(), 3);
    assert_eq!(imports.body["costs"][0]["group"]["dataset"], "d");
    assert!(imports.body["costs"][0]["group"]["import"].as_str().unwrap().len() == 36);
}

#[test]
fn commas_and_spaces_may_stand_in_tag_keys() {
    for (text, expected) in [
        ("provider, service", vec!["provider", "service"]),
        ("tag.\"a, b\",service", vec!["tag.a, b", "service"]),
        ("\"tag.a,b\"", vec!["tag.a,b"]),
        ("tag.a\\,b", vec!["tag.a,b"]),
        ("tag.cost centre , region", vec!["tag.cost centre", "region"]),
        ("tag.\" x \"", vec!["tag. x "]),
        (",,", vec![]),
    ] {
        assert_eq!(names(text).unwrap(), expected, "{text}");
    }
    assert!(names("tag.\"a,b").is_err());
}
