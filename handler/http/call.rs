//! What is known of one call: who makes it, its request id, and the minute it was routed in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use time::OffsetDateTime;

use crate::domain::arm::Arm;
use crate::domain::schedule::Minute;
use crate::domain::ticket::{PARAMETER, TicketKey};

/// Greatest age of a ticket that proves the minute of a call: a redirect is followed at once or not at all.
const MAX_TICKET_AGE_MINUTES: i64 = 2;

/// Bytes kept of a path, a method or an id in logs, telemetry and problem documents: callers choose how long they are.
pub const MAX_KEPT_BYTES: usize = 256;

/// A text of the caller's choice as far as it is kept.
#[must_use]
pub fn kept(text: &str) -> &str {
    let cut = &text[..text.floor_char_boundary(MAX_KEPT_BYTES)];
    // An octet in percent encoding stays whole, so that what is kept of a path is a path.
    match cut.rfind('%') {
        Some(percent) if cut.len() < text.len() && cut.len() - percent < 3 => &cut[..percent],
        _ => cut,
    }
}

/// Facts about a call, known before any route is tried.
#[derive(Debug, Clone)]
pub struct Call {
    /// Id in logs, problems and the `x-request-id` header: the caller's own where it is usable.
    pub request_id: Arc<str>,
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// When the call arrived.
    pub arrived_at: OffsetDateTime,
    /// The clock's uptime at arrival, to measure from.
    pub arrived_uptime: Duration,
    /// The window the call belongs to: its ticket's where one proves it, else the one it arrived in.
    pub minute: Minute,
    /// Whether a ticket proved the routing.
    pub ticketed: bool,
    /// Whether the call is a probe of ours rather than a caller's.
    pub probe: bool,
}

/// Takes the tickets out of a target's query. Returns the target without them and the last ticket, which is the router's own.
///
/// Everything else in the query stays byte for byte.
#[must_use]
pub fn take_ticket(target: &PathAndQuery) -> Option<(PathAndQuery, String)> {
    let query = target.query().filter(|query| query.contains(PARAMETER))?;
    let value = |pair: &str| pair.strip_prefix(PARAMETER).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned);
    let ticket = query.split('&').filter_map(value).next_back()?;
    let rest: Vec<&str> = query.split('&').filter(|pair| value(pair).is_none()).collect();
    let rest = if rest.is_empty() { target.path().to_owned() } else { format!("{}?{}", target.path(), rest.join("&")) };
    Some((rest.parse().ok()?, ticket))
}

/// The minute a ticket proves for calls to `arm` that arrive in minute `arrived`.
#[must_use]
pub fn ticketed_minute(ticket: &str, key: &TicketKey, arm: Arm, arrived: Minute) -> Option<Minute> {
    let ticket = key.verify(ticket).ok()?;
    let age = arrived.0.checked_sub(ticket.minute.0)?;
    (ticket.arm == arm && (-1..=MAX_TICKET_AGE_MINUTES).contains(&age)).then_some(ticket.minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(uri: &str) -> Option<(String, String)> {
        take_ticket(&uri.parse().unwrap()).map(|(uri, ticket)| (uri.to_string(), ticket))
    }

    #[test]
    fn tickets_are_removed_and_the_rest_stays_byte_for_byte() {
        assert_eq!(taken("/a?x=%2F&&y&sb-ticket=1.even.00"), Some(("/a?x=%2F&&y".into(), "1.even.00".into())));
        assert_eq!(taken("/a?sb-ticket=1.even.00"), Some(("/a".into(), "1.even.00".into())));
        assert_eq!(taken("/a?x=sb-ticket"), None);
        assert_eq!(taken("/a?sb-tickets=1"), None);
    }

    #[test]
    fn a_callers_own_ticket_does_not_displace_the_routers() {
        assert_eq!(taken("/a?sb-ticket=forged&b=1&sb-ticket=1.even.00"), Some(("/a?b=1".into(), "1.even.00".into())));
    }

    #[test]
    fn a_ticket_proves_a_minute_only_to_its_arm_and_only_for_a_while() {
        let key = TicketKey::new("0123456789abcdef0123456789abcdef").unwrap();
        let ticket = key.issue(Minute(100), Arm::Even);
        assert_eq!(ticketed_minute(&ticket, &key, Arm::Even, Minute(101)), Some(Minute(100)));
        assert_eq!(ticketed_minute(&ticket, &key, Arm::Odd, Minute(101)), None);
        assert_eq!(ticketed_minute(&ticket, &key, Arm::Even, Minute(103)), None);
        assert_eq!(ticketed_minute("1.even.zz", &key, Arm::Even, Minute(1)), None);
    }

    #[test]
    fn what_is_kept_of_a_path_is_a_path() {
        for length in 250..260 {
            let path = format!("/{}%C3%A9%F0%9F%98%80", "x".repeat(length - 1));
            let kept = kept(&path);
            assert!(kept.len() <= MAX_KEPT_BYTES && path.starts_with(kept));
            let whole = kept.match_indices('%').all(|(at, _)| kept.len() >= at + 3);
            assert!(whole, "{kept}");
        }
        assert_eq!(kept("/100%25"), "/100%25");
    }
}
