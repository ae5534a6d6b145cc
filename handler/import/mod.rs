//! A file's way from its bytes to stored charges: read on a thread of its own, stored in one transaction, in constant memory.
//!
//! Shared by the API and the `import` command. Must not know HTTP or SQL, only the reader and the store it ties together.

pub mod focus;

use std::io::{self, Read};
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinError;

pub use focus::{Progress, ReadLimits};

use crate::domain::import::{Imported, Part, PlacedCharge};
use crate::store::{Store, StoreError};
use focus::{Batches, FocusError, Stopped};

/// Batches on their way from the reader to the store.
const BATCHES_AHEAD: usize = 2;
/// Chunks on their way from the network to the reader.
const CHUNKS_AHEAD: usize = 8;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is at fault.
    #[error(transparent)]
    File(#[from] FocusError),
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The reading thread ended without an answer.
    #[error("the reading of the file broke off")]
    Reader(#[from] JoinError),
}

/// Imports what `origin` holds, telling `progress` after every batch. Where the future is dropped, nothing is stored.
///
/// # Errors
/// [`ImportError`]; then nothing is stored.
pub async fn import(
    store: &Store,
    origin: impl Read + Send + 'static,
    limits: ReadLimits,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Imported, ImportError> {
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let reader = tokio::task::spawn_blocking(move || {
        let mut outlet = Outlet { sender, progress };
        let summary = focus::read(origin, limits, &mut outlet)?;
        outlet.sender.blocking_send(Part::End(Box::new(summary))).map_err(|_| FocusError::Stopped)
    });
    match store.import(receiver).await {
        // The parts ended early, so the reader has ended too and knows why.
        Err(StoreError::Abandoned) => Err(reader.await?.err().map_or(StoreError::Abandoned.into(), ImportError::File)),
        // Where the store failed, the reader finds nobody to hand its next batch to; a stalled upload must not hold up the answer.
        stored => Ok(stored?),
    }
}

/// Imports what arrives as chunks. The chunks are not read to their end where the file is refused before.
///
/// # Errors
/// [`ImportError`]; then nothing is stored.
pub async fn import_chunks<B: Buf, E: std::error::Error + Send + Sync + 'static>(
    store: &Store,
    chunks: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    limits: ReadLimits,
) -> Result<Imported, ImportError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let mut import = pin!(import(store, Inlet { receiver, current: Bytes::new(), ended: false }, limits, |_| ()));
    let forward = async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk
                .map(|mut chunk| Chunk::Bytes(chunk.copy_to_bytes(chunk.remaining())))
                .unwrap_or_else(|error| Chunk::Failed(Box::new(error)));
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
        // Where nobody listens any more, the import has its answer already.
        let _ = sender.send(Chunk::End).await;
    };
    tokio::select! {
        imported = &mut import => return imported,
        () = forward => {}
    }
    import.await
}

/// Hands batches from the reading thread to the store.
struct Outlet<P> {
    sender: mpsc::Sender<Part>,
    progress: P,
}

impl<P: FnMut(Progress)> Batches for Outlet<P> {
    fn take(&mut self, charges: Vec<PlacedCharge>) -> Result<(), Stopped> {
        self.sender.blocking_send(Part::Charges(charges)).map_err(|_| Stopped)
    }

    fn progress(&mut self, progress: Progress) {
        (self.progress)(progress);
    }
}

/// What arrives, with its end said: a sender that is merely gone was cut off.
enum Chunk {
    Bytes(Bytes),
    Failed(Box<dyn std::error::Error + Send + Sync>),
    End,
}

