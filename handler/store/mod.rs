//! PostgreSQL: connections, schema, and queries by noun.
//!
//! Owns every table and every line of SQL; the only room that knows diesel. Must not know HTTP, nor decide what a value means.

mod batch;
mod charged;
mod charges;
mod copy;
mod costs;
mod decisions;
mod distribution;
mod error;
mod filter;
mod ids;
mod import_connections;
mod imports;
mod intake;
mod landing;
mod observed;
mod partition;
mod pool;
mod prepared;
mod prices;
mod probes;
pub mod retention;
mod routes;
pub mod runs;
mod schema;
mod session;
mod staging;
mod sums;
mod windows;
pub mod writing;

#[cfg(test)]
pub(crate) mod testing;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use diesel::sql_query;
use diesel_async::RunQueryDsl;
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection};
use time::OffsetDateTime;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

pub use batch::StoredCharge;
pub use charges::{ChargePosition, DeletedCharge, IdempotencyKey, Posted};
pub use costs::{CostMetric, CostQuery, CostRow, Dimension, Period};
pub use error::{StoreError, StoreSetupError};
pub use filter::ChargeFilter;
pub use intake::{GivenUp, Intake, Uptake};
pub use pool::POOL_WAIT;

use crate::clock::Clock;
use crate::config::database::{DatabaseConfig, OWN_CONNECTIONS};
use import_connections::ImportConnections;
use session::Session;

/// Imports that are at work in the database at the same time, each on a connection of its own beside the pool.
const IMPORTS_AT_ONCE: usize = 2;
/// How long readiness waits for the database's answer.
const READY_TIMEOUT: Duration = Duration::from_secs(3);

/// The handle everything asks the database through; clones share the connections.
#[derive(Clone)]
pub struct Store {
    /// For callers' requests.
    callers: Connections,
    /// For readiness and for what the process writes of itself: no caller's load may keep counts from being written.
    own: Connections,
    clock: Arc<dyn Clock>,
    ids: Arc<ids::Ids>,
    import_connections: Arc<ImportConnections>,
    /// Places for questions that take a connection for seconds.
    analytics: Arc<Semaphore>,
    /// Whether charges were posted when that was looked at last: how a question about costs is best put.
    has_posted: Arc<AtomicBool>,
}

/// A pool, and why it could not connect last.
#[derive(Clone)]
struct Connections {
    pool: Pool<Session>,
    last_failure: pool::LastFailure,
}

/// A connection for one question, with the right to ask it.
struct Lease<'a> {
    connection: PooledConnection<'a, Session>,
    _place: Option<SemaphorePermit<'a>>,
}

impl Deref for Lease<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.connection
    }
}

impl DerefMut for Lease<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.connection
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("callers", &self.callers.pool.state())
            .field("own", &self.own.pool.state())
            .finish_non_exhaustive()
    }
}

/// How busy the pool is, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections open.
    pub open: u32,
    /// Connections open that nobody uses.
    pub idle: u32,
}

impl Store {
    /// A store for `config`. Connects to nothing yet; must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StoreSetupError`] where the private certificate authority or the managed identity cannot be used.
    pub fn new(config: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Store, StoreSetupError> {
        let connector = Arc::new(pool::Connector::new(config, Arc::clone(&clock))?);
        let connections = |size| {
            let (pool, last_failure) = pool::pool(Arc::clone(&connector), size);
            Connections { pool, last_failure }
        };
        let (callers, own) = (connections(config.pool_size), connections(OWN_CONNECTIONS));
        // Half of the connections, so that the short questions of everyone else find one.
        let half = usize::try_from(config.pool_size / 2).unwrap_or(1).max(1);
        let import_connections = Arc::new(ImportConnections::new(connector, IMPORTS_AT_ONCE));
        Ok(Store {
            callers,
            own,
            clock,
            ids: Arc::new(ids::Ids::new()),
            import_connections,
            analytics: Arc::new(Semaphore::new(half)),
            has_posted: Arc::default(),
        })
    }

    /// Brings the schema up to date; the names of the migrations that were run. Needs the multi-thread runtime.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], or [`StoreError::Migration`] where one fails: what ran before it stays.
    pub async fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let connection = self.own.pool.dedicated_connection().await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        schema::migrate(connection).await
    }

    /// Spreads the ledger over the nodes of an elastic cluster, as far as it is not spread yet; the names of the tables moved.
    ///
    /// # Errors
    /// [`StoreError::NoCluster`] on any other server, and whatever stops a statement: what moved before it stays.
    pub async fn distribute(&self) -> Result<Vec<&'static str>, StoreError> {
        let connection = self.own.pool.dedicated_connection().await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        distribution::distribute(connection).await
    }

    /// Whether every migration of this program has been run.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the database is away.
    pub async fn schema_is_current(&self) -> Result<bool, StoreError> {
        let check = async { schema::is_current(&mut *self.own_connection().await?).await };
        match tokio::time::timeout(READY_TIMEOUT, check).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(StoreError::Unavailable(Box::new(elapsed))),
        }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where it gives none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sql_query("SELECT 1").execute(&mut *self.connection().await?).await?;
        Ok(())
    }

    /// How busy the pool is.
    #[must_use]
    pub fn pool_use(&self) -> PoolUse {
        let (callers, own) = (self.callers.pool.state(), self.own.pool.state());
        PoolUse { open: callers.connections + own.connections, idle: callers.idle_connections + own.idle_connections }
    }

    /// The present, to the microsecond PostgreSQL keeps: what is answered is what will be read again.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let now = self.clock.now();
        now - time::Duration::nanoseconds(i64::from(now.nanosecond() % 1_000))
    }

    fn next_id(&self) -> Uuid {
        self.ids.next(self.now())
    }

    /// A connection for a caller's short question, within [`POOL_WAIT`].
    async fn connection(&self) -> Result<Lease<'_>, StoreError> {
        Ok(Lease { connection: self.callers.connection().await?, _place: None })
    }

    /// A connection for a question that takes seconds, where not too many of them are being asked.
    async fn analytics_connection(&self) -> Result<Lease<'_>, StoreError> {
        let place = match tokio::time::timeout(POOL_WAIT, self.analytics.acquire()).await {
            Ok(Ok(place)) => place,
            Ok(Err(closed)) => return Err(StoreError::Unavailable(Box::new(closed))),
            Err(_) => return Err(StoreError::Busy("large questions")),
        };
        Ok(Lease { connection: self.callers.connection().await?, _place: Some(place) })
    }

    /// A connection for the process's own work, which callers cannot use up.
    async fn own_connection(&self) -> Result<Lease<'_>, StoreError> {
        Ok(Lease { connection: self.own.connection().await?, _place: None })
    }
}

impl Connections {
    async fn connection(&self) -> Result<PooledConnection<'_, Session>, StoreError> {
        let checkout = observed::checkout();
        let connection = self.pool.get().await.map_err(|error| match self.last_failure.recent() {
            // Why no connection could be made says more than that time ran out.
            Some(reason) => StoreError::Unavailable(reason.into()),
            None => StoreError::from(error),
        });
        if let Some(checkout) = checkout {
            checkout.end(connection.is_err().then(|| "ConnectionError".to_owned()));
        }
        connection
    }
}

#[cfg(test)]
mod ledger_tests;
#[cfg(test)]
mod tests;
