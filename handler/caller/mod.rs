//! A caller from outside: it knows the one URL, follows its redirect and notes where it ended.
//!
//! Owns how supervision makes its calls. Must not know who wants to know, nor where the outcome is kept.

pub mod upload;

use std::sync::Arc;
use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use reqwest::Response;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::config::BaseUrl;
use crate::contract::{API_KEY, ARM, LIVE_PATH, MINUTE, REASON, ROUTING};
use crate::domain::arm::Arm;
use crate::domain::decision::Reason;
use crate::domain::draw::Seed;
use crate::domain::probe::{Probe, ProbeOutcome};
use crate::domain::schedule::{Rule, RuleError, Schedule};
use crate::outgoing::{ClientError, http_client, send};

/// How long one leg may take: a cold start of a serverless plan is within it.
const LEG_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls one router.
pub struct Caller {
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    url: BaseUrl,
    key: Option<HeaderValue>,
    /// What a random schedule is drawn from, where it is known here.
    seed: Option<Seed>,
}

/// One probe, with what its headers said.
#[derive(Debug, Clone, Serialize)]
pub struct ObservedCall {
    /// Where it ended, and how long that took.
    #[serde(flatten)]
    pub probe: Probe,
    /// The minute the router says it was routed in.
    pub minute: Option<String>,
    /// The router's reason.
    pub reason: Option<Reason>,
    /// Status of the arm's answer.
    pub status: Option<u16>,
    /// Whether a ticket proved the routing to the arm.
    pub ticketed: bool,
}

/// What the router says of itself, as far as it is needed here.
#[derive(Debug)]
pub struct RouterState {
    schedule: Schedule,
    arms: [ArmState; 2],
}

#[derive(Debug, Deserialize)]
struct RoutingDocument {
    schedule: String,
    minute_length_ms: u64,
    arms: [ArmState; 2],
}

#[derive(Debug, Deserialize)]
struct ArmState {
    arm: Arm,
    url: String,
}

/// Why a router's state is not known.
#[derive(Debug, thiserror::Error)]
pub enum RouterStateError {
    /// Nobody answered, or only a front door did: it may come back.
    #[error("{0}")]
    Unreachable(String),
    /// It asks for an API key, or for another one.
    #[error("{0} shows its routing only to callers with an API key: set SWITCHBACK_CLIENT_KEY to one it knows")]
    Closed(BaseUrl),
    /// Its schedule is drawn from a seed that is not known here.
    #[error("the router's schedule is random: set SWITCHBACK_SCHEDULE_SEED to the seed it is drawn from")]
    SeedUnknown,
    /// Something other than a router answered.
    #[error("{url} is no router: {reason}")]
    NoRouter {
        /// The address.
        url: BaseUrl,
        /// What it answered.
        reason: String,
    },
}

impl RouterState {
    /// The router's schedule.
    #[must_use]
    pub const fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

impl Caller {
    /// A caller of the router at `url`, which is shown `key` where it asks for one; nobody else is. `seed` is what a random schedule is
    /// drawn from.
    ///
    /// # Errors
    /// When no client for outgoing calls can be made.
    pub fn new(url: BaseUrl, key: Option<HeaderValue>, seed: Option<Seed>, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        Ok(Caller { client: http_client()?, clock, url, key, seed })
    }

    /// Asks the router for its schedule and its arms.
    ///
    /// # Errors
    /// [`RouterStateError`], which tells an outage from a wrong address.
    pub async fn router_state(&self) -> Result<RouterState, RouterStateError> {
        let response =
            self.get(&format!("{}/_switchback/routing", self.url), self.key.as_ref()).await.map_err(RouterStateError::Unreachable)?;
        let status = response.status();
        // What a platform's front door answers while nothing runs behind it yet.
        if matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) {
            return Err(RouterStateError::Unreachable(format!("it answered {status}")));
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(RouterStateError::Closed(self.url.clone()));
        }
        let no_router = |reason| RouterStateError::NoRouter { url: self.url.clone(), reason };
        if !status.is_success() {
            return Err(no_router(format!("it answered {status} at /_switchback/routing")));
        }
        let said: Result<RoutingDocument, _> = response.json().await;
        let said = said.map_err(|_| no_router("/_switchback/routing is not as expected".to_owned()))?;
        let rule = Rule::named(&said.schedule, self.seed).map_err(|error| match error {
            RuleError::NoSeed => RouterStateError::SeedUnknown,
            RuleError::Unknown(_) => no_router(error.to_string()),
        })?;
        Ok(RouterState { schedule: Schedule::with_minute(rule, Duration::from_millis(said.minute_length_ms)), arms: said.arms })
    }

    /// Calls the one URL, follows the redirect, and judges where that ended.
    pub async fn observe(&self, schedule: &Schedule) -> ObservedCall {
        let mut observation =
            ObservedCall { probe: unanswered(self.clock.now()), minute: None, reason: None, status: None, ticketed: false };
        if let Err(detail) = self.follow(schedule, &mut observation).await {
            observation.probe.detail = Some(detail);
        }
        observation
    }

    /// The outcome of a probe that could not even be sent.
    #[must_use]
    pub fn unreachable(&self, detail: String) -> Probe {
        Probe { detail: Some(detail), ..unanswered(self.clock.now()) }
    }

