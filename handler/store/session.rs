//! One connection to PostgreSQL that knows whether a statement on it is still under way.
//!
//! A caller who leaves drops its future, and with it the wait for an answer; the server keeps working. Such a connection must not go back to
//! the pool, where the next caller would wait behind a statement that nobody wants: it is thrown away, and the server is asked to stop.
//! The driver says how a statement failed only in part: what it leaves out is read off the connection and the clock, never off a message,
//! which the server may write in any language (docs/decisions/0013). Must not know any table.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use diesel::connection::{CacheSize, Instrumentation};
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{ConnectionError, ConnectionResult, QueryResult};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection, TransactionManager,
};
use futures_util::future::BoxFuture;
use futures_util::task::noop_waker_ref;
use futures_util::{FutureExt, Stream, StreamExt};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// How long the server may take to accept a cancellation.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(3);
/// How soon after an unexplained error the connection must end for the error to mean that the server closed it. Long, since a busy machine takes
/// its time between the two, and since what is left is a fault of ours that may as well be told later.
const CLOSING: Duration = Duration::from_secs(2);
/// The same where a time limit explains the error already.
const CLOSING_WHEN_LATE: Duration = Duration::from_millis(100);

type PgStream = <AsyncPgConnection as AsyncConnectionCore>::Stream<'static, 'static>;

/// A connection and what is known of it.
pub struct Session {
    connection: AsyncPgConnection,
    /// Statements begun and not ended.
    under_way: Arc<AtomicUsize>,
    /// Cancelled once the connection has ended.
    ended: CancellationToken,
    cancel: CancelToken,
    tls: Option<MakeRustlsConnect>,
    clock: Arc<dyn Clock>,
    shortest_timeout: Duration,
}

/// A statement ran into its time limit, or into the one for waiting on another transaction.
#[derive(Debug, thiserror::Error)]
#[error("the statement took longer than {limit:?}: {source}")]
pub(super) struct TimedOut {
    limit: Duration,
    source: DieselError,
}

impl Session {
    /// Connects as `config` says. Statements that fail for no other known reason after `shortest_timeout` or later count as timed out: it is
    /// the shorter of the time limits for statements and for locks, which the caller sets.
    pub async fn connect(
        config: &tokio_postgres::Config,
        tls: Option<MakeRustlsConnect>,
        clock: Arc<dyn Clock>,
        shortest_timeout: Duration,
    ) -> ConnectionResult<Session> {
        let (client, ended) = match &tls {
            Some(tls) => open(config, tls.clone()).await?,
            None => open(config, NoTls).await?,
        };
        let cancel = client.cancel_token();
        let connection = AsyncPgConnection::try_from(client).await?;
        Ok(Session { connection, under_way: Arc::default(), ended, cancel, tls, clock, shortest_timeout })
    }

    fn begin(&self) -> Statement {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Statement {
            under_way: Arc::clone(&self.under_way),
            ended: self.ended.clone(),
            clock: Arc::clone(&self.clock),
            started: self.clock.uptime(),
            timeout: self.shortest_timeout,
        }
    }
}

/// A client, and the token that is cancelled when its connection ends.
pub(super) async fn open<T>(config: &tokio_postgres::Config, tls: T) -> ConnectionResult<(tokio_postgres::Client, CancellationToken)>
where
    T: MakeTlsConnect<Socket>,
    T::TlsConnect: Send,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| ConnectionError::BadConnection(crate::causes::chain(&error)))?;
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    tokio::spawn(async move {
        let _guard = guard;
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the database ended");
        }
    });
    Ok((client, ended))
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.under_way.load(Ordering::Relaxed) == 0 || self.ended.is_cancelled() {
            return;
        }
        let (cancel, tls) = (self.cancel.clone(), self.tls.clone());
        // Without a runtime the process is ending, and its connections with it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move { self::cancel(&cancel, tls).await });
    }
}

/// Asks the server to stop the statement of a connection, which nobody waits for any more.
pub(super) async fn cancel(statement: &CancelToken, tls: Option<MakeRustlsConnect>) {
    let sent = async {
        match tls {
            Some(tls) => statement.cancel_query(tls).await,
            None => statement.cancel_query(NoTls).await,
        }
    };
    match tokio::time::timeout(CANCEL_TIMEOUT, sent).await {
        Ok(Ok(())) => tracing::debug!("a statement nobody waits for was cancelled"),
        Ok(Err(error)) => tracing::warn!(%error, "a statement nobody waits for could not be cancelled"),
        Err(_) => tracing::warn!("a statement nobody waits for could not be cancelled in time"),
    }
}

/// A statement under way. Only its end takes it back: where the future that waits for it is dropped, the count stays.
struct Statement {
    under_way: Arc<AtomicUsize>,
    ended: CancellationToken,
    clock: Arc<dyn Clock>,
    started: Duration,
    timeout: Duration,
}

