//! What arrives for a routed, a failed and a slow call, field by field.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Role, caller, database, healthy_arm, nobody, wait_for};
use crate::ingestion::{Ingestion, Mood};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

fn text<'a>(item: &'a Value, pointer: &str) -> &'a str {
    item.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("{pointer} in {item}"))
}

fn property<'a>(item: &'a Value, name: &str) -> &'a str {
    item["data"]["baseData"]["properties"][name].as_str().unwrap_or_else(|| panic!("property {name} in {item}"))
}

fn tag<'a>(item: &'a Value, name: &str) -> &'a str {
    item["tags"][name].as_str().unwrap_or_else(|| panic!("tag {name} in {item}"))
}

/// Milliseconds of a duration as items write it, `days.hours:minutes:seconds.microseconds`.
fn duration_ms(item: &Value) -> f64 {
    let (_, time) = text(item, "/data/baseData/duration").split_once('.').unwrap();
    time.split(':').fold(0.0, |total, part| total * 60.0 + part.parse::<f64>().unwrap()) * 1000.0
}

async fn request_item(ingestion: &Ingestion, request_id: &str) -> Value {
    let found = || ingestion.of("RequestData").into_iter().find(|item| item["data"]["baseData"]["properties"]["request_id"] == request_id);
    wait_for(request_id, found).await
}

