//! What the run cost, and what each plan alone would cost. Money is exact until it is shown. Must not know intervals or verdicts.

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use serde::Serialize;
use time::Date;

use super::Charged;
use super::accumulator::Gathered;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::{Billing, Grant, Usage, UsePrices, UseRules};
use crate::domain::plan::Plan;
use crate::domain::price::{Meter, Price};

/// Hours of a month in projections.
pub const HOURS_PER_MONTH: u32 = 730;

/// Observed and projected cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostReport {
    /// Currency of every list-price figure.
    pub currency: &'static str,
    /// Region whose prices were asked for.
    pub region: String,
    /// How long the run lasted, from its first to its last window.
    pub hours: BigDecimal,
    /// Each arm's own cost.
    pub arms: ByArm<ArmCost>,
    /// What both arms use, listed apart and split evenly.
    pub shared: SharedCost,
    /// What the figures leave out, and in which direction they err.
    pub notes: Vec<String>,
}

/// One arm's cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmCost {
    /// What it runs on.
    pub plan: Plan,
    /// `per hour`, `per use` or `unpriced`.
    pub billing: &'static str,
    /// `imported charges` where the provider's bills hold some for the arm's resources, else `list prices`, or `none`.
    pub observed_from: &'static str,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Gigabyte-seconds billed, where it is paid by use.
    pub gb_seconds: Option<BigDecimal>,
    /// As billed over the run: at list price, without free grants.
    pub observed: Option<Figures>,
    /// The same with each month's free grants taken off.
    pub observed_with_grants: Option<Figures>,
    /// What the provider's bills say, in their own currency.
    pub charged: Option<Charged>,
    /// The charges by 1,000 calls the arm served.
    pub charged_per_1000_calls: Option<BigDecimal>,
    /// This plan alone, taking all the traffic.
    pub projected: Option<Projection>,
    /// What the supervision's own calls cost on this arm, without free grants.
    pub probes: Option<BigDecimal>,
}

/// A cost and what it comes to by 1,000 calls served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Over the run.
    pub total: BigDecimal,
    /// By 1,000 calls; absent where none was served.
    pub per_1000_calls: Option<BigDecimal>,
}

/// What a plan alone would cost with the traffic seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Projection {
    /// Calls in a month of 730 hours.
    pub calls_per_month: BigDecimal,
    /// A month, without free grants.
    pub per_month: BigDecimal,
    /// A month, with the free grants.
    pub per_month_with_grants: BigDecimal,
    /// By 1,000 calls, without free grants.
    pub per_1000_calls: Option<BigDecimal>,
    /// By 1,000 calls, with the free grants.
    pub per_1000_calls_with_grants: Option<BigDecimal>,
}

/// A unit price with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceUsed {
    /// What is charged for.
    pub meter: Meter,
    /// USD a unit.
    pub amount: BigDecimal,
    /// Region it holds in; may be the reference region.
    pub region: String,
    /// The day it was known to hold.
    pub as_of: Date,
    /// Where it was read.
    pub source: String,
}

impl From<&Price> for PriceUsed {
    fn from(price: &Price) -> Self {
        PriceUsed {
            meter: price.meter,
            amount: price.amount.clone(),
            region: price.region.clone(),
            as_of: price.as_of,
            source: price.source.clone(),
        }
    }
}

/// What both arms use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedCost {
    /// `imported charges`, `list prices`, or `none`.
    pub from: &'static str,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Over the run, at list price.
    pub total: Option<BigDecimal>,
    /// Each arm's even half of it.
    pub each_arm: Option<BigDecimal>,
    /// What the provider's bills say, in their own currency.
    pub charged: Option<Charged>,
}

/// Six places keep a thousandth of a cent by 1,000 calls apart.
fn shown(amount: &BigDecimal) -> BigDecimal {
    amount.with_scale_round(6, RoundingMode::HalfUp)
}

fn per_1000(total: &BigDecimal, calls: &BigDecimal) -> Option<BigDecimal> {
    (!calls.is_zero()).then(|| shown(&(total * BigDecimal::from(1_000) / calls)))
}

