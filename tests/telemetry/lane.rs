//! Redirects that took the lane beside those that hyper served: the same items arrive.

use serde_json::{Map, Value};

use crate::harness::{Role, caller, healthy_arm, nobody, wait_for};
use crate::ingestion::{Ingestion, Mood};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// What is asked of a router: path, traceparent, id.
const CALLS: [(&str, Option<&str>, &str); 5] = [
    ("/api/costs?secret=hunter2", None, "plain"),
    ("/api/costs", Some(PARENT), "traced"),
    ("/api/costs", Some("00-short"), "not-traced"),
    ("/api/windows", None, "supervision"),
    ("/%C3%A9/;x", None, "odd-path"),
];

/// An item without what two of them never share: moments, durations and the ids made for it.
fn comparable(mut item: Value) -> Value {
    item["time"] = Value::Null;
    let data = &mut item["data"]["baseData"];
    data["id"] = Value::Null;
    data["duration"] = Value::Null;
    if let Some(tags) = item["tags"].as_object_mut() {
        tags.remove("ai.cloud.roleInstance");
        // A call without a parent begins a trace of its own.
        if !tags.contains_key("ai.operation.parentId") {
            tags.remove("ai.operation.id");
        }
    }
    item
}

/// The items of `CALLS`, by request id, and the minutes they were routed in.
async fn recorded(router: &Role, ingestion: &Ingestion, awaited: usize) -> (Map<String, Value>, Vec<String>) {
    let (client, mut minutes) = (caller(), Vec::new());
    for (path, traceparent, id) in CALLS {
        let call = client.get(format!("{}{path}", router.url)).header("x-request-id", id);
        let call = traceparent.iter().fold(call, |call, parent| call.header("traceparent", *parent));
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 307);
        minutes.push(answer.headers()["switchback-minute"].to_str().unwrap().to_owned());
    }
    let own = |item: &Value| {
        let id = item["data"]["baseData"]["properties"]["request_id"].as_str()?.to_owned();
        CALLS.iter().any(|(_, _, known)| *known == id).then_some((id, comparable(item.clone())))
    };
    let found = || Some(ingestion.of("RequestData").iter().filter_map(own).collect::<Map<_, _>>()).filter(|items| items.len() >= awaited);
    (wait_for("the calls' items", found).await, minutes)
}

/// Compares what both ways record between these arms; a minute that ends meanwhile is no difference.
async fn compare(even: &str, odd: &str, sampling: &str, awaited: usize) -> Map<String, Value> {
    for _ in 0..3 {
        let mut both = Vec::new();
        for more in [&[][..], &[("SWITCHBACK_ACCESS_LOG", "combined")]] {
            let ingestion = Ingestion::start(Mood::Healthy).await;
            let connection = ingestion.connection_string();
            let mut settings =
                vec![("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str()), ("SWITCHBACK_TELEMETRY_SAMPLING", sampling)];
            settings.extend_from_slice(more);
            let router = Role::router(even, odd, &settings).await;
            if awaited > 0 && sampling == "0" {
                settle(&router).await;
            }
            both.push(recorded(&router, &ingestion, awaited).await);
        }
        let [(lane, lane_minutes), (hyper, hyper_minutes)] = <[_; 2]>::try_from(both).unwrap();
        if lane_minutes == hyper_minutes {
            assert_eq!(Value::Object(lane.clone()), Value::Object(hyper));
            return lane;
        }
    }
    panic!("every comparison outlasted its minute");
}

/// Waits until calls are diverted: the router has seen that one arm is down, and it is that arm's minute.
async fn settle(router: &Role) {
    let client = caller();
    loop {
        let answer = client.get(format!("{}/", router.url)).send().await.unwrap();
        if answer.headers()["switchback-reason"] == "failover" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_by_the_lane_are_recorded_as_those_by_hyper_are() {
    let items = compare(&healthy_arm().await, &healthy_arm().await, "1", CALLS.len() - 1).await;
    assert!(!items.contains_key("supervision"), "it is no call");
    assert_eq!(items["traced"]["tags"]["ai.operation.parentId"], "00f067aa0ba902b7");
    assert_eq!(items["odd-path"]["data"]["baseData"]["properties"]["url.path"], "/%C3%A9/;x");
}

#[tokio::test(flavor = "multi_thread")]
async fn diverted_calls_by_the_lane_are_recorded_at_any_sampling() {
    let dead = nobody();
    // Whose minute it is now has nobody listening.
    let label = now_minute();
    let odd_minute = label % 2 == 1;
    let alive = healthy_arm().await;
    let (even, odd) = if odd_minute { (&alive, &dead) } else { (&dead, &alive) };
    let items = compare(even, odd, "0", CALLS.len()).await;
    for (_, _, id) in CALLS {
        assert_eq!(items[id]["data"]["baseData"]["properties"]["reason"], "failover", "{id}");
        assert_eq!(items[id]["sampleRate"], 100.0, "{id}");
    }
}

fn now_minute() -> i64 {
    let now = switchback::clock::Clock::now(&switchback::clock::SystemClock::new());
    now.unix_timestamp() / 60
}
