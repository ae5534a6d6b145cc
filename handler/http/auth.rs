//! Who may call: holders of an API key, sent in the `x-api-key` header; where none is configured, this machine or nobody.
//!
//! The Authorization header is not used: clients drop it when a redirect changes host.

use http::HeaderMap;
use http::header::HOST;

use super::call::Call;
use super::problem::{Problem, ProblemKind};
use crate::config::keys::{ApiKeys, Scope};
use crate::contract::API_KEY;

/// Whom an arm trusts.
pub enum Trust {
    /// Callers with one of these keys.
    Keys(ApiKeys),
    /// Callers on this machine.
    Loopback,
    /// Nobody: no key is configured, and behind the Functions host every caller seems to be on this machine.
    Nobody,
}

/// Proof that a call passed authentication.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The key's name; `loopback` where none is configured.
    pub name: String,
}

impl Principal {
    /// A caller of what is open to everyone.
    #[must_use]
    pub fn anyone() -> Self {
        Principal { name: "anyone".to_owned() }
    }
}

impl Trust {
    /// Whom an arm with these keys trusts, behind the Functions host or not.
    #[must_use]
    pub fn of(keys: ApiKeys, under_functions_host: bool) -> Self {
        match (keys.is_empty(), under_functions_host) {
            (false, _) => Trust::Keys(keys),
            (true, false) => Trust::Loopback,
            (true, true) => Trust::Nobody,
        }
    }

    /// Admits a call that needs `scope`.
    ///
    /// # Errors
    /// [`ProblemKind::Unauthorized`] without a known key, [`ProblemKind::Forbidden`] when its scope does not reach.
    pub fn admit(&self, call: &Call, headers: &HeaderMap, scope: Scope) -> Result<Principal, Problem> {
        match self {
            Trust::Keys(keys) => admit_key(keys, headers, scope),
            Trust::Loopback if is_local(call, headers) => Ok(Principal { name: "loopback".to_owned() }),
            Trust::Loopback | Trust::Nobody => {
                Err(Problem::new(ProblemKind::Unauthorized, "no API keys are configured, so only callers on this machine are served"))
            }
        }
    }
}

fn admit_key(keys: &ApiKeys, headers: &HeaderMap, scope: Scope) -> Result<Principal, Problem> {
    let Some(secret) = headers.get(API_KEY).and_then(|value| value.to_str().ok()) else {
        return Err(Problem::new(ProblemKind::Unauthorized, format!("send an API key in the {API_KEY} header")));
    };
    let Some(key) = keys.find(secret) else {
        return Err(Problem::new(ProblemKind::Unauthorized, "the API key is not known"));
    };
    if key.scope() < scope {
        let detail = format!("key '{}' has scope {}, this call needs {}", key.name(), key.scope().as_str(), scope.as_str());
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    Ok(Principal { name: key.name().to_owned() })
}

/// Whether a call comes from this machine, directly and by its name.
fn is_local(call: &Call, headers: &HeaderMap) -> bool {
    let direct = !headers.contains_key("x-forwarded-for") && !headers.contains_key("forwarded");
    call.peer.ip().is_loopback() && direct && names_loopback(headers)
}

/// Whether the Host header names this machine: a page that rebinds its own name to 127.0.0.1 sends that name.
fn names_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::config::keys::ApiKey;
    use crate::domain::schedule::Minute;

    fn call(peer: &str) -> Call {
        Call {
            request_id: "r".into(),
            peer: peer.parse().unwrap(),
            arrived_at: datetime!(2026-11-23 10:00 UTC),
            arrived_uptime: std::time::Duration::ZERO,
            minute: Minute(0),
            ticketed: false,
            probe: false,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn outcome(trust: &Trust, peer: &str, pairs: &[(&'static str, &str)], scope: Scope) -> Result<String, ProblemKind> {
        trust.admit(&call(peer), &headers(pairs), scope).map(|caller| caller.name).map_err(|problem| problem.kind)
    }

    #[test]
    fn keys_decide_by_scope() {
        let setting = format!("{},{}", ApiKey::of_secret("ci", Scope::Write, "w"), ApiKey::of_secret("bi", Scope::Read, "r"));
        let trust = Trust::of(setting.parse().unwrap(), false);
        assert_eq!(outcome(&trust, "127.0.0.1:1", &[], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&trust, "127.0.0.1:1", &[("x-api-key", "?")], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Read), Ok("bi".into()));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Write), Err(ProblemKind::Forbidden));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "w")], Scope::Write), Ok("ci".into()));
    }

    #[test]
    fn without_keys_only_this_machine_is_served() {
        let trust = Trust::of(ApiKeys::default(), false);
        assert!(outcome(&trust, "127.0.0.1:1", &[("host", "localhost:8081")], Scope::Write).is_ok());
        assert!(outcome(&trust, "[::1]:1", &[("host", "[::1]:8081")], Scope::Write).is_ok());
        assert!(outcome(&trust, "10.0.0.7:1", &[("host", "localhost")], Scope::Read).is_err());
        assert!(outcome(&trust, "127.0.0.1:1", &[("host", "rebound.example")], Scope::Read).is_err());
        assert!(outcome(&trust, "127.0.0.1:1", &[("host", "localhost"), ("x-forwarded-for", "9.9.9.9")], Scope::Read).is_err());
        let hosted = Trust::of(ApiKeys::default(), true);
        assert!(outcome(&hosted, "127.0.0.1:1", &[("host", "localhost")], Scope::Read).is_err());
    }
}
