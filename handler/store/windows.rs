//! Windows: written by the arms as absolute values, read in time order by the report.
//! Must not know what is inside a window's slices.

use std::pin::pin;

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::arm::Arm;
use crate::domain::minute_range::MinuteRange;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::{STATUS_CLASSES, Slices, StoredWindow, Window, WindowCounts};

const UPSERT: &str = "INSERT INTO windows (starts_at, arm, worker, schedule, minute_ms, closed, calls, client_errors, server_errors, \
    status_classes, request_bytes, response_bytes, cold_starts, probes, unrouted, latency_sum_us, slices, routes, written_at, metered_ms, callers_left, timed_out, route_latency_us) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) \
    ON CONFLICT (starts_at, arm, worker) DO UPDATE SET closed = EXCLUDED.closed, calls = EXCLUDED.calls, \
    client_errors = EXCLUDED.client_errors, server_errors = EXCLUDED.server_errors, status_classes = EXCLUDED.status_classes, \
    request_bytes = EXCLUDED.request_bytes, response_bytes = EXCLUDED.response_bytes, cold_starts = EXCLUDED.cold_starts, \
    probes = EXCLUDED.probes, unrouted = EXCLUDED.unrouted, latency_sum_us = EXCLUDED.latency_sum_us, slices = EXCLUDED.slices, \
    routes = EXCLUDED.routes, written_at = EXCLUDED.written_at, metered_ms = EXCLUDED.metered_ms, \
    callers_left = EXCLUDED.callers_left, timed_out = EXCLUDED.timed_out, route_latency_us = EXCLUDED.route_latency_us \
    WHERE (EXCLUDED.calls + EXCLUDED.probes + EXCLUDED.unrouted, coalesce(EXCLUDED.metered_ms, 0), EXCLUDED.closed) >= \
    (windows.calls + windows.probes + windows.unrouted, coalesce(windows.metered_ms, 0), windows.closed)";

/// What a report needs of a window, by position: looking columns up by name is too slow for a million rows.
/// The second is 1 for odd plus 2 for closed; the third holds cold starts, probes, unrouted calls, callers who left
/// and calls that timed out where there are any; the last but one is metered time.
type ObservationColumns = (Timestamptz, Integer, Nullable<Array<BigInt>>, Nullable<BigInt>, Binary);
type ObservationRow = (OffsetDateTime, i32, Option<Vec<i64>>, Option<i64>, Vec<u8>);

