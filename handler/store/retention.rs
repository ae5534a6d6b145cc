//! What was counted long ago: removed in small batches, with the sums of each UTC day left behind.
//!
//! Every arm would do it and one does at a time. Must not know how long anything is kept.

use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::{BigInt, Bool, Double, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, RunQueryDsl};
use time::{OffsetDateTime, Time};
use tokio_util::sync::CancellationToken;

use super::{Store, StoreError};
use crate::causes::chain;
use crate::clock::Clock;
use crate::config::retention::Retention;

/// Time between two looks for what is too old.
const INTERVAL: Duration = Duration::from_secs(3_600);
/// Rows removed in one transaction: it holds no lock, and no connection, for long.
const BATCH: i64 = 2_000;
/// Time between two batches, which leaves the database to everyone else.
const PAUSE: Duration = Duration::from_millis(200);
/// Held by whoever removes a batch; any number that no one else uses does.
const LOCK: &str = "SELECT pg_try_advisory_xact_lock(7466121206) AS held";

/// Removes windows before `$1`, `$2` of them at most. The database's own clock must agree that they are `$3` seconds old: an arm whose
/// clock ran ahead removes nothing.
const WINDOWS: &str = "WITH due AS (SELECT starts_at, arm, worker FROM windows \
    WHERE starts_at < least($1, now() - make_interval(secs => $3)) ORDER BY starts_at LIMIT $2), \
    gone AS (DELETE FROM windows USING due WHERE windows.starts_at = due.starts_at AND windows.arm = due.arm \
    AND windows.worker = due.worker RETURNING windows.*), \
    summed AS (INSERT INTO window_days SELECT (starts_at AT TIME ZONE 'UTC')::date, arm, schedule, minute_ms, count(*), \
    count(*) FILTER (WHERE NOT closed), sum(calls), sum(client_errors), sum(server_errors), sum(request_bytes), sum(response_bytes), \
    sum(cold_starts), sum(probes), sum(unrouted), sum(latency_sum_us), sum(metered_ms) FROM gone GROUP BY 1, 2, 3, 4 \
    ON CONFLICT (day, arm, schedule, minute_ms) DO UPDATE SET windows = window_days.windows + EXCLUDED.windows, \
    unclosed = window_days.unclosed + EXCLUDED.unclosed, calls = window_days.calls + EXCLUDED.calls, \
    client_errors = window_days.client_errors + EXCLUDED.client_errors, server_errors = window_days.server_errors + EXCLUDED.server_errors, \
    request_bytes = window_days.request_bytes + EXCLUDED.request_bytes, response_bytes = window_days.response_bytes + EXCLUDED.response_bytes, \
    cold_starts = window_days.cold_starts + EXCLUDED.cold_starts, probes = window_days.probes + EXCLUDED.probes, \
    unrouted = window_days.unrouted + EXCLUDED.unrouted, latency_sum_us = window_days.latency_sum_us + EXCLUDED.latency_sum_us, \
    metered_ms = coalesce(window_days.metered_ms + EXCLUDED.metered_ms, window_days.metered_ms, EXCLUDED.metered_ms)) \
    SELECT count(*) AS removed FROM gone";

/// The same for decisions.
const DECISIONS: &str = "WITH due AS (SELECT starts_at, worker, arm, reason FROM decisions \
    WHERE starts_at < least($1, now() - make_interval(secs => $3)) ORDER BY starts_at LIMIT $2), \
    gone AS (DELETE FROM decisions USING due WHERE decisions.starts_at = due.starts_at AND decisions.worker = due.worker \
    AND decisions.arm = due.arm AND decisions.reason = due.reason RETURNING decisions.*), \
    summed AS (INSERT INTO decision_days SELECT (starts_at AT TIME ZONE 'UTC')::date, arm, reason, schedule, minute_ms, sum(calls) \
    FROM gone GROUP BY 1, 2, 3, 4, 5 \
    ON CONFLICT (day, arm, reason, schedule, minute_ms) DO UPDATE SET calls = decision_days.calls + EXCLUDED.calls) \
    SELECT count(*) AS removed FROM gone";

/// The same for probes.
const PROBES: &str = "WITH due AS (SELECT id FROM probes \
    WHERE sent_at < least($1, now() - make_interval(secs => $3)) ORDER BY sent_at LIMIT $2), \
    gone AS (DELETE FROM probes USING due WHERE probes.id = due.id RETURNING probes.*), \
    summed AS (INSERT INTO probe_days SELECT (sent_at AT TIME ZONE 'UTC')::date, outcome, coalesce(arm, 'none'), count(*) \
    FROM gone GROUP BY 1, 2, 3 \
    ON CONFLICT (day, outcome, arm) DO UPDATE SET probes = probe_days.probes + EXCLUDED.probes) \
    SELECT count(*) AS removed FROM gone";

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Bool)]
    held: bool,
}

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    removed: i64,
}

/// Removes what is older than `retention` until `stop`, a first time at once.
pub async fn keep(store: Store, retention: Retention, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let every_hour = async {
        loop {
            match store.expire(&retention, clock.now(), BATCH).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "what was kept for long enough is summed up by day and removed"),
                // A database that is away is said by others, and an hour more does no harm.
                Err(error) => tracing::debug!(error = chain(&error), "what was kept for long enough could not be removed"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = every_hour => {}
    }
}

impl Store {
    /// Removes everything older than `retention` at `now`, `batch` rows at a time, and adds it to the sums of its days. Returns the number of
    /// rows; none where another process is at it.
    ///
    /// # Errors
    /// [`StoreError`]; whole batches may have been removed by then, each with its sums.
    pub async fn expire(&self, retention: &Retention, now: OffsetDateTime, batch: i64) -> Result<u64, StoreError> {
        let mut rows = 0;
        for (remove, kept) in [(WINDOWS, retention.windows), (DECISIONS, retention.decisions), (PROBES, retention.probes)] {
            loop {
                let removed = self.expire_batch(remove, kept, now, batch).await?;
                rows += u64::try_from(removed).unwrap_or(0);
                if removed < batch {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(rows)
    }

    async fn expire_batch(&self, remove: &'static str, kept: Duration, now: OffsetDateTime, batch: i64) -> Result<i64, StoreError> {
        // Whole days, so that no day is kept in part for long.
        let before = (now - kept).to_offset(time::UtcOffset::UTC).replace_time(Time::MIDNIGHT);
        let mut connection = self.own_connection().await?;
        let removed = connection.transaction(async |transaction| {
            let lock: Held = sql_query(LOCK).get_result(transaction).await?;
            if !lock.held {
                return Ok(0);
            }
            let removed: Removed = sql_query(remove)
                .bind::<Timestamptz, _>(before)
                .bind::<BigInt, _>(batch)
                .bind::<Double, _>(kept.as_secs_f64())
                .get_result(transaction)
                .await?;
            Ok(removed.removed)
        });
        removed.await.map_err(|error: diesel::result::Error| error.into())
    }
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
