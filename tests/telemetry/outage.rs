//! Whatever the ingestion service does: calls are not disturbed, memory stays bounded, what is lost is counted, shutdown is not delayed.

use std::time::Duration;

use switchback::clock::{Clock, SystemClock};
use tokio::task::JoinHandle;

use crate::harness::{Role, caller, healthy_arm, nobody};
use crate::ingestion::{Ingestion, Mood};

/// Calls of each load: at full sampling many times what the queue holds.
const CALLS: usize = 4_800;
const CALLERS: usize = 8;

struct Load {
    failed: usize,
    p99: Duration,
    growth: u64,
    dropped: u64,
    /// Whether the process ended in time; it ends while the next load runs, since its last flush waits for a failing service.
    ended_well: JoinHandle<bool>,
}

async fn load(connection_string: &str) -> Load {
    let (even, odd) = (healthy_arm().await, healthy_arm().await);
    let mut settings = vec![("SWITCHBACK_TELEMETRY_SAMPLING", "1"), ("SWITCHBACK_LOG", "error")];
    if !connection_string.is_empty() {
        settings.push(("APPLICATIONINSIGHTS_CONNECTION_STRING", connection_string));
    }
    let router = Role::router(&even, &odd, &settings).await;
    let client = caller();
    let call = |count: usize| {
        let (client, url) = (client.clone(), format!("{}/api/costs", router.url));
        async move {
            let stopwatch = SystemClock::new();
            let mut times = Vec::with_capacity(count);
            let mut failed = 0;
            for _ in 0..count {
                let began = stopwatch.uptime();
                match client.get(&url).send().await {
                    Ok(answer) if answer.status() == 307 => times.push(stopwatch.uptime() - began),
                    _ => failed += 1,
                }
            }
            (times, failed)
        }
    };
    // The queue and the allocator's arenas fill first.
    let _ = call(CALLS / 3).await;
    let before = router.memory();
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(call(CALLS / CALLERS))).collect();
    let (mut times, mut failed) = (Vec::new(), 0);
    for caller in callers {
        let (own, own_failed) = caller.await.unwrap();
        times.extend(own);
        failed += own_failed;
    }
    times.sort_unstable();
    let growth = router.memory().saturating_sub(before);
    let metrics = client.get(format!("{}/_switchback/metrics", router.url)).send().await.unwrap().text().await.unwrap();
    let lost = metrics.lines().filter(|line| line.starts_with("switchback_telemetry_dropped_total"));
    let dropped = lost.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    let ended_well = tokio::spawn(router.stop(Duration::from_secs(5)));
    Load { failed, p99: times[times.len() * 99 / 100], growth, dropped, ended_well }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ingestion_failure_disturbs_calls() {
    let without = load("").await;
    assert_eq!((without.failed, without.dropped), (0, 0));
    let dead = format!("InstrumentationKey=k;IngestionEndpoint={}", nobody());
    let moods = [
        ("slow", Mood::Slow(Duration::from_secs(10))),
        ("too many", Mood::Status(429)),
        ("broken", Mood::Status(500)),
        ("refusing", Mood::Status(400)),
    ];
    let mut targets = vec![("dead", dead)];
    let mut services = Vec::new();
    for (name, mood) in moods {
        let service = Ingestion::start(mood).await;
        targets.push((name, service.connection_string()));
        services.push(service);
    }
    let mut endings = vec![("none", without.ended_well)];
    for (name, target) in targets {
        let load = load(&target).await;
        assert_eq!(load.failed, 0, "{name}");
        endings.push((name, load.ended_well));
        assert!(load.dropped > 0, "{name}: what was lost is counted");
        assert!(load.growth < 24 * 1024 * 1024, "{name}: grew by {} bytes", load.growth);
        // Test machines are busy, so noise may be a multiple; a call that waited for the service would take seconds.
        assert!(load.p99 < without.p99 * 5 + Duration::from_millis(50), "{name}: p99 {:?} against {:?}", load.p99, without.p99);
    }
    for (name, ended_well) in endings {
        assert!(ended_well.await.unwrap(), "{name}: the process must end within 5 s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_service_loses_nothing() {
    let service = Ingestion::start(Mood::Healthy).await;
    let connection = service.connection_string();
    let (even, odd) = (healthy_arm().await, healthy_arm().await);
    let settings = [("SWITCHBACK_TELEMETRY_SAMPLING", "1"), ("APPLICATIONINSIGHTS_CONNECTION_STRING", connection.as_str())];
    let router = Role::router(&even, &odd, &settings).await;
    let client = caller();
    for _ in 0..1_500 {
        client.get(format!("{}/x", router.url)).send().await.unwrap();
    }
    assert!(router.stop(Duration::from_secs(5)).await);
    assert_eq!(service.of("RequestData").len(), 1_500, "what waited was sent before the end");
    assert!(service.uploads().iter().all(Option::is_none), "no identity was asked for");
}
