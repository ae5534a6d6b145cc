//! What a month of some traffic costs on one plan. Must not know other plans.

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive, Zero};

use super::shape::TrafficShape;
use crate::domain::billing::UseRules;
use crate::domain::catalogue::{Billed, CataloguePlan, MeterWithGrant, UseMeters};

/// Hours of a month, as list prices count them.
const HOURS: f64 = 730.0;
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

/// One meter's part of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterCost {
    /// The meter's name.
    pub meter: String,
    /// Units used.
    pub quantity: BigDecimal,
    /// What they cost, beyond what is free.
    pub cost: BigDecimal,
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
    #[error("no price is known for {meter}: known after `switchback prices update`")]
    Unpriced {
        /// The meter without a price.
        meter: String,
    },
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
    let (quantities, instances) = estimate.quantities();
    let mut lines = Vec::with_capacity(quantities.len());
    for Quantity { meter, used, free } in quantities {
        let unit = price(&meter).ok_or_else(|| NoCost::Unpriced { meter: meter.clone() })?;
        let charged = if terms.free_grants { (&used - free).max(BigDecimal::zero()) } else { used.clone() };
        lines.push(MeterCost { meter, quantity: used, cost: charged * unit });
    }
    Ok(MonthCost { total: lines.iter().map(|line| &line.cost).sum(), lines, instances })
}

/// Units of a meter, and how many of them a subscription has free.
struct Quantity {
    meter: String,
    used: BigDecimal,
    free: BigDecimal,
}

impl Quantity {
    fn of(meter: &str, used: BigDecimal) -> Self {
        Quantity { meter: meter.to_owned(), used, free: BigDecimal::zero() }
    }

    fn granted(meter: &MeterWithGrant, used: BigDecimal) -> Self {
        Quantity { meter: meter.meter.clone(), used, free: meter.free.as_decimal().clone() }
    }
}

struct Estimate<'a> {
    plan: &'a CataloguePlan,
    traffic: &'a TrafficShape,
    min_instances: u32,
}

impl Estimate<'_> {
    fn quantities(&self) -> (Vec<Quantity>, Option<f64>) {
        match &self.plan.billed {
            Billed::InstanceHour { hour } => {
                // Nothing adds or takes away instances: what the busiest minute needs is there all month.
                let instances = self.traffic.at_peak(|calls| self.dedicated_instances(calls));
                (vec![Quantity::of(hour, rounded(instances * HOURS, TIME_SCALE))], Some(instances))
            }
            Billed::CoresAndMemory { vcpu_hour, gb_hour } => {
                let instances = self.traffic.over_time(|calls| self.dedicated_instances(calls));
                let hours = rounded(instances * HOURS, TIME_SCALE);
                let cores = &hours * self.plan.vcpu.as_decimal();
                (vec![Quantity::of(vcpu_hour, cores), Quantity::of(gb_hour, self.gigabytes(&hours))], Some(instances))
            }
            Billed::Execution(meters) => (self.executions(meters), None),
            Billed::Activity(meters) => {
                let instances = self.traffic.over_time(|calls| self.instances_by_concurrency(calls));
                (self.activity(meters, 0.0), Some(instances))
            }
            Billed::AlwaysReady { baseline_gb_second, gb_second, million_executions, on_demand } => {
                let ready = f64::from(self.min_instances);
                let baseline = self.gigabytes(&rounded(ready * SECONDS, TIME_SCALE));
                let active = self.active_seconds(|instances| instances.min(ready));
                let calls = self.served_calls(|instances| instances.min(ready));
                let mut quantities = vec![
                    Quantity::of(baseline_gb_second, baseline),
                    Quantity::of(gb_second, self.gigabytes(&active)),
                    Quantity::of(million_executions, millions(calls)),
                ];
                quantities.extend(self.activity(on_demand, ready));
                let instances = self.traffic.over_time(|calls| self.instances_by_concurrency(calls).max(ready));
                (quantities, Some(instances))
            }
            Billed::Replica { cooldown_s, vcpu_second, idle_vcpu_second, gib_second, million_requests } => {
                let (active, idle) = self.replica_seconds(f64::from(*cooldown_s));
                let (active, idle) = (rounded(active, TIME_SCALE), rounded(idle, TIME_SCALE));
                let cores = self.plan.vcpu.as_decimal();
                let all = &active + &idle;
                let instances = all.to_f64().map(|seconds| seconds / SECONDS);
                let quantities = vec![
                    Quantity::granted(vcpu_second, &active * cores),
                    Quantity::of(idle_vcpu_second, &idle * cores),
                    Quantity::granted(gib_second, self.gigabytes(&all)),
                    Quantity::granted(million_requests, millions(self.traffic.calls_per_second() * SECONDS)),
                ];
                (quantities, instances)
            }
        }
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
    fn served_calls(&self, share: impl Fn(f64) -> f64) -> f64 {
        let calls = self.traffic.over_time(|calls| {
            let instances = self.instances_by_concurrency(calls);
            if instances > 0.0 { calls * share(instances) / instances } else { 0.0 }
        });
        calls * SECONDS
    }

    /// On demand: what instances beyond the first `ready` are metered for.
    fn activity(&self, meters: &UseMeters, ready: f64) -> Vec<Quantity> {
        let beyond = |instances: f64| (instances - ready).max(0.0);
        vec![
            Quantity::granted(&meters.gb_second, self.gigabytes(&self.active_seconds(beyond))),
            Quantity::granted(&meters.million_executions, millions(self.served_calls(beyond))),
        ]
    }

    fn executions(&self, meters: &UseMeters) -> Vec<Quantity> {
        let executions = rounded(self.traffic.calls_per_second() * SECONDS, 0);
        let memory_mb = UseRules::consumption(u64::from(self.traffic.memory_mb().max(1))).memory_mb;
        let seconds = &executions * rounded(self.traffic.execution_ms(), TIME_SCALE) * BigDecimal::new(1.into(), 3);
        vec![
            Quantity::granted(&meters.gb_second, gigabytes(&seconds, memory_mb)),
            Quantity::granted(&meters.million_executions, executions * BigDecimal::new(1.into(), 6)),
        ]
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

    fn gigabytes(&self, time: &BigDecimal) -> BigDecimal {
        gigabytes(time, u64::from(self.plan.memory_mb))
    }
}

/// Time times `memory_mb`, in gigabytes of 1,024 MB, exact: 1/1,024 = 0.0009765625 has an end.
fn gigabytes(time: &BigDecimal, memory_mb: u64) -> BigDecimal {
    time * BigDecimal::from(memory_mb) * BigDecimal::new(9_765_625.into(), 10)
}

fn millions(calls: f64) -> BigDecimal {
    rounded(calls, 0) * BigDecimal::new(1.into(), 6)
}

/// A quantity as a bill states it. Quantities are bounded by their shape's, so that each is a number.
fn rounded(quantity: f64, scale: i64) -> BigDecimal {
    BigDecimal::try_from(quantity).unwrap_or_default().with_scale_round(scale, RoundingMode::HalfUp)
}
