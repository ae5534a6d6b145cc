//! What the run cost, and what each plan alone would cost. Money is exact until it is shown. Must not know intervals or verdicts.
//!
//! `list_price` has what the price list says of a plan, whatever way it is billed; `run` sets it beside what was charged.

mod breakdown;
mod list_price;
mod notes;
mod run;
mod shared;

pub use breakdown::{ArmCost, BillingKind, CostReport, CostScenario, CostSource, Figures, MeterUse, Projection, SharedCost};
pub use list_price::InstanceBasis;
pub(super) use list_price::{Load, PricedPlan};
pub(super) use run::cost;
