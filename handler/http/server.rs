//! Listening, accepting, draining. Must not know what is served.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::set_ipv6_v6only;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::task::TaskTracker;

use super::connection::{self, Shared};
use super::connections::Connections;
use crate::config::Listen;
use crate::telemetry::Throttle;

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

/// Serves connections until `stop`, then lets calls in flight go on for `drain` at most.
pub async fn serve(listener: TcpListener, shared: Shared, drain: Duration) {
    let shared = Arc::new(shared);
    let (open, not_accepted) = (TaskTracker::new(), Throttle::default());
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => break,
            accepted = accept(&listener, &shared.connections) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if let Some(left_out) = not_accepted.admit(shared.clock.uptime()) {
                    tracing::warn!(%error, left_out, "a connection could not be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Dropped: the peer sees the connection end.
        let Some(place) = shared.connections.enter(peer.ip()) else { continue };
        open.spawn(connection::serve(Arc::clone(&shared), stream, peer, place));
    }
    drop(listener);
    open.close();
    let left = open.len();
    if tokio::time::timeout(drain, open.wait()).await.is_err() {
        tracing::warn!(open = left, drain_ms = drain.as_millis(), "calls were cut off: they outlasted the drain");
    }
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
