//! A file's way from its bytes to stored charges: read on a thread of its own, staged as it is read, stored at once, in constant memory.
//!
//! Shared by the API and the `import` command. Must not know HTTP or SQL, only the reader and the store it ties together.

mod body;
pub mod export;
pub mod focus;
mod manifest;
mod parquet;

use std::io::{self, Read};
use std::pin::pin;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinError;

pub use export::Export;
pub use focus::{Progress, ReadLimits};

use crate::domain::import::{ImportOrder, Imported, PlacedCharge, Summary};
use crate::store::{GivenUp, Intake, Store, StoreError};
use focus::{ChargeSink, FocusError, Reading, Stopped};

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
    #[error("the file reader task failed")]
    Reader(#[from] JoinError),
}

/// Imports what `origin` holds, telling `progress` now and then. Where the future is dropped, nothing is stored.
///
/// # Errors
/// [`ImportError`]; then nothing is stored.
pub async fn import(
    store: &Store,
    order: &ImportOrder,
    origin: impl Read + Send + 'static,
    limits: ReadLimits,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Imported, ImportError> {
    import_by(store, order, limits, progress, |reading, outlet| body::read_body(reading, origin, outlet)).await
}

/// Imports the files of an export, all or none.
///
/// # Errors
/// [`ImportError`]; then nothing is stored.
pub async fn import_export(
    store: &Store,
    order: &ImportOrder,
    export: Export,
    limits: ReadLimits,
    progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Imported, ImportError> {
    import_by(store, order, limits, progress, move |reading, outlet| body::read_export(reading, &export, outlet)).await
}

/// Where charges come from.
pub enum Origin {
    /// One file.
    File(Box<dyn Read + Send>),
    /// An export in parts.
    Export(Export),
}

/// Reads a file or an export, and stores nothing: what an import would find.
///
/// # Errors
/// [`FocusError`], as an import would end with.
pub fn examine(origin: Origin, limits: ReadLimits) -> Result<Summary, FocusError> {
    struct Nowhere;
    impl ChargeSink for Nowhere {
        fn take(&mut self, _: PlacedCharge) -> Result<(), Stopped> {
            Ok(())
        }
    }
    let mut reading = Reading::new(limits);
    match origin {
        Origin::File(file) => body::read_body(&mut reading, file, &mut Nowhere)?,
        Origin::Export(export) => body::read_export(&mut reading, &export, &mut Nowhere)?,
    }
    reading.finish(&mut Nowhere)
}

async fn import_by<P: FnMut(Progress) + Send + 'static>(
    store: &Store,
    order: &ImportOrder,
    limits: ReadLimits,
    progress: P,
    read: impl FnOnce(&mut Reading, &mut Outlet<P>) -> Result<(), FocusError> + Send + 'static,
) -> Result<Imported, ImportError> {
    let (intake, uptake) = store.intake();
    let reader = tokio::task::spawn_blocking(move || {
        let mut outlet = Outlet { intake, progress };
        let mut reading = Reading::new(limits);
        read(&mut reading, &mut outlet)?;
        let summary = reading.finish(&mut outlet)?;
        outlet.intake.end(summary).map_err(|GivenUp| FocusError::Stopped)
    });
    match store.import(order, uptake).await {
        // The intake was dropped, so the reader has ended and knows why.
        Err(StoreError::Abandoned) => Err(reader.await?.err().map_or(StoreError::Abandoned.into(), ImportError::File)),
        // Where the store failed, the reader finds nobody to hand its next rows to; a stalled upload must not hold up the answer.
        stored => Ok(stored?),
    }
}

/// Imports what arrives as chunks. The chunks are not read to their end where the file is refused before.
///
/// # Errors
/// [`ImportError`]; then nothing is stored.
pub async fn import_chunks<B: Buf, E: std::error::Error + Send + Sync + 'static>(
    store: &Store,
    order: &ImportOrder,
    chunks: &mut (impl Stream<Item = Result<B, E>> + Unpin),
    limits: ReadLimits,
) -> Result<Imported, ImportError> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let mut import = pin!(import(store, order, Inlet { receiver, current: Bytes::new(), ended: false }, limits, |_| ()));
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

/// Hands charges to the store as they are read.
struct Outlet<P> {
    intake: Intake,
    progress: P,
}

impl<P: FnMut(Progress)> ChargeSink for Outlet<P> {
    fn take(&mut self, charge: PlacedCharge) -> Result<(), Stopped> {
        self.intake.take(charge).map_err(|GivenUp| Stopped)
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
mod tests;
