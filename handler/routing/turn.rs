//! What the router prepares once a minute, so that a redirect is a lookup and a copy.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use time::OffsetDateTime;

use crate::config::BaseUrl;
use crate::contract;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::{Decision, Reason};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::ticket::{PARAMETER, TicketKey};
use crate::shard;

/// Cells a minute's decisions are counted in.
const SHARDS: usize = 4;

/// One minute at the router while it lasts: whose turn it is, the rendered parts of its redirects, and where its decisions are counted.
#[derive(Debug)]
pub struct Turn {
    /// The minute.
    pub minute: Minute,
    /// The arm whose turn it is.
    pub scheduled: Arm,
    /// The minute as `Switchback-Minute` shows it.
    pub label: HeaderValue,
    /// Its decisions, which outlast it.
    pub tally: Arc<DecisionTally>,
    redirects: ByArm<RedirectParts>,
    /// From its first instant to the next one's, since the Unix epoch.
    span: Range<Duration>,
}

/// A redirect to one arm, but for what the request brings: its target, its id and its origin.
#[derive(Debug)]
pub struct RedirectParts {
    /// The head's first bytes, up to the base URL and with it; the target follows.
    pub start: String,
    /// The ticket as a parameter of the query, where tickets are issued.
    pub ticket: Option<String>,
    /// What follows the target, up to the request's id, by reason.
    rest: [String; Reason::ALL.len()],
}

/// One minute's decisions so far.
#[derive(Debug)]
pub struct DecisionTally {
    /// The minute.
    pub minute: Minute,
    shards: [Cells; SHARDS],
}

/// Counts by arm and reason: one cache line, which threads on other cores leave alone.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Cells(ByArm<[AtomicU64; Reason::ALL.len()]>);

/// Decisions by arm and reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecisionCounts(ByArm<[u64; Reason::ALL.len()]>);

impl DecisionCounts {
    /// Decisions for `arm` and `reason`.
    #[must_use]
    pub fn of(&self, arm: Arm, reason: Reason) -> u64 {
        self.0[arm][reason as usize]
    }

    /// Adds another count to this one.
    pub fn add(&mut self, other: &DecisionCounts) {
        for arm in Arm::BOTH {
            for (own, more) in self.0[arm].iter_mut().zip(other.0[arm]) {
                *own += more;
            }
        }
    }
}

impl DecisionTally {
    /// No decision yet in `minute`.
    #[must_use]
    pub fn new(minute: Minute) -> Self {
        DecisionTally { minute, shards: Default::default() }
    }

