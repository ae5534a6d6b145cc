//! The run's cost: each arm's at list price beside what was charged, and what both share. Must not know how a plan is billed.

use bigdecimal::{BigDecimal, RoundingMode};
use time::Date;

use super::breakdown::{ArmCost, BillingKind, CostReport, CostScenario, CostSource, Figures, Projection, per_1000, rounded};
use super::list_price::{InstanceBasis, Load, PricedPlan};
use super::notes::notes;
use super::shared::shared;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::{ExecutionRule, MeterCost, seconds};
use crate::domain::billing_month::BillingMonth;
use crate::domain::catalogue::Billed;
use crate::domain::price::{PriceUsed, stale_prices};
use crate::domain::report::arm_use::ArmUse;
use crate::domain::report::audit::{Modelled, audit};
use crate::domain::report::gathered::Gathered;

const SECONDS_PER_DAY: u64 = 86_400;
/// Currency of list prices.
const CURRENCY: &str = "USD";

/// What the run cost, and what each plan alone would, as seen on `today`.
#[must_use]
pub fn cost(gathered: &Gathered, today: Date) -> CostReport {
    let inputs = &gathered.inputs;
    let hours = BigDecimal::from(gathered.minutes()) * seconds(gathered.minute_ms()) / BigDecimal::from(3_600);
    let arms = ByArm::build(|arm| ArmView::of(gathered, arm).cost());
    let shared = shared(inputs, &hours);
    CostReport {
        currency: CURRENCY,
        region: inputs.region.clone(),
        scenarios: scenarios(gathered),
        notes: notes(gathered, &arms),
        stale_prices: stale_prices(arms.iter().flat_map(|cost| &cost.prices).chain(&shared.prices), today),
        shared,
        hours: rounded(&hours),
        arms,
    }
}

/// Every assumption that a verdict must hold under.
fn scenarios(gathered: &Gathered) -> Vec<CostScenario> {
    let month = |arm, instances, free_grants| ArmView::of(gathered, arm).month(instances, free_grants).map(|month| rounded(&total(&month)));
    let scenario = |(instances, free_grants)| {
        let per_month = ByArm::build(|arm| month(arm, instances, free_grants));
        CostScenario { instances, free_grants, per_month, difference_per_1000_calls: None }
    };
    InstanceBasis::ALL.into_iter().flat_map(|instances| [(instances, false), (instances, true)]).map(scenario).collect()
}

fn total(lines: &[MeterCost]) -> BigDecimal {
    lines.iter().map(|line| &line.cost).sum()
}

/// One arm as its bill sees it.
struct ArmView<'a> {
    gathered: &'a Gathered,
    arm: Arm,
    own: &'a ArmUse,
    priced: Option<PricedPlan<'a>>,
}

impl<'a> ArmView<'a> {
    fn of(gathered: &'a Gathered, arm: Arm) -> Self {
        ArmView { gathered, arm, own: &gathered.totals[arm].own, priced: PricedPlan::of(&gathered.inputs, arm) }
    }

    fn instances(&self, basis: InstanceBasis) -> Option<BigDecimal> {
        basis.instances(&self.gathered.inputs, self.arm, self.own)
    }

    fn load(&self, basis: InstanceBasis) -> Option<Load> {
        Load::month(self.own, self.gathered.minute_ms(), self.instances(basis)?)
    }

    /// A month of its plan alone, meter by meter.
    fn month(&self, basis: InstanceBasis, free_grants: bool) -> Option<Vec<MeterCost>> {
        self.priced.as_ref()?.charge(&self.load(basis)?, free_grants)
    }

    fn cost(&self) -> ArmCost {
        let inputs = &self.gathered.inputs;
        let served = BigDecimal::from(self.gathered.totals[self.arm].served());
        let observed = |free_grants| {
            let total = self.observed(free_grants)?;
            Some(Figures { per_1000_calls: per_1000(&total, &served), total: rounded(&total) })
        };
        let (alone, with_grants) = (observed(false), observed(true));
        ArmCost {
            plan: inputs.plans[self.arm],
            billing: self.billing(),
            observed_from: CostSource::of(alone.is_some()),
            prices: self.priced.iter().flat_map(PricedPlan::prices).map(|price| PriceUsed::from(*price)).collect(),
            instances_measured: self.instances(InstanceBasis::Measured).map(|instances| thousandths(&instances)),
            instances_declared: self.instances(InstanceBasis::Declared).map(|instances| thousandths(&instances)),
            metered_share: self.metered_share(),
            observed: alone,
            observed_with_grants: with_grants,
            audit: audit(&inputs.charges[self.arm], &self.modelled(), CURRENCY),
            projected: self.projected(),
            month_interval: None,
            per_month_call_by_call: self.call_by_call().map(|month| rounded(&total(&month))),
            probes: self.probes(),
        }
    }

