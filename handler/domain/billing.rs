//! How Azure bills what a plan was used for: what each meter counts, what of it is free, and how an execution that is billed by itself is
//! rounded. Exact decimals. Must not know where use was measured, nor which figures a report shows.
//!
//! docs/cost.md has the sources.

use bigdecimal::{BigDecimal, Zero};

use super::catalogue::{Billed, CataloguePlan, MeterWithGrant, UseMeters};
use super::histogram::bucket_longest;

/// Hours of a month, as list prices count them.
pub const HOURS_PER_MONTH: u32 = 730;
/// Memory of a Consumption execution where no measurement is at hand, MB: the smallest that is billed.
pub const CONSUMPTION_MEMORY_MB: u64 = 128;
/// Memory of Consumption executions is rounded up to a multiple of this, MB.
const CONSUMPTION_MEMORY_STEP_MB: u64 = 128;
const SECONDS_PER_HOUR: u32 = 3_600;

/// How the duration of an execution is rounded that is billed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionRule {
    /// Shortest duration billed, ms.
    pub shortest_ms: u64,
    /// Durations are rounded up to a multiple of this, ms.
    pub step_ms: u64,
}

impl ExecutionRule {
    /// Functions Consumption (Y1).
    pub const CONSUMPTION: ExecutionRule = ExecutionRule { shortest_ms: 100, step_ms: 1 };
    /// What Flex Consumption would bill a call that is alone on its instance: for a busy one far too much, and what its price page seems to say.
    pub const FLEX_ALONE: ExecutionRule = ExecutionRule { shortest_ms: 1_000, step_ms: 100 };

    /// The duration billed for a call that took `latency_us`, ms.
    #[must_use]
    pub fn billed_ms(self, latency_us: u64) -> u64 {
        latency_us.div_ceil(1_000).next_multiple_of(self.step_ms).max(self.shortest_ms)
    }

    /// The duration billed for a call counted in `bucket` of the latency histogram, ms: that of the bucket's longest latency, so at most
    /// 1.6 % and one step too much, and exact where the shortest duration applies.
    #[must_use]
    pub fn billed_ms_of_bucket(self, bucket: usize) -> u64 {
        self.billed_ms(bucket_longest(bucket))
    }
}

/// What a plan was used for over some time. Of instances that are always there, or paid whatever comes, it is told apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanUse {
    /// Time that instances exist, busy or not, all together, s.
    pub instance_s: BigDecimal,
    /// Of that, the time of instances that are always there, s.
    pub ready_s: BigDecimal,
    /// Time for which those are metered as active, s.
    pub ready_active_s: BigDecimal,
    /// Time for which the others are, s.
    pub active_s: BigDecimal,
    /// Executions on instances that are always there.
    pub ready_executions: BigDecimal,
    /// Executions on the others.
    pub executions: BigDecimal,
    /// Durations of executions that are billed by themselves, each rounded, s.
    pub execution_s: BigDecimal,
    /// Memory of such an execution, MB.
    pub execution_mb: u64,
}

/// Units of a meter, and how many of them a subscription has free each month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The meter's name.
    pub meter: String,
    /// Units used.
    pub used: BigDecimal,
    /// Units free.
    pub free: BigDecimal,
}

/// One meter's part of a cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterCost {
    /// The meter's name.
    pub meter: String,
    /// Units used.
    pub quantity: BigDecimal,
    /// What they cost, beyond what is free.
    pub cost: BigDecimal,
}

/// No price is known for a meter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no price is known for {meter} until switchback prices update fetches one")]
pub struct Unpriced {
    /// The meter's name.
    pub meter: String,
}

impl Quantity {
    fn of(meter: &str, used: BigDecimal) -> Self {
        Quantity { meter: meter.to_owned(), used, free: BigDecimal::zero() }
    }

    fn granted(meter: &MeterWithGrant, used: BigDecimal) -> Self {
        Quantity { meter: meter.meter.clone(), used, free: meter.free.as_decimal().clone() }
    }
}

