//! Calls that leave this program: whom their connections trust, the client that makes them, and how they are recorded.
//!
//! Must not know what they are for.

mod dependency;
pub mod tls;

pub use dependency::send;

use std::time::Duration;

use tls::TlsError;

/// Like [`http_client`], but each request opens a new connection: a probe over one that is kept alive would not notice that no new one can
/// be opened.
///
/// # Errors
/// [`ClientError`] when the TLS configuration is refused.
pub fn probing_client() -> Result<reqwest::Client, ClientError> {
    Ok(builder()?.pool_max_idle_per_host(0).build()?)
}

/// A client that verifies TLS as [`tls::client_config`] says and follows no redirect by itself.
///
/// # Errors
/// [`ClientError`] when the TLS configuration is refused.
pub fn http_client() -> Result<reqwest::Client, ClientError> {
    Ok(builder()?.build()?)
}

fn builder() -> Result<reqwest::ClientBuilder, TlsError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(None)?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("switchback/", env!("CARGO_PKG_VERSION"))))
}

/// No client for outgoing calls could be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for outgoing calls could not be made: {0}")]
pub enum ClientError {
    /// TLS could not be set up.
    Tls(#[from] TlsError),
    /// The client could not be built.
    Http(#[from] reqwest::Error),
}
