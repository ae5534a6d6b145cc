//! What supervision saw from outside. Must not know how a probe is made.

use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::probe::{Probe, ProbeOutcomes};

#[derive(QueryableByName)]
struct OutcomeRow {
    #[diesel(sql_type = BigInt)]
    sent: i64,
    #[diesel(sql_type = BigInt)]
    conformant: i64,
    #[diesel(sql_type = BigInt)]
    failed_over: i64,
    #[diesel(sql_type = BigInt)]
    wrong_arm: i64,
    #[diesel(sql_type = BigInt)]
    unanswered: i64,
}

impl Store {
    /// Stores one probe.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write_probe(&self, probe: &Probe) -> Result<(), StoreError> {
        let mut connection = self.own_connection().await?;
        let stored = |us: Option<u64>| us.map(|us| i64::try_from(us).unwrap_or(i64::MAX));
        sql_query("INSERT INTO probes (id, sent_at, outcome, arm, redirect_us, answer_us, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind::<SqlUuid, _>(Uuid::now_v7())
            .bind::<Timestamptz, _>(probe.sent_at)
            .bind::<Text, _>(probe.outcome.as_str())
            .bind::<Nullable<Text>, _>(probe.arm.map(|arm| arm.as_str()))
            .bind::<Nullable<BigInt>, _>(stored(probe.redirect_us))
            .bind::<Nullable<BigInt>, _>(stored(probe.answer_us))
            .bind::<Nullable<Text>, _>(probe.detail.as_deref())
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// What became of the probes sent from `from` up to but not including `to`; `None` where there was none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn probe_outcomes(&self, from: OffsetDateTime, to: OffsetDateTime) -> Result<Option<ProbeOutcomes>, StoreError> {
        let mut connection = self.connection().await?;
        let row: OutcomeRow = sql_query(
            "SELECT count(*) AS sent, count(*) FILTER (WHERE outcome = 'conformant') AS conformant, \
             count(*) FILTER (WHERE outcome = 'failed_over') AS failed_over, count(*) FILTER (WHERE outcome = 'wrong_arm') AS wrong_arm, \
             count(*) FILTER (WHERE outcome = 'unanswered') AS unanswered FROM probes WHERE sent_at >= $1 AND sent_at < $2",
        )
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .get_result(&mut *connection)
        .await?;
        let counted = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok((row.sent > 0).then(|| ProbeOutcomes {
            sent: counted(row.sent),
            conformant: counted(row.conformant),
            failed_over: counted(row.failed_over),
            wrong_arm: counted(row.wrong_arm),
            unanswered: counted(row.unanswered),
        }))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::arm::Arm;
    use crate::domain::probe::ProbeOutcome;
    use crate::store::testing::new_store;

    #[tokio::test]
    async fn outcomes_are_counted_within_their_range() {
        let store = new_store().await;
        let noon = datetime!(2026-11-23 12:00 UTC);
        assert_eq!(store.probe_outcomes(noon, noon + time::Duration::HOUR).await.unwrap(), None);
        let outcomes = [
            ProbeOutcome::Conformant,
            ProbeOutcome::Conformant,
            ProbeOutcome::FailedOver,
            ProbeOutcome::WrongArm,
            ProbeOutcome::Unanswered,
        ];
        for (minute, outcome) in outcomes.into_iter().enumerate() {
            let sent_at = noon + time::Duration::minutes(i64::try_from(minute).unwrap());
            let probe = Probe { sent_at, outcome, arm: Some(Arm::Odd), redirect_us: Some(800), answer_us: None, detail: None };
            store.write_probe(&probe).await.unwrap();
        }
        let seen = store.probe_outcomes(noon, noon + time::Duration::minutes(4)).await.unwrap();
        assert_eq!(seen, Some(ProbeOutcomes { sent: 4, conformant: 2, failed_over: 1, wrong_arm: 1, unanswered: 0 }));
    }
}
