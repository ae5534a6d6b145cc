//! Windows' calls by route, added up by minute and arm. Must not know how they are compared.

use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use super::windows::columns;
use super::{Store, StoreError};
use crate::domain::arm::Arm;
use crate::domain::minute_range::MinuteRange;
use crate::domain::report::RouteCount;

#[derive(QueryableByName)]
struct RouteRow {
    #[diesel(sql_type = Timestamptz)]
    starts_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    arm: String,
    #[diesel(sql_type = Text)]
    route: String,
    #[diesel(sql_type = BigInt)]
    calls: i64,
    #[diesel(sql_type = BigInt)]
    server_errors: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    latency_us: Option<i64>,
}

impl Store {
    /// Hands what each arm counted of each route in every minute of `range`, counted under its schedule, to `observe`.
    ///
    /// # Errors
    /// [`StoreError`]; counts may have been handed over by then.
    pub async fn observe_routes(&self, range: MinuteRange, mut observe: impl FnMut(RouteCount)) -> Result<(), StoreError> {
        let mut connection = self.analytics_connection().await?;
        let (rule, minute_ms) = columns(&range.schedule);
        let rows: Vec<RouteRow> = sql_query(
            "SELECT starts_at, arm, route, sum(calls)::bigint AS calls, sum(server_errors)::bigint AS server_errors, \
             sum(latency_us)::bigint AS latency_us FROM (SELECT starts_at, arm, key AS route, (value->>4)::bigint AS server_errors, \
             (value->>0)::bigint + (value->>1)::bigint + (value->>2)::bigint + (value->>3)::bigint + (value->>4)::bigint AS calls, \
             (route_latency_us->>key)::bigint AS latency_us FROM windows, jsonb_each(routes) \
             WHERE starts_at >= $1 AND starts_at < $2 AND schedule = $3 AND minute_ms = $4) AS counted GROUP BY 1, 2, 3",
        )
        .bind::<Timestamptz, _>(range.starts_at())
        .bind::<Timestamptz, _>(range.ends_at())
        .bind::<Text, _>(rule)
        .bind::<Integer, _>(minute_ms)
        .load(&mut *connection)
        .await?;
        let counted = |count: i64| u64::try_from(count).unwrap_or(0);
        for row in rows {
            observe(RouteCount {
                minute: range.schedule.minute_at(row.starts_at),
                arm: if row.arm == Arm::Odd.as_str() { Arm::Odd } else { Arm::Even },
                route: row.route,
                calls: counted(row.calls),
                server_errors: counted(row.server_errors),
                latency_us: row.latency_us.map(counted),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::schedule::{Minute, Schedule};
    use crate::domain::window::{Window, WindowCounts};
    use crate::store::testing::new_store;

    #[tokio::test]
    async fn routes_of_all_workers_are_added_up_by_minute() {
        let store = new_store().await;
        let schedule = Schedule::default();
        let window = |minute, worker| {
            let mut counts = WindowCounts::default();
            counts.routes.insert("/api/costs".into(), [0, 3, 0, 1, 2]);
            counts.route_latency_us.insert("/api/costs".into(), 60_000);
            let arm = schedule.arm_of(Minute(minute));
            Window { minute: Minute(minute), arm, worker: Uuid::from_u128(worker), closed: true, counts }
        };
        let now = schedule.starts_at(Minute(9));
        store.write_windows(&schedule, &[window(4, 1), window(4, 2), window(5, 3), window(8, 1)], now).await.unwrap();
        store.execute_for_test("UPDATE windows SET route_latency_us = '{}' WHERE arm = 'odd'").await;
        let mut found = Vec::new();
        store.observe_routes(MinuteRange::new(schedule, Minute(4), Minute(8)), |count| found.push(count)).await.unwrap();
        found.sort_by_key(|count| count.minute);
        let of = |minute, arm, calls, server_errors, latency_us| RouteCount {
            minute: Minute(minute),
            arm,
            route: "/api/costs".to_owned(),
            calls,
            server_errors,
            latency_us,
        };
        assert_eq!(found, [of(4, Arm::Even, 12, 4, Some(120_000)), of(5, Arm::Odd, 6, 2, None)]);
    }
}
