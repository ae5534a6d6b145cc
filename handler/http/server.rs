//! Listening, accepting, draining. Must not know what is served.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::edge::Edge;

/// Longest request head, in bytes; larger ones get 431.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long a connection may take to send a request head, idle time before it included. Longer than the platforms' proxies keep idle
/// connections (a minute), so that no connection is closed while a request is on its way.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// Most connections at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 8192;
/// How long calls in flight may take to finish once draining has begun; App Service and `docker stop` allow more.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(4500);

/// Opens the port.
///
/// # Errors
/// What the system says, with the address: most often that the port is taken.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// The port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: std::io::Error,
}

/// Serves connections until `stop`, then lets calls in flight finish.
pub async fn serve(listener: TcpListener, edge: Edge, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        let connection = http1_builder().serve_connection(TokioIo::new(stream), edge.connection(peer));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, drain_ms = DRAIN_TIMEOUT.as_millis(), "calls were cut off: they did not finish within the drain time-out");
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES).half_close(false);
    builder
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and written whole: waiting to fill a segment only adds latency.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "could not set TCP_NODELAY");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            // Most often the process is out of descriptors: give connections time to end instead of spinning.
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
