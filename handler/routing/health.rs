//! The arms' health, by cheap probes. Owns the prober; must not know what routing does with the answer.
//!
//! An arm is out after two failed probes in a row, the second sent soon after the first, so that a dead arm is out in under three
//! seconds whether it refuses connections or swallows them; three good ones in a row bring it back, so that an arm at its limit does not
//! flap. Every probe opens a connection of its own, as a new caller would. It asks for liveness, not readiness: the database is shared,
//! so its trouble is no reason to prefer one arm.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::causes::chain;
use crate::clock::Clock;
use crate::config::BaseUrl;
use crate::contract::{LIVE_PATH, SETTINGS};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::Health;
use crate::domain::shared_settings::SharedSettings;

/// Time between probes of an arm that is well.
const INTERVAL: Duration = Duration::from_secs(1);
/// Time before a failed probe is repeated.
const REPEAT: Duration = Duration::from_millis(100);
/// How long an arm may take to answer a probe.
const TIMEOUT: Duration = Duration::from_millis(800);
/// Failed probes in a row that put an arm out.
const STRIKES: u32 = 2;
/// Good probes in a row that bring it back.
const RECOVERIES: u32 = 3;
/// Bytes of a reason, and of an arm's settings, that are kept and shown.
const MAX_REASON_BYTES: usize = 200;
/// Where execution is billed, probing pauses after this long without a call.
const IDLE_MS: u64 = 60_000;

/// The arms' health as the router sees it now.
#[derive(Debug, Default)]
pub struct ArmsHealth {
    arms: ByArm<ArmHealth>,
    last_call_ms: AtomicU64,
    woken: Notify,
}

#[derive(Debug, Default)]
struct ArmHealth {
    /// [`Health`] by its position: read for every call.
    health: AtomicU8,
    probes: AtomicU64,
    last_failure: Mutex<Option<String>>,
    /// The settings the arm reported last; none where it reported none.
    settings: Mutex<Option<String>>,
}

/// Why a probe failed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ProbeFailure {
    /// Whether it is certain that nothing listens: no fault of the router's own network looks like it.
    nothing_listens: bool,
    reason: String,
}

impl ArmsHealth {
    /// Each arm's health. Arms count as up until probes say otherwise.
    #[must_use]
    pub fn now(&self) -> ByArm<Health> {
        self.arms.as_ref().map(|arm| match arm.health.load(Ordering::Relaxed) {
            DOWN => Health::Down,
            UNWELL => Health::Unwell,
            _ => Health::Up,
        })
    }

    /// Probes sent to each arm so far.
    #[must_use]
    pub fn probes(&self) -> ByArm<u64> {
        self.arms.as_ref().map(|arm| arm.probes.load(Ordering::Relaxed))
    }

