//! The experiment's own terms, as values and pure functions.
//!
//! Owns arms, schedules, windows, decisions, tickets, charges, money and statistics. Synchronous; knows neither HTTP, SQL nor the
//! clock: whoever calls brings the time along.

pub mod arm;
pub mod billing;
pub mod charge;
pub mod columns;
pub mod decision;
pub mod figures;
pub mod hex;
pub mod histogram;
pub mod import;
pub mod listed;
pub mod minute_range;
pub mod moment;
pub mod money;
pub mod pairs;
pub mod plan;
pub mod price;
pub mod probe;
pub mod report;
pub mod schedule;
pub mod statistics;
pub mod ticket;
pub mod timeline;
mod varint;
pub mod window;
