//! Says in the terminal what the report says meanwhile: a demonstration is watched there. Must not know how a report is made.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::client::client;
use super::process::print_line;

/// The report, as the development system's arm serves it: looking at it counts as supervision.
const PATH: &str = "/api/report";
/// A report takes long at most.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks the arm at `url` every `interval` and prints the first words of its report when they change, until `stop`.
pub async fn announce(url: String, interval: Duration, stop: CancellationToken) {
    // The callers, who have the same client, say why there is none.
    let Ok(client) = client(TIMEOUT) else { return };
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        let Some(report) = report(&client, &url).await else { continue };
        let said = words(&report);
        if said.is_some() && said != last {
            print_line("report", said.as_deref().unwrap_or_default());
            if report["verdict"]["recommended"].is_string() {
                print_line("report", "the page at / says why; switchback report prints all of it");
            }
            last = said;
        }
    }
}

async fn report(client: &reqwest::Client, url: &str) -> Option<Value> {
    let response = client.get(format!("{url}{PATH}")).send().await.ok()?.error_for_status().ok()?;
    response.json().await.ok()
}

/// What a report says first.
fn words(report: &Value) -> Option<String> {
    report["summary"][0].as_str().map(str::to_owned)
}
