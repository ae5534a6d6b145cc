//! What a month of some traffic costs on one plan. Must not know other plans.

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};

use super::shape::TrafficShape;
use crate::domain::billing::{HOURS_PER_MONTH, MeterCost, PlanUse, Unpriced, charge, quantities};
use crate::domain::catalogue::{Billed, CataloguePlan};

const HOURS: f64 = HOURS_PER_MONTH as f64;
const SECONDS: f64 = HOURS * 3_600.0;
/// Decimals that hours and seconds of a quantity are rounded to.
const TIME_SCALE: i64 = 3;

/// What a plan is costed under, beside the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Whether the subscription's free grants are this service's to use up.
    pub free_grants: bool,
    /// Instances that run whatever comes; the plan's own minimum where none is declared.
    pub min_instances: Option<u32>,
}

/// A month on one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct MonthCost {
    /// The whole, exact in the quantities.
    pub total: BigDecimal,
    /// By meter.
    pub lines: Vec<MeterCost>,
    /// Instances in the mean; none on a plan that has none of one's own.
    pub instances: Option<f64>,
}

/// Why a month has no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCost {
    /// No price is known.
    #[error(transparent)]
    Unpriced(#[from] Unpriced),
    /// Calls may take more of the processor than a free plan allows.
    #[error("calls may take more than the {minutes} CPU minutes a day that the plan allows")]
    OverQuota {
        /// CPU minutes a day.
        minutes: u32,
    },
}

/// What a month of `traffic` costs on `plan`, at the price that `price` gives of a unit of each meter.
///
/// # Errors
/// A meter without a price, or traffic that a free plan may refuse.
pub fn month(
    plan: &CataloguePlan,
    traffic: &TrafficShape,
    terms: Terms,
    price: impl Fn(&str) -> Option<BigDecimal>,
) -> Result<MonthCost, NoCost> {
    if let Some(minutes) = plan.cpu_minutes_per_day
        && traffic.calls_per_day() * traffic.duration_s() > f64::from(minutes) * 60.0
    {
        return Err(NoCost::OverQuota { minutes });
    }
    let estimate = Estimate { plan, traffic, min_instances: terms.min_instances.unwrap_or(plan.min_instances) };
    let (used, instances) = estimate.used();
    let lines = charge(quantities(plan, &used), terms.free_grants, price)?;
    Ok(MonthCost { total: lines.iter().map(|line| &line.cost).sum(), lines, instances })
}

struct Estimate<'a> {
    plan: &'a CataloguePlan,
    traffic: &'a TrafficShape,
    min_instances: u32,
}

