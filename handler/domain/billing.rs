//! How Azure bills: by the hour, or by memory, time and executions. Exact whole numbers and decimals.
//! Must not know which windows the use came from, nor which figures a report shows.
//!
//! Sources: Azure Functions pricing (Consumption: at least 100 ms, rounded up to 1 ms, memory rounded up to 128 MB; Flex Consumption on
//! demand: at least 1,000 ms, rounded up to 100 ms, at the instance's size) and App Service pricing (a dedicated plan is paid while it
//! exists, whatever it serves).

use bigdecimal::{BigDecimal, Zero};

use super::histogram::bucket_longest;
use super::plan::{AppServiceSize, Plan};
use super::price::Meter;

/// How a plan is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billing {
    /// No price is known.
    Unpriced,
    /// By the hour, whatever it serves.
    PerHour(Meter),
    /// By use.
    PerUse(UseRules),
}

/// The rules of a plan that is paid by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UseRules {
    /// Shortest duration billed, ms.
    pub shortest_ms: u64,
    /// Durations are rounded up to a multiple of this, ms.
    pub step_ms: u64,
    /// Memory billed, MB.
    pub memory_mb: u64,
    /// Meter of memory and time.
    pub gb_seconds: Meter,
    /// Meter of executions.
    pub executions: Meter,
    /// What a subscription gets for nothing each month.
    pub grant: Grant,
}

/// A monthly free grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Executions.
    pub executions: u64,
    /// Gigabyte-seconds.
    pub gb_seconds: u64,
}

/// Memory of a Consumption execution where no measurement is at hand, MB: the smallest that is billed.
pub const CONSUMPTION_MEMORY_MB: u64 = 128;

impl Billing {
    /// How `plan` is charged.
    #[must_use]
    pub fn of(plan: Plan) -> Self {
        match plan {
            Plan::Local => Billing::Unpriced,
            Plan::AppService(size) => Billing::PerHour(Meter::AppServiceHour(size)),
            Plan::FunctionsConsumption => Billing::PerUse(UseRules::consumption(CONSUMPTION_MEMORY_MB)),
            Plan::FunctionsFlex(size) => Billing::PerUse(UseRules {
                shortest_ms: 1_000,
                step_ms: 100,
                memory_mb: u64::from(size.memory_mb()),
                gb_seconds: Meter::FlexGbSecond,
                executions: Meter::FlexMillionExecutions,
                grant: Grant { executions: 250_000, gb_seconds: 100_000 },
            }),
        }
    }

    /// Whether the plan costs nothing at all.
    #[must_use]
    pub fn is_free(self) -> bool {
        self == Billing::PerHour(Meter::AppServiceHour(AppServiceSize::F1))
    }
}

impl UseRules {
    /// Functions Consumption (Y1) for an execution that uses `memory_mb`.
    #[must_use]
    pub const fn consumption(memory_mb: u64) -> Self {
        UseRules {
            shortest_ms: 100,
            step_ms: 1,
            memory_mb: memory_mb.next_multiple_of(128),
            gb_seconds: Meter::ConsumptionGbSecond,
            executions: Meter::ConsumptionMillionExecutions,
            grant: Grant { executions: 1_000_000, gb_seconds: 400_000 },
        }
    }

    /// The duration billed for a call that took `latency_us`, ms.
    #[must_use]
    pub fn billed_ms(&self, latency_us: u64) -> u64 {
        latency_us.div_ceil(1_000).next_multiple_of(self.step_ms).max(self.shortest_ms)
    }

    /// The duration billed for a call counted in `bucket` of the latency histogram, ms: that of the bucket's longest latency, so at most
    /// 1.6 % and one step too much, and exact where the shortest duration applies.
    #[must_use]
    pub fn billed_ms_of_bucket(&self, bucket: usize) -> u64 {
        self.billed_ms(bucket_longest(bucket))
    }

    /// The use of `executions` calls billed `billed_ms` in all.
    #[must_use]
    pub fn usage(&self, executions: u64, billed_ms: u64) -> Usage {
        Usage { executions, mb_ms: u128::from(billed_ms) * u128::from(self.memory_mb) }
    }
}

/// What was used of a plan that is paid by use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Executions.
    pub executions: u64,
    /// Megabytes times milliseconds, after rounding.
    pub mb_ms: u128,
}

impl Usage {
    /// Adds `other`.
    pub const fn add(&mut self, other: Usage) {
        self.executions += other.executions;
        self.mb_ms += other.mb_ms;
    }

    /// Gigabyte-seconds (1,024 MB to the gigabyte), exact.
    #[must_use]
    pub fn gb_seconds(&self) -> BigDecimal {
        // 1/1,024 = 0.0009765625 has an end, so the product is exact.
        BigDecimal::from(self.mb_ms) * BigDecimal::new(9_765_625.into(), 13)
    }

    /// The use less what `grant` gives away, as (gigabyte-seconds, executions).
    #[must_use]
    pub fn beyond(&self, grant: Option<Grant>) -> (BigDecimal, BigDecimal) {
        let (free_seconds, free_executions) = grant.map_or((0, 0), |grant| (grant.gb_seconds, grant.executions));
        let rest = self.gb_seconds() - BigDecimal::from(free_seconds);
        (rest.max(BigDecimal::zero()), BigDecimal::from(self.executions.saturating_sub(free_executions)))
    }
}

