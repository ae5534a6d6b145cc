//! What an arm's plan costs by the price list, for what it was used for over some time. Must not know what was charged for it.

use bigdecimal::{BigDecimal, One, Zero};

use crate::domain::arm::Arm;
use crate::domain::billing::{CONSUMPTION_MEMORY_MB, HOURS_PER_MONTH, MeterCost, PlanUse, charge, quantities, seconds};
use crate::domain::catalogue::{Billed, CataloguePlan};
use crate::domain::instances::DeclaredInstances;
use crate::domain::price::Price;
use crate::domain::report::arm_use::ArmUse;
use crate::domain::report::inputs::Inputs;

/// A month of list prices, s.
fn month_s() -> BigDecimal {
    BigDecimal::from(HOURS_PER_MONTH * 3_600)
}

/// What a plan was used for over some time.
#[derive(Debug, Clone)]
pub struct Load {
    /// How long, s.
    pub duration_s: BigDecimal,
    /// Instances in the mean.
    pub instances: BigDecimal,
    /// Time metered with a call in flight, all instances together, s; none where it was not metered.
    pub active_s: Option<BigDecimal>,
    /// Executions.
    pub executions: BigDecimal,
    /// Their durations where each is billed by itself, s.
    pub billed_s: BigDecimal,
}

impl Load {
    /// What `used` was in `duration_s`, as it was.
    #[must_use]
    pub fn observed(used: &ArmUse, duration_s: BigDecimal, instances: BigDecimal) -> Self {
        Load {
            duration_s,
            instances,
            active_s: (used.metered_minutes == used.minutes).then(|| seconds(used.metered_ms)),
            executions: used.calls.into(),
            billed_s: seconds(used.billed_ms),
        }
    }

    /// A month of minutes like those of `used`, each `minute_ms` long: the arm's own, in which it had all the traffic. None without any.
    #[must_use]
    pub fn month(used: &ArmUse, minute_ms: u64, instances: BigDecimal) -> Option<Self> {
        let months_in = |minutes: u64| (minutes > 0).then(|| month_s() / seconds(minutes.saturating_mul(minute_ms)));
        let months = months_in(used.minutes)?;
        Some(Load {
            duration_s: month_s(),
            instances,
            active_s: months_in(used.metered_minutes).map(|months| seconds(used.full_load_ms) * months),
            executions: BigDecimal::from(used.calls) * &months,
            billed_s: seconds(used.billed_ms) * months,
        })
    }

    /// The same with each call metered as if it were alone on its instance.
    #[must_use]
    pub fn call_by_call(self) -> Self {
        Load { active_s: Some(self.billed_s.clone()), ..self }
    }
}

/// An arm's plan with its unit prices.
#[derive(Debug)]
pub struct PricedPlan<'a> {
    plan: &'static CataloguePlan,
    prices: Vec<&'a Price>,
    declared: DeclaredInstances,
}

impl<'a> PricedPlan<'a> {
    /// The plan of `arm`; none where a price of it is not known.
    #[must_use]
    pub fn of(inputs: &'a Inputs, arm: Arm) -> Option<Self> {
        let plan = inputs.plans[arm].listed()?;
        let prices = plan.meters().into_iter().map(|meter| inputs.prices.named(meter, &inputs.region)).collect::<Option<Vec<_>>>()?;
        Some(PricedPlan { plan, prices, declared: declared(inputs, arm) })
    }

    /// Unit prices, each once.
    #[must_use]
    pub fn prices(&self) -> &[&'a Price] {
        &self.prices
    }

    /// How the plan is charged.
    #[must_use]
    pub const fn billed(&self) -> &Billed {
        &self.plan.billed
    }

    /// What `load` costs, meter by meter; none where the plan is billed by activity and it was not metered.
    #[must_use]
    pub fn charge(&self, load: &Load, free_grants: bool) -> Option<Vec<MeterCost>> {
        let quantities = quantities(self.plan, &self.plan_use(load)?);
        let price = |meter: &str| self.prices.iter().find(|price| price.meter.as_str() == meter).map(|price| price.amount.clone());
        charge(quantities, free_grants, price).ok()
    }

    /// What the plan's meters see of `load`.
    fn plan_use(&self, load: &Load) -> Option<PlanUse> {
        let Load { duration_s, instances, active_s, executions, billed_s } = load;
        let instance_s = duration_s * instances;
        Some(match &self.plan.billed {
            Billed::InstanceHour { .. } | Billed::CoresAndMemory { .. } => PlanUse { instance_s, ..PlanUse::default() },
            Billed::Execution(_) => PlanUse {
                executions: executions.clone(),
                execution_s: billed_s.clone(),
                execution_mb: CONSUMPTION_MEMORY_MB,
                ..PlanUse::default()
            },
            Billed::Activity(_) => PlanUse { active_s: active_s.clone()?, executions: executions.clone(), ..PlanUse::default() },
            Billed::AlwaysReady { .. } => {
                let ready_s = duration_s * BigDecimal::from(self.declared.min.max(1));
                // Instances that are always there are the first to serve, and share the work with the others evenly.
                let ready = if instance_s > ready_s { &ready_s / &instance_s } else { BigDecimal::one() };
                let (ready_active_s, ready_executions) = (active_s.as_ref()? * &ready, executions * &ready);
                PlanUse {
                    active_s: active_s.as_ref()? - &ready_active_s,
                    executions: executions - &ready_executions,
                    ready_s,
                    ready_active_s,
                    ready_executions,
                    ..PlanUse::default()
                }
            }
            Billed::Replica { .. } => {
                let ready_s = duration_s * BigDecimal::from(self.declared.min);
                let instance_s = instance_s.max(ready_s.clone());
                // Replicas beyond the minimum are active for as long as they are there.
                let ready_active_s = if ready_s.is_zero() { BigDecimal::zero() } else { active_s.clone()?.min(ready_s.clone()) };
                let active_s = &instance_s - &ready_s;
                PlanUse { instance_s, ready_s, ready_active_s, active_s, executions: executions.clone(), ..PlanUse::default() }
            }
        })
    }
}

/// The instances declared for an arm; where nothing is declared, as many as its plan has at least.
fn declared(inputs: &Inputs, arm: Arm) -> DeclaredInstances {
    let least = inputs.plans[arm].listed().map_or(0, |plan| plan.min_instances);
    inputs.instances[arm].unwrap_or(DeclaredInstances { min: least, max: least })
}

/// Where the number of instances comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceBasis {
    /// Workers alive in the arm's minutes.
    Measured,
    /// What the plan is set to run: within its bounds, as measured.
    Declared,
}

impl InstanceBasis {
    /// Both.
    pub const ALL: [InstanceBasis; 2] = [InstanceBasis::Measured, InstanceBasis::Declared];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            InstanceBasis::Measured => "measured",
            InstanceBasis::Declared => "declared",
        }
    }

    /// The arm's instances in the mean; none where none was seen.
    #[must_use]
    pub fn instances(self, inputs: &Inputs, arm: Arm, own: &ArmUse) -> Option<BigDecimal> {
        let measured = (own.minutes > 0).then(|| BigDecimal::from(own.worker_minutes) / BigDecimal::from(own.minutes))?;
        Some(match self {
            InstanceBasis::Measured => measured,
            InstanceBasis::Declared => {
                let DeclaredInstances { min, max } = declared(inputs, arm);
                measured.clamp(min.into(), max.into())
            }
        })
    }
}