pub(super) fn report(gathered: &Gathered) -> CostReport {
    let minute_ms = u64::try_from(gathered.inputs.range.schedule.minute_length().as_millis()).unwrap_or(60_000);
    let hours = BigDecimal::from(u128::from(gathered.minutes) * u128::from(minute_ms)) / BigDecimal::from(3_600_000);
    let calls = ByArm::build(|arm| {
        let totals = &gathered.totals[arm];
        totals.calls + totals.off_schedule_calls
    });
    let arms = ByArm::build(|arm| arm_cost(gathered, arm, &hours, calls));
    CostReport {
        currency: "USD",
        region: gathered.inputs.region.clone(),
        shared: shared(gathered, &hours),
        notes: notes(gathered, &arms),
        hours: shown(&hours),
        arms,
    }
}

fn price(gathered: &Gathered, meter: Meter) -> Option<&Price> {
    gathered.inputs.prices.find(meter, &gathered.inputs.region)
}

fn arm_cost(gathered: &Gathered, arm: Arm, hours: &BigDecimal, calls: ByArm<u64>) -> ArmCost {
    let plan = gathered.inputs.plans[arm];
    let own = BigDecimal::from(calls[arm]);
    let charged = gathered.inputs.charges[arm].clone();
    let mut cost = ArmCost {
        plan,
        billing: "unpriced",
        observed_from: "none",
        prices: Vec::new(),
        gb_seconds: None,
        observed: None,
        observed_with_grants: None,
        charged_per_1000_calls: charged.as_ref().and_then(|charged| per_1000(&charged.billed, &own)),
        charged,
        projected: None,
        probes: None,
    };
    match Billing::of(plan) {
        Billing::Unpriced => {}
        Billing::PerHour(meter) => per_hour(gathered, meter, hours, calls, &own, &mut cost),
        Billing::PerUse(rules) => per_use(gathered, arm, rules, hours, calls, &own, &mut cost),
    }
    if cost.charged.is_some() {
        cost.observed_from = "imported charges";
    }
    cost
}

fn month_factor(hours: &BigDecimal) -> Option<BigDecimal> {
    (!hours.is_zero()).then(|| BigDecimal::from(HOURS_PER_MONTH) / hours)
}

fn per_hour(gathered: &Gathered, meter: Meter, hours: &BigDecimal, calls: ByArm<u64>, own: &BigDecimal, cost: &mut ArmCost) {
    cost.billing = "per hour";
    let Some(price) = price(gathered, meter) else { return };
    let total = &price.amount * hours;
    let figures = Figures { total: shown(&total), per_1000_calls: per_1000(&total, own) };
    cost.observed_from = "list prices";
    cost.prices = vec![price.into()];
    cost.observed = Some(figures.clone());
    cost.observed_with_grants = Some(figures);
    cost.probes = Some(BigDecimal::zero());
    let everyone = BigDecimal::from(calls.even + calls.odd);
    let per_1000_calls = per_1000(&total, &everyone);
    cost.projected = month_factor(hours).map(|factor| {
        let per_month = shown(&(&price.amount * BigDecimal::from(HOURS_PER_MONTH)));
        Projection {
            calls_per_month: (everyone * factor).with_scale_round(0, RoundingMode::HalfUp),
            per_month: per_month.clone(),
            per_month_with_grants: per_month,
            per_1000_calls: per_1000_calls.clone(),
            per_1000_calls_with_grants: per_1000_calls,
        }
    });
}

fn per_use(gathered: &Gathered, arm: Arm, rules: UseRules, hours: &BigDecimal, calls: ByArm<u64>, own: &BigDecimal, cost: &mut ArmCost) {
    cost.billing = "per use";
    let (Some(gb_second), Some(executions)) = (price(gathered, rules.gb_seconds), price(gathered, rules.executions)) else { return };
    let prices = UsePrices { gb_second: gb_second.amount.clone(), million_executions: executions.amount.clone() };
    cost.observed_from = "list prices";
    cost.prices = vec![gb_second.into(), executions.into()];
    let totals = &gathered.totals[arm];
    let charge = |grant: Option<Grant>| {
        let sum = totals.usage.values().map(|usage| {
            let (gb_seconds, executions) = usage.beyond(grant);
            prices.charge(&gb_seconds, &executions)
        });
        let total: BigDecimal = sum.sum();
        Figures { total: shown(&total), per_1000_calls: per_1000(&total, own) }
    };
    cost.observed = Some(charge(None));
    cost.observed_with_grants = Some(charge(Some(rules.grant)));
    let mut usage = Usage::default();
    totals.usage.values().for_each(|month| usage.add(*month));
    cost.gb_seconds = Some(usage.gb_seconds().with_scale_round(3, RoundingMode::HalfUp));
    let shortest = rules.usage(totals.probes, totals.probes * rules.shortest_ms);
    cost.probes = Some(shown(&prices.charge(&shortest.gb_seconds(), &BigDecimal::from(shortest.executions))));
    let (Some(factor), false) = (month_factor(hours), own.is_zero()) else { return };
    // The arm's use by call, at everyone's calls in a month.
    let everyone = BigDecimal::from(calls.even + calls.odd) * factor;
    let gb_seconds = usage.gb_seconds() / own * &everyone;
    let per_month = prices.charge(&gb_seconds, &everyone);
    let zero = BigDecimal::zero();
    let less = |amount: &BigDecimal, free: u64| (amount - BigDecimal::from(free)).max(zero.clone());
    let granted = prices.charge(&less(&gb_seconds, rules.grant.gb_seconds), &less(&everyone, rules.grant.executions));
    cost.projected = Some(Projection {
        calls_per_month: everyone.with_scale_round(0, RoundingMode::HalfUp),
        per_1000_calls: per_1000(&per_month, &everyone),
        per_1000_calls_with_grants: per_1000(&granted, &everyone),
        per_month: shown(&per_month),
        per_month_with_grants: shown(&granted),
    });
}