/// Chunks as something a blocking thread can read.
struct Inlet {
    receiver: mpsc::Receiver<Chunk>,
    current: Bytes,
    ended: bool,
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            match self.receiver.blocking_recv() {
                Some(Chunk::Bytes(bytes)) => self.current = bytes,
                Some(Chunk::End) => self.ended = true,
                Some(Chunk::Failed(error)) => return Err(io::Error::other(error)),
                None => return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the upload was cut off")),
            }
        }
        let read = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use super::*;
    use crate::domain::import::Import;
    use crate::store::testing::{database_url, new_store, store};
    use crate::store::{ChargeFilter, CostMetric, Dimension, Period};

    const SAMPLE: &[u8] = include_bytes!("../../tests/data/focus-1.0-sample.csv");
    const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 30, strict: false };

    async fn import_bytes(store: &Store, bytes: &'static [u8]) -> Result<Imported, ImportError> {
        import(store, bytes, LIMITS, |_| ()).await
    }

    fn new(imported: Imported) -> Import {
        let Imported::New(import) = imported else { panic!("{imported:?}") };
        import
    }

    async fn billed(store: &Store) -> Vec<(String, String, i64)> {
        let costs = store.costs(CostMetric::Billed, &[Dimension::Provider], Period::None, &ChargeFilter::default(), 100).await.unwrap();
        costs.into_iter().map(|cost| (cost.group[0].clone().unwrap(), cost.amount.unwrap(), cost.charges)).collect()
    }

    fn expected() -> Vec<(String, String, i64)> {
        [("AWS", "18.00663861840", 942), ("Microsoft", "1.97651418586", 51), ("Oracle", "0.53707392473", 7)]
            .map(|(provider, amount, charges)| (provider.to_owned(), amount.to_owned(), charges))
            .into()
    }

    #[tokio::test]
    async fn the_same_bytes_are_counted_once_and_sums_are_exact() {
        let store = new_store().await;
        let import = new(import_bytes(&store, SAMPLE).await.unwrap());
        assert_eq!((import.summary.accepted, import.summary.rejected), (1_000, 0));
        assert_eq!(billed(&store).await, expected());
        assert_eq!(import_bytes(&store, SAMPLE).await.unwrap(), Imported::Again(import.clone()));
        assert_eq!(billed(&store).await, expected());
        assert_eq!(store.import_by_id(import.id).await.unwrap(), Some(import.clone()));
        assert!(store.delete_import(import.id).await.unwrap());
        assert_eq!(billed(&store).await, []);
        assert!(!store.delete_import(import.id).await.unwrap());
        new(import_bytes(&store, SAMPLE).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_two_uploads_at_once_on_two_arms_one_lands() {
        let url = database_url().await;
        let (even, odd) = (store(&url), store(&url));
        let (one, other) = tokio::join!(import_bytes(&even, SAMPLE), import_bytes(&odd, SAMPLE));
        let (one, other) = (one.unwrap(), other.unwrap());
        let (new, again) = if matches!(one, Imported::New(_)) { (one, other) } else { (other, one) };
        let (Imported::New(new), Imported::Again(again)) = (new, again) else { panic!("one is new, one is not") };
        assert_eq!(new, again);
        assert_eq!(billed(&odd).await, expected());
    }

    #[tokio::test]
    async fn a_strict_import_with_a_bad_row_stores_nothing() {
        let store = new_store().await;
        let file = [SAMPLE, b"too,few,fields\n"].concat();
        let strict = ReadLimits { strict: true, ..LIMITS };
        let error = import(&store, io::Cursor::new(file.clone()), strict, |_| ()).await.unwrap_err();
        let ImportError::File(FocusError::RowsRefused(summary)) = error else { panic!("{error}") };
        assert_eq!((summary.problems[0].line, summary.rejected), (1_002, 1));
        assert_eq!(billed(&store).await, []);
        assert!(store.imports(None, 10).await.unwrap().is_empty());
        let import = new(import(&store, io::Cursor::new(file), LIMITS, |_| ()).await.unwrap());
        assert_eq!((import.summary.accepted, import.summary.rejected), (1_000, 1));
        assert_eq!(store.import_by_id(import.id).await.unwrap().unwrap().summary.problems, summary.problems);
    }

    #[tokio::test]
    async fn a_refusal_that_comes_after_stored_batches_leaves_nothing() {
        let store = new_store().await;
        let rows = &SAMPLE[SAMPLE.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
        let file = io::Cursor::new([SAMPLE, rows].concat());
        let error = import(&store, file, ReadLimits { max_bytes: 1_400_000, strict: false }, |_| ()).await.unwrap_err();
        assert!(matches!(error, ImportError::File(FocusError::TooLarge { .. })), "{error}");
        assert_eq!(billed(&store).await, []);
    }

    #[tokio::test]
    async fn an_upload_that_breaks_off_or_is_dropped_leaves_nothing() {
        let store = new_store().await;
        let half = || futures_util::stream::iter([Ok(Bytes::from_static(&SAMPLE[..400_000]))]);
        let mut broken = half().chain(futures_util::stream::iter([Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))]));
        let error = import_chunks(&store, &mut broken, LIMITS).await.unwrap_err();
        assert!(matches!(error, ImportError::File(FocusError::Source(_))), "{error:?}");
        let mut stalled = Box::pin(half().chain(futures_util::stream::pending::<Result<Bytes, io::Error>>()));
        let dropped = tokio::time::timeout(Duration::from_millis(500), import_chunks(&store, &mut stalled, LIMITS)).await;
        assert!(dropped.is_err(), "the upload stalls until it is given up");
        assert_eq!(billed(&store).await, []);
        let mut whole = futures_util::stream::iter(SAMPLE.chunks(1_000).map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk))));
        new(import_chunks(&store, &mut whole, LIMITS).await.unwrap());
        assert_eq!(billed(&store).await, expected());
    }

    #[tokio::test]
    async fn a_wrong_file_is_refused_while_the_upload_goes_on_and_the_database_is_away() {
        let store = store("postgresql://u@%2Fnowhere%2Fat-all/d");
        let start = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"name,age\n"))]);
        let more = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 65_536])));
        let mut endless = start.chain(more);
        let refused = tokio::time::timeout(Duration::from_secs(2), import_chunks(&store, &mut endless, LIMITS)).await.expect("at once");
        assert!(matches!(refused, Err(ImportError::File(FocusError::NoFocusColumn))));
        assert!(matches!(import_bytes(&store, SAMPLE).await, Err(ImportError::Store(StoreError::Unavailable(_)))));
    }
}