impl Statement {
    fn succeeded(self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Ends the statement; its error, classified as far as it can be.
    async fn failed(self, error: DieselError) -> DieselError {
        let error = self.explained(error).await;
        self.succeeded();
        error
    }

    async fn explained(&self, error: DieselError) -> DieselError {
        let DieselError::DatabaseError(DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand, _) = &error else {
            return error;
        };
        let late = self.clock.uptime().saturating_sub(self.started) >= self.timeout;
        // A server that ends a session sends the error first and then closes, however long the statement has run.
        let patience = if late { CLOSING_WHEN_LATE } else { CLOSING };
        let closed = tokio::time::timeout(patience, self.ended.cancelled()).await.is_ok();
        match error {
            DieselError::DatabaseError(_, information) if closed => {
                DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, information)
            }
            error if late => DieselError::QueryBuilderError(Box::new(TimedOut { limit: self.timeout, source: error })),
            error => error,
        }
    }
}

/// The rows of a statement, which is under way until the last of them.
pub struct Rows {
    rows: PgStream,
    statement: Option<Statement>,
    failing: Option<BoxFuture<'static, DieselError>>,
}

impl Stream for Rows {
    type Item = QueryResult<<AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(failing) = &mut self.failing {
            let error = std::task::ready!(failing.as_mut().poll(context));
            self.failing = None;
            return Poll::Ready(Some(Err(error)));
        }
        match std::task::ready!(self.rows.poll_next_unpin(context)) {
            Some(Ok(row)) => Poll::Ready(Some(Ok(row))),
            Some(Err(error)) => match self.statement.take() {
                Some(statement) => {
                    self.failing = Some(statement.failed(error).boxed());
                    self.poll_next(context)
                }
                None => Poll::Ready(Some(Err(error))),
            },
            None => {
                if let Some(statement) = self.statement.take() {
                    statement.succeeded();
                }
                Poll::Ready(None)
            }
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // Whoever wants one row reads no further, but the end has usually come along with it.
        let Some(statement) = self.statement.take() else { return };
        let mut context = Context::from_waker(noop_waker_ref());
        while let Poll::Ready(next) = self.rows.poll_next_unpin(&mut context) {
            if !matches!(next, Some(Ok(_))) {
                return statement.succeeded();
            }
        }
    }
}

impl SimpleAsyncConnection for Session {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        (&mut &*self).batch_execute(query).await
    }
}

impl SimpleAsyncConnection for &Session {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let statement = self.begin();
        match (&mut &self.connection).batch_execute(query).await {
            Ok(()) => {
                statement.succeeded();
                Ok(())
            }
            Err(error) => Err(statement.failed(error).await),
        }
    }
}

impl AsyncConnectionCore for Session {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Rows>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = <AsyncPgConnection as AsyncConnectionCore>::Row<'conn, 'query>;
    type Backend = diesel::pg::Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        (&mut &*self).load(source)
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        (&mut &*self).execute_returning_count(source)
    }
}

/// Through a shared reference several statements can be sent before the first is answered; the server takes them in turn. The rows of one must be
/// read before the next is answered, and where nobody waits any more, only the one that the server works at is cancelled.
impl<'session> AsyncConnectionCore for &'session Session {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'session, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'session, QueryResult<Rows>>;
    type Stream<'conn, 'query> = Rows;
    type Row<'conn, 'query> = <AsyncPgConnection as AsyncConnectionCore>::Row<'conn, 'query>;
    type Backend = diesel::pg::Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let statement = self.begin();
        let load = (&mut &self.connection).load(source);
        async move {
            match load.await {
                Ok(rows) => Ok(Rows { rows, statement: Some(statement), failing: None }),
                Err(error) => Err(statement.failed(error).await),
            }
        }
        .boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Self::Backend> + QueryId + 'query,
    {
        let statement = self.begin();
        let execute = (&mut &self.connection).execute_returning_count(source);
        async move {
            match execute.await {
                Ok(count) => {
                    statement.succeeded();
                    Ok(count)
                }
                Err(error) => Err(statement.failed(error).await),
            }
        }
        .boxed()
    }
}

impl AsyncConnection for Session {
    type TransactionManager = AnsiTransactionManager;

    async fn establish(_: &str) -> ConnectionResult<Self> {
        Err(ConnectionError::BadConnection("sessions are made by the pool".to_owned()))
    }

    fn transaction_state(&mut self) -> &mut AnsiTransactionManager {
        self.connection.transaction_state()
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        self.connection.instrumentation()
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        self.connection.set_instrumentation(instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        self.connection.set_prepared_statement_cache_size(size);
    }
}

impl PoolableConnection for Session {
    fn is_broken(&mut self) -> bool {
        self.under_way.load(Ordering::Relaxed) > 0
            || self.ended.is_cancelled()
            || AnsiTransactionManager::is_broken_transaction_manager(self)
            || self.connection.is_broken()
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