fn shared(gathered: &Gathered, hours: &BigDecimal) -> SharedCost {
    let charged = gathered.inputs.shared_charges.clone();
    let priced = Arm::BOTH.iter().any(|arm| Billing::of(gathered.inputs.plans[*arm]) != Billing::Unpriced);
    let database = price(gathered, Meter::PostgresqlB1msHour).filter(|_| priced);
    let registry = price(gathered, Meter::RegistryBasicThirtyDays).filter(|_| priced);
    let total =
        database.zip(registry).map(|(database, registry)| &database.amount * hours + &registry.amount * hours / BigDecimal::from(30 * 24));
    let from = match (&charged, &total) {
        (Some(_), _) => "imported charges",
        (None, Some(_)) => "list prices",
        (None, None) => "none",
    };
    SharedCost {
        from,
        prices: database.into_iter().chain(registry).map(PriceUsed::from).collect(),
        each_arm: total.as_ref().map(|total| shown(&(total / BigDecimal::from(2)))),
        total: total.as_ref().map(shown),
        charged,
    }
}

fn notes(gathered: &Gathered, arms: &ByArm<ArmCost>) -> Vec<String> {
    let mut notes = Vec::new();
    let plans = [gathered.inputs.plans.even, gathered.inputs.plans.odd];
    let has = |matches: fn(Billing) -> bool| plans.iter().any(|plan| matches(Billing::of(*plan)));
    if has(|billing| matches!(billing, Billing::PerHour(_))) {
        notes.push(
            "a dedicated plan is billed all the time while it sees about half of the calls: its observed cost by 1,000 calls is about twice \
             what it would be alone; figures are for one instance"
                .to_owned(),
        );
    }
    if has(|billing| matches!(billing, Billing::PerUse(_))) {
        notes.push(
            "durations are billed call by call from the latency histogram, whose buckets are read at their upper end: at most 1.6 % and one \
             billing step too much; time in the platform before the program is reached is not in them"
                .to_owned(),
        );
    }
    if plans.iter().any(|plan| matches!(plan, Plan::FunctionsFlex(_))) {
        notes.push(
            "Flex Consumption bills an instance's active time, which calls at the same time share: the figure is an upper bound for a busy \
             instance, a lower one for instances kept alive"
                .to_owned(),
        );
    }
    if plans.contains(&Plan::FunctionsConsumption) {
        notes.push(
            "Functions Consumption is billed at 128 MB, the smallest step; measured memory above that raises it in proportion".to_owned(),
        );
    }
    if arms.even.charged.is_some() || arms.odd.charged.is_some() || gathered.inputs.shared_charges.is_some() {
        notes.push(
            "imported charges are those whose period begins within the run; providers charge by the hour or the day, so a short run's do not \
             fit its edges, and the verdict rests on list prices"
                .to_owned(),
        );
    }
    let reference = |cost: &ArmCost| cost.prices.iter().any(|price| price.region != gathered.inputs.region && price.region != "*");
    if reference(&arms.even) || reference(&arms.odd) {
        notes.push(format!("no price is known for region {}: another region's list price stands in, as shown", gathered.inputs.region));
    }
    notes.push(
        "shared parts (database, registry, telemetry) are listed apart and split evenly; telemetry volume has no list price here"
            .to_owned(),
    );
    notes
}
