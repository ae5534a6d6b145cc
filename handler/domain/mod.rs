//! The experiment's own terms, as values and pure functions.
//!
//! Owns arms, schedules, windows, metering, decisions, tickets, charges, money, plans and what they cost, and statistics. Synchronous; knows
//! neither HTTP, SQL nor the clock: whoever calls brings the time along.
//!
//! What is published as JSON derives `utoipa::ToSchema` beside serde's `Serialize`: the schema says how a value is written, which only the
//! value knows, and nothing of HTTP. Kept apart, the two would drift.

pub mod arm;
pub mod billing;
pub mod billing_month;
pub mod break_even;
pub mod catalogue;
pub mod charge;
pub mod columns;
pub mod conformance;
pub mod currency;
pub mod decision;
pub mod digits;
pub mod draw;
pub mod figures;
pub mod hex;
pub mod histogram;
pub mod import;
pub mod instances;
pub mod listed;
pub mod margins;
pub mod metering;
pub mod minute_range;
pub mod moment;
pub mod money;
pub mod pairs;
pub mod plan;
pub mod price;
pub mod probe;
pub mod report;
pub mod run;
pub mod running_sum;
pub mod schedule;
pub mod shared_settings;
pub mod statistics;
pub mod tag_keys;
pub mod tags;
pub mod ticket;
pub mod timeline;
mod varint;
pub mod window;