/// What the meters of `plan` count of `used`.
#[must_use]
pub fn quantities(plan: &CataloguePlan, used: &PlanUse) -> Vec<Quantity> {
    let gigabytes = |seconds: &BigDecimal| gigabytes(seconds, u64::from(plan.memory_mb));
    let hours = || &used.instance_s / BigDecimal::from(SECONDS_PER_HOUR);
    let executions = || &used.ready_executions + &used.executions;
    let by_use = |meters: &UseMeters, gb_seconds, executions: &BigDecimal| {
        vec![Quantity::granted(&meters.gb_second, gb_seconds), Quantity::granted(&meters.million_executions, millions(executions))]
    };
    match &plan.billed {
        Billed::InstanceHour { hour } => vec![Quantity::of(hour, hours())],
        Billed::CoresAndMemory { vcpu_hour, gb_hour } => {
            let hours = hours();
            vec![Quantity::of(vcpu_hour, &hours * plan.vcpu.as_decimal()), Quantity::of(gb_hour, gigabytes(&hours))]
        }
        Billed::Execution(meters) => {
            let memory_mb = used.execution_mb.max(1).next_multiple_of(CONSUMPTION_MEMORY_STEP_MB);
            by_use(meters, self::gigabytes(&used.execution_s, memory_mb), &executions())
        }
        Billed::Activity(meters) => by_use(meters, gigabytes(&(&used.ready_active_s + &used.active_s)), &executions()),
        Billed::AlwaysReady { baseline_gb_second, gb_second, million_executions, on_demand } => {
            let mut quantities = vec![
                Quantity::of(baseline_gb_second, gigabytes(&used.ready_s)),
                Quantity::of(gb_second, gigabytes(&used.ready_active_s)),
                Quantity::of(million_executions, millions(&used.ready_executions)),
            ];
            quantities.extend(by_use(on_demand, gigabytes(&used.active_s), &used.executions));
            quantities
        }
        Billed::Replica { vcpu_second, idle_vcpu_second, gib_second, million_requests, .. } => {
            let cores = plan.vcpu.as_decimal();
            let idle = (&used.ready_s - &used.ready_active_s).max(BigDecimal::zero());
            vec![
                Quantity::granted(vcpu_second, (&used.ready_active_s + &used.active_s) * cores),
                Quantity::of(idle_vcpu_second, idle * cores),
                Quantity::granted(gib_second, gigabytes(&used.instance_s)),
                Quantity::granted(million_requests, millions(&executions())),
            ]
        }
    }
}

/// What `quantities` cost at the price that `price` gives of a unit of each meter; `free_grants`: whether what is free is taken off.
///
/// # Errors
/// The first meter without a price.
pub fn charge(
    quantities: Vec<Quantity>,
    free_grants: bool,
    price: impl Fn(&str) -> Option<BigDecimal>,
) -> Result<Vec<MeterCost>, Unpriced> {
    let cost = |Quantity { meter, used, free }| {
        let Some(unit) = price(&meter) else { return Err(Unpriced { meter }) };
        let charged = if free_grants { (&used - free).max(BigDecimal::zero()) } else { used.clone() };
        Ok(MeterCost { meter, quantity: used, cost: charged * unit })
    };
    quantities.into_iter().map(cost).collect()
}

/// Time times `memory_mb`, in gigabytes of 1,024 MB, exact: 1/1,024 = 0.0009765625 has an end.
fn gigabytes(time: &BigDecimal, memory_mb: u64) -> BigDecimal {
    time * BigDecimal::from(memory_mb) * BigDecimal::new(9_765_625.into(), 10)
}

fn millions(executions: &BigDecimal) -> BigDecimal {
    executions * BigDecimal::new(1.into(), 6)
}

