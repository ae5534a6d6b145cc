//! One connection from its acceptance to its end: the lane first, then hyper with whatever the lane had read.
//!
//! Owns how long a head may take, and what happens when the process drains or room is wanted. Must not know what is served.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_immediate;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::body::{Body, Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::coop::consume_budget;
use tokio_util::sync::CancellationToken;

use super::connections::{Busy, ConnectionActivity, Connections, Place};
use super::edge::Edge;
use super::lane::{self, Head};
use super::redirector::Redirector;
use super::request::MAX_HEAD_BYTES;
use super::socket::Socket;
use crate::clock::Clock;
use crate::routing::turn::Turn;
use crate::telemetry::Throttle;

/// How long a connection may take over a request head, idle time between requests included: longer than the platforms' proxies keep idle
/// connections (a minute), so that none is closed under a request on its way.
const HEAD_TIME: Duration = Duration::from_secs(90);
/// Room for what one read brings to the lane, in bytes: a few requests.
const READ_BYTES: usize = 2 * 1024;
/// Answers, and bytes of them, that the lane writes together before others have their turn.
const MAX_ANSWERS: usize = 64;
const MAX_ANSWERS_BYTES: usize = 16 * 1024;

/// What all connections are served with.
pub struct Shared {
    /// Serves each call.
    pub edge: Edge,
    /// Answers plain redirects before hyper sees them; none where there are none.
    pub redirector: Option<Redirector>,
    /// Counts connections and bounds them.
    pub connections: Arc<Connections>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Begins the drain: idle connections close, the others once their calls are answered.
    pub stop: CancellationToken,
    /// Lines about refused heads.
    pub refused: Throttle,
}

/// What may end a connection, whatever its peer does.
enum Signal {
    /// The process drains.
    Drain,
    /// Others want the place.
    MakeRoom,
    /// The time for a head is up.
    HeadIsLate,
}

/// Looked at only when one of them woke the connection: most wake-ups are bytes.
type Signals = FuturesUnordered<Pin<Box<dyn Future<Output = Signal> + Send>>>;

/// Serves a connection, which holds `place` until it ends.
pub async fn serve(shared: Arc<Shared>, stream: TcpStream, peer: SocketAddr, place: Place) {
    let activity = place.activity();
    let mut signals = signals(&shared, place);
    let mut socket = Socket::new(stream, Arc::clone(&activity));
    let mut draining = false;
    if let Some(redirector) = &shared.redirector {
        let (socket, signals, draining) = (&mut socket, &mut signals, &mut draining);
        let lane = Lane { redirector, turn: None, peer, activity: &activity, socket, signals, draining };
        match lane.run().await {
            Ok(Some(unread)) => socket.rewind(unread),
            Ok(None) => return,
            Err(error) => return tracing::debug!(%peer, %error, "connection ended early"),
        }
    }
    hyper(&shared, socket, peer, activity, signals, draining).await;
}

fn signals(shared: &Shared, place: Place) -> Signals {
    let (stop, activity) = (shared.stop.clone(), place.activity());
    let signals = Signals::new();
    signals.push(Box::pin(async move {
        stop.cancelled_owned().await;
        Signal::Drain
    }));
    signals.push(Box::pin(async move {
        place.asked_to_close().await;
        Signal::MakeRoom
    }));
    signals.push(Box::pin(async move {
        head_is_late(&activity).await;
        Signal::HeadIsLate
    }));
    signals
}

/// Waits until a head has taken too long, counted from the last answer.
async fn head_is_late(activity: &ConnectionActivity) {
    loop {
        let left = HEAD_TIME.saturating_sub(activity.idle());
        if left.is_zero() {
            return;
        }
        // One timer a connection, not one a call: an answer in the meantime only makes the next head due later.
        tokio::time::sleep(left).await;
    }
}

/// A connection while all that arrives on it is plain.
struct Lane<'connection> {
    redirector: &'connection Redirector,
    /// The turn of the last call; none before the first.
    turn: Option<Arc<Turn>>,
    peer: SocketAddr,
    activity: &'connection ConnectionActivity,
    socket: &'connection mut Socket,
    signals: &'connection mut Signals,
    draining: &'connection mut bool,
}

/// What the lane does after what it answered.
enum After {
    /// Reads on: the input holds no whole head.
    Read,
    /// Answers more of the input, once others had their turn.
    Answer,
    /// Leaves the connection to hyper, from the rest of the input on.
    HandOver,
}

