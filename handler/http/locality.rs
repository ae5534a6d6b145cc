//! Where a request seems to come from, by what its headers say: this machine by its own name, or through a proxy. Must not know whom to trust.

use http::HeaderMap;
use http::header::HOST;

/// Whether anything says that the call came through a proxy, whose peers are not known here.
#[must_use]
pub fn was_proxied(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with("x-forwarded-") || matches!(name.as_str(), "forwarded" | "via" | "x-real-ip"))
}

/// Whether the Host header names this machine: a page that rebinds its own name to 127.0.0.1 sends that name.
#[must_use]
pub fn names_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a browser on this machine calls by this machine's name, with nothing between: there is no HTTPS then.
#[must_use]
pub fn is_on_this_machine(headers: &HeaderMap) -> bool {
    headers.contains_key(HOST) && names_loopback(headers) && !was_proxied(headers)
}
