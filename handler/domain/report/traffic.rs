//! The traffic of a run, as a month on any plan depends on it. Must not know plans or prices.

use std::time::Duration;

use super::arm_use::ArmUse;
use super::gathered::Gathered;
use crate::domain::arm::Arm;
use crate::domain::billing::{CONSUMPTION_MEMORY_MB, ExecutionRule};
use crate::domain::break_even::TrafficShape;
use crate::domain::window::BurnIn;

/// Workers a minute up to which metered time is that of one instance.
const MAX_WORKERS_OF_ONE: f64 = 1.05;

/// The traffic measured: how many calls each minute of a pair had, how long they took, and how much of the time an instance was metered for them.
/// None without a call in a pair.
#[must_use]
pub fn traffic(gathered: &Gathered) -> Option<TrafficShape> {
    let (mut calls, mut latency_ms) = (0.0, 0.0);
    let mut minutes = Vec::with_capacity(gathered.series.count() * 2);
    for (_, row) in gathered.series.pairs(BurnIn::None) {
        for arm in Arm::BOTH.into_iter().filter(|arm| row.calls[*arm] > 0) {
            calls += f64::from(row.calls[arm]);
            latency_ms += row.mean_ms[arm] * f64::from(row.calls[arm]);
        }
        minutes.extend(Arm::BOTH.map(|arm| u64::from(row.calls[arm])));
    }
    let duration = Duration::try_from_secs_f64(latency_ms / calls / 1_000.0).ok()?;
    let memory_mb = u32::try_from(CONSUMPTION_MEMORY_MB).ok()?;
    let minute = gathered.schedule().minute_length();
    let shape = TrafficShape::measured(minutes, minute, duration, execution_ms(gathered)?, memory_mb).ok()?;
    Some(match metered_share(gathered) {
        Some(share) => shape.calibrated(share),
        None => shape,
    })
}

/// Mean duration of a call as Functions Consumption bills it, ms.
fn execution_ms(gathered: &Gathered) -> Option<f64> {
    let (mut calls, mut billed_ms) = (0_u64, 0_u64);
    let blocks = gathered.series.blocks(BurnIn::None);
    for (bucket, count) in blocks.iter().flat_map(|block| block.histograms.iter()).flatten().copied() {
        calls += u64::from(count);
        billed_ms += u64::from(count) * ExecutionRule::CONSUMPTION.billed_ms_of_bucket(usize::from(bucket));
    }
    (calls > 0).then(|| billed_ms as f64 / calls as f64)
}

/// Share of the arms' own minutes in which one instance was metered; none where several shared the calls, or any did not meter.
fn metered_share(gathered: &Gathered) -> Option<f64> {
    let own: Vec<&ArmUse> = gathered.totals.iter().map(|totals| &totals.own).collect();
    let sum = |of: fn(&ArmUse) -> u64| own.iter().map(|used| of(used)).sum::<u64>() as f64;
    let (minutes, metered) = (sum(|used| used.minutes), sum(|used| used.metered_minutes));
    let one = sum(|used| used.worker_minutes) <= minutes * MAX_WORKERS_OF_ONE && metered > 0.0 && metered >= minutes;
    one.then(|| sum(|used| used.full_load_ms) / (minutes * gathered.minute_ms() as f64))
}