impl Lane<'_> {
    /// Answers plain redirects until something else arrives. Returns what is not answered of what was read, for hyper; none where the
    /// connection is over.
    async fn run(mut self) -> std::io::Result<Option<Bytes>> {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        let mut fresh = true;
        loop {
            let after = self.answer(&mut input, &mut output);
            if !output.is_empty() {
                fresh = false;
                if !self.write(&output).await? {
                    return Ok(None);
                }
                output.clear();
            }
            match after {
                After::Answer => tokio::task::yield_now().await,
                After::HandOver => return Ok(Some(input.into())),
                After::Read => {
                    input.reserve(READ_BYTES);
                    match self.read(&mut input).await? {
                        Some(0) if input.is_empty() => return Ok(None),
                        // The first head of a connection may still arrive while the process drains, as hyper has it.
                        None if *self.draining && fresh && !input.is_empty() => return Ok(Some(input.into())),
                        // The peer has gone, in the middle of a head.
                        Some(0) => return Ok(Some(input.into())),
                        Some(_) => {}
                        None => return Ok(None),
                    }
                }
            }
        }
    }

    /// Answers what is whole at the beginning of `input`, up to a bound, and removes it.
    fn answer(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) -> After {
        let (mut answered, mut answers) = (0, 0);
        let after = loop {
            if answered == input.len() {
                break After::Read;
            }
            if answers == MAX_ANSWERS || output.len() >= MAX_ANSWERS_BYTES {
                break After::Answer;
            }
            let request = match lane::read(&input[answered..]) {
                // Its answer must say that it is the last.
                Head::Plain(_) if *self.draining => break After::HandOver,
                Head::Plain(request) => request,
                Head::Partial => break After::Read,
                Head::Other => break After::HandOver,
            };
            let Some(uptime) = self.redirector.answer(&request, self.peer, &mut self.turn, output) else { break After::HandOver };
            self.activity.idle_from(uptime);
            answered += request.length;
            answers += 1;
        };
        input.drain(..answered);
        after
    }

    /// Reads more into `input`. Returns how many bytes, 0 where the peer sends no more; none where the connection is to end before.
    async fn read(&mut self, input: &mut Vec<u8>) -> std::io::Result<Option<usize>> {
        loop {
            if *self.draining {
                // What has arrived is still taken.
                return poll_immediate(self.socket.read_buf(input)).await.transpose();
            }
            // What has arrived is read first: signals are looked at whenever nothing has, and the runtime sees to it that this is soon.
            tokio::select! {
                biased;
                read = self.socket.read_buf(input) => return read.map(Some),
                Some(signal) = self.signals.next() => if !self.heed(signal) {
                    return Ok(None);
                },
            }
        }
    }

    /// Writes answers. Returns whether the connection goes on.
    async fn write(&mut self, output: &[u8]) -> std::io::Result<bool> {
        let at_once = self.socket.try_write(output)?;
        if at_once == output.len() {
            // A peer that always has more to ask is not served for ever: a write that waits would count too.
            consume_budget().await;
            return Ok(true);
        }
        let mut draining = false;
        {
            let mut written = pin!(self.socket.write_all(&output[at_once..]));
            loop {
                tokio::select! {
                    biased;
                    outcome = &mut written => {
                        outcome?;
                        break;
                    }
                    Some(signal) = self.signals.next() => match signal {
                        Signal::Drain => draining = true,
                        Signal::MakeRoom | Signal::HeadIsLate => return Ok(false),
                    },
                }
            }
        }
        *self.draining |= draining;
        Ok(true)
    }

    /// Returns whether the connection goes on after `signal`.
    fn heed(&mut self, signal: Signal) -> bool {
        match signal {
            Signal::Drain => *self.draining = true,
            Signal::MakeRoom => tracing::debug!(peer = %self.peer, "a connection made room"),
            Signal::HeadIsLate => tracing::debug!(peer = %self.peer, "a head was not finished in time"),
        }
        *self.draining
    }
}

/// Serves whatever arrives on `socket`.
async fn hyper(shared: &Shared, socket: Socket, peer: SocketAddr, activity: Arc<ConnectionActivity>, mut signals: Signals, draining: bool) {
    let edge = shared.edge.connection(peer);
    let service = service_fn(|request| {
        let (busy, answer) = (activity.busy(), edge.call(request));
        async move { answer.await.map(|answer| answer.map(|body| SentBody { body, _busy: busy })) }
    });
    // While the process drains, what was begun on the connection is its last call.
    let mut connection = pin!(http1_builder().keep_alive(!draining).serve_connection(TokioIo::new(socket), service));
    loop {
        tokio::select! {
            biased;
            ended = &mut connection => return ended.unwrap_or_else(|error| shared.note(&error, peer)),
            Some(signal) = signals.next() => match signal {
                Signal::Drain => connection.as_mut().graceful_shutdown(),
                // The socket is closed under a peer that is silent, late with a head, or does not read.
                Signal::MakeRoom => return tracing::debug!(%peer, "a connection made room"),
                Signal::HeadIsLate => return tracing::debug!(%peer, "a head was not finished in time"),
            },
        }
    }
}

/// How long a head may take is seen to by [`head_is_late`].
fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES).half_close(false);
    builder
}

impl Shared {
    /// Notes how a connection failed. What was no request never reached a route, so nobody else counts it.
    fn note(&self, error: &hyper::Error, peer: SocketAddr) {
        if !error.is_parse() && !error.is_parse_too_large() {
            tracing::debug!(%peer, %error, "connection ended early");
            return;
        }
        self.connections.refused_head();
        if let Some(left_out) = self.refused.admit(self.clock.uptime()) {
            tracing::warn!(%peer, %error, left_out, "a request's head was refused");
        }
    }
}

/// An answer's body, whose connection is busy until hyper has taken all of it.
struct SentBody<B> {
    body: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for SentBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