    fn billing(&self) -> BillingKind {
        match self.priced.as_ref().map(PricedPlan::billed) {
            None => BillingKind::Unpriced,
            Some(Billed::InstanceHour { .. } | Billed::CoresAndMemory { .. }) => BillingKind::PerHour,
            Some(Billed::Execution(_) | Billed::Activity(_) | Billed::AlwaysReady { .. } | Billed::Replica { .. }) => BillingKind::PerUse,
        }
    }

    /// As billed over the run, each calendar month with its own free grants.
    fn observed(&self, free_grants: bool) -> Option<BigDecimal> {
        let (priced, instances) = (self.priced.as_ref()?, self.instances(InstanceBasis::Measured)?);
        let month = |days: &[(Date, u64)]| {
            let used: ArmUse = days.iter().map(|(day, _)| self.used_on(*day)).sum();
            let minutes: u64 = days.iter().map(|(_, minutes)| minutes).sum();
            let duration_s = BigDecimal::from(minutes) * seconds(self.gathered.minute_ms());
            Some(total(&priced.charge(&Load::observed(&used, duration_s, instances.clone()), free_grants)?))
        };
        let days = self.gathered.minutes_by_day();
        days.chunk_by(|one, next| BillingMonth::containing(one.0) == BillingMonth::containing(next.0)).map(month).sum()
    }

    fn used_on(&self, day: Date) -> ArmUse {
        self.gathered.totals[self.arm].by_day.get(&day).copied().unwrap_or_default()
    }

    /// What whole days of the run come to, for the audit.
    fn modelled(&self) -> Modelled {
        let (Some(priced), Some(instances)) = (&self.priced, self.instances(InstanceBasis::Measured)) else { return Modelled::default() };
        let load = |used: &ArmUse, days: usize| Load::observed(used, BigDecimal::from(days as u64 * SECONDS_PER_DAY), instances.clone());
        let whole = self.gathered.whole_days();
        let day = |day: &Date| Some((*day, rounded(&total(&priced.charge(&load(&self.used_on(*day), 1), false)?))));
        let months = whole.chunk_by(|one, next| BillingMonth::containing(*one) == BillingMonth::containing(*next));
        let granted = months.filter_map(|days| {
            let used: ArmUse = days.iter().map(|day| self.used_on(*day)).sum();
            Some(total(&priced.charge(&load(&used, days.len()), true)?))
        });
        Modelled { days: whole.iter().filter_map(day).collect(), with_grants: granted.sum() }
    }

    fn projected(&self) -> Option<Projection> {
        let calls = self.load(InstanceBasis::Measured)?.executions;
        let lines = self.month(InstanceBasis::Measured, false)?;
        let (alone, with_grants) = (total(&lines), total(&self.month(InstanceBasis::Measured, true)?));
        Some(Projection {
            calls_per_month: calls.with_scale_round(0, RoundingMode::HalfUp),
            per_1000_calls: per_1000(&alone, &calls),
            per_1000_calls_with_grants: per_1000(&with_grants, &calls),
            per_month: rounded(&alone),
            per_month_with_grants: rounded(&with_grants),
            meters: lines.iter().map(Into::into).collect(),
        })
    }

    fn call_by_call(&self) -> Option<Vec<MeterCost>> {
        let priced = self.priced.as_ref()?;
        let bills_activity = matches!(priced.billed(), Billed::Activity(_) | Billed::AlwaysReady { .. });
        let load = self.load(InstanceBasis::Measured).filter(|_| bills_activity)?;
        priced.charge(&load.call_by_call(), false)
    }

    fn metered_share(&self) -> Option<BigDecimal> {
        let minutes = BigDecimal::from(self.own.metered_minutes) * seconds(self.gathered.minute_ms());
        (self.own.metered_minutes > 0).then(|| thousandths(&(seconds(self.own.full_load_ms) / minutes)))
    }

    /// Supervision's calls as executions of the shortest duration, each alone: the most they can cost.
    fn probes(&self) -> Option<BigDecimal> {
        let priced = self.priced.as_ref()?;
        let probes = self.gathered.totals[self.arm].probes;
        let rule = if matches!(priced.billed(), Billed::Execution(_)) { ExecutionRule::CONSUMPTION } else { ExecutionRule::FLEX_ALONE };
        let billed_s = seconds(probes.saturating_mul(rule.shortest_ms));
        let nothing = BigDecimal::from(0);
        let load =
            Load { duration_s: nothing.clone(), instances: nothing, active_s: Some(billed_s.clone()), executions: probes.into(), billed_s };
        Some(rounded(&total(&priced.charge(&load, false)?)))
    }
}

fn thousandths(value: &BigDecimal) -> BigDecimal {
    value.with_scale_round(3, RoundingMode::HalfUp)
}
