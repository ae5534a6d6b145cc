//! The run's cost: each arm's at list price beside what was charged, and what both share. Must not know how a plan is billed.

use bigdecimal::BigDecimal;

use super::breakdown::{ArmCost, BillingKind, CostReport, CostSource, per_1000, rounded};
use super::list_price::{Traffic, per_hour, per_use};
use super::notes::notes;
use super::shared::shared;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::Billing;
use crate::domain::report::gathered::{Gathered, Totals};

/// What the run cost, and what each plan alone would.
#[must_use]
pub fn cost(gathered: &Gathered) -> CostReport {
    let inputs = &gathered.inputs;
    let minute_ms = gathered.schedule().minute_length().as_millis();
    let hours = BigDecimal::from(u128::from(gathered.minutes()) * minute_ms) / BigDecimal::from(3_600_000);
    let arms = ByArm::build(|arm| arm_cost(gathered, arm, &hours));
    CostReport {
        currency: "USD",
        region: inputs.region.clone(),
        shared: shared(inputs, &hours),
        notes: notes(inputs, &arms),
        hours: rounded(&hours),
        arms,
    }
}

fn arm_cost(gathered: &Gathered, arm: Arm, hours: &BigDecimal) -> ArmCost {
    let inputs = &gathered.inputs;
    let calls = gathered.totals.as_ref().map(Totals::served);
    let traffic = Traffic { hours: hours.clone(), own: calls[arm].into(), all: (calls.even + calls.odd).into() };
    let (billing, listed) = match Billing::of(inputs.plans[arm]) {
        Billing::Unpriced => (BillingKind::Unpriced, None),
        Billing::PerHour(meter) => (BillingKind::PerHour, per_hour(inputs, meter, &traffic)),
        Billing::PerUse(rules) => (BillingKind::PerUse, per_use(inputs, rules, &gathered.totals[arm], &traffic)),
    };
    let charged = inputs.charges[arm].clone();
    let observed_from = CostSource::of(charged.is_some(), listed.is_some());
    let charged_per_1000_calls = charged.as_ref().and_then(|charged| per_1000(&charged.billed, &traffic.own));
    let listed = listed.as_ref();
    ArmCost {
        plan: inputs.plans[arm],
        billing,
        observed_from,
        prices: listed.map(|listed| listed.prices.clone()).unwrap_or_default(),
        gb_seconds: listed.and_then(|listed| listed.gb_seconds.clone()),
        observed: listed.map(|listed| listed.observed.clone()),
        observed_with_grants: listed.map(|listed| listed.observed_with_grants.clone()),
        charged,
        charged_per_1000_calls,
        projected: listed.and_then(|listed| listed.projected.clone()),
        probes: listed.map(|listed| listed.probes.clone()),
    }
}
