//! Which arms are up, by cheap probes. Owns the prober; must not know what routing does with the answer.
//!
//! An arm is out after two failed probes in a row, the second sent soon after the first, so that a dead arm is out in under three
//! seconds whether it refuses connections or swallows them; one good probe brings it back. The probe asks for liveness, not
//! readiness: the database is shared, so its trouble is no reason to prefer one arm.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::BaseUrl;
use crate::contract::{LIVE_PATH, PROBE};
use crate::domain::arm::{Arm, ByArm};

/// Time between probes of an arm that is well.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time before a failed probe is repeated.
const REPEAT: Duration = Duration::from_millis(100);
/// How long an arm may take to answer a probe.
const TIMEOUT: Duration = Duration::from_millis(800);
/// Failed probes in a row that put an arm out.
const STRIKES: u32 = 2;
/// Where execution is billed, probing pauses after this long without a call.
const IDLE_MS: u64 = 60_000;

/// The arms' health as the router sees it now.
#[derive(Debug)]
pub struct ArmsHealth {
    up: ByArm<AtomicBool>,
    probes: ByArm<AtomicU64>,
    last_call_ms: AtomicU64,
    woken: Notify,
}

impl Default for ArmsHealth {
    fn default() -> Self {
        ArmsHealth {
            up: ByArm::build(|_| AtomicBool::new(true)),
            probes: ByArm::default(),
            last_call_ms: AtomicU64::new(0),
            woken: Notify::new(),
        }
    }
}

impl ArmsHealth {
    /// Each arm's health. Arms count as up until probes say otherwise.
    #[must_use]
    pub fn up(&self) -> ByArm<bool> {
        self.up.as_ref().map(|up| up.load(Ordering::Relaxed))
    }

    /// Probes sent to each arm so far.
    #[must_use]
    pub fn probes(&self) -> ByArm<u64> {
        self.probes.as_ref().map(|probes| probes.load(Ordering::Relaxed))
    }

    /// Notes that a call came at `uptime`, which keeps probing alive.
    pub fn touch(&self, uptime: Duration) {
        let now_ms = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX);
        let last_ms = self.last_call_ms.swap(now_ms, Ordering::Relaxed);
        if now_ms.saturating_sub(last_ms) > IDLE_MS {
            self.woken.notify_waiters();
        }
    }

    fn idle(&self, uptime: Duration) -> bool {
        let last = Duration::from_millis(self.last_call_ms.load(Ordering::Relaxed));
        uptime.saturating_sub(last) > Duration::from_millis(IDLE_MS)
    }

    fn set(&self, arm: Arm, up: bool) {
        if self.up[arm].swap(up, Ordering::Relaxed) != up {
            if up {
                tracing::info!(%arm, "arm is up again");
            } else {
                tracing::warn!(%arm, "arm is down");
            }
        }
    }
}

/// Probes both arms until `stop`. With `pause_when_idle` it stops probing while no calls come.
pub async fn probe(
    health: Arc<ArmsHealth>,
    arms: ByArm<BaseUrl>,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    pause_when_idle: bool,
    stop: CancellationToken,
) {
    let watch = |arm| probe_arm(&health, arm, &arms[arm], &client, &clock, pause_when_idle);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = async { tokio::join!(watch(Arm::Even), watch(Arm::Odd)) } => {}
    }
}

async fn probe_arm(health: &ArmsHealth, arm: Arm, base: &BaseUrl, client: &reqwest::Client, clock: &Arc<dyn Clock>, pause_when_idle: bool) {
    let url = format!("{base}{LIVE_PATH}");
    let mut strikes = 0_u32;
    loop {
        health.probes[arm].fetch_add(1, Ordering::Relaxed);
        if answers(client, &url).await {
            strikes = 0;
            health.set(arm, true);
        } else {
            strikes = strikes.saturating_add(1);
            if strikes >= STRIKES {
                health.set(arm, false);
            }
        }
        tokio::time::sleep(if strikes == 1 { REPEAT } else { INTERVAL }).await;
        if pause_when_idle {
            // The waiter is made before the check, so a call in between is not missed.
            let woken = health.woken.notified();
            if health.idle(clock.uptime()) {
                woken.await;
            }
        }
    }
}

async fn answers(client: &reqwest::Client, url: &str) -> bool {
    let probe = client.get(url).header(PROBE, "health").timeout(TIMEOUT).send();
    match probe.await {
        Ok(response) => response.status().is_success(),
        Err(error) => {
            tracing::debug!(error = %error.without_url(), url, "probe failed");
            false
        }
    }
}
