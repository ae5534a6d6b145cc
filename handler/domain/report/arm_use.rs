//! What an arm's windows add to its bill: instances, metered time, executions. Must not know plans or prices.

use std::iter::Sum;

use super::inputs::Inputs;
use crate::domain::arm::Arm;
use crate::domain::billing::ExecutionRule;
use crate::domain::catalogue::Billed;
use crate::domain::histogram::BUCKETS;

/// What one arm's minute adds, all its workers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinuteUse {
    /// Workers that were alive.
    pub workers: u32,
    /// Workers among them that did not meter.
    pub unmetered_workers: u32,
    /// Time metered for calls of the minute, ms; it may reach past the minute's end.
    pub metered_ms: u64,
    /// The same with each worker's at most the minute's length: what a minute holds when the next one is metered as well.
    pub full_load_ms: u64,
    /// Durations of executions that are billed by themselves, each rounded, ms.
    pub billed_ms: u64,
}

impl MinuteUse {
    /// Adds a worker, which metered `metered_ms` if it did, of a minute that lasts `minute_ms`.
    pub fn add_worker(&mut self, metered_ms: Option<u64>, minute_ms: u64) {
        self.workers += 1;
        self.unmetered_workers += u32::from(metered_ms.is_none());
        let metered_ms = metered_ms.unwrap_or(0);
        self.metered_ms = self.metered_ms.saturating_add(metered_ms);
        self.full_load_ms += metered_ms.min(minute_ms);
    }

    /// Whether every worker metered.
    #[must_use]
    pub const fn is_metered(&self) -> bool {
        self.unmetered_workers == 0
    }
}

/// What minutes add up to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArmUse {
    /// Minutes.
    pub minutes: u64,
    /// Workers alive in each of them, summed.
    pub worker_minutes: u64,
    /// Calls.
    pub calls: u64,
    /// Minutes in which every worker metered.
    pub metered_minutes: u64,
    /// Time metered in those, as [`MinuteUse::metered_ms`].
    pub metered_ms: u64,
    /// Time metered in those, as [`MinuteUse::full_load_ms`].
    pub full_load_ms: u64,
    /// As [`MinuteUse::billed_ms`].
    pub billed_ms: u64,
}

impl Sum for ArmUse {
    fn sum<I: Iterator<Item = ArmUse>>(uses: I) -> ArmUse {
        uses.fold(ArmUse::default(), |sum, other| ArmUse {
            minutes: sum.minutes + other.minutes,
            worker_minutes: sum.worker_minutes + other.worker_minutes,
            calls: sum.calls + other.calls,
            metered_minutes: sum.metered_minutes + other.metered_minutes,
            metered_ms: sum.metered_ms.saturating_add(other.metered_ms),
            full_load_ms: sum.full_load_ms + other.full_load_ms,
            billed_ms: sum.billed_ms.saturating_add(other.billed_ms),
        })
    }
}

impl ArmUse {
    /// Adds a minute with `calls`.
    pub fn add(&mut self, minute: &MinuteUse, calls: u64) {
        self.minutes += 1;
        self.worker_minutes += u64::from(minute.workers);
        self.calls += calls;
        self.billed_ms = self.billed_ms.saturating_add(minute.billed_ms);
        if minute.is_metered() {
            self.metered_minutes += 1;
            self.metered_ms = self.metered_ms.saturating_add(minute.metered_ms);
            self.full_load_ms += minute.full_load_ms;
        }
    }
}

/// What a call of each histogram bucket is billed on `arm`'s plan if it is billed by itself, ms: as Consumption does, and as Flex Consumption is
/// feared to do. Empty where neither applies.
#[must_use]
pub fn billed_by_bucket(inputs: &Inputs, arm: Arm) -> Vec<u64> {
    let rule = match inputs.plans[arm].listed().map(|plan| &plan.billed) {
        Some(Billed::Execution(_)) => ExecutionRule::CONSUMPTION,
        Some(Billed::Activity(_) | Billed::AlwaysReady { .. }) => ExecutionRule::FLEX_ALONE,
        Some(Billed::InstanceHour { .. } | Billed::CoresAndMemory { .. } | Billed::Replica { .. }) | None => return Vec::new(),
    };
    (0..BUCKETS).map(|bucket| rule.billed_ms_of_bucket(bucket)).collect()
}
