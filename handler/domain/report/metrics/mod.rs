//! What is compared: each metric with its difference, interval and finding. Must not know checks or verdicts.
//!
//! A metric's name decides how it is estimated (`compare`); estimators give it without a finding (`latency`, `ratios`, `cost`), and it is
//! judged once, beside the others (`estimated`).

mod compare;
mod cost;
mod estimated;
mod latency;
mod mappings;
mod metric;
mod outlook;
mod ratios;

pub(super) use compare::{Compared, compare};
pub(super) use cost::add_intervals;
pub(super) use estimated::{ALPHA, Estimated, MIN_PAIRS};
pub(super) use mappings::Pooling;
pub use metric::{Confound, Finding, Interval, Method, Metric, Sensitivity, Withheld};
pub(super) use ratios::RatioPairs;
