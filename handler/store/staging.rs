//! An import's charges on their way into the ledger: copied into tables of their own, a buffer at a time, then indexed and summed up.
//!
//! Nothing is held between two buffers: no transaction, no connection, no lock. A client may take all the time it wants. Must not know
//! what the ledger holds already.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use time::OffsetDateTime;
use tokio_util::task::AbortOnDropHandle;

use super::batch::NewCharge;
use super::copy::{CopyRows, columns};
use super::error::StoreError;
use super::import_connections::{ImportConnection, ImportConnections};
use super::partition::{CHARGES, ONE_SHARD_AFTER_ANOTHER, Partition};
use crate::clock::Clock;
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::Value;
use crate::domain::columns::CHARGE_PERIOD_START;
use crate::domain::tag_keys::TagSpellings;

/// Bytes that are gathered before they are copied; twice as many are in memory while one buffer fills and another is sent.
const BUFFER_BYTES: usize = 4 << 20;
/// Bytes handed to the driver at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Tables that nobody has written to for this long were left behind by a process that ended.
const ABANDONED_AFTER: time::Duration = time::Duration::hours(2);

/// What was staged of one billing month.
#[derive(Debug, Clone)]
pub(super) struct StagedMonth {
    /// Charges.
    pub charges: u64,
    /// Earliest start of a charge's period.
    pub first_start: OffsetDateTime,
    /// Latest start of a charge's period.
    pub last_start: OffsetDateTime,
}

/// An import in the making.
pub(super) struct Staging {
    connections: Arc<ImportConnections>,
    clock: Arc<dyn Clock>,
    /// The import's number.
    pub import_no: i64,
    /// What each month holds.
    pub months: BTreeMap<BillingMonth, StagedMonth>,
    /// Spellings of tag keys, known and new.
    pub spellings: TagSpellings,
    distributed: bool,
    buffers: BTreeMap<BillingMonth, CopyRows>,
    sending: Option<AbortOnDropHandle<Result<(), StoreError>>>,
    attached: bool,
}

impl Staging {
    /// Begins an import; removes what others have left behind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(connections: &Arc<ImportConnections>, clock: &Arc<dyn Clock>) -> Result<Staging, StoreError> {
        let mut connection = connections.take().await?;
        remove_abandoned(&mut connection, clock.now() - ABANDONED_AFTER).await?;
        let import_no = connection.query_one("SELECT nextval('import_numbers')", &[]).await?.get(0);
        let known = connection.query("SELECT folded, spelling FROM tag_spellings ORDER BY import_no DESC", &[]).await?;
        let spellings = TagSpellings::known(known.iter().map(|row| (row.get(0), row.get(1))));
        let distributed = is_distributed(&connection).await?;
        connection.release();
        Ok(Staging {
            connections: Arc::clone(connections),
            clock: Arc::clone(clock),
            import_no,
            months: BTreeMap::new(),
            spellings,
            distributed,
            buffers: BTreeMap::new(),
            sending: None,
            attached: false,
        })
    }

    /// Takes a charge.
    pub fn push(&mut self, mut charge: NewCharge) {
        self.spellings.apply(&mut charge.charge);
        let month = BillingMonth::of(&charge.charge);
        let start = match &charge.charge.values()[CHARGE_PERIOD_START] {
            Value::Moment(start) => *start,
            _ => OffsetDateTime::UNIX_EPOCH,
        };
        let staged = self.months.entry(month).or_insert(StagedMonth { charges: 0, first_start: start, last_start: start });
        staged.charges += 1;
        staged.first_start = staged.first_start.min(start);
        staged.last_start = staged.last_start.max(start);
        self.buffers.entry(month).or_insert_with(CopyRows::new).push(charge, self.import_no, month);
    }

    /// Sends what has been taken, once it is enough to be worth it. The sending goes on while the next charges are taken.
    ///
    /// # Errors
    /// [`StoreError`] of the sending before.
    pub async fn send_if_full(&mut self) -> Result<(), StoreError> {
        if self.buffers.values().map(CopyRows::len).sum::<usize>() < BUFFER_BYTES { Ok(()) } else { self.send().await }
    }

    async fn send(&mut self) -> Result<(), StoreError> {
        self.sent().await?;
        let work: Vec<(Partition, bool, Bytes)> = std::mem::take(&mut self.buffers)
            .into_iter()
            .map(|(month, rows)| {
                let is_first = self.months.get(&month).is_some_and(|staged| staged.charges == rows.rows());
                (Partition { import_no: self.import_no, month }, is_first, rows.finish())
            })
            .collect();
        let (connections, clock, distributed) = (Arc::clone(&self.connections), Arc::clone(&self.clock), self.distributed);
        self.sending = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let connection = connections.take().await?;
            for (partition, is_first, bytes) in work {
                touch(&connection, partition, clock.now()).await?;
                if is_first {
                    make_table(&connection, partition, distributed).await?;
                }
                copy(&connection, partition, bytes).await?;
            }
            connection.release();
            Ok(())
        })));
        Ok(())
    }

    async fn sent(&mut self) -> Result<(), StoreError> {
        match self.sending.take() {
            Some(sending) => sending.await.map_err(|error| StoreError::Unavailable(Box::new(error)))?,
            None => Ok(()),
        }
    }

    /// Sends the rest, then indexes and sums up what was sent. The connection it is done in comes back for what follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn complete(&mut self) -> Result<ImportConnection, StoreError> {
        self.send().await?;
        self.sent().await?;
        let connection = self.connections.take().await?;
        for partition in self.partitions() {
            for statement in partition.complete() {
                touch(&connection, partition, self.clock.now()).await?;
                connection.batch_execute(&statement).await?;
            }
        }
        Ok(connection)
    }

    /// Its partitions, in order of their months.
    pub fn partitions(&self) -> Vec<Partition> {
        self.months.keys().map(|month| Partition { import_no: self.import_no, month: *month }).collect()
    }

    /// Says that its tables belong to the ledger now.
    pub fn keep(mut self) {
        self.attached = true;
    }
}

