//! How counts are written again and again: how often, in which parts, for how long, and an outage said once.
//!
//! Rows hold absolute values, so whatever failed or was interrupted is simply written again. Must not know what is counted.

use std::time::Duration;

use super::StoreError;
use crate::causes::chain;
use crate::domain::schedule::Schedule;

/// Longest time between two writings: what a worker that is killed loses at most.
const INTERVAL: Duration = Duration::from_secs(2);
/// Windows, or minutes of decisions, of one writing.
pub const PART: usize = 60;
/// How long one writing may take before it is given up and tried again.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// The same for the last one: the platform ends the process five seconds after it asked it to stop.
pub const LAST_TIMEOUT: Duration = Duration::from_millis(450);

/// Time between two writings: two seconds, or a quarter of a development system's short minute.
#[must_use]
pub fn interval(schedule: &Schedule) -> Duration {
    (schedule.minute_length() / 4).min(INTERVAL)
}

/// Says once that writing fails and once that it works again, not every two seconds.
#[derive(Debug)]
pub struct Outage {
    what: &'static str,
    failing: bool,
}

impl Outage {
    /// No outage yet in the writing of `what`.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Outage { what, failing: false }
    }

    /// Whether the writing of `rows` rows went well.
    pub fn note(&mut self, outcome: Result<Result<(), StoreError>, tokio::time::error::Elapsed>, rows: usize) -> bool {
        let what = self.what;
        let reason = match outcome {
            Ok(Ok(())) => {
                if self.failing && rows > 0 {
                    tracing::info!(what, rows, "writing works again; what was kept back is written");
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