/// Unit prices of a plan that is paid by use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsePrices {
    /// Of one gigabyte-second.
    pub gb_second: BigDecimal,
    /// Of one million executions.
    pub million_executions: BigDecimal,
}

impl UsePrices {
    /// What `gb_seconds` and `executions` cost, exact.
    #[must_use]
    pub fn charge(&self, gb_seconds: &BigDecimal, executions: &BigDecimal) -> BigDecimal {
        gb_seconds * &self.gb_second + executions * &self.million_executions * BigDecimal::new(1.into(), 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::histogram::{BUCKETS, bucket_bounds};
    use crate::domain::plan::FlexSize;
    use crate::domain::price::PriceBook;

    fn prices(rules: &UseRules) -> UsePrices {
        let book = PriceBook::embedded();
        let amount = |meter| book.find(meter, "eastus").expect("a price").amount.clone();
        UsePrices { gb_second: amount(rules.gb_seconds), million_executions: amount(rules.executions) }
    }

    fn rules(plan: Plan) -> UseRules {
        match Billing::of(plan) {
            Billing::PerUse(rules) => rules,
            other => panic!("{other:?}"),
        }
    }

    fn cents(amount: &BigDecimal) -> String {
        amount.with_scale_round(2, bigdecimal::RoundingMode::HalfUp).to_string()
    }

    /// Infracost's function app example: 3,540,123 executions × 495 ms × 490 MB.
    #[test]
    fn infracost_with_uneven_numbers() {
        let rules = UseRules::consumption(490);
        assert_eq!((rules.memory_mb, rules.billed_ms(495_000)), (512, 495));
        let usage = rules.usage(3_540_123, 3_540_123 * rules.billed_ms(495_000));
        assert_eq!(usage.gb_seconds().normalized().to_string(), "876180.4425");
        let price = prices(&rules);
        assert_eq!(cents(&price.charge(&usage.gb_seconds(), &BigDecimal::zero())), "14.02");
        assert_eq!(cents(&price.charge(&BigDecimal::zero(), &BigDecimal::from(usage.executions))), "0.71");
    }

    /// Infracost's function app example: 3,000,000 executions × 50 ms × 10 MB, all below the smallest billed.
    #[test]
    fn infracost_below_the_minima() {
        let rules = UseRules::consumption(10);
        let usage = rules.usage(3_000_000, 3_000_000 * rules.billed_ms(50_000));
        assert_eq!(usage.gb_seconds().normalized().to_plain_string(), "37500");
        let price = prices(&rules);
        assert_eq!(cents(&price.charge(&usage.gb_seconds(), &BigDecimal::zero())), "0.60");
        assert_eq!(cents(&price.charge(&BigDecimal::zero(), &BigDecimal::from(usage.executions))), "0.60");
    }

    #[test]
    fn a_call_of_20_ms_alone() {
        for (plan, expected) in [(Plan::FunctionsFlex(FlexSize::Mb512), "0.0134"), (Plan::FunctionsConsumption, "0.0004")] {
            let rules = rules(plan);
            let usage = rules.usage(1_000, 1_000 * rules.billed_ms(20_000));
            let (gb_seconds, executions) = usage.beyond(None);
            let cost = prices(&rules).charge(&gb_seconds, &executions);
            assert_eq!(cost.normalized().to_string(), expected, "{plan}");
        }
    }

    #[test]
    fn grants_are_taken_off_and_never_give_back() {
        let rules = rules(Plan::FunctionsConsumption);
        let usage = rules.usage(1_500_000, 10);
        let (gb_seconds, executions) = usage.beyond(Some(rules.grant));
        assert_eq!((gb_seconds, executions), (BigDecimal::zero(), BigDecimal::from(500_000)));
    }

    #[test]
    fn rounding() {
        let flex = rules(Plan::FunctionsFlex(FlexSize::Mb2048));
        assert_eq!([0, 999_999, 1_000_000, 1_000_001, 1_100_000].map(|us| flex.billed_ms(us)), [1_000, 1_000, 1_000, 1_100, 1_100]);
        let consumption = UseRules::consumption(128);
        assert_eq!([1, 100_000, 100_001, 250_000].map(|us| consumption.billed_ms(us)), [100, 100, 101, 250]);
    }

    #[test]
    fn a_bucket_is_never_billed_too_little_and_hardly_too_much() {
        for plan in [Plan::FunctionsConsumption, Plan::FunctionsFlex(FlexSize::Mb512)] {
            let rules = rules(plan);
            for bucket in 0..BUCKETS {
                let (lower, width) = bucket_bounds(bucket);
                let billed = rules.billed_ms_of_bucket(bucket);
                assert!(billed >= rules.billed_ms(lower + width - 1));
                let shortest = rules.billed_ms(lower);
                assert!(billed <= shortest + shortest / 64 + rules.step_ms, "bucket {bucket}: {billed} for {shortest}");
            }
        }
    }
}
