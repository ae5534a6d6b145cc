//! The pool of connections: how one is made, how long a caller waits for one.
//!
//! Must not know any table.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::bb8::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, PoolError, PoolableConnection, RecyclingMethod};
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_postgres::config::Host;
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::StoreSetupError;
use super::observed::Statements;
use super::session::{self, Session};
use crate::azure::identity::{POSTGRESQL_RESOURCE, TokenSource};
use crate::causes::chain;
use crate::clock::Clock;
use crate::config::database::{Authentication, DatabaseConfig, Tls};
use crate::outgoing::tls::client_config;

/// How long a call waits for a connection; past it the store is unavailable.
pub const POOL_WAIT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// A connection is replaced after this long, so that load moves to new replicas and renewed certificates.
const MAX_LIFETIME: Duration = Duration::from_secs(1800);
/// How long a statement may wait for another transaction's lock: it then fails alone, instead of holding a connection that others need.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a transaction whose process was lost may hold its locks.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(300);

/// How long a statement may wait for a lock where it may take `statement_timeout` in all.
fn lock_timeout(statement_timeout: Duration) -> Duration {
    LOCK_TIMEOUT.min(statement_timeout)
}

/// The time limits of each session, and what its plans reckon with: disks that read any page as fast as the next one. Reports then read windows
/// in the order of time they lie in, from the first row on, where the default would sort months of them on disk. Plans are not compiled: that
/// takes .2 s of any question about a million charges, and none of them runs faster for it.
fn session_settings(statement_timeout: Duration) -> String {
    let milliseconds = |limit: Duration| limit.as_millis();
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET random_page_cost = 1.1; SET jit = off",
        milliseconds(statement_timeout),
        milliseconds(lock_timeout(statement_timeout)),
        milliseconds(IDLE_IN_TRANSACTION_TIMEOUT)
    )
}

/// Everything needed to make one connection.
pub(super) struct Connector {
    connection: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    tokens: Option<TokenSource>,
    clock: Arc<dyn Clock>,
    statement_timeout: Duration,
}

/// How long a failed attempt explains why others still wait: as long as they wait, and the attempt before it may have taken.
const EXPLAINS: Duration = POOL_WAIT.saturating_add(CONNECT_TIMEOUT);

/// Why a connection could not be made last; bb8 itself only says that time ran out. Everybody who waited may read it.
#[derive(Debug, Clone)]
pub(super) struct LastFailure {
    clock: Arc<dyn Clock>,
    /// The reason, and the uptime it was given at.
    latest: Arc<Mutex<Option<(Duration, String)>>>,
}

impl LastFailure {
    fn new(clock: Arc<dyn Clock>) -> LastFailure {
        LastFailure { clock, latest: Arc::default() }
    }

    /// The reason, where it is recent enough to be why a connection did not come.
    pub fn recent(&self) -> Option<String> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, reason) = latest.as_ref()?;
        (self.clock.uptime().saturating_sub(*at) <= EXPLAINS).then(|| reason.clone())
    }
}

impl bb8::ErrorSink<PoolError> for LastFailure {
    fn sink(&self, error: PoolError) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.clock.uptime(), error.to_string()));
    }

    fn boxed_clone(&self) -> Box<dyn bb8::ErrorSink<PoolError>> {
        Box::new(self.clone())
    }
}

/// A pool of at most `size` connections. No connection is made yet: the process starts and answers while the database is away. Must be
/// called within a tokio runtime.
pub(super) fn pool(connector: Arc<Connector>, size: u32) -> (Pool<Session>, LastFailure) {
    let mut manager = ManagerConfig::default();
    // The default, a test query per checkout, costs a round trip; asking the driver whether the connection is closed costs none.
    manager.recycling_method = RecyclingMethod::CustomFunction(Box::new(|connection: &mut Session| {
        let broken = connection.is_broken();
        std::future::ready(if broken { Err(diesel::result::Error::BrokenTransactionManager) } else { Ok(()) }).boxed()
    }));
    let failure = LastFailure::new(Arc::clone(&connector.clock));
    manager.custom_setup = Box::new(move |_| connect(Arc::clone(&connector)));
    let pool = Pool::builder()
        .max_size(size)
        .min_idle(0)
        .connection_timeout(POOL_WAIT)
        .idle_timeout(IDLE_TIMEOUT)
        .max_lifetime(MAX_LIFETIME)
        .error_sink(Box::new(failure.clone()))
        .build_unchecked(AsyncDieselConnectionManager::new_with_config("", manager));
    (pool, failure)
}

impl Connector {
    /// What `config` says.
    ///
    /// # Errors
    /// [`StoreSetupError`].
    pub fn new(config: &DatabaseConfig, clock: Arc<dyn Clock>) -> Result<Connector, StoreSetupError> {
        let mut connection = config.connection.clone();
        if connection.get_connect_timeout().is_none() {
            connection.connect_timeout(CONNECT_TIMEOUT);
        }
        if connection.get_application_name().is_none() {
            connection.application_name("switchback");
        }
        let tls = match &config.tls {
            Tls::Off => None,
            Tls::Verified { private_authority } => Some(MakeRustlsConnect::new(client_config(private_authority.as_deref())?)),
        };
        let tokens = match &config.authentication {
            Authentication::Password => None,
            Authentication::Entra(identity) => Some(TokenSource::new(identity.clone(), POSTGRESQL_RESOURCE, Arc::clone(&clock))?),
        };
        Ok(Connector { connection, tls, tokens, clock, statement_timeout: config.statement_timeout })
    }

    /// The settings of a connection made now: a token does not last.
    async fn credentials(&self) -> Result<tokio_postgres::Config, ConnectionError> {
        let mut config = self.connection.clone();
        if let Some(tokens) = &self.tokens {
            config.password(tokens.token().await.map_err(|error| ConnectionError::BadConnection(chain(&error)))?);
        }
        Ok(config)
    }

    /// A connection of the driver's own, outside the pools. It ends with its client.
    ///
    /// # Errors
    /// Where none can be made.
    pub async fn client(&self) -> Result<tokio_postgres::Client, ConnectionError> {
        let config = self.credentials().await?;
        let (client, _) = match &self.tls {
            Some(tls) => session::open(&config, tls.clone()).await?,
            None => session::open(&config, NoTls).await?,
        };
        Ok(client)
    }

    /// Asks the server to stop a statement that nobody waits for.
    pub async fn cancel(&self, statement: &CancelToken) {
        session::cancel(statement, self.tls.clone()).await;
    }
}

fn connect(connector: Arc<Connector>) -> BoxFuture<'static, diesel::ConnectionResult<Session>> {
    async move {
        let config = connector.credentials().await?;
        let (tls, clock) = (connector.tls.clone(), Arc::clone(&connector.clock));
        let mut connection = Session::connect(&config, tls, clock, lock_timeout(connector.statement_timeout)).await?;
        connection
            .batch_execute(&session_settings(connector.statement_timeout))
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        connection.set_instrumentation(Statements::new(server(&config), config.get_dbname().unwrap_or_default().to_owned()));
        Ok(connection)
    }
    .boxed()
}

/// The server's name, as dependencies show it.
fn server(config: &tokio_postgres::Config) -> String {
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(_)) => "localhost".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
