//! An import's rows on their way into the ledger: copied into tables of their own, a buffer at a time, then indexed and summed up.
//!
//! Nothing is held between two buffers: no transaction, no connection, no lock. A client may take all the time it wants. Must not know
//! what the ledger holds already.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use time::OffsetDateTime;
use tokio_util::task::AbortOnDropHandle;

use super::copy::columns;
use super::error::StoreError;
use super::import_connections::{ImportConnection, ImportConnections};
use super::intake::{ImportBegun, MonthRows};
use super::partition::{CHARGES, ONE_SHARD_AFTER_ANOTHER, Partition, ROLLUPS};
use super::sums::RollupSums;
use crate::clock::Clock;
use crate::domain::billing_month::BillingMonth;
use crate::domain::tag_keys::TagSpellings;

/// Bytes handed to the driver at a time.
const CHUNK_BYTES: usize = 256 << 10;
/// Tables that nobody has written to for this long were left behind by a process that ended.
const ABANDONED_AFTER: time::Duration = time::Duration::hours(2);

/// An import in the making.
pub(super) struct Staging {
    connections: Arc<ImportConnections>,
    clock: Arc<dyn Clock>,
    /// The import's number.
    pub import_no: i64,
    distributed: bool,
    /// Months whose tables were made, or are about to be.
    begun: BTreeSet<BillingMonth>,
    sending: Option<AbortOnDropHandle<Result<(), StoreError>>>,
    attached: bool,
}

impl Staging {
    /// Begins an import; removes what others have left behind. With what its rows are to be made with.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(connections: &Arc<ImportConnections>, clock: &Arc<dyn Clock>) -> Result<(Staging, ImportBegun), StoreError> {
        let mut connection = connections.take().await?;
        remove_abandoned(&mut connection, clock.now() - ABANDONED_AFTER).await?;
        let import_no = connection.query_one("SELECT nextval('import_numbers')", &[]).await?.get(0);
        let known = connection.query("SELECT folded, spelling FROM tag_spellings ORDER BY import_no DESC", &[]).await?;
        let spellings = TagSpellings::known(known.iter().map(|row| (row.get(0), row.get(1))));
        let distributed = is_distributed(&connection).await?;
        connection.release();
        let staging = Staging {
            connections: Arc::clone(connections),
            clock: Arc::clone(clock),
            import_no,
            distributed,
            begun: BTreeSet::new(),
            sending: None,
            attached: false,
        };
        Ok((staging, ImportBegun { import_no, spellings }))
    }

    /// Sends rows, once those before are sent. The sending goes on while the next rows are made.
    ///
    /// # Errors
    /// [`StoreError`] of the sending before.
    pub async fn send(&mut self, rows: Vec<MonthRows>) -> Result<(), StoreError> {
        self.sent().await?;
        let import_no = self.import_no;
        let begun = &mut self.begun;
        let work: Vec<(Partition, bool, Bytes)> =
            rows.into_iter().map(|MonthRows { month, rows }| (Partition { import_no, month }, begun.insert(month), rows)).collect();
        let (connections, clock, distributed) = (Arc::clone(&self.connections), Arc::clone(&self.clock), self.distributed);
        self.sending = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let connection = connections.take().await?;
            for (partition, is_first, bytes) in work {
                touch(&connection, partition, clock.now()).await?;
                if is_first {
                    make_table(&connection, partition, distributed).await?;
                }
                copy(&connection, &partition.table(CHARGES), &columns(), in_chunks(bytes)).await?;
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

    /// Sends the rest, then indexes what was sent, and fills the roll-ups. The connection it is done in comes back for what follows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn complete(&mut self, rest: Vec<MonthRows>, sums: &RollupSums) -> Result<ImportConnection, StoreError> {
        self.send(rest).await?;
        self.sent().await?;
        let connection = self.connections.take().await?;
        for partition in self.partitions() {
            for statement in partition.index() {
                touch(&connection, partition, self.clock.now()).await?;
                connection.batch_execute(&statement).await?;
            }
            for rollup in ROLLUPS {
                touch(&connection, partition, self.clock.now()).await?;
                let table = partition.table(rollup.table);
                connection.batch_execute(&format!("DROP TABLE IF EXISTS {table}; {}", partition.create(rollup.table))).await?;
                match sums.rows(rollup, partition.import_no, partition.month) {
                    Some(rows) => copy(&connection, &table, &rollup.copied().collect::<Vec<_>>().join(", "), rows).await?,
                    None => connection.batch_execute(&partition.sum_up(rollup)).await?,
                }
                connection.batch_execute(&format!("ANALYZE {table}")).await?;
            }
        }
        Ok(connection)
    }

    /// Its partitions, in order of their months.
    pub fn partitions(&self) -> Vec<Partition> {
        self.begun.iter().map(|month| Partition { import_no: self.import_no, month: *month }).collect()
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

async fn copy(connection: &ImportConnection, table: &str, columns: &str, parts: impl Iterator<Item = Bytes>) -> Result<(), StoreError> {
    let statement = format!("COPY {table} ({columns}) FROM STDIN BINARY");
    let mut sink = std::pin::pin!(connection.copy_in::<_, Bytes>(&statement).await?);
    for part in parts {
        sink.send(part).await?;
    }
    sink.finish().await?;
    Ok(())
}

/// Bytes in parts of a size that the driver takes at a time.
fn in_chunks(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || (!bytes.is_empty()).then(|| bytes.split_to(CHUNK_BYTES.min(bytes.len()))))
}

/// Whether the charges are spread over an elastic cluster.
async fn is_distributed(connection: &ImportConnection) -> Result<bool, StoreError> {
    if connection.query_one("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NULL", &[]).await?.get(0) {
        return Ok(false);
    }
    let query = "SELECT count(*) > 0 FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'charges'::regclass";
    Ok(connection.query_one(query, &[]).await?.get(0))
}
