//! Callers for the development system: they know the one URL and follow its redirects, as real ones do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::client::client;
use crate::domain::statistics::random::Random;

/// What the callers ask for, in turn.
const PATHS: [&str; 4] =
    ["/api/instance", "/api/costs?group_by=provider&metric=billed", "/api/charges?limit=20", "/api/costs?group_by=service&period=day"];
/// Most calls in flight at once.
const IN_FLIGHT: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(10);
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Seed of the gaps between calls.
const SEED: u64 = 307;

/// Calls `url` `rate_per_s` times a second on average until `stop`, and prints each minute how it went. Gaps are exponential, as between
/// callers who know nothing of each other: equal gaps fall into step with whatever else has a period, such as a slowed arm's answers.
pub async fn call(url: String, rate_per_s: f64, stop: CancellationToken) {
    let client = match client(TIMEOUT) {
        Ok(client) => client,
        Err(error) => {
            println!("calls  | no callers: {error}");
            return;
        }
    };
    let (answered, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let places = Arc::new(tokio::sync::Semaphore::new(IN_FLIGHT));
    let mut random = Random::new(SEED);
    let gap = tokio::time::sleep(Duration::ZERO);
    tokio::pin!(gap);
    let mut report = tokio::time::interval(REPORT_EVERY);
    report.tick().await;
    let mut paths = PATHS.iter().cycle();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = report.tick() => {
                let (answered, failed) = (answered.swap(0, Ordering::Relaxed), failed.swap(0, Ordering::Relaxed));
                println!("calls  | in the last minute {answered} answered, {failed} failed");
            }
            () = &mut gap => {
                // From the moment it was due, so that a late one does not lower the rate.
                let due = gap.deadline() + Duration::from_secs_f64(random.exponential() / rate_per_s);
                gap.as_mut().reset(due);
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let request = client.get(format!("{url}{}", paths.next().unwrap_or(&PATHS[0]))).send();
                let (answered, failed) = (Arc::clone(&answered), Arc::clone(&failed));
                tokio::spawn(async move {
                    let well = match request.await {
                        Ok(response) => response.status().is_success() && response.bytes().await.is_ok(),
                        Err(_) => false,
                    };
                    (if well { answered } else { failed }).fetch_add(1, Ordering::Relaxed);
                    drop(place);
                });
            }
        }
    }
}