#[derive(QueryableByName)]
struct WindowRow {
    #[diesel(sql_type = Timestamptz)]
    starts_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    arm: String,
    #[diesel(sql_type = SqlUuid)]
    worker: Uuid,
    #[diesel(sql_type = Bool)]
    closed: bool,
    #[diesel(sql_type = Array<BigInt>)]
    status_classes: Vec<i64>,
    #[diesel(sql_type = BigInt)]
    request_bytes: i64,
    #[diesel(sql_type = BigInt)]
    response_bytes: i64,
    #[diesel(sql_type = BigInt)]
    cold_starts: i64,
    #[diesel(sql_type = BigInt)]
    probes: i64,
    #[diesel(sql_type = BigInt)]
    unrouted: i64,
    #[diesel(sql_type = BigInt)]
    callers_left: i64,
    #[diesel(sql_type = BigInt)]
    timed_out: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    metered_ms: Option<i64>,
    #[diesel(sql_type = Binary)]
    slices: Vec<u8>,
    #[diesel(sql_type = Jsonb)]
    routes: serde_json::Value,
    #[diesel(sql_type = Jsonb)]
    route_latency_us: serde_json::Value,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

#[derive(QueryableByName)]
struct Extreme {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    starts_at: Option<OffsetDateTime>,
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn counted(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The schedule's own columns: its rule and the length of its minute.
pub(super) fn columns(schedule: &Schedule) -> (&'static str, i32) {
    (schedule.rule().as_str(), i32::try_from(schedule.minute_length().as_millis()).unwrap_or(i32::MAX))
}

impl Store {
    /// Writes windows counted under `schedule`, replacing what the same workers wrote of them before; `now` dates the writing.
    ///
    /// # Errors
    /// [`StoreError`]; some of the windows may have been written, and writing all of them again is harmless.
    pub async fn write_windows(&self, schedule: &Schedule, windows: &[Window], now: OffsetDateTime) -> Result<(), StoreError> {
        if windows.is_empty() {
            return Ok(());
        }
        let mut connection = self.own_connection().await?;
        let (rule, minute_ms) = columns(schedule);
        for window in windows {
            let counts = &window.counts;
            sql_query(UPSERT)
                .bind::<Timestamptz, _>(schedule.starts_at(window.minute))
                .bind::<Text, _>(window.arm.as_str())
                .bind::<SqlUuid, _>(window.worker)
                .bind::<Text, _>(rule)
                .bind::<Integer, _>(minute_ms)
                .bind::<Bool, _>(window.closed)
                .bind::<BigInt, _>(stored(counts.calls()))
                .bind::<BigInt, _>(stored(counts.client_errors()))
                .bind::<BigInt, _>(stored(counts.server_errors()))
                .bind::<Array<BigInt>, _>(counts.status_classes.map(stored).to_vec())
                .bind::<BigInt, _>(stored(counts.request_bytes))
                .bind::<BigInt, _>(stored(counts.response_bytes))
                .bind::<BigInt, _>(stored(counts.cold_starts))
                .bind::<BigInt, _>(stored(counts.probes))
                .bind::<BigInt, _>(stored(counts.unrouted))
                .bind::<BigInt, _>(stored(counts.latency_sum_us()))
                .bind::<Binary, _>(counts.slices.encode())
                .bind::<Jsonb, _>(serde_json::json!(counts.routes))
                .bind::<Timestamptz, _>(now)
                .bind::<Nullable<BigInt>, _>(counts.metered_ms.map(stored))
                .bind::<BigInt, _>(stored(counts.callers_left))
                .bind::<BigInt, _>(stored(counts.timed_out))
                .bind::<Jsonb, _>(serde_json::json!(counts.route_latency_us))
                .execute(&mut *connection)
                .await?;
        }
        Ok(())
    }

    /// Hands every window of `range`, counted under its schedule, to `observe`, in time order.
    ///
    /// # Errors
    /// [`StoreError`]; windows may have been handed over by then.
    pub async fn observe_windows(&self, range: MinuteRange, mut observe: impl FnMut(&StoredWindow<'_>)) -> Result<(), StoreError> {
        let mut connection = self.analytics_connection().await?;
        let (rule, minute_ms) = columns(&range.schedule);
        let rows = sql::<ObservationColumns>(
            "SELECT starts_at, (arm = 'odd')::int + 2 * closed::int, CASE WHEN cold_starts + probes + unrouted + callers_left + \
             timed_out > 0 THEN ARRAY[cold_starts, probes, unrouted, callers_left, timed_out] END, metered_ms, slices FROM windows \
             WHERE starts_at >= ",
        )
        .bind::<Timestamptz, _>(range.starts_at())
        .sql(" AND starts_at < ")
        .bind::<Timestamptz, _>(range.ends_at())
        .sql(" AND schedule = ")
        .bind::<Text, _>(rule)
        .sql(" AND minute_ms = ")
        .bind::<Integer, _>(minute_ms)
        .sql(" ORDER BY starts_at")
        .load_stream::<ObservationRow>(&mut *connection)
        .await?;
        let mut rows = pin!(rows);
        while let Some((starts_at, flags, counters, metered_ms, slices)) = rows.try_next().await? {
            let counter =
                |position: usize| counters.as_ref().and_then(|counters| counters.get(position)).map_or(0, |count| counted(*count));
            observe(&StoredWindow {
                minute: range.schedule.minute_at(starts_at),
                arm: if flags & 1 == 1 { Arm::Odd } else { Arm::Even },
                closed: flags & 2 == 2,
                cold_starts: counter(0),
                probes: counter(1),
                unrouted: counter(2),
                callers_left: counter(3),
                timed_out: counter(4),
                metered_ms: metered_ms.map(counted),
                slices: &slices,
            });
        }
        Ok(())
    }

    /// Hands every window of the last `minutes` in which `range` has any, counted under its schedule, to `observe`, whole and in time order.
    ///
    /// # Errors
    /// [`StoreError`], [`StoreError::Corrupt`] where a row is no window; windows may have been handed over by then.
    pub async fn last_windows(&self, range: MinuteRange, minutes: u32, mut observe: impl FnMut(Window)) -> Result<(), StoreError> {
        let mut connection = self.analytics_connection().await?;
        let (rule, minute_ms) = columns(&range.schedule);
        let rows = sql_query(
            "WITH shown AS (SELECT DISTINCT starts_at FROM windows WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 \
             AND minute_ms = $4 ORDER BY starts_at DESC LIMIT $5) \
             SELECT starts_at, arm, worker, closed, status_classes, request_bytes, response_bytes, cold_starts, probes, unrouted, \
             callers_left, timed_out, metered_ms, slices, routes, route_latency_us FROM windows \
             WHERE starts_at >= (SELECT min(starts_at) FROM shown) AND starts_at < $2 AND schedule = $3 AND minute_ms = $4 ORDER BY starts_at, arm, worker",
        )
        .bind::<Timestamptz, _>(range.starts_at())
        .bind::<Timestamptz, _>(range.ends_at())
        .bind::<Text, _>(rule)
        .bind::<Integer, _>(minute_ms)
        .bind::<BigInt, _>(i64::from(minutes))
        .load_stream::<WindowRow>(&mut *connection)
        .await?;
        let mut rows = pin!(rows);
        while let Some(row) = rows.try_next().await? {
            observe(row.window(&range.schedule)?);
        }
        Ok(())
    }

    /// Whether one worker served both arms in `range`: an A/A run. Decided by the last minutes in which anything was counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn one_worker_serves_both_arms(&self, range: MinuteRange) -> Result<bool, StoreError> {
        // Enough to span a worker's restart, few enough that a changed set-up shows soon.
        const RECENT_MINUTES: i64 = 10;
        let Some(last) = self.last_window(range).await? else { return Ok(false) };
        let range = range.starting_no_earlier_than(Minute(last.0.saturating_sub(RECENT_MINUTES)));
        let both = "SELECT EXISTS (SELECT FROM windows WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 AND minute_ms = $4 \
                    GROUP BY worker HAVING count(DISTINCT arm) = 2) AS found";
        Ok(self.of_range::<Found>(range, both).await?.found)
    }

    /// The first minute of `range` in which anything was counted or decided under its schedule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first_seen(&self, range: MinuteRange) -> Result<Option<Minute>, StoreError> {
        let earliest = "SELECT least((SELECT min(starts_at) FROM windows WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 AND minute_ms = $4), \
             (SELECT min(starts_at) FROM decisions WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 AND minute_ms = $4)) AS starts_at";
        self.extreme(range, earliest).await
    }

    /// The last minute of `range` anything was counted in under its schedule.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_window(&self, range: MinuteRange) -> Result<Option<Minute>, StoreError> {
        let latest = "SELECT max(starts_at) AS starts_at FROM windows \
                      WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 AND minute_ms = $4";
        self.extreme(range, latest).await
    }

