//! What the router prepares once a minute, so that a redirect is a lookup and a copy.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

use crate::config::BaseUrl;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::{Decision, Reason};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::ticket::{PARAMETER, TicketKey};

/// One minute at the router: whose turn it is, the rendered parts of its redirects, and the decisions taken in it so far.
#[derive(Debug)]
pub struct Turn {
    /// The minute.
    pub minute: Minute,
    /// The arm whose turn it is.
    pub scheduled: Arm,
    /// The minute as `Switchback-Minute` shows it.
    pub label: HeaderValue,
    tickets: ByArm<Option<String>>,
    decisions: ByArm<[AtomicU64; Reason::ALL.len()]>,
}

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

impl Turn {
    /// Renders `minute`.
    #[must_use]
    pub fn render(schedule: &Schedule, minute: Minute, key: Option<&TicketKey>) -> Self {
        let ticket = |arm| key.map(|key| format!("{PARAMETER}={}", key.issue(minute, arm)));
        Turn {
            minute,
            scheduled: schedule.arm_of(minute),
            label: HeaderValue::from_str(&schedule.label(minute)).unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            tickets: ByArm::build(ticket),
            decisions: ByArm::default(),
        }
    }

    /// Counts a decision taken in this minute.
    pub fn count(&self, decision: &Decision) {
        self.decisions[decision.arm][decision.reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Decisions so far.
    #[must_use]
    pub fn counts(&self) -> DecisionCounts {
        DecisionCounts(self.decisions.as_ref().map(|reasons| reasons.each_ref().map(|count| count.load(Ordering::Relaxed))))
    }

    /// `Location` of a redirect to `arm`: its base URL, then the request's path and query byte for byte, then the ticket.
    ///
    /// The target begins with `/` whatever the caller sent (`*` and the authority form have no path), and the base URL holds scheme
    /// and host, so nothing in a request can move the redirect to another host. None: the target has bytes no header may hold.
    #[must_use]
    pub fn location(&self, base: &BaseUrl, arm: Arm, path: &str, query: Option<&str>) -> Option<HeaderValue> {
        let path = if path.starts_with('/') { path } else { "/" };
        let ticket = self.tickets[arm].as_deref();
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

    fn location(target: &str) -> String {
        let turn = Turn::render(&Schedule::default(), Minute(0), None);
        let base: BaseUrl = "https://even.example".parse().unwrap();
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
        let turn = Turn::render(&Schedule::default(), Minute(8), Some(&key));
        let base: BaseUrl = "https://even.example".parse().unwrap();
        let ticket = key.issue(Minute(8), Arm::Even);
        let with = |query| turn.location(&base, Arm::Even, "/a", query).unwrap();
        assert_eq!(with(None), format!("https://even.example/a?sb-ticket={ticket}"));
        assert_eq!(with(Some("x=1")), format!("https://even.example/a?x=1&sb-ticket={ticket}"));
    }
}