impl Estimate<'_> {
    /// What the plan is used for in a month, and its instances in the mean.
    fn used(&self) -> (PlanUse, Option<f64>) {
        let traffic = self.traffic;
        let ready = f64::from(self.min_instances);
        let everything = || rounded(traffic.calls_per_second() * SECONDS, 0);
        match &self.plan.billed {
            Billed::InstanceHour { .. } => {
                // Nothing adds or takes away instances: what the busiest minute needs is there all month.
                Self::by_hours(traffic.at_peak(|calls| self.dedicated_instances(calls)))
            }
            Billed::CoresAndMemory { .. } => Self::by_hours(traffic.over_time(|calls| self.dedicated_instances(calls))),
            Billed::Execution(_) => {
                let executions = everything();
                let execution_s = &executions * rounded(traffic.execution_ms(), TIME_SCALE) * BigDecimal::new(1.into(), 3);
                let execution_mb = u64::from(traffic.memory_mb());
                (PlanUse { executions, execution_s, execution_mb, ..PlanUse::default() }, None)
            }
            Billed::Activity(_) => {
                let instances = traffic.over_time(|calls| self.instances_by_concurrency(calls));
                (PlanUse { active_s: self.active_seconds(|all| all), executions: everything(), ..PlanUse::default() }, Some(instances))
            }
            Billed::AlwaysReady { .. } => {
                let (among, beyond) = (|all: f64| all.min(ready), |all: f64| (all - ready).max(0.0));
                let used = PlanUse {
                    ready_s: rounded(ready * SECONDS, TIME_SCALE),
                    ready_active_s: self.active_seconds(among),
                    active_s: self.active_seconds(beyond),
                    ready_executions: self.served_calls(among),
                    executions: self.served_calls(beyond),
                    ..PlanUse::default()
                };
                (used, Some(traffic.over_time(|calls| self.instances_by_concurrency(calls).max(ready))))
            }
            Billed::Replica { cooldown_s, .. } => {
                let (active, idle) = self.replica_seconds(f64::from(*cooldown_s));
                let (active_s, idle_s) = (rounded(active, TIME_SCALE), rounded(idle, TIME_SCALE));
                let instance_s = &active_s + &idle_s;
                let instances = instance_s.to_f64().map(|seconds| seconds / SECONDS);
                // Only idle time tells instances of the minimum from others.
                (PlanUse { instance_s, ready_s: idle_s, active_s, executions: everything(), ..PlanUse::default() }, instances)
            }
        }
    }

    fn by_hours(instances: f64) -> (PlanUse, Option<f64>) {
        (PlanUse { instance_s: rounded(instances * SECONDS, TIME_SCALE), ..PlanUse::default() }, Some(instances))
    }

    /// Instances of a plan that has no concurrency of its own, by the capacity that was measured; the minimum where none was.
    fn dedicated_instances(&self, calls: f64) -> f64 {
        let least = f64::from(self.min_instances);
        let capacity = self.plan.vcpu.as_decimal().to_f64().and_then(|vcpu| self.traffic.capacity(vcpu));
        capacity.map_or(least, |capacity| (calls * self.traffic.duration_s() / capacity).ceil().max(least))
    }

    /// Instances that the platform runs for `calls` a second: by calls in flight over the plan's concurrency.
    fn instances_by_concurrency(&self, calls: f64) -> f64 {
        let in_flight = calls * self.traffic.duration_s();
        let needed = self.plan.concurrency.map_or(1.0, |concurrency| (in_flight / f64::from(concurrency)).ceil());
        if calls > 0.0 { needed.max(1.0) } else { 0.0 }
    }

    /// Instance-seconds metered in a month on those instances that `share` counts out of all that run.
    fn active_seconds(&self, share: impl Fn(f64) -> f64) -> BigDecimal {
        let seconds = self.traffic.over_time(|calls| {
            let instances = self.instances_by_concurrency(calls);
            if instances > 0.0 { share(instances) * self.traffic.metered_share_at(calls / instances) } else { 0.0 }
        });
        rounded(seconds * SECONDS, TIME_SCALE)
    }

    /// A month's calls that are served by those instances.
    fn served_calls(&self, share: impl Fn(f64) -> f64) -> BigDecimal {
        let calls = self.traffic.over_time(|calls| {
            let instances = self.instances_by_concurrency(calls);
            if instances > 0.0 { calls * share(instances) / instances } else { 0.0 }
        });
        rounded(calls * SECONDS, 0)
    }

    /// Replica-seconds of a month, active and idle. Replicas of the minimum idle between calls; others are active until a cooldown after their last
    /// call ends them.
    fn replica_seconds(&self, cooldown_s: f64) -> (f64, f64) {
        let least = f64::from(self.min_instances);
        let any_within = |calls: f64, seconds: f64| -(-calls * seconds).exp_m1();
        let active = self.traffic.over_time(|calls| {
            let running = self.instances_by_concurrency(calls).max(least);
            let each = if running > 0.0 { calls / running } else { 0.0 };
            let of_minimum = least * any_within(each, self.traffic.duration_s());
            of_minimum + (running - least) * any_within(each, self.traffic.duration_s() + cooldown_s)
        });
        let idle = self.traffic.over_time(|calls| {
            let running = self.instances_by_concurrency(calls).max(least);
            let each = if running > 0.0 { calls / running } else { 0.0 };
            least * (-each * self.traffic.duration_s()).exp()
        });
        (active * SECONDS, idle * SECONDS)
    }
}

/// A quantity as a bill states it. Quantities are bounded by their shape's, so that each is a number.
fn rounded(quantity: f64, scale: i64) -> BigDecimal {
    BigDecimal::try_from(quantity).unwrap_or_default().with_scale_round(scale, RoundingMode::HalfUp)
}
