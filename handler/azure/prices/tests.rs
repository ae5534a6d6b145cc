//! The price list as a fake server on loopback serves it, traps included.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::domain::price::{PriceBook, REFERENCE_REGION};
use crate::outgoing::http_client;

const NOW: OffsetDateTime = datetime!(2026-11-26 12:00 UTC);

/// Answers each request with what `answer` makes of its decoded target, until the test ends; the targets asked for.
fn serve(answer: impl Fn(&str, u16) -> Value + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let target = first.split(' ').nth(1).unwrap().to_owned();
            let target = form_urlencoded::parse(target.as_bytes()).map(|(name, value)| format!("{name}={value}&")).collect::<String>();
            let body = answer(&target, port).to_string();
            log.lock().unwrap().push(target);
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    (format!("http://127.0.0.1:{port}/api/retail/prices"), asked)
}

fn item(product: &str, sku: &str, meter: &str, unit: &str, price: f64) -> Value {
    json!({
        "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": price, "unitPrice": price, "armRegionName": "westeurope",
        "meterId": "m", "meterName": meter, "productName": product, "skuName": sku, "serviceName": "s", "unitOfMeasure": unit,
        "type": "Consumption", "isPrimaryMeterRegion": true, "effectiveStartDate": "2026-01-01T00:00:00Z"
    })
}

fn with(mut item: Value, field: &str, value: Value) -> Value {
    item[field] = value;
    item
}

fn app_service_items() -> Vec<Value> {
    let basic = |product: &str, price| item(product, "B1", "B1", "1 Hour", price);
    vec![
        basic("Azure App Service Basic Plan", 0.075),
        basic("Azure App Service Basic Plan - Linux", 0.018),
        with(basic("Azure App Service Basic Plan - Linux", 0.009), "type", json!("Reservation")),
        with(basic("Azure App Service Basic Plan - Linux", 0.016), "currencyCode", json!("EUR")),
        with(basic("Azure App Service Basic Plan - Linux", 0.017), "isPrimaryMeterRegion", json!(false)),
        item("Azure App Service Premium v3 Plan - Linux", "P1 v3", "P1 v3 App", "1 Hour", 0.1771),
        item("Azure App Service Premium v4 Plan - Linux", "P1v4", "P1v4 App", "1 Hour", 0.1461),
        item("Azure App Service Premium v3 Plan - Linux", "P0v3", "P0v3 App", "1 Hour", 0.0886),
    ]
}

fn functions_items() -> Vec<Value> {
    let time = item("Functions", "Standard", "Standard Execution Time", "1 GB Second", 0.0);
    let paid = with(with(time.clone(), "tierMinimumUnits", json!(400_000.0)), "retailPrice", json!(0.000_016));
    let calls = item("Functions", "Standard", "Standard Total Executions", "10", 0.0);
    let paid_calls = with(with(calls.clone(), "tierMinimumUnits", json!(100_000.0)), "retailPrice", json!(0.000_002));
    vec![
        paid,
        time,
        paid_calls,
        calls,
        item("Flex Consumption", "On Demand", "On Demand Execution Time", "1 GB Second", 0.000_026),
        item("Flex Consumption", "On Demand", "On Demand Total Executions", "10", 0.000_004),
        item("Premium Functions", "Premium", "Premium Memory Duration", "1 GiB Hour", 0.0123),
        item("Flex Consumption", "Always Ready", "Always Ready Execution Time", "1 GB Second", 0.000_016),
    ]
}

#[test]
fn every_meter_is_looked_for() {
    let mut meters: Vec<&str> = LISTINGS.iter().map(|listing| listing.meter).collect();
    meters.sort_unstable();
    assert_eq!(meters, Meter::all().map(Meter::as_str).collect::<Vec<_>>());
}

