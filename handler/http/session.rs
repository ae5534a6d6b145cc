//! Sessions of browsers, which send no `x-api-key`: a cookie that a key was presented once, and when that ends.
//!
//! Nothing is kept on the server: the cookie carries the key's name and its own end under a MAC whose key follows from the API key's digest
//! and the system's ticket key. It ends by itself, and with the API key. Must not know what a session may do.

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue, InvalidHeaderValue};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};

use super::locality::is_on_this_machine;
use crate::config::keys::{ApiKey, ApiKeys};
use crate::domain::hex;
use crate::domain::ticket::TicketKey;

/// How long a session lasts.
pub const LASTS: Duration = Duration::hours(12);

/// The cookie's name where browsers must keep it to HTTPS and to this host (RFC 6265bis, section 4.1.3.2).
const NAME: &str = "__Host-switchback";
/// Its name on this machine, where there is no HTTPS.
const LOCAL_NAME: &str = "switchback";

/// Begins sessions and tells those it began from others.
#[derive(Clone, Default)]
pub struct Sessions {
    /// What the system's routers and arms share and its configuration of API keys does not tell; empty where there is no ticket key.
    secret: Vec<u8>,
}

/// A session of somebody who presented an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// What a form must bring along to change something.
    pub form_token: String,
}

impl BrowserSession {
    /// Whether a form brought the token of this session along; compared in constant time.
    #[must_use]
    pub fn proves(&self, token: &str) -> bool {
        self.form_token.as_bytes().ct_eq(token.as_bytes()).into()
    }
}

impl Sessions {
    /// Sessions of a system with this ticket key.
    #[must_use]
    pub fn new(ticket_key: Option<&TicketKey>) -> Self {
        Sessions { secret: ticket_key.map(|key| key.session_secret().to_vec()).unwrap_or_default() }
    }

    /// The cookie's value for whoever presented `key` at `now`.
    #[must_use]
    pub fn begin(&self, key: &ApiKey, now: OffsetDateTime) -> String {
        let said = format!("{}.{}", key.name(), (now + LASTS).unix_timestamp());
        let mac = self.mac(key, b"session", &said);
        format!("{said}.{mac}")
    }

    /// The session that the cookies of a request carry, and the key it was begun with; none where it is over, forged, or its key is gone.
    #[must_use]
    pub fn find<'keys>(&self, keys: &'keys ApiKeys, headers: &HeaderMap, now: OffsetDateTime) -> Option<(&'keys ApiKey, BrowserSession)> {
        let value = cookie(headers)?;
        let (said, mac) = value.rsplit_once('.')?;
        let (name, end) = said.rsplit_once('.')?;
        let key = keys.named(name)?;
        let genuine: bool = self.mac(key, b"session", said).as_bytes().ct_eq(mac.as_bytes()).into();
        let over = end.parse::<i64>().ok()? <= now.unix_timestamp();
        (genuine && !over).then(|| (key, BrowserSession { form_token: self.mac(key, b"form", value) }))
    }

    fn mac(&self, key: &ApiKey, purpose: &[u8], text: &str) -> String {
        hex::encode(&key.mac(&[b"switchback session v1\n", &self.secret, b"\n", purpose, b"\n", text.as_bytes()]))
    }
}

/// The cookie that holds `value`, for the answer to a request with `headers`. Browsers send it to this host alone, with links from other sites
/// but with nothing else of theirs, and show it to no script.
///
/// # Errors
/// Where `value` can't stand in a header; that of a session can.
pub fn set_cookie(headers: &HeaderMap, value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    attributed(headers, value, LASTS.whole_seconds())
}

/// What removes the cookie.
///
/// # Errors
/// None is known.
pub fn clear_cookie(headers: &HeaderMap) -> Result<HeaderValue, InvalidHeaderValue> {
    attributed(headers, "", 0)
}

