//! What the run cost, and what each plan alone would cost. Money is exact until it is shown. Must not know intervals or verdicts.
//!
//! `list_price` has what the price list says of a plan, one function for each way of billing; `run` sets it beside what was charged.

mod breakdown;
mod list_price;
mod notes;
mod run;
mod shared;

pub use breakdown::{ArmCost, BillingKind, CostReport, CostSource, Figures, PriceUsed, Projection, SharedCost};
pub(super) use run::cost;
