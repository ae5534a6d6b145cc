//! Request bodies: read up to a limit, or discarded where an answer was sent before their end.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::problem::{Problem, ProblemKind};

/// Most bytes of an unread body that are read and discarded; the Functions host takes no larger body either.
const MAX_LINGER_BYTES: usize = 104_857_600;
/// Longest time spent discarding a body.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);

/// A request body whose unread rest is read and discarded, within bounds, when it is dropped.
///
/// Many clients send their whole body before they read the answer; closing the connection under them would lose a 307 or a problem
/// document that was sent early. A client that waits for `100 Continue` sends nothing before it is told to, so its body is left alone.
pub struct LingeringBody {
    incoming: Option<Incoming>,
    expects_continue: bool,
}

impl LingeringBody {
    /// Wraps the body of a request that did, or did not, carry `Expect: 100-continue`.
    #[must_use]
    pub fn new(incoming: Incoming, expects_continue: bool) -> Self {
        LingeringBody { incoming: Some(incoming), expects_continue }
    }
}

impl Body for LingeringBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // Whoever reads has asked for the body, so hyper has sent `100 Continue`.
        self.expects_continue = false;
        match &mut self.incoming {
            Some(incoming) => Pin::new(incoming).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for LingeringBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        if self.expects_continue || incoming.is_end_stream() {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER_TIMEOUT, discard(incoming)));
        }
    }
}

async fn discard(mut incoming: Incoming) {
    let mut left = MAX_LINGER_BYTES;
    while let Some(Ok(frame)) = incoming.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        if length > left {
            return;
        }
        left -= length;
    }
}

/// Reads a body of at most `limit` bytes into memory.
///
/// # Errors
/// [`ProblemKind::TooLarge`] past the limit, [`ProblemKind::BadRequest`] when the body breaks off.
pub async fn collect<B: Buf, E: std::fmt::Display>(body: impl Stream<Item = Result<B, E>>, limit: usize) -> Result<Bytes, Problem> {
    let mut body = std::pin::pin!(body);
    let mut collected = BytesMut::new();
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|error| Problem::new(ProblemKind::BadRequest, format!("the body broke off: {error}")))?;
        if collected.len() + chunk.remaining() > limit {
            return Err(Problem::new(ProblemKind::TooLarge, format!("the body is larger than {limit} bytes")));
        }
        while chunk.has_remaining() {
            let part = chunk.chunk();
            collected.extend_from_slice(part);
            let length = part.len();
            chunk.advance(length);
        }
    }
    Ok(collected.freeze())
}