fn now_label(offset_minutes: i64) -> String {
    let now = switchback::clock::Clock::now(&switchback::clock::SystemClock::new()) + time::Duration::minutes(offset_minutes);
    now.format(&time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]Z")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routed_call_arrives_field_by_field_and_without_its_query() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let (even, odd) = (healthy_arm().await, healthy_arm().await);
    let settings = [("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", "1")];
    let router = Role::router(&even, &odd, &settings).await;
    let call = caller().post(format!("{}/api/imports?secret=hunter2", router.url)).header("x-request-id", "routed-1");
    let answer = call.header("traceparent", format!("00-{TRACE}-{CALLERS_SPAN}-00")).send().await.unwrap();
    assert_eq!(answer.status(), 307);
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();

    let item = request_item(&ingestion, "routed-1").await;
    assert_eq!(text(&item, "/name"), "Microsoft.ApplicationInsights.Request");
    assert_eq!(text(&item, "/iKey"), "11111111-2222-3333-4444-555555555555");
    assert_eq!(item["sampleRate"], 100.0);
    assert_eq!(tag(&item, "ai.operation.id"), TRACE);
    assert_eq!(tag(&item, "ai.operation.parentId"), CALLERS_SPAN);
    assert_eq!(tag(&item, "ai.operation.name"), "POST /{path}");
    assert_eq!(tag(&item, "ai.cloud.role"), "router");
    assert_eq!(tag(&item, "ai.application.ver"), env!("CARGO_PKG_VERSION"));
    assert_eq!(tag(&item, "ai.cloud.roleInstance").len(), 36, "the worker's id");
    assert_eq!(text(&item, "/data/baseData/name"), "POST /{path}");
    assert_eq!(text(&item, "/data/baseData/url"), "/api/imports");
    assert_eq!(text(&item, "/data/baseData/responseCode"), "307");
    assert_eq!(item["data"]["baseData"]["success"], true);
    assert!(duration_ms(&item) < 1_000.0);
    assert_eq!(property(&item, "http.request.method"), "POST");
    assert_eq!(property(&item, "arm"), header("switchback-arm"));
    assert_eq!(property(&item, "scheduled_arm"), header("switchback-arm"));
    assert_eq!(property(&item, "reason"), "schedule");
    assert_eq!(property(&item, "window"), header("switchback-minute"));
    assert_eq!(property(&item, "routing_minute"), header("switchback-minute"));
    assert!([now_label(0), now_label(-1)].contains(&property(&item, "window").to_owned()));
    assert!(!item.to_string().contains("hunter2"), "queries stay out");

    // Metrics come at the latest when the process ends.
    assert!(router.stop(Duration::from_secs(5)).await);
    let metrics = ingestion.of("MetricData");
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labelled = |item: &Value| labels.iter().all(|(label, value)| item["data"]["baseData"]["properties"][*label] == *value);
        let named = |item: &&Value| item["data"]["baseData"]["metrics"][0]["name"] == name && labelled(item);
        metrics.iter().find(named).unwrap_or_else(|| panic!("{name} in {metrics:?}"))["data"]["baseData"]["metrics"][0]["value"].clone()
    };
    assert_eq!(value("switchback_calls_total", &[("status_class", "3xx")]), 1.0);
    assert_eq!(value("switchback_decisions_total", &[("arm", &header("switchback-arm")), ("reason", "schedule")]), 1.0);
    let lines: Vec<Value> = ingestion.of("MessageData");
    assert!(lines.iter().all(|line| tag(line, "ai.cloud.role") == "router"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_no_arm_could_take_is_recorded_at_any_sampling() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let settings = [("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", "0")];
    let router = Role::router(&nobody(), &nobody(), &settings).await;
    let client = caller();
    for call in 0..400 {
        let id = format!("refused-{call}");
        let answer = client.get(format!("{}/api/costs", router.url)).header("x-request-id", &id).send().await.unwrap();
        if answer.status() == 503 {
            let item = request_item(&ingestion, &id).await;
            assert_eq!(item["sampleRate"], 100.0, "it stands for itself alone");
            assert_eq!(item["data"]["baseData"]["success"], false);
            assert_eq!(text(&item, "/data/baseData/responseCode"), "503");
            assert_eq!(property(&item, "reason"), "unavailable");
            assert_eq!(property(&item, "problem"), "no-arm");
            assert!(["even", "odd"].contains(&property(&item, "scheduled_arm")));
            assert_eq!(tag(&item, "ai.operation.id").len(), 32);
            assert!(ingestion.of("ExceptionData").is_empty(), "a refusal is no exception");
            assert!(ingestion.of("RequestData").iter().all(|item| property(item, "problem") == "no-arm"), "no other call was sampled");
            // The router's own line about the arms arrives too.
            let down = || ingestion.of("MessageData").into_iter().find(|line| text(line, "/data/baseData/message") == "arm is down");
            wait_for("the line about the arm", down).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the router never noticed that both arms are down");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diverted_call_is_recorded_at_any_sampling() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let settings = [("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", "0")];
    let even = healthy_arm().await;
    let mut router = Role::router(&even, &nobody(), &[settings.as_slice(), &[("SWITCHBACK_SCHEDULE", "parity")]].concat()).await;
    let minute: u64 = now_label(0)[14..16].parse().unwrap();
    if minute.is_multiple_of(2) {
        // The arm that is down must be the scheduled one.
        router = Role::router(&nobody(), &even, &settings).await;
    }
    let client = caller();
    for call in 0..400 {
        let id = format!("diverted-{call}");
        let answer = client.get(format!("{}/api/costs", router.url)).header("x-request-id", &id).send().await.unwrap();
        if answer.headers().get("switchback-reason").is_some_and(|reason| reason == "failover") {
            let item = request_item(&ingestion, &id).await;
            assert_eq!(property(&item, "reason"), "failover");
            assert_ne!(property(&item, "arm"), property(&item, "scheduled_arm"));
            assert_eq!(item["data"]["baseData"]["success"], true);
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no call was diverted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_call_arrives_with_one_exception_and_its_dependency() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let database = format!("postgresql://ledger:hunter2@{}/ledger?sslmode=disable", nobody().trim_start_matches("http://"));
    let arm = Role::start(&[
        ("SWITCHBACK_ROLE", "api"),
        ("SWITCHBACK_ARM", "odd"),
        ("DATABASE_URL", &database),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &connection),
        ("SWITCHBACK_TELEMETRY_SAMPLING", "1"),
    ])
    .await;
    let answer = caller().get(format!("{}/api/charges", arm.url)).header("x-request-id", "failed-1").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let item = request_item(&ingestion, "failed-1").await;
    assert_eq!(text(&item, "/data/baseData/name"), "GET /api/charges");
    assert_eq!(text(&item, "/data/baseData/responseCode"), "503");
    assert_eq!(item["data"]["baseData"]["success"], false);
    assert_eq!((tag(&item, "ai.cloud.role"), property(&item, "arm")), ("odd", "odd"));
    assert_eq!((property(&item, "problem"), property(&item, "routing")), ("store-unavailable", "arrival"));

    let exceptions = ingestion.of("ExceptionData");
    assert_eq!(exceptions.len(), 1, "{exceptions:?}");
    assert_eq!(text(&exceptions[0], "/data/baseData/exceptions/0/typeName"), "store-unavailable");
    assert!(text(&exceptions[0], "/data/baseData/exceptions/0/message").contains("refused"), "{exceptions:?}");
    assert_eq!(property(&exceptions[0], "request_id"), "failed-1");
    assert_eq!(tag(&exceptions[0], "ai.operation.id"), tag(&item, "ai.operation.id"));
    assert_eq!(tag(&exceptions[0], "ai.cloud.role"), "odd");

    // What a call waited for is weighed by sampling, the failed call itself is not: they arrive one after the other.
    let connection = || ingestion.of("RemoteDependencyData").into_iter().find(|item| text(item, "/data/baseData/name") == "connection");
    let connection = wait_for("the wait for a connection", connection).await;
    assert_eq!(connection["data"]["baseData"]["success"], false);
    assert_eq!(tag(&connection, "ai.operation.id"), tag(&item, "ai.operation.id"));
    assert_eq!(tag(&connection, "ai.operation.parentId"), text(&item, "/data/baseData/id"));
    assert!(!ingestion.items().iter().any(|item| item.to_string().contains("hunter2")));
    assert!(!ingestion.of("MessageData").iter().any(|line| line.to_string().contains("could not be served")), "the exception says it");
}

/// An arm whose every call is recorded.
async fn arm_on(database: &str, ingestion: &Ingestion) -> Role {
    Role::start(&[
        ("SWITCHBACK_ROLE", "api"),
        ("SWITCHBACK_ARM", "even"),
        ("DATABASE_URL", database),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", &ingestion.connection_string()),
        ("SWITCHBACK_TELEMETRY_SAMPLING", "1"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_sent_together_arrive_each_under_its_own_name() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let arm = arm_on(&database().await, &ingestion).await;
    let answer = caller().get(format!("{}/api/costs?group_by=service", arm.url)).header("x-request-id", "costs-1").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let item = request_item(&ingestion, "costs-1").await;
    let mine = |statement: &Value| tag(statement, "ai.operation.parentId") == text(&item, "/data/baseData/id");
    let statements: Vec<Value> = ingestion.of("RemoteDependencyData").into_iter().filter(mine).collect();
    for name in ["SELECT posted_months", "SELECT costs_by_service"] {
        assert!(statements.iter().any(|statement| text(statement, "/data/baseData/name") == name), "{name} in {statements:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_call_names_the_statement_it_waited_for() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let database = database().await;
    let arm = arm_on(&database, &ingestion).await;
    let (locker, driver) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(driver);
    locker.batch_execute("BEGIN; LOCK TABLE charges IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let path = format!("{}/api/charges?provider=hunter2&limit=7", arm.url);
    let call = tokio::spawn(caller().get(path).header("x-request-id", "slow-1").send());
    tokio::time::sleep(Duration::from_millis(700)).await;
    locker.batch_execute("COMMIT").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().status(), 200);

    let item = request_item(&ingestion, "slow-1").await;
    assert!((600.0..10_000.0).contains(&duration_ms(&item)), "{item}");
    assert_eq!(item["data"]["baseData"]["success"], true);
    let statements = ingestion.of("RemoteDependencyData");
    let slow = statements
        .iter()
        .find(|item| text(item, "/data/baseData/name") == "SELECT charges")
        .unwrap_or_else(|| panic!("the statement in {statements:#?}"));
    assert!((500.0..10_000.0).contains(&duration_ms(slow)) && duration_ms(slow) <= duration_ms(&item), "{slow}");
    assert_eq!(text(slow, "/data/baseData/type"), "postgresql");
    assert_eq!(slow["data"]["baseData"]["success"], true);
    assert!(text(slow, "/data/baseData/data").starts_with("SELECT"));
    assert_eq!(tag(slow, "ai.operation.parentId"), text(&item, "/data/baseData/id"));
    assert!(!ingestion.items().iter().any(|item| item.to_string().contains("hunter2")), "values stay out");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_callers_choose_only_so_much_is_recorded() {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let settings = [("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", "1")];
    let router = Role::router(&healthy_arm().await, &healthy_arm().await, &settings).await;
    let (long, id) = ("x".repeat(9_000), "long-1");
    let method = reqwest::Method::from_bytes(long.as_bytes()).unwrap();
    let call = caller().request(method, format!("{}/{long}?{long}", router.url)).header("x-request-id", id);
    let answer = call.header("x-azure-functions-invocationid", &long).header("user-agent", &long).send().await.unwrap();
    assert_eq!(answer.status(), 307);
    let item = request_item(&ingestion, id).await.to_string();
    assert!(!item.contains(&"x".repeat(257)) && item.contains(&"x".repeat(200)), "{item}");
}
