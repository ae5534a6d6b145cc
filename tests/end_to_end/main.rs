//! The whole program from outside: real processes, real ports, a real private PostgreSQL.
//!
//! Each module is one theme; [`harness`] starts and ends what they drive. Must not call into the program's own rooms, except for the
//! private PostgreSQL and the clock.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod access_log;
mod boundary;
mod charges;
mod counting;
mod dashboard;
mod dev;
mod failover;
mod functions;
#[expect(dead_code, reason = "each test binary drives a part of it")]
mod harness;
mod keys_file;
mod lane;
mod listening;
mod manual;
#[path = "../fuzz/mutation.rs"]
mod mutation;
mod pages;
mod plans;
mod redirects;
mod retention;
mod retries;
mod runs;
mod serving;
mod supervision;
mod terminal;
mod trust;
mod watching;
mod windows;
