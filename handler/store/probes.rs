//! What supervision saw from outside. Must not know how a probe is made.

use diesel::sql_types::{BigInt, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::probe::{Probe, ProbeLatency, ProbeOutcomes};

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

#[derive(QueryableByName)]
struct LatencyRow {
    #[diesel(sql_type = Text)]
    arm: String,
    #[diesel(sql_type = BigInt)]
    probes: i64,
    #[diesel(sql_type = Double)]
    mean_ms: f64,
    #[diesel(sql_type = Double)]
    standard_deviation_ms: f64,
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

    /// How long the arms took to answer the probes sent from `from` up to but not including `to` that ended where the schedule says.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn probe_latencies(&self, from: OffsetDateTime, to: OffsetDateTime) -> Result<ByArm<Option<ProbeLatency>>, StoreError> {
        let mut connection = self.connection().await?;
        let rows: Vec<LatencyRow> = sql_query(
            "SELECT arm, count(*) AS probes, avg(answer_us)::float8 / 1000 AS mean_ms, \
             coalesce(stddev_samp(answer_us), 0)::float8 / 1000 AS standard_deviation_ms FROM probes \
             WHERE sent_at >= $1 AND sent_at < $2 AND outcome = 'conformant' AND answer_us IS NOT NULL GROUP BY arm",
        )
        .bind::<Timestamptz, _>(from)
        .bind::<Timestamptz, _>(to)
        .load(&mut *connection)
        .await?;
        let of = |arm: Arm| {
            let row = rows.iter().find(|row| row.arm == arm.as_str())?;
            let probes = u64::try_from(row.probes).unwrap_or(0);
            Some(ProbeLatency { probes, mean_ms: row.mean_ms, standard_deviation_ms: row.standard_deviation_ms })
        };
        Ok(ByArm::build(of))
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
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

    #[tokio::test]
    async fn latencies_are_those_of_probes_that_ended_where_they_should() {
        let store = new_store().await;
        let noon = datetime!(2026-11-23 12:00 UTC);
        let probes = [
            (ProbeOutcome::Conformant, Arm::Odd, Some(20_000)),
            (ProbeOutcome::Conformant, Arm::Odd, Some(24_000)),
            (ProbeOutcome::Conformant, Arm::Odd, None),
            (ProbeOutcome::FailedOver, Arm::Odd, Some(900_000)),
        ];
        for (outcome, arm, answer_us) in probes {
            let probe = Probe { sent_at: noon, outcome, arm: Some(arm), redirect_us: None, answer_us, detail: None };
            store.write_probe(&probe).await.unwrap();
        }
        let seen = store.probe_latencies(noon, noon + time::Duration::HOUR).await.unwrap();
        let odd = ProbeLatency { probes: 2, mean_ms: 22.0, standard_deviation_ms: 8.0_f64.sqrt() };
        assert_eq!(seen.even, None);
        assert!(
            seen.odd.is_some_and(|seen| seen.probes == 2
                && (seen.mean_ms - odd.mean_ms).abs() < 1e-9
                && (seen.standard_deviation_ms - odd.standard_deviation_ms).abs() < 1e-9),
            "{seen:?}"
        );
    }
}
