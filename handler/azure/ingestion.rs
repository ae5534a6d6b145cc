//! The way to Application Insights' ingestion service: one bounded HTTP client, with proof of identity where the resource requires it.
//!
//! Must not know what is sent. The exporter names an https address whatever it was told; the configuration's own is used instead.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

use super::identity::TokenSource;
use crate::clock::Clock;
use crate::config::telemetry::Ingestion;
use crate::outgoing::http_client;

/// The resource whose tokens the ingestion service takes.
const MONITOR_RESOURCE: &str = "https://monitor.azure.com";
/// Time limit of one upload; after it the exporter retries for a while.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(12);
/// Most bytes of an answer that are read: it holds counts, and a line for each refused item.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The client the exporters share.
#[derive(Debug, Clone)]
pub struct Ingest(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    client: reqwest::Client,
    address: String,
    tokens: Option<TokenSource>,
}

impl Ingest {
    /// A client for `ingestion`; connects to nothing yet.
    ///
    /// # Errors
    /// When no client for outgoing calls can be made.
    pub fn new(ingestion: &Ingestion, clock: Arc<dyn Clock>) -> Result<Self, HttpError> {
        let tokens = match &ingestion.identity {
            Some(identity) => Some(TokenSource::new(identity.clone(), MONITOR_RESOURCE, clock)?),
            None => None,
        };
        let address = format!("{}/v2/track", ingestion.endpoint);
        Ok(Ingest(Arc::new(Parts { client: http_client()?, address, tokens })))
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let Parts { client, address, tokens } = &*self.0;
        let (head, body) = request.into_parts();
        let mut upload = client.post(address).headers(head.headers).body(body).timeout(UPLOAD_TIMEOUT);
        if let Some(tokens) = tokens {
            upload = upload.header(AUTHORIZATION, format!("Bearer {}", tokens.token().await?));
        }
        let mut answer = upload.send().await?;
        let mut text = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if text.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err("the ingestion service's answer is too long".into());
            }
            text.extend_from_slice(&chunk);
        }
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = answer.status();
        Ok(response)
    }
}

impl HttpClient for Ingest {
    // The trait is written with async_trait, whose signature this is.
    fn send_bytes<'own, 'call>(
        &'own self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'call>>
    where
        'own: 'call,
        Self: 'call,
    {
        Box::pin(self.send(request))
    }
}
