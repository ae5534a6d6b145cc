//! Listening, accepting, draining. Must not know what is served.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_ipv6_v6only;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use super::connections::{ConnectionActivity, Connections, Place};
use super::edge::{Edge, EdgeConnection};
use super::request::MAX_HEAD_BYTES;
use super::socket::Socket;
use crate::clock::Clock;
use crate::config::Listen;
use crate::telemetry::Throttle;

/// How long a connection may take over a request head, idle time between requests included: longer than the platforms' proxies keep idle
/// connections (a minute), so that none is closed under a request on its way.
const HEAD_TIME: Duration = Duration::from_secs(90);
/// Connections the system holds until they are accepted.
const BACKLOG: u32 = 1_024;
/// Wait after a connection that could not be accepted: descriptors are short, most often, and spinning frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens the port.
///
/// # Errors
/// What the system says, with the address: most often that the port is taken.
pub async fn bind(listen: Listen) -> Result<TcpListener, BindError> {
    let bound = match listen.address {
        Some(address) => TcpListener::bind(SocketAddr::new(address, listen.port)).await,
        None => bind_all(listen.port).await,
    };
    bound.map_err(|source| BindError { listen, source })
}

/// Listens on every address: one socket takes IPv6 and IPv4 where the system has both.
async fn bind_all(port: u16) -> std::io::Result<TcpListener> {
    let both = || {
        let socket = TcpSocket::new_v6()?;
        socket.set_reuseaddr(true)?;
        set_ipv6_v6only(&socket, false)?;
        socket.bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port))?;
        socket.listen(BACKLOG)
    };
    match both() {
        Err(error) if error.kind() != std::io::ErrorKind::AddrInUse => {
            tracing::debug!(%error, "this system has no IPv6");
            TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).await
        }
        outcome => outcome,
    }
}

/// The port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {listen}: {source}")]
pub struct BindError {
    listen: Listen,
    source: std::io::Error,
}

/// What serving needs beside a port.
pub struct Server {
    /// Serves each call.
    pub edge: Edge,
    /// Counts connections and bounds them.
    pub connections: Arc<Connections>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// How long calls in flight may go on once draining began.
    pub drain: Duration,
}

/// Serves connections until `stop`, then lets calls in flight finish.
pub async fn serve(listener: TcpListener, server: Server, stop: CancellationToken) {
    let Server { edge, connections, clock, drain } = server;
    let graceful = GracefulShutdown::new();
    let (not_accepted, refused) = (Throttle::default(), Arc::new(Throttle::default()));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &connections) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(left_out) = not_accepted.admit(clock.uptime()) {
                    tracing::warn!(%error, left_out, "a connection could not be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Dropped: the peer sees the connection end.
        let Some(place) = connections.enter(peer.ip()) else { continue };
        let service = Watched { inner: edge.connection(peer), connections: Arc::clone(&connections), activity: place.activity() };
        let connection = http1_builder().serve_connection(TokioIo::new(Socket::new(stream)), service);
        let connection = graceful.watch(connection);
        let (connections, refused, clock) = (Arc::clone(&connections), Arc::clone(&refused), Arc::clone(&clock));
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    note(&error, peer, &connections, &refused, &*clock);
                },
                // Nothing is being answered: the socket is closed under a peer that is silent, or late with a head.
                () = place.asked_to_close() => tracing::debug!(%peer, "an idle connection made room"),
            }
        });
    }
    drop(listener);
    let open = graceful.count();
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(open, drain_ms = drain.as_millis(), "calls were cut off: they outlasted the drain");
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(MAX_HEAD_BYTES).half_close(false);
    builder
}

async fn accept(listener: &TcpListener, connections: &Connections) -> std::io::Result<(TcpStream, SocketAddr)> {
    connections.vacancy().await;
    let (stream, peer) = listener.accept().await?;
    // On a socket for both, IPv4 addresses come dressed as IPv6.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    // Answers are small and written whole: waiting to fill a segment only adds latency.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "TCP_NODELAY was not set");
    }
    Ok((stream, peer))
}

/// Notes how a connection failed. What was no request never reached a route, so nobody else counts it.
fn note(error: &hyper::Error, peer: SocketAddr, connections: &Connections, refused: &Throttle, clock: &dyn Clock) {
    if !error.is_parse() && !error.is_parse_too_large() {
        tracing::debug!(%peer, %error, "connection ended early");
        return;
    }
    connections.refused_head();
    if let Some(left_out) = refused.admit(clock.uptime()) {
        tracing::warn!(%peer, %error, left_out, "a request's head was refused");
    }
}

/// The edge, with the connection marked busy while a call is served.
struct Watched {
    inner: EdgeConnection,
    connections: Arc<Connections>,
    activity: Arc<ConnectionActivity>,
}

impl Service<Request<Incoming>> for Watched {
    type Response = warp::reply::Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let serving = Place::serving(&self.connections, &self.activity);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(serving);
            answer
        })
    }
}
