//! Who may call: holders of an API key, sent in the `x-api-key` header, and browsers that presented one once; where none is configured, this
//! machine or nobody.
//!
//! The Authorization header is not used: clients drop it when a redirect changes host. A session reads, and writes by a form of our own pages
//! alone, whose token no other site knows.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use super::call::Call;
use super::key_ring::KeyRing;
use super::locality::{names_loopback, was_proxied};
use super::problem::{Problem, ProblemKind};
use super::session::{BrowserSession, Sessions};
use crate::config::CorsOrigins;
use crate::config::keys::{ApiKey, ApiKeys, Scope};
use crate::contract::API_KEY;
use crate::page::Visitor;

/// Whom an arm trusts.
pub enum Trust {
    /// Callers with one of these keys, and browsers in a session of one.
    Keys(Arc<KeyRing>, Sessions),
    /// Callers on this machine, and pages of these origins.
    Loopback(CorsOrigins),
    /// Nobody: no key is configured.
    Nobody,
}

/// Proof that a call passed authentication.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The key's name; `loopback` where none is configured.
    pub name: String,
    /// Whether they may write.
    pub may_write: bool,
    /// The session of a browser; none where a key came with the call, or none is needed.
    pub session: Option<BrowserSession>,
}

impl Principal {
    /// A caller of what is open to everyone.
    #[must_use]
    pub fn anyone() -> Self {
        Principal { name: "anyone".to_owned(), may_write: false, session: None }
    }

    /// Who looks at a page.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor {
            signed_in_as: self.session.as_ref().map(|_| self.name.clone()),
            form_token: self.session.as_ref().map(|session| session.form_token.clone()).unwrap_or_default(),
            may_write: self.may_write,
        }
    }

    /// Checks that a form came from a page of ours, by the token it brought along. One that came with a key needs none, nor do callers on this
    /// machine, whose Origin was looked at.
    ///
    /// # Errors
    /// [`ProblemKind::Forbidden`].
    pub fn proves(&self, token: &str) -> Result<(), Problem> {
        if self.session.as_ref().is_none_or(|session| session.proves(token)) {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::Forbidden, "the form is not of this session: load its page again and send it once more"))
    }
}

impl Trust {
    /// Whom an arm with these keys trusts. `loopback` holds the origins whose pages may call where callers on this machine need no key; none:
    /// they need one too.
    #[must_use]
    pub fn of(keys: Arc<KeyRing>, sessions: Sessions, loopback: Option<CorsOrigins>) -> Self {
        match (keys.keys().is_empty(), loopback) {
            (false, _) => Trust::Keys(keys, sessions),
            (true, Some(origins)) => Trust::Loopback(origins),
            (true, None) => Trust::Nobody,
        }
    }

    /// Admits a call that needs `scope`.
    ///
    /// # Errors
    /// [`ProblemKind::Unauthorized`] without a known key, [`ProblemKind::Forbidden`] when its scope does not reach.
    pub fn admit(&self, call: &Call, headers: &HeaderMap, scope: Scope) -> Result<Principal, Problem> {
        self.admitted(call, headers, scope, scope == Scope::Read)
    }

    /// Admits a form of our own pages, which may write in a session; its token has yet to prove that it is ([`Principal::proves`]).
    ///
    /// # Errors
    /// As [`Trust::admit`] for [`Scope::Write`].
    pub fn admit_form(&self, call: &Call, headers: &HeaderMap) -> Result<Principal, Problem> {
        self.admitted(call, headers, Scope::Write, true)
    }

    /// Whether browsers can sign in here.
    #[must_use]
    pub const fn takes_sessions(&self) -> bool {
        matches!(self, Trust::Keys(..))
    }

    fn admitted(&self, call: &Call, headers: &HeaderMap, scope: Scope, by_session: bool) -> Result<Principal, Problem> {
        match self {
            Trust::Keys(ring, sessions) => {
                let keys = ring.keys();
                let session = || sessions.find(&keys, headers, call.arrived_at);
                match session().filter(|_| by_session && !headers.contains_key(API_KEY)) {
                    Some((key, session)) => reached(key, Some(session), scope),
                    None => admit_key(&keys, headers, scope),
                }
            }
            Trust::Loopback(origins) if is_local(call, headers, origins) => {
                Ok(Principal { name: "loopback".to_owned(), may_write: true, session: None })
            }
            Trust::Loopback(_) => {
                Err(Problem::new(ProblemKind::Unauthorized, "no API keys are configured, so only callers on this machine are served"))
            }
            Trust::Nobody => Err(Problem::new(ProblemKind::Unauthorized, "no API keys are configured, so nobody is served")),
        }
    }

