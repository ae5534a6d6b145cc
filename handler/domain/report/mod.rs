//! The report as a value: windows, decisions, prices and charges in, checks, metrics, cost and verdict out (docs/report.md).
//! Must not know where any of them is stored or how a report is shown.
//!
//! It runs one way. [`Accumulator`] takes a year of windows one at a time and ends in [`Gathered`]; from that come `metrics`, `checks` and
//! `cost`, from those the `verdict`, from all of them the `words`; [`assemble()`] makes the [`Report`], ready to be serialised.

mod accumulator;
mod arm_use;
mod assemble;
mod audit;
mod blocks;
mod checks;
mod cost;
mod document;
mod gathered;
mod inputs;
mod metric_name;
mod metrics;
mod outcomes;
mod routes;
mod series;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod traffic;
mod verdict;
mod words;

pub use accumulator::Accumulator;
pub use assemble::assemble;
pub use audit::{Audit, AuditedDay, CategorySum};
pub use checks::{
    CallersSide, CarryOver, CheckLine, Checks, ColdStarts, Conformance, FollowThrough, MinuteConfound, RouteMix, SampleRatio, Status,
};
pub use cost::{ArmCost, BillingKind, CostReport, CostScenario, CostSource, Figures, InstanceBasis, MeterUse, Projection, SharedCost};
pub use document::{ArmSummary, DataSummary, Report, ScheduleSummary};
pub use gathered::Gathered;
pub use inputs::{ChargedDay, Inputs};
pub use metric_name::MetricName;
pub use metrics::{Confound, Finding, Interval, Method, Metric, Sensitivity, Withheld};
pub use outcomes::{CountedFrom, Failures};
pub use routes::{RouteComparison, RouteCount};
pub use verdict::{Missing, Verdict, VerdictOutcome};