    /// The minute that `query` finds as `starts_at`.
    async fn extreme(&self, range: MinuteRange, query: &str) -> Result<Option<Minute>, StoreError> {
        let found: Extreme = self.of_range(range, query).await?;
        Ok(found.starts_at.map(|moment| range.schedule.minute_at(moment)))
    }

    /// The one row that `query` finds, given the range's start and end, its schedule's rule and the length of its minute.
    async fn of_range<Row: QueryableByName<Pg> + Send + 'static>(&self, range: MinuteRange, query: &str) -> Result<Row, StoreError> {
        let mut connection = self.connection().await?;
        let (rule, minute_ms) = columns(&range.schedule);
        let row = sql_query(query)
            .bind::<Timestamptz, _>(range.starts_at())
            .bind::<Timestamptz, _>(range.ends_at())
            .bind::<Text, _>(rule)
            .bind::<Integer, _>(minute_ms)
            .get_result(&mut *connection)
            .await?;
        Ok(row)
    }
}

impl WindowRow {
    fn window(self, schedule: &Schedule) -> Result<Window, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("window of {}: {what}", self.starts_at));
        let status_classes: [i64; STATUS_CLASSES] =
            self.status_classes.try_into().map_err(|_| StoreError::Corrupt("a window has five status classes".to_owned()))?;
        Ok(Window {
            minute: schedule.minute_at(self.starts_at),
            arm: self.arm.parse().map_err(|_| corrupt("unknown arm"))?,
            worker: self.worker,
            closed: self.closed,
            counts: WindowCounts {
                status_classes: status_classes.map(counted),
                request_bytes: counted(self.request_bytes),
                response_bytes: counted(self.response_bytes),
                cold_starts: counted(self.cold_starts),
                probes: counted(self.probes),
                unrouted: counted(self.unrouted),
                callers_left: counted(self.callers_left),
                timed_out: counted(self.timed_out),
                metered_ms: self.metered_ms.map(counted),
                slices: Slices::decode(&self.slices).map_err(|error| corrupt(&error.to_string()))?,
                routes: serde_json::from_value(self.routes).map_err(|error| corrupt(&error.to_string()))?,
                route_latency_us: serde_json::from_value(self.route_latency_us).map_err(|error| corrupt(&error.to_string()))?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::decision::{Decision, DecisionCount, Reason};
    use crate::domain::draw::Seed;
    use crate::domain::histogram::bucket_of;
    use crate::domain::schedule::Rule;
    use crate::domain::window::Slice;
    use crate::store::testing::new_store;

    const NOW: OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

    fn minutes(from: i64, to: i64) -> MinuteRange {
        MinuteRange::new(Schedule::default(), Minute(from), Minute(to))
    }

    fn window(minute: i64, arm: Arm, worker: u128, calls: u32) -> Window {
        let mut counts = WindowCounts {
            status_classes: [0, u64::from(calls), 0, 0, 0],
            cold_starts: 1,
            callers_left: 2,
            timed_out: 1,
            metered_ms: Some(1_000),
            ..WindowCounts::default()
        };
        let bucket = u16::try_from(bucket_of(2_000)).unwrap();
        counts.slices.0[3] =
            Slice { calls: u64::from(calls), server_errors: 0, latency_sum_us: 2_000 * u64::from(calls), buckets: vec![(bucket, calls)] };
        counts.routes.insert("/api/costs".into(), counts.status_classes);
        counts.route_latency_us.insert("/api/costs".into(), 2_000 * u64::from(calls));
        Window { minute: Minute(minute), arm, worker: Uuid::from_u128(worker), closed: true, counts }
    }

    #[tokio::test]
    async fn every_schedule_can_be_stored() {
        let store = new_store().await;
        for rule in [Rule::Parity, Rule::Mirrored, Rule::Random(Seed::new([7; 32]))] {
            let written = store.write_windows(&Schedule::new(rule), &[window(10, Arm::Even, 1, 5)], NOW).await;
            written.unwrap_or_else(|error| panic!("{rule}: {error:?}"));
        }
    }

    #[tokio::test]
    async fn writing_again_replaces_and_never_adds() {
        let store = new_store().await;
        let schedule = Schedule::default();
        let mut one = window(10, Arm::Even, 1, 5);
        one.closed = false;
        store.write_windows(&schedule, &[one.clone(), window(11, Arm::Odd, 2, 7)], NOW).await.unwrap();
        store.write_windows(&schedule, &[one], NOW).await.unwrap();
        let last = window(10, Arm::Even, 1, 9);
        store.write_windows(&schedule, std::slice::from_ref(&last), NOW + time::Duration::SECOND).await.unwrap();
        // A write that was overtaken changes nothing.
        store.write_windows(&schedule, &[window(10, Arm::Even, 1, 6)], NOW).await.unwrap();
        assert_eq!(store.windows_for_test(minutes(0, 20)).await, vec![last, window(11, Arm::Odd, 2, 7)]);
    }

    #[tokio::test]
    async fn a_report_sees_its_range_and_its_schedule_only_in_time_order() {
        let store = new_store().await;
        let schedule = Schedule::default();
        let windows: Vec<Window> = [12, 3, 8, 30].map(|minute| window(minute, schedule.arm_of(Minute(minute)), 1, 4)).to_vec();
        store.write_windows(&schedule, &windows, NOW).await.unwrap();
        store.write_windows(&Schedule::new(Rule::Mirrored), &[window(5, Arm::Odd, 1, 4)], NOW).await.unwrap();
        let mut seen = Vec::new();
        store
            .observe_windows(minutes(3, 30), |row| {
                seen.push((row.minute.0, row.arm, Slices::decode(row.slices).unwrap().0[3].calls));
            })
            .await
            .unwrap();
        assert_eq!(seen, vec![(3, Arm::Odd, 4), (8, Arm::Even, 4), (12, Arm::Even, 4)]);
        assert_eq!(store.first_seen(minutes(0, 30)).await.unwrap(), Some(Minute(3)));
        assert_eq!(store.first_seen(minutes(4, 30)).await.unwrap(), Some(Minute(8)));
        let decision = Decision { minute: Minute(6), arm: Arm::Even, reason: Reason::Unavailable };
        let decided = [DecisionCount { decision, calls: 1 }];
        store.write_decisions(&schedule, Uuid::nil(), &decided, NOW).await.unwrap();
        assert_eq!(store.first_seen(minutes(4, 30)).await.unwrap(), Some(Minute(6)), "a minute of which only the router knows");
        assert_eq!(store.first_seen(minutes(31, 99)).await.unwrap(), None);
        assert_eq!(store.last_window(minutes(3, 30)).await.unwrap(), Some(Minute(12)));
        assert_eq!(store.last_window(minutes(31, 99)).await.unwrap(), None);
        let mut last = Vec::new();
        store.last_windows(minutes(0, 99), 1, |window| last.push(window.minute)).await.unwrap();
        assert_eq!(last, [Minute(30)]);
    }

    #[tokio::test]
    async fn one_worker_on_both_arms_is_an_aa_run() {
        let store = new_store().await;
        let schedule = Schedule::default();
        store.write_windows(&schedule, &[window(2, Arm::Even, 1, 1), window(3, Arm::Odd, 2, 1)], NOW).await.unwrap();
        assert!(!store.one_worker_serves_both_arms(minutes(0, 9)).await.unwrap());
        store.write_windows(&schedule, &[window(5, Arm::Odd, 1, 1)], NOW).await.unwrap();
        assert!(store.one_worker_serves_both_arms(minutes(0, 9)).await.unwrap());
        assert!(store.one_worker_serves_both_arms(minutes(0, 1_440)).await.unwrap(), "long ago, and still an A/A run");
        let after = [window(40, Arm::Even, 1, 1), window(41, Arm::Odd, 2, 1)];
        store.write_windows(&schedule, &after, NOW).await.unwrap();
        assert!(!store.one_worker_serves_both_arms(minutes(0, 1_440)).await.unwrap(), "the arms have parted since");
    }
}
