//! Ten minutes of load against each way an ingestion service can fail: memory stays where it was after the first minute, and no call fails.
//! Numbers of calls and latencies are printed beside those with telemetry off, since a busy machine's are no basis for a verdict.
//!
//! Run by `make telemetry-endurance`; the tests have shorter versions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};
use switchback::domain::histogram::Histogram;

use crate::harness::{Role, caller, healthy_arm, nobody};
use crate::ingestion::{Ingestion, Mood};

const SETTLING: Duration = Duration::from_secs(60);
const MINUTES: u32 = 10;
/// Calls a second per router; all are recorded, so the queue is full within seconds.
const RATE: u32 = 200;
/// What an allocator's arenas may still take after the first minute.
const NOISE_BYTES: u64 = 4 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes ten minutes: make telemetry-endurance"]
async fn memory_is_flat_for_ten_minutes_of_load() {
    let moods = [Mood::Slow(Duration::from_secs(10)), Mood::Status(429), Mood::Status(500), Mood::Healthy];
    let names = ["slow", "too many", "broken", "well", "dead", "off"];
    let mut services = Vec::new();
    for mood in moods {
        services.push(Ingestion::start(mood).await);
    }
    let mut targets: Vec<String> = services.iter().map(Ingestion::connection_string).collect();
    targets.push(format!("InstrumentationKey=k;IngestionEndpoint={}", nobody()));
    targets.push(String::new());
    let runs = names.into_iter().zip(targets).map(|(name, target)| tokio::spawn(endure(name, target)));
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap();
    }
}

async fn endure(name: &'static str, target: String) {
    let (even, odd) = (healthy_arm().await, healthy_arm().await);
    let settings =
        [("SWITCHBACK_TELEMETRY_SAMPLING", "1"), ("SWITCHBACK_LOG", "error"), ("APPLICATIONINSIGHTS_CONNECTION_STRING", &target)];
    let router = Role::router(&even, &odd, &settings).await;
    let (client, url) = (caller(), format!("{}/api/costs", router.url));
    let latencies = Arc::new(Mutex::new(Histogram::default()));
    let taken = Arc::clone(&latencies);
    let calling = tokio::spawn(async move {
        let clock = SystemClock::new();
        let mut pace = tokio::time::interval(Duration::from_secs(1) / RATE);
        loop {
            pace.tick().await;
            let began = clock.uptime();
            assert_eq!(client.get(&url).send().await.unwrap().status(), 307);
            let took = (clock.uptime() - began).as_micros();
            taken.lock().unwrap().record(u64::try_from(took).unwrap());
        }
    });
    tokio::time::sleep(SETTLING).await;
    // What the first minute took is not counted either.
    latencies.lock().unwrap().clear();
    let settled = router.memory();
    let mut history = vec![settled];
    for _ in 1..MINUTES {
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!calling.is_finished(), "{name}: a call failed");
        history.push(router.memory());
    }
    calling.abort();
    let seen = latencies.lock().unwrap().clone();
    let [median, p99] = [0.5, 0.99].map(|q| seen.quantile_us(q).unwrap_or_default() / 1_000.0);
    println!(
        "{name}: {} calls, median {median:.2} ms, p99 {p99:.2} ms; {:?} kB by minute",
        seen.total(),
        history.iter().map(|bytes| bytes / 1024).collect::<Vec<_>>()
    );
    let last = history[history.len() - 1];
    assert!(last < settled + NOISE_BYTES, "{name}: grew from {settled} to {last} bytes");
    assert!(router.stop(Duration::from_secs(5)).await, "{name}: the process must end within 5 s");
}
