//! The Functions timer `watch`: checks the routing from outside once a minute and stores what it found.

use std::fmt::Display;

use bytes::Buf;
use futures_util::Stream;
use warp::reply::Response;

use super::body;
use super::problem::{Problem, ProblemKind};
use super::reply::json;
use crate::caller::Caller;
use crate::domain::probe::{Probe, ProbeOutcome};
use crate::host::{self, TimerInvocation};
use crate::store::Store;

/// Name of the function, of its binding, and of the path the host posts to.
pub const NAME: &str = "watch";
/// Longest invocation the host sends, in bytes, with much to spare.
const MAX_INVOCATION_BYTES: usize = 65_536;

/// What the timer needs: whom to call, and where outcomes are kept.
pub struct WatchTimer {
    /// Calls the one URL; none where `SWITCHBACK_URL` is not set.
    pub caller: Option<Caller>,
    /// Keeps outcomes; none where the instance has no database.
    pub store: Option<Store>,
}

/// Runs the timer: one call through the one URL and one to each arm, all stored.
///
/// # Errors
/// A problem where the invocation cannot be read, the instance does not know the one URL, or the outcome cannot be kept: the host then
/// counts the invocation as failed.
pub async fn watch<B: Buf, E: Display>(watch: &WatchTimer, body: impl Stream<Item = Result<B, E>>) -> Result<Response, Problem> {
    // The host sends its JSON in chunks and without a length.
    let body = body::collect(body, MAX_INVOCATION_BYTES).await?;
    let invocation = TimerInvocation::parse(&body, NAME).map_err(|reason| Problem::new(ProblemKind::BadRequest, reason))?;
    let Some(caller) = &watch.caller else {
        return Err(Problem::new(ProblemKind::Internal, "the timer has nothing to watch").because("SWITCHBACK_URL is not set".to_owned()));
    };
    let mut probes = Vec::new();
    match caller.router_state().await {
        Ok(router) => {
            probes.push(caller.observe(router.schedule()).await.probe);
            probes.extend(caller.check_arms(&router).await);
        }
        Err(error) => probes.push(caller.unreachable(error.to_string())),
    }
    for probe in &probes {
        record(watch, probe).await?;
    }
    let logs: Vec<String> = probes.iter().map(summary).collect();
    tracing::info!(past_due = invocation.past_due, outcome = logs.join("; "), "routing probe completed");
    Ok(json(&host::completed(&logs)))
}

async fn record(watch: &WatchTimer, probe: &Probe) -> Result<(), Problem> {
    if probe.outcome != ProbeOutcome::Conformant {
        tracing::warn!(outcome = probe.outcome.as_str(), detail = probe.detail, "a routing probe found something wrong");
    }
    match &watch.store {
        Some(store) => Ok(store.write_probe(probe).await?),
        None => Ok(()),
    }
}

fn summary(probe: &Probe) -> String {
    let arm = probe.arm.map_or("no arm", |arm| arm.as_str());
    match &probe.detail {
        Some(detail) => format!("{} at {arm}: {detail}", probe.outcome.as_str()),
        None => format!("{} at {arm}", probe.outcome.as_str()),
    }
}
