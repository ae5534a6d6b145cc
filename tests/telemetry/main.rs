//! Telemetry from outside: roles as real processes, an ingestion service of our own, and every item that arrives there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod endurance;
mod harness;
mod identity;
mod ingestion;
mod items;
mod lane;
mod names;
mod outage;
