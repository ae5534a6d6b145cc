//! Decisions of the routers by minute, arm and reason. Must not know how a decision is taken.

use std::pin::pin;

use diesel::dsl::sql;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use futures_util::TryStreamExt;
use time::OffsetDateTime;
use uuid::Uuid;

use super::windows::columns;
use super::{Store, StoreError};
use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::minute_range::MinuteRange;
use crate::domain::schedule::Schedule;

impl Store {
    /// Writes counts of decisions taken by `worker` under `schedule`, replacing what it wrote of the same minute, arm and reason before.
    ///
    /// # Errors
    /// [`StoreError`]; some may have been written, and writing all of them again is harmless.
    pub async fn write_decisions(
        &self,
        schedule: &Schedule,
        worker: Uuid,
        counts: &[DecisionCount],
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        if counts.is_empty() {
            return Ok(());
        }
        let mut connection = self.own_connection().await?;
        let (rule, minute_ms) = columns(schedule);
        for DecisionCount { decision, calls } in counts {
            sql_query(
                "INSERT INTO decisions (starts_at, arm, reason, worker, schedule, minute_ms, calls, written_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (starts_at, worker, arm, reason) \
                 DO UPDATE SET calls = greatest(decisions.calls, EXCLUDED.calls), written_at = EXCLUDED.written_at",
            )
            .bind::<Timestamptz, _>(schedule.starts_at(decision.minute))
            .bind::<Text, _>(decision.arm.as_str())
            .bind::<Text, _>(decision.reason.as_str())
            .bind::<SqlUuid, _>(worker)
            .bind::<Text, _>(rule)
            .bind::<Integer, _>(minute_ms)
            .bind::<BigInt, _>(i64::try_from(*calls).unwrap_or(i64::MAX))
            .bind::<Timestamptz, _>(now)
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    /// Hands every count of decisions in `range`, taken under its schedule, to `observe`, in time order.
    ///
    /// # Errors
    /// [`StoreError`]; counts may have been handed over by then.
    pub async fn observe_decisions(&self, range: MinuteRange, mut observe: impl FnMut(&DecisionCount)) -> Result<(), StoreError> {
        let mut connection = self.connection().await?;
        let (rule, minute_ms) = columns(&range.schedule);
        let rows = sql::<(Timestamptz, Text, Text, BigInt)>("SELECT starts_at, arm, reason, calls FROM decisions WHERE starts_at >= ")
            .bind::<Timestamptz, _>(range.starts_at())
            .sql(" AND starts_at < ")
            .bind::<Timestamptz, _>(range.ends_at())
            .sql(" AND schedule = ")
            .bind::<Text, _>(rule)
            .sql(" AND minute_ms = ")
            .bind::<Integer, _>(minute_ms)
            .sql(" ORDER BY starts_at")
            .load_stream::<(OffsetDateTime, String, String, i64)>(&mut *connection)
            .await?;
        let mut rows = pin!(rows);
        while let Some((starts_at, arm, reason, calls)) = rows.try_next().await? {
            observe(&count(&range.schedule, starts_at, &arm, &reason, calls)?);
        }
        Ok(())
    }
}

fn count(schedule: &Schedule, starts_at: OffsetDateTime, arm: &str, reason: &str, calls: i64) -> Result<DecisionCount, StoreError> {
    let corrupt = || StoreError::Corrupt(format!("decision for '{arm}' because of '{reason}'"));
    let arm: Arm = arm.parse().map_err(|_| corrupt())?;
    let reason: Reason = reason.parse().map_err(|_| corrupt())?;
    let minute = schedule.minute_at(starts_at);
    Ok(DecisionCount { decision: Decision { minute, arm, reason }, calls: u64::try_from(calls).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::draw::Seed;
    use crate::domain::schedule::{Minute, Rule};
    use crate::store::testing::new_store;

    #[tokio::test]
    async fn every_schedule_and_reason_can_be_stored() {
        let store = new_store().await;
        for rule in [Rule::Parity, Rule::Mirrored, Rule::Random(Seed::new([7; 32]))] {
            for reason in Reason::ALL {
                let decision = Decision { minute: Minute(4), arm: Arm::Even, reason };
                let counts = [DecisionCount { decision, calls: 1 }];
                let written = store.write_decisions(&Schedule::new(rule), Uuid::nil(), &counts, datetime!(2026-11-23 12:00 UTC)).await;
                written.unwrap_or_else(|error| panic!("{rule}, {reason}: {error:?}"));
            }
        }
    }

    #[tokio::test]
    async fn counts_are_absolute_by_router() {
        let store = new_store().await;
        let schedule = Schedule::default();
        let range = MinuteRange::new(schedule, Minute(0), Minute(9));
        let count = |minute, reason, calls| {
            let minute = Minute(minute);
            DecisionCount { decision: Decision { minute, arm: schedule.arm_of(minute), reason }, calls }
        };
        let now = datetime!(2026-11-23 12:00 UTC);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for calls in [3, 5, 5] {
            store.write_decisions(&schedule, one, &[count(4, Reason::Schedule, calls)], now).await.unwrap();
        }
        store.write_decisions(&schedule, other, &[count(4, Reason::Schedule, 2), count(5, Reason::Unavailable, 1)], now).await.unwrap();
        let mut seen = Vec::new();
        store.observe_decisions(range, |count| seen.push(*count)).await.unwrap();
        seen.sort_by_key(|count| (count.decision.minute, count.calls));
        assert_eq!(seen, vec![count(4, Reason::Schedule, 2), count(4, Reason::Schedule, 5), count(5, Reason::Unavailable, 1)]);
    }
}
