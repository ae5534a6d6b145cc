//! What a plan's use cost by the price list, and what the plan alone would cost. Must not know what was charged for it.

use bigdecimal::{BigDecimal, RoundingMode, Zero};

use super::breakdown::{Figures, PriceUsed, Projection, per_1000, rounded};
use crate::domain::billing::{Grant, Usage, UsePrices, UseRules};
use crate::domain::price::{Meter, Price};
use crate::domain::report::gathered::Totals;
use crate::domain::report::inputs::Inputs;

/// Hours of a month in projections.
const HOURS_PER_MONTH: u32 = 730;

/// How long the run lasted, and the calls of one arm and of both.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// From the first to the last window.
    pub hours: BigDecimal,
    /// Calls the arm served.
    pub own: BigDecimal,
    /// Calls both arms served.
    pub all: BigDecimal,
}

impl Traffic {
    /// The factor from the run to a month; none for a run of no length.
    fn months(&self) -> Option<BigDecimal> {
        (!self.hours.is_zero()).then(|| BigDecimal::from(HOURS_PER_MONTH) / &self.hours)
    }
}

/// A plan's cost by the price list.
#[derive(Debug, Clone)]
pub struct ListCost {
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Gigabyte-seconds billed, where it is paid by use.
    pub gb_seconds: Option<BigDecimal>,
    /// As billed over the run, without free grants.
    pub observed: Figures,
    /// The same with each month's free grants taken off.
    pub observed_with_grants: Figures,
    /// This plan alone, taking all the traffic.
    pub projected: Option<Projection>,
    /// What the supervision's calls cost, without free grants.
    pub probes: BigDecimal,
}

/// The price of `meter` where both arms run.
#[must_use]
pub fn price(inputs: &Inputs, meter: Meter) -> Option<&Price> {
    inputs.prices.find(meter, &inputs.region)
}

fn figures(total: &BigDecimal, calls: &BigDecimal) -> Figures {
    Figures { total: rounded(total), per_1000_calls: per_1000(total, calls) }
}

fn whole(calls: &BigDecimal) -> BigDecimal {
    calls.with_scale_round(0, RoundingMode::HalfUp)
}

/// A plan paid by the hour; none where its price is not known.
#[must_use]
pub fn per_hour(inputs: &Inputs, meter: Meter, traffic: &Traffic) -> Option<ListCost> {
    let price = price(inputs, meter)?;
    let total = &price.amount * &traffic.hours;
    let observed = figures(&total, &traffic.own);
    let projected = traffic.months().map(|months| {
        let per_month = rounded(&(&price.amount * BigDecimal::from(HOURS_PER_MONTH)));
        let per_1000_calls = per_1000(&total, &traffic.all);
        Projection {
            calls_per_month: whole(&(&traffic.all * months)),
            per_month: per_month.clone(),
            per_month_with_grants: per_month,
            per_1000_calls: per_1000_calls.clone(),
            per_1000_calls_with_grants: per_1000_calls,
        }
    });
    Some(ListCost {
        prices: vec![price.into()],
        gb_seconds: None,
        observed: observed.clone(),
        observed_with_grants: observed,
        projected,
        probes: BigDecimal::zero(),
    })
}

/// A plan paid by use; none where a price of it is not known.
#[must_use]
pub fn per_use(inputs: &Inputs, rules: UseRules, totals: &Totals, traffic: &Traffic) -> Option<ListCost> {
    let (gb_second, executions) = (price(inputs, rules.gb_seconds)?, price(inputs, rules.executions)?);
    let prices = UsePrices { gb_second: gb_second.amount.clone(), million_executions: executions.amount.clone() };
    let observed = |grant: Option<Grant>| {
        let month = |usage: &Usage| {
            let (gb_seconds, executions) = usage.beyond(grant);
            prices.charge(&gb_seconds, &executions)
        };
        figures(&totals.usage.values().map(month).sum(), &traffic.own)
    };
    let mut usage = Usage::default();
    totals.usage.values().for_each(|month| usage.add(*month));
    let shortest = rules.usage(totals.probes, totals.probes * rules.shortest_ms);
    Some(ListCost {
        prices: vec![gb_second.into(), executions.into()],
        gb_seconds: Some(usage.gb_seconds().with_scale_round(3, RoundingMode::HalfUp)),
        observed: observed(None),
        observed_with_grants: observed(Some(rules.grant)),
        projected: projected(&prices, rules.grant, usage, traffic),
        probes: rounded(&prices.charge(&shortest.gb_seconds(), &BigDecimal::from(shortest.executions))),
    })
}

/// The arm's use per call, scaled to a month of all calls; none without a call.
fn projected(prices: &UsePrices, grant: Grant, usage: Usage, traffic: &Traffic) -> Option<Projection> {
    let months = traffic.months().filter(|_| !traffic.own.is_zero())?;
    let calls = &traffic.all * months;
    let gb_seconds = usage.gb_seconds() / &traffic.own * &calls;
    let per_month = prices.charge(&gb_seconds, &calls);
    let less = |amount: &BigDecimal, free: u64| (amount - BigDecimal::from(free)).max(BigDecimal::zero());
    let with_grants = prices.charge(&less(&gb_seconds, grant.gb_seconds), &less(&calls, grant.executions));
    Some(Projection {
        calls_per_month: whole(&calls),
        per_1000_calls: per_1000(&per_month, &calls),
        per_1000_calls_with_grants: per_1000(&with_grants, &calls),
        per_month: rounded(&per_month),
        per_month_with_grants: rounded(&with_grants),
    })
}
