//! What a month of some traffic would cost on each plan of the catalogue, and at how many calls a day the answer turns.
//!
//! A model, and labelled as one: quantities are estimated with floats, rounded once to what a bill would state, and from there on money is
//! exact. Must not know where traffic was measured, nor how it is shown.

mod crossing;
mod month;
mod shape;
mod table;

pub use crossing::{Crossing, break_even, crossings};
pub use month::{MonthCost, NoCost, Terms, month};
pub use shape::{SHORTEST_STRETCH_S, ShapeError, TrafficShape, metered_share};
pub use table::{PlanCost, PlanQuestion, PlansDocument, TrafficBasis, TrafficDocument, compare_plans};

#[cfg(test)]
mod tests;
