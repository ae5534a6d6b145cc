//! What can go wrong between the program and PostgreSQL, in the store's own terms.
//!
//! Causes are kept for the log; none of these texts is meant for a caller of the API.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::bb8::RunError;
use tokio_postgres::error::SqlState;

use super::session::TimedOut;
use crate::azure::identity::IdentityError;
use crate::outgoing::tls::TlsError;

/// A failed use of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had in time: the database is away, or every connection is busy.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection was lost, or the server gave one transaction up for another: asking again may help.
    #[error("the database was lost while it was asked")]
    Lost(#[source] DieselError),
    /// The database lacks a migration this program needs.
    #[error("the database's schema is not current: run switchback migrate")]
    SchemaNotCurrent,
    /// The ledger was to be spread over a cluster, and the server is none.
    #[error("this server is no elastic cluster: it has not the extension citus")]
    NoCluster,
    /// Too many of the same kind at once: the caller may try again shortly.
    #[error("too many {0} at once")]
    Busy(&'static str),
    /// The database takes no writes: a standby, most often one that has not taken over yet.
    #[error("the database is read-only")]
    ReadOnly(#[source] Option<DieselError>),
    /// A statement ran into its time limit, or into the one for waiting on another transaction.
    #[error("a statement took longer than its time limit")]
    Timeout(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A statement failed.
    #[error("a statement failed")]
    Query(#[source] DieselError),
    /// A statement of an import failed.
    #[error("a statement of an import failed")]
    Import(#[source] tokio_postgres::Error),
    /// A migration failed; the schema stays as it was before it.
    #[error("a migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stream of charges ended before its end was announced; nothing was stored.
    #[error("the import was given up before its end")]
    Abandoned,
    /// Stored data does not parse as what it should be.
    #[error("stored data is not as expected: {0}")]
    Corrupt(String),
}

/// Why the store could not be set up at all.
#[derive(Debug, thiserror::Error)]
pub enum StoreSetupError {
    /// A private certificate authority could not be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The managed identity's client could not be made.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, _) => match kind {
                // A lost connection, and a server that chose one transaction over another (SQLSTATE classes 08, 57P and 40).
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::SerializationFailure => {
                    StoreError::Lost(error)
                }
                // SQLSTATE 25006.
                DatabaseErrorKind::ReadOnlyTransaction => StoreError::ReadOnly(Some(error)),
                _ => StoreError::Query(error),
            },
            DieselError::QueryBuilderError(cause) if cause.is::<TimedOut>() => StoreError::Timeout(Box::new(error)),
            _ => StoreError::Query(error),
        }
    }
}

impl From<RunError> for StoreError {
    fn from(error: RunError) -> Self {
        StoreError::Unavailable(Box::new(error))
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::UNDEFINED_TABLE => StoreError::SchemaNotCurrent,
            Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly(None),
            Some(code) if [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE].contains(code) => StoreError::Timeout(Box::new(error)),
            // A lost connection, a transaction given up for another, a server without resources or about to end.
            Some(code) if ["08", "40", "53", "57P"].iter().any(|class| code.code().starts_with(class)) => {
                StoreError::Unavailable(Box::new(error))
            }
            Some(_) => StoreError::Import(error),
            None => StoreError::Unavailable(Box::new(error)),
        }
    }
}
