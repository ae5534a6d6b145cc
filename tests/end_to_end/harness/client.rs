//! An ordinary HTTP client, as callers use one.

use std::sync::OnceLock;

use reqwest::blocking::Client;
use serde_json::Value;

use super::DEADLINE;

/// A client that follows redirects, as curl -L and browsers do.
pub fn caller() -> &'static Client {
    static CALLER: OnceLock<Client> = OnceLock::new();
    CALLER.get_or_init(|| {
        // Another client of this process may have put the provider in place already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // No connection is kept: the process at its other end may be killed between two calls.
        Client::builder().timeout(DEADLINE).pool_max_idle_per_host(0).no_proxy().build().expect("a client")
    })
}

/// The JSON that a GET returns, redirects followed; fails the test where the answer is no success.
pub fn get_json(url: &str) -> Value {
    let response = caller().get(url).send().unwrap_or_else(|error| panic!("GET {url}: {error}"));
    let status = response.status();
    let body = response.text().expect("a whole body");
    assert!(status.is_success(), "GET {url}: {status}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {url}: {error}: {body}"))
}
