//! Who may call: API keys in the `x-api-key` header; without any configured, only this machine.
//!
//! The Authorization header is not used: clients drop it when a redirect changes host.

use http::HeaderMap;
use http::header::HOST;

use super::call::Call;
use super::problem::{Problem, ProblemKind};
use crate::config::keys::{ApiKeys, Scope};
use crate::contract::API_KEY;

/// The rule for callers.
pub struct Auth {
    keys: ApiKeys,
    under_functions_host: bool,
}

/// Proof that a call passed authentication.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The key's name; `loopback` where none is configured.
    pub name: String,
}

impl Auth {
    /// The rule for `keys`. Under the Functions host every peer is loopback, so without keys nobody is let in there.
    #[must_use]
    pub fn new(keys: ApiKeys, under_functions_host: bool) -> Self {
        Auth { keys, under_functions_host }
    }

    /// Admits a call that needs `scope`.
    ///
    /// # Errors
    /// [`ProblemKind::Unauthorized`] without a known key, [`ProblemKind::Forbidden`] when its scope does not reach.
    pub fn admit(&self, call: &Call, headers: &HeaderMap, scope: Scope) -> Result<Principal, Problem> {
        if self.keys.is_empty() {
            return self.admit_loopback(call, headers);
        }
        let Some(secret) = headers.get(API_KEY).and_then(|value| value.to_str().ok()) else {
            return Err(Problem::new(ProblemKind::Unauthorized, format!("send an API key in the {API_KEY} header")));
        };
        let Some(key) = self.keys.find(secret) else {
            return Err(Problem::new(ProblemKind::Unauthorized, "the API key is not known"));
        };
        if key.scope() < scope {
            let detail = format!("key '{}' has scope {}, this call needs {}", key.name(), key.scope().as_str(), scope.as_str());
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        Ok(Principal { name: key.name().to_owned() })
    }

    fn admit_loopback(&self, call: &Call, headers: &HeaderMap) -> Result<Principal, Problem> {
        let direct = !headers.contains_key("x-forwarded-for") && !headers.contains_key("forwarded");
        if !self.under_functions_host && call.peer.ip().is_loopback() && direct && names_loopback(headers) {
            return Ok(Principal { name: "loopback".to_owned() });
        }
        Err(Problem::new(ProblemKind::Unauthorized, "no API keys are configured, so only callers on this machine are served"))
    }
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

    fn outcome(auth: &Auth, peer: &str, pairs: &[(&'static str, &str)], scope: Scope) -> Result<String, ProblemKind> {
        auth.admit(&call(peer), &headers(pairs), scope).map(|caller| caller.name).map_err(|problem| problem.kind)
    }

    #[test]
    fn keys_decide_by_scope() {
        let setting = format!("{},{}", ApiKey::of_secret("ci", Scope::Write, "w"), ApiKey::of_secret("bi", Scope::Read, "r"));
        let auth = Auth::new(setting.parse().unwrap(), false);
        assert_eq!(outcome(&auth, "127.0.0.1:1", &[], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&auth, "127.0.0.1:1", &[("x-api-key", "?")], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&auth, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Read), Ok("bi".into()));
        assert_eq!(outcome(&auth, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Write), Err(ProblemKind::Forbidden));
        assert_eq!(outcome(&auth, "9.9.9.9:1", &[("x-api-key", "w")], Scope::Write), Ok("ci".into()));
    }

    #[test]
    fn without_keys_only_this_machine_is_served() {
        let auth = Auth::new(ApiKeys::default(), false);
        assert!(outcome(&auth, "127.0.0.1:1", &[("host", "localhost:8081")], Scope::Write).is_ok());
        assert!(outcome(&auth, "[::1]:1", &[("host", "[::1]:8081")], Scope::Write).is_ok());
        assert!(outcome(&auth, "10.0.0.7:1", &[("host", "localhost")], Scope::Read).is_err());
        assert!(outcome(&auth, "127.0.0.1:1", &[("host", "rebound.example")], Scope::Read).is_err());
        assert!(outcome(&auth, "127.0.0.1:1", &[("host", "localhost"), ("x-forwarded-for", "9.9.9.9")], Scope::Read).is_err());
        let hosted = Auth::new(ApiKeys::default(), true);
        assert!(outcome(&hosted, "127.0.0.1:1", &[("host", "localhost")], Scope::Read).is_err());
    }
}
