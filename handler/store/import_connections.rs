//! Connections of the imports' own: COPY needs the driver itself, and a large import must not take a caller's connection.
//!
//! A connection is taken for one piece of work and given back before anyone waits for a client again. Must not know what is copied.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

use super::error::StoreError;
use super::pool::Connector;

/// How long an import waits for others that are at work before it gives up.
const TURN_WAIT: Duration = Duration::from_secs(60);
/// ImportConnections kept open between two pieces of work.
const MAX_IDLE: usize = 2;
/// An index on a large import takes longer than a call may; nothing else runs here.
const SETTINGS: &str = "SET statement_timeout = '900s'; SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '30s'";

/// Makes connections and keeps a few.
pub(super) struct ImportConnections {
    connector: Arc<Connector>,
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Client>>,
}

impl ImportConnections {
    /// At most `at_once` connections at work.
    pub fn new(connector: Arc<Connector>, at_once: usize) -> ImportConnections {
        ImportConnections { connector, turns: Arc::new(Semaphore::new(at_once)), idle: Mutex::new(Vec::new()) }
    }

    /// A connection, once it is this caller's turn.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn take(self: &Arc<Self>) -> Result<ImportConnection, StoreError> {
        let turn = match tokio::time::timeout(TURN_WAIT, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(closed)) => return Err(StoreError::Unavailable(Box::new(closed))),
            Err(_) => return Err(StoreError::Unavailable("too many imports at once".into())),
        };
        let client = match self.pop() {
            Some(client) => client,
            None => {
                let client = self.connector.client().await.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
                client.batch_execute(SETTINGS).await?;
                client
            }
        };
        Ok(ImportConnection { client: Some(client), home: Arc::clone(self), _turn: turn })
    }

    fn pop(&self) -> Option<Client> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|client| !client.is_closed());
        idle.pop()
    }
}

/// A connection at work. Dropped before [`ImportConnection::release`], it is closed: the server then stops and undoes what it was doing.
pub(super) struct ImportConnection {
    client: Option<Client>,
    home: Arc<ImportConnections>,
    _turn: OwnedSemaphorePermit,
}

impl ImportConnection {
    /// Gives the connection back; nothing may be going on in it.
    pub fn release(mut self) {
        let Some(client) = self.client.take() else { return };
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(client);
        }
    }
}

const TAKEN: &str = "a connection holds its client until it is released";

impl Drop for ImportConnection {
    /// The server would work on for whoever has left: it is asked to stop.
    fn drop(&mut self) {
        let Some(client) = self.client.take().filter(|client| !client.is_closed()) else { return };
        let home = Arc::clone(&self.home);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { home.connector.cancel(&client.cancel_token()).await });
        }
    }
}

impl Deref for ImportConnection {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect(TAKEN)
    }
}

impl DerefMut for ImportConnection {
    fn deref_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect(TAKEN)
    }
}