    /// Asks each arm directly whether it is up.
    pub async fn check_arms(&self, router: &RouterState) -> Vec<Probe> {
        let mut probes = Vec::new();
        for state in &router.arms {
            let mut probe = unanswered(self.clock.now());
            match self.measured(&format!("{}{LIVE_PATH}", state.url.trim_end_matches('/'))).await {
                Ok((response, answer_us)) => {
                    probe.answer_us = Some(answer_us);
                    probe.arm = header(&response, &ARM).and_then(|arm| arm.parse().ok());
                    probe.outcome = match probe.arm {
                        _ if !response.status().is_success() => ProbeOutcome::Unanswered,
                        Some(arm) if arm == state.arm => ProbeOutcome::Conformant,
                        _ => ProbeOutcome::WrongArm,
                    };
                    if probe.outcome != ProbeOutcome::Conformant {
                        probe.detail = Some(format!("arm {} answered {} as {:?}", state.arm, response.status(), probe.arm));
                    }
                }
                Err(reason) => probe.detail = Some(format!("arm {}: {reason}", state.arm)),
            }
            probes.push(probe);
        }
        probes
    }

    async fn follow(&self, schedule: &Schedule, observation: &mut ObservedCall) -> Result<(), String> {
        let (redirect, redirect_us) =
            self.measured(&format!("{}{LIVE_PATH}", self.url)).await.map_err(|reason| format!("router: {reason}"))?;
        observation.probe.redirect_us = Some(redirect_us);
        if redirect.status() != StatusCode::TEMPORARY_REDIRECT {
            return Err(format!("the router answered {} instead of 307", redirect.status()));
        }
        let named = |name: &HeaderName| header(&redirect, name).ok_or_else(|| format!("the redirect has no {name} header"));
        let sent_to: Arm = named(&ARM)?.parse().map_err(|error| format!("{ARM}: {error}"))?;
        let minute = named(&MINUTE)?.to_owned();
        let reason: Reason = named(&REASON)?.parse().map_err(|error| format!("{REASON}: {error}"))?;
        let location = header(&redirect, &LOCATION).ok_or("the redirect has no location")?.to_owned();
        observation.minute = Some(minute.clone());
        observation.reason = Some(reason);
        let (answer, answer_us) = self.measured(&location).await.map_err(|reason| format!("arm {sent_to}: {reason}"))?;
        observation.probe.answer_us = Some(answer_us);
        observation.status = Some(answer.status().as_u16());
        observation.ticketed = header(&answer, &ROUTING) == Some("ticket");
        if !answer.status().is_success() {
            return Err(format!("arm {sent_to} answered {}", answer.status()));
        }
        let answered: Arm = header(&answer, &ARM).ok_or("the answer names no arm")?.parse().map_err(|error| format!("{error}"))?;
        observation.probe.arm = Some(answered);
        let scheduled = scheduled_arm(schedule, observation.probe.sent_at, &minute)
            .ok_or_else(|| format!("the router says it is minute {minute}: its clock and this one disagree"))?;
        observation.probe.outcome = ProbeOutcome::judge(scheduled, sent_to, reason, answered);
        if observation.probe.outcome == ProbeOutcome::WrongArm {
            return Err(format!("minute {minute} is {scheduled}'s, sent to {sent_to} for {reason}, answered by {answered}"));
        }
        Ok(())
    }

    async fn get(&self, url: &str, key: Option<&HeaderValue>) -> Result<Response, String> {
        let mut call = self.client.get(url).timeout(LEG_TIMEOUT);
        if let Some(key) = key {
            call = call.header(API_KEY, key);
        }
        send(call, url).await.map_err(|error| crate::causes::chain(&error.without_url()))
    }

    async fn measured(&self, url: &str) -> Result<(Response, u64), String> {
        let before = self.clock.uptime();
        let response = self.get(url, None).await?;
        let elapsed_us = u64::try_from(self.clock.uptime().saturating_sub(before).as_micros()).unwrap_or(u64::MAX);
        Ok((response, elapsed_us))
    }
}

fn unanswered(sent_at: OffsetDateTime) -> Probe {
    Probe { sent_at, outcome: ProbeOutcome::Unanswered, arm: None, redirect_us: None, answer_us: None, detail: None }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// The arm whose turn the minute labelled `label` is, where that minute is about now: clocks may be apart by less than a minute.
fn scheduled_arm(schedule: &Schedule, sent_at: OffsetDateTime, label: &str) -> Option<Arm> {
    let now = schedule.minute_at(sent_at);
    let near = [now, now.next(), now.previous(), now.next().next()];
    near.into_iter().find(|minute| schedule.label(*minute) == label).map(|minute| schedule.arm_of(minute))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_label_is_judged_by_its_own_minute() {
        let schedule = Schedule::default();
        let sent_at = datetime!(2026-11-23 10:03:59.9 UTC);
        assert_eq!(scheduled_arm(&schedule, sent_at, "2026-11-23T10:03Z"), Some(Arm::Odd));
        assert_eq!(scheduled_arm(&schedule, sent_at, "2026-11-23T10:04Z"), Some(Arm::Even), "the boundary passed on the way");
        assert_eq!(scheduled_arm(&schedule, sent_at, "2026-11-23T11:03Z"), None);
        assert_eq!(scheduled_arm(&schedule, sent_at, "noise"), None);
    }
}
