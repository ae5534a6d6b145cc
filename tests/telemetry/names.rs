//! Names that agree: the tables, columns, properties and metrics that queries and alerts in infra/ ask for are those that really arrive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{Role, caller, database, healthy_arm, nobody};
use crate::ingestion::{Ingestion, Mood};

/// A column and the place in an item it comes from.
type Column = (&'static str, &'static str);

/// What Azure makes of an item: its kind, the workspace table it becomes a row of, and where each column comes from ("" for what the
/// service adds itself). Source: the Azure Monitor reference of the tables.
const TABLES: &[(&str, &str, &[Column])] = &[
    (
        "RequestData",
        "AppRequests",
        &[
            ("Name", "/data/baseData/name"),
            ("Url", "/data/baseData/url"),
            ("ResultCode", "/data/baseData/responseCode"),
            ("Success", "/data/baseData/success"),
            ("DurationMs", "/data/baseData/duration"),
            ("Id", "/data/baseData/id"),
            ("OperationName", "/tags/ai.operation.name"),
        ],
    ),
    (
        "RemoteDependencyData",
        "AppDependencies",
        &[
            ("Name", "/data/baseData/name"),
            ("Target", "/data/baseData/target"),
            ("DependencyType", "/data/baseData/type"),
            ("Data", "/data/baseData/data"),
            ("Success", "/data/baseData/success"),
            ("DurationMs", "/data/baseData/duration"),
        ],
    ),
    (
        "ExceptionData",
        "AppExceptions",
        &[("ExceptionType", "/data/baseData/exceptions/0/typeName"), ("OuterMessage", "/data/baseData/exceptions/0/message")],
    ),
    ("MessageData", "AppTraces", &[("Message", "/data/baseData/message"), ("SeverityLevel", "/data/baseData/severityLevel")]),
    ("MetricData", "AppMetrics", &[("Name", "/data/baseData/metrics/0/name"), ("Sum", "/data/baseData/metrics/0/value")]),
];

/// Columns every table has.
const COMMON: &[Column] = &[
    ("TimeGenerated", "/time"),
    ("AppRoleName", "/tags/ai.cloud.role"),
    ("AppRoleInstance", "/tags/ai.cloud.roleInstance"),
    ("AppVersion", "/tags/ai.application.ver"),
    ("ItemCount", ""),
    ("Type", ""),
    ("Properties", ""),
];

/// What arrived of one table.
#[derive(Default)]
struct Arrived {
    columns: BTreeSet<&'static str>,
    properties: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

fn sort(items: &[Value]) -> BTreeMap<&'static str, Arrived> {
    let mut tables = BTreeMap::<_, Arrived>::new();
    for item in items {
        let kind = item["data"]["baseType"].as_str().unwrap();
        let (_, table, columns) = TABLES.iter().find(|(own, _, _)| *own == kind).unwrap_or_else(|| panic!("{kind} has no table here"));
        let arrived = tables.entry(*table).or_default();
        // Every row of a trace has its ids; the rest is where the item says so.
        let operation = [("OperationId", "/tags/ai.operation.id"), ("ParentId", "/tags/ai.operation.parentId")];
        let all = COMMON.iter().chain(*columns).chain(operation.iter());
        arrived.columns.extend(all.filter(|(_, pointer)| pointer.is_empty() || item.pointer(pointer).is_some()).map(|(name, _)| *name));
        let data = &item["data"]["baseData"];
        arrived.properties.extend(data["properties"].as_object().into_iter().flat_map(|properties| properties.keys().cloned()));
        arrived.metrics.extend(data["metrics"][0]["name"].as_str().map(str::to_owned));
    }
    tables
}