    /// Counts a decision taken in this minute.
    pub fn count(&self, decision: &Decision) {
        self.shards[shard::own(SHARDS)].0[decision.arm][decision.reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Decisions so far.
    #[must_use]
    pub fn counts(&self) -> DecisionCounts {
        let mut counts = DecisionCounts::default();
        for shard in &self.shards {
            counts.add(&DecisionCounts(shard.0.as_ref().map(|reasons| reasons.each_ref().map(|count| count.load(Ordering::Relaxed)))));
        }
        counts
    }
}

impl RedirectParts {
    fn render(arm: Arm, base: &BaseUrl, label: &str, ticket: Option<String>) -> Self {
        let rest = |reason: Reason| {
            format!(
                "\r\ncache-control: no-store\r\n{}: {arm}\r\n{}: {label}\r\n{}: {reason}\r\n{}: ",
                contract::ARM,
                contract::MINUTE,
                contract::REASON,
                contract::REQUEST_ID,
            )
        };
        RedirectParts { start: format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {base}"), ticket, rest: Reason::ALL.map(rest) }
    }

    /// What follows the target, up to the request's id.
    #[must_use]
    pub fn rest(&self, reason: Reason) -> &str {
        &self.rest[reason as usize]
    }
}

/// The first instant of `minute`, since the Unix epoch.
fn since_epoch(schedule: &Schedule, minute: Minute) -> Duration {
    (schedule.starts_at(minute) - OffsetDateTime::UNIX_EPOCH).try_into().unwrap_or_default()
}

impl Turn {
    /// Renders the minute of `tally`.
    #[must_use]
    pub fn render(schedule: &Schedule, arms: &ByArm<BaseUrl>, key: Option<&TicketKey>, tally: Arc<DecisionTally>) -> Self {
        let minute = tally.minute;
        let label = schedule.label(minute);
        let ticket = |arm| key.map(|key| format!("{PARAMETER}={}", key.issue(minute, arm)));
        Turn {
            minute,
            scheduled: schedule.arm_of(minute),
            redirects: ByArm::build(|arm| RedirectParts::render(arm, &arms[arm], &label, ticket(arm))),
            span: since_epoch(schedule, minute)..since_epoch(schedule, minute.next()),
            label: HeaderValue::from_str(&label).unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            tally,
        }
    }

    /// Whether the moment `since_epoch` lies in the minute.
    #[must_use]
    pub fn holds(&self, since_epoch: Duration) -> bool {
        self.span.contains(&since_epoch)
    }

    /// The rendered parts of a redirect to `arm`.
    #[must_use]
    pub fn redirect(&self, arm: Arm) -> &RedirectParts {
        &self.redirects[arm]
    }

    /// `Location` of a redirect to `arm`: its base URL, then the request's path and query byte for byte, then the ticket.
    ///
    /// The target begins with `/` whatever the caller sent (`*` and the authority form have no path), and the base URL holds scheme
    /// and host, so nothing in a request can move the redirect to another host. None: the target has bytes no header may hold.
    #[must_use]
    pub fn location(&self, base: &BaseUrl, arm: Arm, path: &str, query: Option<&str>) -> Option<HeaderValue> {
        let path = if path.starts_with('/') { path } else { "/" };
        let ticket = self.redirects[arm].ticket.as_deref();
        let length = base.as_str().len() + path.len() + query.map_or(0, str::len) + ticket.map_or(0, str::len) + 2;
        let mut location = String::with_capacity(length);
        location.push_str(base.as_str());
        location.push_str(path);
        if let Some(query) = query {
            location.push('?');
            location.push_str(query);
        }
        if let Some(ticket) = ticket {
            location.push(match query {
                None => '?',
                Some(_) => '&',
            });
            location.push_str(ticket);
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(location)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(minute: i64, key: Option<&TicketKey>) -> (Turn, BaseUrl) {
        let arms: ByArm<BaseUrl> = ByArm::build(|arm| format!("https://{arm}.example").parse().unwrap());
        (Turn::render(&Schedule::default(), &arms, key, Arc::new(DecisionTally::new(Minute(minute)))), arms.even)
    }

    fn location(target: &str) -> String {
        let (turn, base) = turn(0, None);
        let target = http::Uri::try_from(target).unwrap();
        turn.location(&base, Arm::Even, target.path(), target.query()).unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn path_and_query_are_kept_byte_for_byte() {
        for target in [
            "/",
            "/api/costs?a=1&a=2",
            "/a%2Fb/%3F?x=%25&y+z",
            "//evil.example/x",
            "/\\evil.example",
            "/a?",
            "/a??b",
            "/%0d%0aX:1",
            "/;@x:y/~",
        ] {
            assert_eq!(location(target), format!("https://even.example{target}"));
        }
    }

    #[test]
    fn no_form_of_target_moves_the_host() {
        assert_eq!(location("http://evil.example/x?y"), "https://even.example/x?y");
        assert_eq!(location("http://evil.example"), "https://even.example/");
        assert_eq!(location("*"), "https://even.example/");
        assert_eq!(location("evil.example:443"), "https://even.example/");
    }

    #[test]
    fn a_ticket_is_appended_to_the_query() {
        let key = TicketKey::new("0123456789abcdef0123456789abcdef").unwrap();
        let (turn, base) = turn(8, Some(&key));
        let ticket = key.issue(Minute(8), Arm::Even);
        let with = |query| turn.location(&base, Arm::Even, "/a", query).unwrap();
        assert_eq!(with(None), format!("https://even.example/a?sb-ticket={ticket}"));
        assert_eq!(with(Some("x=1")), format!("https://even.example/a?x=1&sb-ticket={ticket}"));
    }

    #[test]
    fn decisions_of_all_threads_add_up() {
        let tally = DecisionTally::new(Minute(8));
        let decision = |arm, reason| Decision { minute: Minute(8), arm, reason };
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| (0..1_000).for_each(|_| tally.count(&decision(Arm::Even, Reason::Schedule))));
            }
        });
        tally.count(&decision(Arm::Odd, Reason::Failover));
        let counts = tally.counts();
        assert_eq!((counts.of(Arm::Even, Reason::Schedule), counts.of(Arm::Odd, Reason::Failover)), (6_000, 1));
        assert_eq!(counts.of(Arm::Odd, Reason::Schedule), 0);
    }
}
