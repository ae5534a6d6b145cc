//! What is promised when things break, each promise tried against the fault it is about.
//!
//! Real processes on a real PostgreSQL behind a proxy that delays, cuts, stalls and refuses. Must not call into the program's own rooms,
//! except for the private PostgreSQL and the clock.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod database;
#[path = "../end_to_end/harness/mod.rs"]
#[expect(dead_code, reason = "each test binary drives a part of it")]
mod harness;
mod killed;
mod load;
mod overload;
mod proxy;
mod slow;
mod uploads;