    /// The cookie of a session for whoever presents the text of a key.
    ///
    /// # Errors
    /// [`ProblemKind::Unauthorized`] where the key is not known, or none is configured.
    pub fn begin_session(&self, call: &Call, secret: &str) -> Result<String, Problem> {
        let Trust::Keys(ring, sessions) = self else {
            return Err(Problem::new(ProblemKind::Unauthorized, "no API keys are configured, so there is nothing to sign in with"));
        };
        let keys = ring.keys();
        let key = keys.find(secret.trim()).ok_or_else(unknown_key)?;
        Ok(sessions.begin(key, call.arrived_at))
    }
}

fn unknown_key() -> Problem {
    Problem::new(ProblemKind::Unauthorized, "the API key is not known")
}

fn admit_key(keys: &ApiKeys, headers: &HeaderMap, scope: Scope) -> Result<Principal, Problem> {
    let Some(secret) = headers.get(API_KEY).and_then(|value| value.to_str().ok()) else {
        return Err(Problem::new(ProblemKind::Unauthorized, format!("send an API key in the {API_KEY} header")));
    };
    reached(keys.find(secret).ok_or_else(unknown_key)?, None, scope)
}

/// The holder of `key`, where its scope reaches.
fn reached(key: &ApiKey, session: Option<BrowserSession>, scope: Scope) -> Result<Principal, Problem> {
    if key.scope() < scope {
        let detail = format!("key '{}' has scope {}, this call needs {}", key.name(), key.scope().as_str(), scope.as_str());
        return Err(Problem::new(ProblemKind::Forbidden, detail));
    }
    Ok(Principal { name: key.name().to_owned(), may_write: key.scope() >= Scope::Write, session })
}

/// Whether a call comes from this machine, directly, by its name, and from nobody's page but our own: a browser runs pages of strangers,
/// and what they send comes from this machine too.
fn is_local(call: &Call, headers: &HeaderMap, origins: &CorsOrigins) -> bool {
    call.peer.ip().is_loopback() && !was_proxied(headers) && names_loopback(headers) && !is_foreign(headers, origins)
}