fn attributed(headers: &HeaderMap, value: &str, seconds: i64) -> Result<HeaderValue, InvalidHeaderValue> {
    let (name, secure) = if is_on_this_machine(headers) { (LOCAL_NAME, "") } else { (NAME, "; Secure") };
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let name = if is_on_this_machine(headers) { LOCAL_NAME } else { NAME };
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use http::header::HOST;
    use time::macros::datetime;

    use super::*;
    use crate::config::keys::Scope;

    const NOW: OffsetDateTime = datetime!(2026-11-26 10:00 UTC);

    fn keys(secret: &str) -> ApiKeys {
        ApiKey::of_secret("ops.team", Scope::Read, secret).to_string().parse().unwrap()
    }

    fn request(host: &str, cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, host.parse().unwrap()), (COOKIE, cookie.parse().unwrap())])
    }

    fn found(sessions: &Sessions, keys: &ApiKeys, value: &str, now: OffsetDateTime) -> Option<String> {
        let headers = request("arm.example", &format!("theme=dark; __Host-switchback={value}"));
        sessions.find(keys, &headers, now).map(|(key, session)| {
            assert!(session.proves(&session.form_token) && !session.proves("") && !session.proves(&session.form_token[1..]));
            key.name().to_owned()
        })
    }

    #[test]
    fn a_session_ends_by_itself_and_with_its_key() {
        let sessions = Sessions::default();
        let value = sessions.begin(keys("old").named("ops.team").unwrap(), NOW);
        assert_eq!(found(&sessions, &keys("old"), &value, NOW), Some("ops.team".to_owned()));
        assert_eq!(found(&sessions, &keys("old"), &value, NOW + LASTS - Duration::SECOND), Some("ops.team".to_owned()));
        assert_eq!(found(&sessions, &keys("old"), &value, NOW + LASTS), None);
        assert_eq!(found(&sessions, &keys("new"), &value, NOW), None, "the key has changed under its name");
        let others: ApiKeys = ApiKey::of_secret("bi", Scope::Write, "old").to_string().parse().unwrap();
        assert_eq!(found(&sessions, &others, &value, NOW), None, "the key is gone");
    }

    #[test]
    fn a_session_that_was_not_begun_here_is_none() {
        let (sessions, keys) = (Sessions::default(), keys("old"));
        let value = sessions.begin(keys.named("ops.team").unwrap(), NOW);
        let later = value.replace(&(NOW + LASTS).unix_timestamp().to_string(), &(NOW + LASTS + LASTS).unix_timestamp().to_string());
        assert_ne!(later, value);
        let (said, mac) = value.rsplit_once('.').unwrap();
        let cut = format!("{said}.{}", &mac[..63]);
        for forged in [later.as_str(), &cut, "", ".", "ops.team.9999999999.", "ops.team", said] {
            assert_eq!(found(&sessions, &keys, forged, NOW), None, "{forged}");
        }
        let ticket_key = TicketKey::new(&"k".repeat(32)).unwrap();
        assert_eq!(found(&Sessions::new(Some(&ticket_key)), &keys, &value, NOW), None, "digests alone don't make a session");
    }

    #[test]
    fn the_cookie_is_kept_to_https_but_on_this_machine() {
        let set = |host: &str| set_cookie(&request(host, "a=b"), "value").unwrap().to_str().unwrap().to_owned();
        assert_eq!(set("arm.example"), "__Host-switchback=value; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(set("localhost:8081"), "switchback=value; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
        let mut proxied = request("127.0.0.1:8080", "a=b");
        proxied.insert("x-forwarded-proto", "https".parse().unwrap());
        assert!(set_cookie(&proxied, "value").unwrap().to_str().unwrap().ends_with("; Secure"), "the Functions host stands before us");
        let (sessions, keys) = (Sessions::default(), keys("old"));
        let value = sessions.begin(keys.named("ops.team").unwrap(), NOW);
        assert!(sessions.find(&keys, &request("arm.example", &format!("switchback={value}")), NOW).is_none(), "a neighbour set it");
    }
}
