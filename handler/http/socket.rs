//! A connection's socket: a peer that does not read is given up, and makes room before; what was read too far can be read again. Must not know
//! HTTP.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::connections::{ConnectionActivity, Unread};

/// How long a peer may leave what it is sent unread before the connection is closed.
const WRITE_TIME: Duration = Duration::from_secs(30);

/// Most bytes of a head and its body that are copied together: the system takes one piece for less than it takes two.
const GATHERED_BYTES: usize = 8 * 1024;

/// A socket that ends once its peer has stopped reading.
pub struct Socket {
    stream: TcpStream,
    /// Read before anything else is.
    rewound: Bytes,
    /// While something waits to be sent.
    stalled: Option<Stalled>,
    activity: Arc<ConnectionActivity>,
    write_time: Duration,
}

/// Something waits to be sent, and may for so long.
struct Stalled {
    patience: Pin<Box<Sleep>>,
    _unread: Unread,
}

impl Socket {
    /// The socket of a connection with the standard patience.
    #[must_use]
    pub fn new(stream: TcpStream, activity: Arc<ConnectionActivity>) -> Self {
        Socket { stream, rewound: Bytes::new(), stalled: None, activity, write_time: WRITE_TIME }
    }

    /// Gives `bytes` back, which were read from the socket last: they will be read once more.
    pub fn rewind(&mut self, bytes: Bytes) {
        self.rewound = bytes;
    }

    /// Writes as much of `bytes` as the system takes at once. Returns how much that is; what is left is for [`AsyncWrite`].
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            outcome => outcome,
        }
    }

    /// Passes a write's outcome on; one that cannot proceed for too long fails.
    fn bounded<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let Socket { stalled, activity, write_time, .. } = self;
        let stalled =
            stalled.get_or_insert_with(|| Stalled { patience: Box::pin(tokio::time::sleep(*write_time)), _unread: activity.unread() });
        ready!(stalled.patience.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")))
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.rewound.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.rewound.len().min(buffer.remaining());
        let taken = self.rewound.split_to(length);
        buffer.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, outcome)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if let [whole] = slices {
            return self.poll_write(context, whole);
        }
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length > GATHERED_BYTES {
            let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
            return self.bounded(context, outcome);
        }
        let mut gathered = Vec::with_capacity(length);
        slices.iter().for_each(|slice| gathered.extend_from_slice(slice));
        self.poll_write(context, &gathered)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(context, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::SystemClock;

    fn activity() -> Arc<ConnectionActivity> {
        Arc::new(ConnectionActivity::new(Arc::new(SystemClock::new())))
    }

    #[tokio::test]
    async fn a_peer_that_never_reads_is_given_up_and_one_that_reads_slowly_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = Socket { write_time: Duration::from_millis(100), ..Socket::new(stream, activity()) };
        let error = async { while socket.write_all(&[0; 65_536]).await.map_err(|error| error.kind()) == Ok(()) {} };
        tokio::time::timeout(Duration::from_secs(5), error).await.expect("it is given up");

        let reader = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = Socket { write_time: Duration::from_millis(300), ..Socket::new(stream, activity()) };
        let read = tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 20];
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                reader.readable().await.unwrap();
                match reader.try_read(&mut buffer) {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
            }
        });
        for _ in 0..300 {
            socket.write_all(&[0; 65_536]).await.expect("a slow reader is a reader");
        }
        drop(socket);
        read.await.unwrap();
        drop(peer);
    }

    #[tokio::test]
    async fn pieces_are_written_in_order_however_long_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut socket = Socket::new(listener.accept().await.unwrap().0, activity());
        for lengths in [vec![5], vec![10, 20], vec![0, 7], vec![1, GATHERED_BYTES - 1], vec![1, GATHERED_BYTES], vec![]] {
            let pieces: Vec<Vec<u8>> = (b'a'..).zip(&lengths).map(|(letter, length)| vec![letter; *length]).collect();
            let slices: Vec<io::IoSlice<'_>> = pieces.iter().map(|piece| io::IoSlice::new(piece)).collect();
            let written = socket.write_vectored(&slices).await.unwrap();
            assert_eq!(written, lengths.iter().sum::<usize>());
            let mut read = vec![0; written];
            peer.read_exact(&mut read).await.unwrap();
            assert!(read == pieces.concat(), "{lengths:?}");
        }
    }

    #[tokio::test]
    async fn what_was_given_back_is_read_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut socket = Socket::new(listener.accept().await.unwrap().0, activity());
        peer.write_all(b"GET / HT").await.unwrap();
        let mut read = [0; 5];
        socket.read_exact(&mut read).await.unwrap();
        socket.rewind(Bytes::copy_from_slice(&read));
        peer.write_all(b"TP/1.1").await.unwrap();
        drop(peer);
        let mut all = String::new();
        socket.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "GET / HTTP/1.1");
    }
}
