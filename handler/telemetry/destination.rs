//! Where telemetry goes: a resource's key, and the client that reaches its ingestion service. Must not know who made the client.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

/// The ingestion service as telemetry needs it.
pub struct Destination {
    /// Which resource items belong to.
    pub instrumentation_key: String,
    /// Makes the client. Called on the sending thread: a TLS configuration takes milliseconds that a starting process should not spend
    /// before its port is open.
    pub connect: Box<dyn FnOnce() -> Result<IngestionClient, HttpError> + Send>,
}

impl fmt::Debug for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Destination").finish_non_exhaustive()
    }
}

/// A client the exporters share.
#[derive(Debug, Clone)]
pub struct IngestionClient(Arc<dyn HttpClient>);

impl IngestionClient {
    /// Wraps the client that reaches the service.
    #[must_use]
    pub fn new(client: impl HttpClient + 'static) -> Self {
        IngestionClient(Arc::new(client))
    }
}

impl HttpClient for IngestionClient {
    // The trait is written with async_trait, whose signature this is.
    fn send_bytes<'own, 'call>(
        &'own self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'call>>
    where
        'own: 'call,
        Self: 'call,
    {
        self.0.send_bytes(request)
    }
}