/// Whether a page of another origin sent the call (Fetch standard: `Origin`; Fetch Metadata: `Sec-Fetch-Site`).
fn is_foreign(headers: &HeaderMap, origins: &CorsOrigins) -> bool {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") {
        return true;
    }
    let mut sent = headers.get_all(ORIGIN).iter();
    sent.any(|origin| {
        let own = headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}"));
        let listed = match origins {
            CorsOrigins::Any => false,
            CorsOrigins::Only(list) => list.iter().any(|allowed| origin == allowed.as_str()),
        };
        !listed && own.is_none_or(|own| origin != own.as_str())
    })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
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

    fn ring(keys: ApiKeys) -> Arc<KeyRing> {
        Arc::new(KeyRing::new(keys))
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
        let trust = Trust::of(ring(setting.parse().unwrap()), Sessions::default(), None);
        assert_eq!(outcome(&trust, "127.0.0.1:1", &[], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&trust, "127.0.0.1:1", &[("x-api-key", "?")], Scope::Read), Err(ProblemKind::Unauthorized));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Read), Ok("bi".into()));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "r")], Scope::Write), Err(ProblemKind::Forbidden));
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("x-api-key", "w")], Scope::Write), Ok("ci".into()));
    }

    #[test]
    fn a_session_reads_and_writes_by_forms_alone() {
        let setting = format!("{},{}", ApiKey::of_secret("ci", Scope::Write, "w"), ApiKey::of_secret("bi", Scope::Read, "r"));
        let trust = Trust::of(ring(setting.parse().unwrap()), Sessions::default(), None);
        let caller = call("9.9.9.9:1");
        assert!(trust.begin_session(&caller, "?").is_err());
        let cookie = |secret: &str| format!("__Host-switchback={}", trust.begin_session(&caller, secret).unwrap());
        let (writer, reader) = (cookie("w"), cookie(" r\n"));
        let sent = |cookie: &str| headers(&[("host", "arm.example"), ("cookie", cookie)]);
        assert_eq!(outcome(&trust, "9.9.9.9:1", &[("host", "arm.example"), ("cookie", &reader)], Scope::Read), Ok("bi".into()));
        assert_eq!(trust.admit(&caller, &sent(&writer), Scope::Write).unwrap_err().kind, ProblemKind::Unauthorized, "read-only by itself");
        assert_eq!(trust.admit_form(&caller, &sent(&reader)).unwrap_err().kind, ProblemKind::Forbidden);
        let form = trust.admit_form(&caller, &sent(&writer)).unwrap();
        assert!(form.proves(&form.visitor().form_token).is_ok() && form.proves("").is_err() && form.proves("guessed").is_err());
        assert_eq!(form.visitor().signed_in_as.as_deref(), Some("ci"));
        let wrong_key = [("host", "arm.example"), ("cookie", writer.as_str()), ("x-api-key", "?")];
        assert!(outcome(&trust, "9.9.9.9:1", &wrong_key, Scope::Read).is_err(), "whoever sends a key is judged by it");
    }

    fn loopback() -> Trust {
        Trust::of(ring(ApiKeys::default()), Sessions::default(), Some(CorsOrigins::Only(vec!["http://localhost:8080".to_owned()])))
    }

    #[test]
    fn without_keys_only_this_machine_is_served_and_only_where_that_was_chosen() {
        let trust = loopback();
        assert!(outcome(&trust, "127.0.0.1:1", &[("host", "localhost:8081")], Scope::Write).is_ok());
        assert!(outcome(&trust, "[::1]:1", &[("host", "[::1]:8081")], Scope::Write).is_ok());
        assert!(outcome(&trust, "10.0.0.7:1", &[("host", "localhost")], Scope::Read).is_err());
        assert!(outcome(&trust, "127.0.0.1:1", &[("host", "rebound.example")], Scope::Read).is_err());
        let nobody = Trust::of(ring(ApiKeys::default()), Sessions::default(), None);
        assert!(outcome(&nobody, "127.0.0.1:1", &[("host", "localhost")], Scope::Read).is_err());
    }

    #[test]
    fn whatever_came_through_a_proxy_is_not_from_this_machine() {
        for header in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-anything", "via", "x-real-ip"]
        {
            let name = http::HeaderName::from_static(header);
            let mut sent = headers(&[("host", "localhost")]);
            sent.insert(name, "9.9.9.9".parse().unwrap());
            assert!(loopback().admit(&call("127.0.0.1:1"), &sent, Scope::Read).is_err(), "{header}");
        }
    }

    #[test]
    fn a_strangers_page_is_refused_and_our_own_pages_are_not() {
        let page = |pairs: &[(&'static str, &str)]| {
            let pairs = [&[("host", "localhost:8081")], pairs].concat();
            outcome(&loopback(), "127.0.0.1:1", &pairs, Scope::Write)
        };
        for origin in ["http://localhost:8081", "http://localhost:8080"] {
            assert!(page(&[("origin", origin)]).is_ok(), "{origin}");
        }
        for origin in
            ["https://evil.example", "null", "http://localhost:9999", "https://localhost:8081", "http://localhost:8081.evil.example"]
        {
            assert_eq!(page(&[("origin", origin)]), Err(ProblemKind::Unauthorized), "{origin}");
        }
        assert!(page(&[("sec-fetch-site", "cross-site")]).is_err(), "a link or an image on a strangers' page");
        assert!(page(&[("sec-fetch-site", "none")]).is_ok(), "typed into the address bar");
        assert!(page(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:8081")]).is_ok());
        let any = Trust::of(ring(ApiKeys::default()), Sessions::default(), Some(CorsOrigins::Any));
        let stranger = [("host", "localhost"), ("origin", "https://evil.example")];
        assert!(outcome(&any, "127.0.0.1:1", &stranger, Scope::Read).is_err(), "every origin may read what is open, and nothing more");
    }
}
