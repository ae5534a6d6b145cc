//! Microsoft Entra tokens of a managed identity, from the token service App Service and Functions run beside the process, or from the
//! instance metadata service of Container Instances and virtual machines.
//!
//! Owns the request, the cache and the renewal. Must not know what a token is for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::database::ManagedIdentity;
use crate::outgoing::send;
use crate::outgoing::tls::{TlsError, client_config};

/// The resource whose tokens Azure Database for PostgreSQL takes as passwords.
pub const POSTGRESQL_RESOURCE: &str = "https://ossrdbms-aad.database.windows.net";

const APP_SERVICE_API_VERSION: &str = "2019-08-01";
const INSTANCE_METADATA_API_VERSION: &str = "2018-02-01";
/// A token is renewed this long before it expires; PostgreSQL checks it only when a connection is made.
const RENEW_BEFORE_END: time::Duration = time::Duration::minutes(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_SHOWN: usize = 200;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No HTTP client could be made.
    #[error("no client for the token service")]
    Tls(#[from] TlsError),
    /// The token service did not answer, or not with what it promises.
    #[error("the token service did not answer")]
    Request(#[from] reqwest::Error),
    /// The token service refused.
    #[error("the token service refused with {status}: {answer}")]
    Refused {
        /// HTTP status of the refusal.
        status: u16,
        /// The beginning of its answer, which names the mistake and holds no token.
        answer: String,
    },
}

/// An access token; its text is a secret.
#[derive(Clone)]
struct Token {
    secret: String,
    ends_at: OffsetDateTime,
}

/// Tokens for one resource, fetched when first asked for and renewed before they expire, one fetch at a time.
pub struct TokenSource {
    identity: ManagedIdentity,
    resource: &'static str,
    client: Client,
    clock: Arc<dyn Clock>,
    cached: Mutex<Option<Token>>,
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenSource").field("identity", &self.identity).field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl TokenSource {
    /// A source of `identity`'s tokens for `resource`; nothing is fetched yet.
    ///
    /// # Errors
    /// [`IdentityError`] where no HTTP client can be made.
    pub fn new(identity: ManagedIdentity, resource: &'static str, clock: Arc<dyn Clock>) -> Result<TokenSource, IdentityError> {
        // The service is on this machine or on a link-local address: a proxy must never see the request.
        let client = Client::builder()
            .tls_backend_preconfigured(client_config(None)?)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(TokenSource { identity, resource, client, clock, cached: Mutex::new(None) })
    }

    /// A token that stays valid for some minutes.
    ///
    /// # Errors
    /// [`IdentityError`] where none could be fetched and the last one has expired.
    pub async fn token(&self) -> Result<String, IdentityError> {
        // Held while fetching: callers that arrive meanwhile wait for the one fetch and share it.
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some(token) = cached.as_ref().filter(|token| now + RENEW_BEFORE_END < token.ends_at) {
            return Ok(token.secret.clone());
        }
        match self.fetch().await {
            Ok(token) => Ok(cached.insert(token).secret.clone()),
            Err(error) => match cached.as_ref().filter(|token| now < token.ends_at) {
                Some(token) => {
                    tracing::warn!(error = %error, "token not renewed, the last one is still valid");
                    Ok(token.secret.clone())
                }
                None => Err(error),
            },
        }
    }

    async fn fetch(&self) -> Result<Token, IdentityError> {
        // Each service requires a header that no request forged through a browser or a redirect would carry.
        let (version, name, value) = match &self.identity.header {
            Some(secret) => (APP_SERVICE_API_VERSION, "X-IDENTITY-HEADER", secret.as_str()),
            None => (INSTANCE_METADATA_API_VERSION, "Metadata", "true"),
        };
        let parameters = form_urlencoded::Serializer::new(String::new())
            .append_pair("api-version", version)
            .append_pair("resource", self.resource)
            .append_pair("client_id", &self.identity.client_id)
            .finish();
        let separator = if self.identity.endpoint.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}{parameters}", self.identity.endpoint);
        let response = send(self.client.get(&url).header(name, value), &url).await?;
        let status = response.status();
        if !status.is_success() {
            let answer = response.text().await.unwrap_or_default().chars().take(MAX_ANSWER_SHOWN).collect();
            return Err(IdentityError::Refused { status: status.as_u16(), answer });
        }
        let answer: TokenAnswer = response.json().await?;
        Ok(Token { secret: answer.access_token, ends_at: answer.expires_on.moment() })
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_on: EpochSeconds,
}

/// Seconds since the epoch; the service writes them as text, its emulators as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum EpochSeconds {
    Text(String),
    Number(i64),
}

impl EpochSeconds {
    /// The moment; an unreadable one counts as long past, so that the token is used once and not kept.
    fn moment(&self) -> OffsetDateTime {
        let seconds = match self {
            EpochSeconds::Text(text) => text.parse().unwrap_or(0),
            EpochSeconds::Number(seconds) => *seconds,
        };
        OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

    use time::macros::datetime;
    use warp::Filter;

    use super::*;
    use crate::clock::ManualClock;

    const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

    /// A token service as the platform runs it; each token lasts an hour from `clock`, and is numbered.
    async fn service(clock: ManualClock, status: Arc<AtomicU16>) -> (String, Arc<AtomicUsize>) {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&fetches);
        let routes = warp::path!("msi" / "token")
            .and(warp::query::<std::collections::BTreeMap<String, String>>())
            .and(warp::header::optional::<String>("x-identity-header"))
            .then(move |query: std::collections::BTreeMap<String, String>, header: Option<String>| {
                let (counted, status, now) = (Arc::clone(&counted), status.load(Ordering::SeqCst), clock.now());
                async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let fetch = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    let right = query.get("api-version").is_some_and(|version| version == "2019-08-01")
                        && query.get("resource").is_some_and(|resource| resource == POSTGRESQL_RESOURCE)
                        && query.get("client_id").is_some_and(|client| client == "7d7e&x=1")
                        && header.as_deref() == Some("header-secret");
                    let status = if right { status } else { 400 };
                    let ends_at = (now + time::Duration::hours(1)).unix_timestamp().to_string();
                    let body = serde_json::json!({
                        "access_token": format!("token-{fetch}"), "expires_on": ends_at, "resource": POSTGRESQL_RESOURCE, "token_type": "Bearer"
                    });
                    http::Response::builder().status(status).body(body.to_string()).expect("a valid response")
                }
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        (format!("http://{address}/msi/token"), fetches)
    }

    fn source(endpoint: String, header: &str, clock: &ManualClock) -> TokenSource {
        let identity = ManagedIdentity { client_id: "7d7e&x=1".to_owned(), endpoint, header: Some(header.to_owned()) };
        TokenSource::new(identity, POSTGRESQL_RESOURCE, Arc::new(clock.clone())).unwrap()
    }

    #[tokio::test]
    async fn concurrent_callers_share_one_fetch_and_the_token_is_renewed_before_it_expires() {
        let clock = ManualClock::new(START);
        let (endpoint, fetches) = service(clock.clone(), Arc::new(AtomicU16::new(200))).await;
        let source = source(endpoint, "header-secret", &clock);
        let tokens = futures_util::future::join_all((0..20).map(|_| source.token())).await;
        assert!(tokens.into_iter().all(|token| token.unwrap() == "token-1"));
        clock.advance(Duration::from_secs(54 * 60));
        assert_eq!(source.token().await.unwrap(), "token-1");
        clock.advance(Duration::from_secs(60));
        assert_eq!(source.token().await.unwrap(), "token-2", "five minutes before the end");
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failed_renewal_uses_the_last_token_until_it_expires() {
        let clock = ManualClock::new(START);
        let status = Arc::new(AtomicU16::new(200));
        let (endpoint, _) = service(clock.clone(), Arc::clone(&status)).await;
        let source = source(endpoint, "header-secret", &clock);
        assert_eq!(source.token().await.unwrap(), "token-1");
        status.store(503, Ordering::SeqCst);
        clock.advance(Duration::from_secs(58 * 60));
        assert_eq!(source.token().await.unwrap(), "token-1");
        clock.advance(Duration::from_secs(2 * 60));
        assert!(matches!(source.token().await, Err(IdentityError::Refused { status: 503, .. })));
    }

    #[tokio::test]
    async fn a_refusal_gives_its_reason_and_no_secret_is_printed() {
        let clock = ManualClock::new(START);
        let (endpoint, _) = service(clock.clone(), Arc::new(AtomicU16::new(200))).await;
        let source = source(endpoint, "wrong-secret", &clock);
        let error = source.token().await.expect_err("the header is wrong");
        assert!(matches!(error, IdentityError::Refused { status: 400, .. }));
        assert!(!format!("{source:?} {error:?}").contains("wrong-secret"));
    }

    #[tokio::test]
    async fn the_instance_metadata_service_gets_its_own_form_of_request() {
        let routes = warp::path!("metadata" / "identity" / "oauth2" / "token")
            .and(warp::query::<std::collections::BTreeMap<String, String>>())
            .and(warp::header::exact("metadata", "true"))
            .map(|query: std::collections::BTreeMap<String, String>| {
                let token = format!("{} for {}", query["api-version"], query["client_id"]);
                warp::reply::json(&serde_json::json!({ "access_token": token, "expires_on": "1795431600" }))
            });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/metadata/identity/oauth2/token", listener.local_addr().unwrap());
        tokio::spawn(warp::serve(routes).incoming(listener).run());
        let identity = ManagedIdentity { client_id: "7d7e".to_owned(), endpoint, header: None };
        let source = TokenSource::new(identity, POSTGRESQL_RESOURCE, Arc::new(ManualClock::new(START))).unwrap();
        assert_eq!(source.token().await.unwrap(), "2018-02-01 for 7d7e");
    }
}