impl Drop for Staging {
    /// Whatever was not attached goes, also where the client has left in the middle.
    fn drop(&mut self) {
        self.sending = None;
        let partitions = self.partitions();
        if self.attached || partitions.is_empty() {
            return;
        }
        let connections = Arc::clone(&self.connections);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let discarded = async {
                    let mut connection = connections.take().await?;
                    for partition in partitions {
                        discard(&mut connection, partition).await?;
                    }
                    connection.release();
                    Ok::<_, StoreError>(())
                };
                if let Err(error) = discarded.await {
                    tracing::warn!(
                        error = crate::causes::chain(&error),
                        "what a given-up import had staged is left to the next import to remove"
                    );
                }
            });
        }
    }
}

async fn remove_abandoned(connection: &mut ImportConnection, before: OffsetDateTime) -> Result<(), StoreError> {
    let left = connection.query("SELECT import_no, billing_month FROM stages WHERE touched_at < $1", &[&before]).await?;
    for row in left {
        discard(connection, Partition { import_no: row.get(0), month: row.get::<_, time::Date>(1).into() }).await?;
    }
    Ok(())
}

/// Removes what was staged, unless it has become part of the ledger. A landing takes the note of its stage away in its own transaction: where
/// nobody heard how that ended, because the connection was lost at its commit, the note waits for the outcome and then tells it.
pub(super) async fn discard(connection: &mut ImportConnection, partition: Partition) -> Result<(), StoreError> {
    let transaction = connection.transaction().await?;
    transaction.batch_execute(ONE_SHARD_AFTER_ANOTHER).await?;
    let day = partition.month.first_day();
    let note = "DELETE FROM stages WHERE import_no = $1 AND billing_month = $2";
    if transaction.execute(note, &[&partition.import_no, &day]).await? > 0 {
        for statement in partition.discard() {
            transaction.batch_execute(&statement).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}

async fn touch(connection: &ImportConnection, partition: Partition, now: OffsetDateTime) -> Result<(), StoreError> {
    let note = "INSERT INTO stages (import_no, billing_month, touched_at) VALUES ($1, $2, $3) \
                ON CONFLICT (import_no, billing_month) DO UPDATE SET touched_at = excluded.touched_at";
    connection.execute(note, &[&partition.import_no, &partition.month.first_day(), &now]).await?;
    Ok(())
}

async fn make_table(connection: &ImportConnection, partition: Partition, distributed: bool) -> Result<(), StoreError> {
    connection.batch_execute(&partition.create(CHARGES)).await?;
    if distributed {
        let table = partition.table(CHARGES);
        connection.batch_execute(&format!("SELECT create_distributed_table('{table}', 'id', colocate_with => '{CHARGES}')")).await?;
    }
    Ok(())
}

async fn copy(connection: &ImportConnection, partition: Partition, mut bytes: Bytes) -> Result<(), StoreError> {
    let statement = format!("COPY {} ({}) FROM STDIN BINARY", partition.table(CHARGES), columns());
    let mut sink = std::pin::pin!(connection.copy_in::<_, Bytes>(&statement).await?);
    while !bytes.is_empty() {
        sink.send(bytes.split_to(CHUNK_BYTES.min(bytes.len()))).await?;
    }
    sink.finish().await?;
    Ok(())
}

/// Whether the charges are spread over an elastic cluster.
async fn is_distributed(connection: &ImportConnection) -> Result<bool, StoreError> {
    if connection.query_one("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NULL", &[]).await?.get(0) {
        return Ok(false);
    }
    let query = "SELECT count(*) > 0 FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'charges'::regclass";
    Ok(connection.query_one(query, &[]).await?.get(0))
}
