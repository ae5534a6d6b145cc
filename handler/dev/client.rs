//! A client as callers of a development system have one: it follows redirects and brings their key. Must not know what is called.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::config::process_setting;
use crate::contract::API_KEY;

/// A client whose calls take `timeout` at most.
///
/// # Errors
/// Where the key can't stand in a header, or TLS can't be set up.
pub fn client(timeout: Duration) -> Result<reqwest::Client, Box<dyn std::error::Error + Send + Sync>> {
    let mut headers = HeaderMap::new();
    if let Some(key) = process_setting("SWITCHBACK_CLIENT_KEY") {
        headers.insert(API_KEY, HeaderValue::from_str(&key)?);
    }
    Ok(reqwest::Client::builder().timeout(timeout).default_headers(headers).build()?)
}