/// A router that diverts and refuses, and an arm that serves and fails, all at full sampling.
async fn everything() -> Vec<Value> {
    let ingestion = Ingestion::start(Mood::Healthy).await;
    let connection = ingestion.connection_string();
    let telemetry = [("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", "1")];
    let (well, database) = (healthy_arm().await, database().await);
    let arm = [("SWITCHBACK_ROLE", "api"), ("SWITCHBACK_ARM", "even"), ("DATABASE_URL", database.as_str())];
    let away = format!("postgresql://ledger@{}/ledger?sslmode=disable", nobody().trim_start_matches("http://"));
    let lost = [("SWITCHBACK_ROLE", "api"), ("SWITCHBACK_ARM", "odd"), ("DATABASE_URL", away.as_str())];
    let roles = [
        Role::router(&well, &nobody(), &[telemetry.as_slice(), &[("DATABASE_URL", &database)]].concat()).await,
        Role::router(&nobody(), &well, &telemetry).await,
        Role::router(&nobody(), &nobody(), &telemetry).await,
        Role::start(&[telemetry.as_slice(), &arm].concat()).await,
        Role::start(&[telemetry.as_slice(), &lost].concat()).await,
    ];
    let client = caller();
    // The arm without a database makes each call wait for it, so its two calls run at once, beside the others.
    let lost = ["/api/costs", "/api/health/ready"].map(|path| tokio::spawn(client.get(format!("{}{path}", roles[4].url)).send()));
    for _ in 0..30 {
        for role in &roles[..4] {
            let call = client.get(format!("{}/api/costs", role.url)).header("x-azure-functions-invocationid", "i1");
            let _ = call.timeout(Duration::from_millis(200)).send().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for call in lost {
        call.await.unwrap().unwrap();
    }
    for role in roles {
        assert!(role.stop(Duration::from_secs(5)).await);
    }
    ingestion.items()
}

fn queries() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("infra/queries");
    let mut queries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "kql"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    queries.sort();
    assert!(queries.len() > 8, "the queries are where they were");
    queries
}

/// The words of a query, and its quoted texts apart; comments are left out.
struct Words {
    words: Vec<String>,
    quoted: Vec<String>,
}

fn words(query: &str) -> Words {
    let mut found = Words { words: Vec::new(), quoted: Vec::new() };
    for line in query.lines() {
        for (index, part) in line.split('"').enumerate() {
            if index % 2 == 1 {
                found.quoted.push(part.to_owned());
                continue;
            }
            let (code, comment) = part.split_once("//").map_or((part, false), |(code, _)| (code, true));
            let word = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '.');
            found.words.extend(code.split(word).filter(|word| !word.is_empty()).map(str::to_owned));
            if comment {
                break;
            }
        }
    }
    found
}

/// What a query asks for that does not arrive.
fn mistakes(query: &str, arrived: &BTreeMap<&'static str, Arrived>) -> Vec<String> {
    let Words { words, quoted } = words(query);
    let tables: Vec<&Arrived> = words.iter().filter_map(|word| arrived.get(word.as_str())).collect();
    if tables.is_empty() {
        return vec!["it reads no table that gets anything".to_owned()];
    }
    let mut mistakes = Vec::new();
    for word in &words {
        if let Some(property) = word.strip_prefix("Properties.") {
            if !tables.iter().any(|table| table.properties.contains(property)) {
                mistakes.push(format!("property {property} never arrives"));
            }
        } else if word.starts_with(|letter: char| letter.is_ascii_uppercase()) && !arrived.contains_key(word.as_str()) {
            // KQL's own words are lower case: what begins with a capital is a table or a column.
            if !tables.iter().any(|table| table.columns.contains(word.as_str())) {
                mistakes.push(format!("column {word} never arrives"));
            }
        }
    }
    for name in quoted.iter().filter(|name| name.starts_with("switchback_") || name.starts_with("process_")) {
        if !tables.iter().any(|table| table.metrics.contains(name)) {
            mistakes.push(format!("metric {name} never arrives"));
        }
    }
    mistakes
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_alerts_ask_for_what_arrives() {
    let arrived = sort(&everything().await);
    for (name, query) in queries() {
        assert_eq!(mistakes(&query, &arrived), Vec::<String>::new(), "{name}");
    }
    // The check itself: a misspelt name of each kind is found.
    for wrong in [
        "AppRequest | where ResultCode == 1",
        "AppRequests | where Status == 1",
        "AppRequests | where Properties.schedule_arm == 1",
        "AppMetrics | where Name == \"switchback_call_total\"",
    ] {
        assert!(!mistakes(wrong, &arrived).is_empty(), "{wrong}");
    }
    // Every metric and every property is explained.
    let manual = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/telemetry.md")).unwrap();
    let of = |table: &str| &arrived[table];
    let names = of("AppMetrics").metrics.iter().chain(&of("AppRequests").properties);
    let unexplained: Vec<_> = names.filter(|name| !manual.contains(&format!("`{name}`"))).collect();
    assert!(unexplained.is_empty(), "docs/telemetry.md says nothing of {unexplained:?}");
}
