//! The whole system on one machine, for development, tests and benches.
//!
//! Owns the private PostgreSQL and what runs around it. Nothing that serves calls in production may depend on this room.

pub mod announcement;
mod client;
pub mod postgres;
pub mod process;
mod sample;
pub mod topology;
mod traffic;
mod verdict;