/// Milliseconds as seconds, exact.
#[must_use]
pub fn seconds(milliseconds: u64) -> BigDecimal {
    BigDecimal::new(milliseconds.into(), 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Catalogue;
    use crate::domain::histogram::{BUCKETS, bucket_bounds};
    use crate::domain::plan::Plan;

    fn listed(meter: &str) -> Option<BigDecimal> {
        Catalogue::embedded().price(meter).map(|price| price.amount.clone())
    }

    /// What each meter costs, to the cent.
    fn cents(plan: Plan, used: &PlanUse, free_grants: bool) -> Vec<String> {
        let lines = charge(quantities(plan.listed().expect("a plan"), used), free_grants, listed).expect("prices");
        lines.iter().map(|line| format!("{:.2}", line.cost.with_scale_round(2, bigdecimal::RoundingMode::HalfUp))).collect()
    }

    fn executions(count: u64, each_ms: u64, execution_mb: u64) -> PlanUse {
        PlanUse { executions: count.into(), execution_s: seconds(count * each_ms), execution_mb, ..PlanUse::default() }
    }

    /// Infracost's function app examples: 3,540,123 executions × 495 ms × 490 MB; 3,000,000 × 50 ms × 10 MB, all below the smallest billed.
    #[test]
    fn consumption_as_infracost_bills_it() {
        let rule = ExecutionRule::CONSUMPTION;
        let used = executions(3_540_123, rule.billed_ms(495_000), 490);
        let gb_seconds = |used| quantities(Plan::CONSUMPTION.listed().expect("a plan"), used)[0].used.normalized().to_plain_string();
        assert_eq!(
            (gb_seconds(&used).as_str(), cents(Plan::CONSUMPTION, &used, false)),
            ("876180.4425", vec!["14.02".into(), "0.71".into()])
        );
        let used = executions(3_000_000, rule.billed_ms(50_000), 10);
        assert_eq!((gb_seconds(&used).as_str(), cents(Plan::CONSUMPTION, &used, false)), ("37500", vec!["0.60".into(), "0.60".into()]));
    }

    /// A thousand calls of 20 ms, each alone on its instance: a second of 512 MB each on Flex Consumption.
    #[test]
    fn a_thousand_calls_that_are_each_alone() {
        let alone = |plan: Plan, rule: ExecutionRule| {
            let used = executions(1_000, rule.billed_ms(20_000), CONSUMPTION_MEMORY_MB);
            let used = PlanUse { active_s: used.execution_s.clone(), ..used };
            let lines = charge(quantities(plan.listed().expect("a plan"), &used), false, listed).expect("prices");
            lines.iter().map(|line| &line.cost).sum::<BigDecimal>().normalized().to_plain_string()
        };
        assert_eq!(alone(Plan::FLEX_512, ExecutionRule::FLEX_ALONE), "0.0134");
        assert_eq!(alone(Plan::CONSUMPTION, ExecutionRule::CONSUMPTION), "0.0004");
    }

    #[test]
    fn grants_are_taken_off_and_never_give_back() {
        let used = executions(1_500_000, 10, 128);
        assert_eq!(cents(Plan::CONSUMPTION, &used, true), ["0.00", "0.10"], "half a million beyond what is free");
    }

    #[test]
    fn instances_are_paid_by_the_hour_whatever_they_serve() {
        let used = PlanUse { instance_s: BigDecimal::from(3 * 730 * 3_600), ..executions(1_000_000, 500, 128) };
        assert_eq!(cents(Plan::S1, &used, true), ["208.05"]);
        let elastic = "functions/EP1".parse().expect("a plan");
        assert_eq!(cents(elastic, &used, true), ["378.87", "94.28"], "three times Infracost's 126.29 and 31.43");
    }

    #[test]
    fn durations_are_rounded_up() {
        assert_eq!(
            [0, 999_999, 1_000_000, 1_000_001, 1_100_000].map(|us| ExecutionRule::FLEX_ALONE.billed_ms(us)),
            [1_000, 1_000, 1_000, 1_100, 1_100]
        );
        assert_eq!([1, 100_000, 100_001, 250_000].map(|us| ExecutionRule::CONSUMPTION.billed_ms(us)), [100, 100, 101, 250]);
    }

    #[test]
    fn a_bucket_is_never_billed_too_little_and_hardly_too_much() {
        for rule in [ExecutionRule::CONSUMPTION, ExecutionRule::FLEX_ALONE] {
            for bucket in 0..BUCKETS {
                let (lower, width) = bucket_bounds(bucket);
                let billed = rule.billed_ms_of_bucket(bucket);
                assert!(billed >= rule.billed_ms(lower + width - 1));
                let shortest = rule.billed_ms(lower);
                assert!(billed <= shortest + shortest / 64 + rule.step_ms, "bucket {bucket}: {billed} for {shortest}");
            }
        }
    }
}
