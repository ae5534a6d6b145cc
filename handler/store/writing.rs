//! How counts are written again and again: how often, in which parts, with which time limit; an outage is logged once.
//!
//! Rows hold absolute values, so whatever failed or was interrupted is simply written again. Must not know what is counted.

use std::time::Duration;

use super::StoreError;
use crate::causes::chain;
use crate::domain::schedule::Schedule;

/// Longest time between two writes: the most that a killed worker loses.
const INTERVAL: Duration = Duration::from_secs(2);
/// Windows, or minutes of decisions, in one write.
pub const PART: usize = 60;
/// How long one write may take before it is abandoned and retried.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The same for the last write: the platform ends the process five seconds after it asked it to stop.
pub const LAST_TIMEOUT: Duration = Duration::from_millis(450);

/// Time between two writes: two seconds, or a quarter of a development system's short minute.
#[must_use]
pub fn interval(schedule: &Schedule) -> Duration {
    (schedule.minute_length() / 4).min(INTERVAL)
}

/// Logs an outage once when it begins and once when it ends, not every two seconds.
#[derive(Debug)]
pub struct Outage {
    what: &'static str,
    failing: bool,
}

impl Outage {
    /// No outage so far in writing `what`.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Outage { what, failing: false }
    }

    /// Whether `rows` rows were written.
    pub fn note(&mut self, outcome: Result<Result<(), StoreError>, tokio::time::error::Elapsed>, rows: usize) -> bool {
        let what = self.what;
        let reason = match outcome {
            Ok(Ok(())) => {
                if self.failing && rows > 0 {
                    tracing::info!(what, rows, "writing works again; everything kept back has been written");
                    self.failing = false;
                }
                return true;
            }
            Ok(Err(error)) => chain(&error),
            Err(elapsed) => elapsed.to_string(),
        };
        if !self.failing {
            tracing::warn!(what, rows, reason, "writing fails; counts are kept and written once it works again");
            self.failing = true;
        }
        false
    }
}
