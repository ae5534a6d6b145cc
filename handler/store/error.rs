//! What can go wrong between the program and PostgreSQL, in the store's own terms.
//!
//! Causes are kept for the log; none of these texts is meant for a caller of the API.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::pooled_connection::bb8::RunError;

use crate::azure::identity::IdentityError;
use crate::outgoing::tls::TlsError;

/// A failed use of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No connection could be had in time: the database is away, or every connection is busy.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database lacks a migration this program needs.
    #[error("the database's schema is not current: run switchback migrate")]
    SchemaNotCurrent,
    /// A statement ran into its time limit.
    #[error("a statement took longer than its time limit")]
    Timeout(#[source] DieselError),
    /// A statement failed.
    #[error("a statement failed")]
    Query(#[source] DieselError),
    /// A migration failed; the schema stays as it was before it.
    #[error("a migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The stream of charges ended before its end was announced; nothing was stored.
    #[error("the import was given up before its end")]
    Abandoned,
    /// What is stored cannot be read as what it should be.
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

/// PostgreSQL's word for a statement that ran into `statement_timeout`; diesel has no kind for it.
const CANCELED_BY_TIMEOUT: &str = "statement timeout";

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => StoreError::Unavailable(Box::new(error)),
            DieselError::DatabaseError(_, information) if information.message().contains(CANCELED_BY_TIMEOUT) => StoreError::Timeout(error),
            // 42P01: undefined_table. The tables are only missing where no migration has run.
            DieselError::DatabaseError(_, information) if is_missing_relation(information.message()) => StoreError::SchemaNotCurrent,
            _ => StoreError::Query(error),
        }
    }
}

fn is_missing_relation(message: &str) -> bool {
    message.starts_with("relation ") && message.ends_with(" does not exist")
}

impl From<RunError> for StoreError {
    fn from(error: RunError) -> Self {
        StoreError::Unavailable(Box::new(error))
    }
}