#[tokio::test]
async fn prices_are_found_across_pages_and_past_every_trap() {
    let (address, asked) = serve(|target, port| {
        let items = app_service_items();
        if target.contains("page=2") {
            json!({ "Items": items[3..], "NextPageLink": null, "Count": 5 })
        } else if target.contains("Azure App Service") {
            json!({ "Items": items[..3], "NextPageLink": format!("http://127.0.0.1:{port}/api/retail/prices?page=2"), "Count": 3 })
        } else if target.contains("'Functions'") {
            json!({ "Items": functions_items(), "NextPageLink": "", "Count": 7 })
        } else if target.contains("Container Registry") {
            json!({ "Items": [item("Container Registry", "Basic", "Basic Registry Unit", "1/Day", 0.1666)], "NextPageLink": null })
        } else {
            json!({ "Items": [], "NextPageLink": null })
        }
    });
    let fetched = fetch(&http_client().unwrap(), &address, "westeurope", NOW).await.unwrap();
    let amount =
        |meter: &str| fetched.prices.iter().find(|price| price.meter.as_str() == meter).map(|price| price.amount.to_plain_string());
    let expected = [
        ("app-service/B1/hour", Some("0.018")),
        ("app-service/P0v3/hour", Some("0.0886")),
        ("app-service/P1v3/hour", Some("0.1771")),
        ("app-service/P1v4/hour", Some("0.1461")),
        ("app-service/S1/hour", None),
        ("functions/consumption/gb-second", Some("0.000016")),
        ("functions/consumption/million-executions", Some("0.2")),
        ("functions/flex/gb-second", Some("0.000026")),
        ("functions/flex/million-executions", Some("0.4")),
        ("functions/flex-always-ready/gb-second", Some("0.000016")),
        ("functions/flex-always-ready/baseline-gb-second", None),
        ("functions/elastic-premium/gb-hour", Some("0.0123")),
        ("container-registry/basic/30-days", Some("4.998")),
    ];
    for (meter, price) in expected {
        assert_eq!(amount(meter).as_deref(), price, "{meter}");
    }
    let missing: Vec<&str> = fetched.missing.iter().map(|meter| meter.as_str()).collect();
    assert!(missing.contains(&"postgresql/B1ms/hour") && missing.contains(&"app-service/S1/hour"), "{missing:?}");
    let basic = fetched.prices.iter().find(|price| price.meter == Meter::B1_HOUR).unwrap();
    assert_eq!((basic.as_of, basic.fetched_at), (NOW.date(), Some(NOW)));
    assert!(basic.source.ends_with("B1, in force since 2026-01-01"), "{}", basic.source);
    let asked = asked.lock().unwrap();
    assert!(
        asked[0].contains("serviceName eq 'Azure App Service' and armRegionName eq 'westeurope' and priceType eq 'Consumption'"),
        "{asked:?}"
    );
    let book = PriceBook::embedded().with(fetched.prices);
    let found = |region| book.find(Meter::B1_HOUR, region).unwrap().amount.to_string();
    assert_eq!((found("westeurope").as_str(), found(REFERENCE_REGION).as_str()), ("0.018", "0.017"));
}

#[tokio::test]
async fn pages_that_lead_elsewhere_or_never_end_are_refused() {
    let client = http_client().unwrap();
    let (elsewhere, _) = serve(|_, _| json!({ "Items": [], "NextPageLink": "http://169.254.169.254/metadata" }));
    assert!(matches!(fetch(&client, &elsewhere, "westeurope", NOW).await, Err(PricesError::Elsewhere(_))));
    let (endless, asked) =
        serve(|_, port| json!({ "Items": [], "NextPageLink": format!("http://127.0.0.1:{port}/api/retail/prices?again") }));
    assert!(matches!(fetch(&client, &endless, "westeurope", NOW).await, Err(PricesError::Endless)));
    assert_eq!(asked.lock().unwrap().len(), MAX_PAGES);
}

#[tokio::test]
async fn invalid_regions_and_answers_are_errors() {
    let client = http_client().unwrap();
    for region in ["", "West Europe", "x' or 1 eq 1"] {
        assert!(matches!(fetch(&client, RETAIL_PRICES, region, NOW).await, Err(PricesError::Region(_))), "{region}");
    }
    let (wrong, _) = serve(|_, _| json!({ "error": "no" }));
    assert!(matches!(fetch(&client, &wrong, "westeurope", NOW).await, Err(PricesError::Http(_))));
    assert!(matches!(fetch(&client, "not an address", "westeurope", NOW).await, Err(PricesError::Address(_))));
}
