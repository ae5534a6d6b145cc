//! The time a role goes by. Must not know what it is used for.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::domain::schedule::Schedule;

/// Where time comes from, and how long a minute lasts. Only development and tests have another than the standard.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Length of the schedule's minute.
    pub minute: Duration,
    /// Time added to every API call.
    pub slow: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing { clock: Arc::new(SystemClock::new()), minute: Schedule::MINUTE, slow: Duration::ZERO }
    }
}