    /// Why each arm's last probe failed; none where it went well.
    #[must_use]
    pub fn last_failures(&self) -> ByArm<Option<String>> {
        self.arms.as_ref().map(|arm| arm.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Each arm's [`SharedSettings`] as it reported them; none for an arm that has not.
    #[must_use]
    pub fn settings(&self) -> ByArm<Option<String>> {
        self.arms.as_ref().map(|arm| arm.settings.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Records an arm's settings, and logs when they start or stop to differ from the router's `own`.
    fn note_settings(&self, arm: Arm, own: &SharedSettings, theirs: Option<String>) {
        let mut known = self.arms[arm].settings.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == theirs {
            return;
        }
        match &theirs {
            Some(theirs) if theirs != own.as_str() => {
                tracing::error!(%arm, router = own.as_str(), theirs, "router and arm disagree: give both the same schedule and ticket key");
            }
            Some(settings) => tracing::info!(%arm, settings, "router and arm agree on schedule and ticket key"),
            None => {}
        }
        *known = theirs;
    }

    /// Records that a call came at `uptime`, which keeps probing alive.
    pub fn touch(&self, uptime: Duration) {
        let now_ms = u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX);
        let last_ms = self.last_call_ms.load(Ordering::Relaxed);
        // Within a millisecond nothing is written: cores that call at once would wait for one another.
        if last_ms == now_ms {
            return;
        }
        self.last_call_ms.store(now_ms, Ordering::Relaxed);
        if now_ms.saturating_sub(last_ms) > IDLE_MS {
            self.woken.notify_waiters();
        }
    }

    fn idle(&self, uptime: Duration) -> bool {
        let last = Duration::from_millis(self.last_call_ms.load(Ordering::Relaxed));
        uptime.saturating_sub(last) > Duration::from_millis(IDLE_MS)
    }

    /// Records how a probe went, after `strikes` failures or `recoveries` good ones in a row, this one included.
    fn note(&self, arm: Arm, failure: Option<ProbeFailure>, in_a_row: u32) {
        let own = &self.arms[arm];
        let reason = failure.as_ref().map(|failure| failure.reason.clone());
        let before = self.now()[arm];
        let health = match &failure {
            None if in_a_row >= RECOVERIES => Health::Up,
            Some(failure) if in_a_row >= STRIKES => {
                if failure.nothing_listens {
                    Health::Down
                } else {
                    Health::Unwell
                }
            }
            _ => before,
        };
        own.last_failure.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&reason);
        own.health.store(position(health), Ordering::Relaxed);
        if health == before {
            return;
        }
        let both_out = self.now()[arm.other()] != Health::Up && health != Health::Up;
        match health {
            Health::Up => tracing::info!(%arm, "arm is up again"),
            Health::Unwell | Health::Down => {
                tracing::warn!(%arm, health = health.as_str(), reason, "arm is down");
                if both_out {
                    tracing::warn!("neither arm is well: the schedule is kept where anything listens at all");
                }
            }
        }
    }
}

const UP: u8 = 0;
const UNWELL: u8 = 1;
const DOWN: u8 = 2;

const fn position(health: Health) -> u8 {
    match health {
        Health::Up => UP,
        Health::Unwell => UNWELL,
        Health::Down => DOWN,
    }
}

/// Probes both arms until `stop`. With `pause_when_idle` it stops probing while no calls come.
pub async fn probe(
    health: Arc<ArmsHealth>,
    arms: ByArm<BaseUrl>,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    own: SharedSettings,
    pause_when_idle: bool,
    stop: CancellationToken,
) {
    let prober = Prober { health: &health, client: &client, clock: &*clock, own: &own, pause_when_idle };
    let watch = |arm| prober.probe_arm(arm, &arms[arm]);
    tokio::select! {
        () = stop.cancelled() => {}
        _ = async { tokio::join!(watch(Arm::Even), watch(Arm::Odd)) } => {}
    }
}

/// What probing an arm takes.
struct Prober<'a> {
    health: &'a ArmsHealth,
    client: &'a reqwest::Client,
    clock: &'a dyn Clock,
    own: &'a SharedSettings,
    pause_when_idle: bool,
}

impl Prober<'_> {
    async fn probe_arm(&self, arm: Arm, base: &BaseUrl) {
        let health = self.health;
        let url = format!("{base}{LIVE_PATH}");
        // Arms count as up at first, as if they had been well for long.
        let (mut strikes, mut recoveries) = (0_u32, RECOVERIES);
        loop {
            health.arms[arm].probes.fetch_add(1, Ordering::Relaxed);
            match probe_once(self.client, &url).await {
                Ok(settings) => {
                    (strikes, recoveries) = (0, recoveries.saturating_add(1));
                    health.note(arm, None, recoveries);
                    health.note_settings(arm, self.own, settings);
                }
                Err(failure) => {
                    (strikes, recoveries) = (strikes.saturating_add(1), 0);
                    health.note(arm, Some(failure), strikes);
                }
            }
            tokio::time::sleep(if strikes == 1 { REPEAT } else { INTERVAL }).await;
            if self.pause_when_idle {
                // The waiter is made before the check, so a call in between is not missed.
                let woken = health.woken.notified();
                if health.idle(self.clock.uptime()) {
                    woken.await;
                }
            }
        }
    }
}

/// Asks an arm whether it is alive. Returns the settings it reports.
async fn probe_once(client: &reqwest::Client, url: &str) -> Result<Option<String>, ProbeFailure> {
    let kept = |value: &HeaderValue| value.to_str().ok().map(|text| text[..text.floor_char_boundary(MAX_REASON_BYTES)].to_owned());
    match client.get(url).timeout(TIMEOUT).send().await {
        Ok(response) if response.status().is_success() => Ok(response.headers().get(SETTINGS).and_then(kept)),
        Ok(response) => Err(ProbeFailure { nothing_listens: false, reason: format!("it answered {}", response.status()) }),
        Err(error) => {
            let error = error.without_url();
            let reason = if error.is_timeout() { format!("no answer within {TIMEOUT:?}") } else { chain(&error) };
            let reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
            Err(ProbeFailure { nothing_listens: is_refused(&error), reason })
        }
    }
}

/// Whether the peer itself said that nothing listens; anything else may be the network between.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(nothing_listens: bool) -> Option<ProbeFailure> {
        Some(ProbeFailure { nothing_listens, reason: "why".to_owned() })
    }

    #[test]
    fn two_failures_put_an_arm_out_and_three_good_probes_bring_it_back() {
        let health = ArmsHealth::default();
        health.note(Arm::Odd, failure(false), 1);
        assert_eq!(health.now()[Arm::Odd], Health::Up, "once may be chance");
        health.note(Arm::Odd, failure(false), 2);
        assert_eq!(health.now(), ByArm { even: Health::Up, odd: Health::Unwell });
        assert_eq!(health.last_failures()[Arm::Odd].as_deref(), Some("why"));
        health.note(Arm::Odd, failure(true), 3);
        assert_eq!(health.now()[Arm::Odd], Health::Down);
        health.note(Arm::Odd, None, 1);
        health.note(Arm::Odd, None, 2);
        assert_eq!(health.now()[Arm::Odd], Health::Down, "an arm at its limit does not flap");
        health.note(Arm::Odd, None, 3);
        assert_eq!(health.now()[Arm::Odd], Health::Up);
        assert_eq!(health.last_failures()[Arm::Odd], None);
    }

    #[tokio::test]
    async fn a_refused_connection_is_certain_and_a_silent_peer_is_not() {
        let client = crate::outgoing::probing_client().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let silent = probe_once(&client, &url).await.unwrap_err();
        assert!(!silent.nothing_listens && silent.reason.contains("no answer within"), "{silent:?}");
        drop(listener);
        let refused = probe_once(&client, &url).await.unwrap_err();
        assert!(refused.nothing_listens && refused.reason.contains("refused"), "{refused:?}");
    }
}
