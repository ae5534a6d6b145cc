//! The only door to time. Everything else takes an `Arc<dyn Clock>` or a moment; `clippy.toml` bans the other doors.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

/// Where the program learns what time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current moment, UTC.
    fn now(&self) -> OffsetDateTime;

    /// Time since an arbitrary origin that never runs backwards; for measuring, not for telling the time.
    fn uptime(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
    offset: time::Duration,
}

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn new() -> Self {
        SystemClock { origin: Instant::now(), offset: time::Duration::ZERO }
    }

    /// A clock that runs as fast as the machine's but started at `moment`; development and tests set minute boundaries with it.
    #[must_use]
    pub fn starting_at(moment: OffsetDateTime) -> Self {
        let mut clock = SystemClock::new();
        clock.offset = moment - clock.now();
        clock
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::from(SystemTime::now());
        // Every call asks for the time, and dates are not cheap to add to.
        if self.offset.is_zero() { now } else { now + self.offset }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn uptime(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }
}

/// A clock that moves only when told to; clones share the time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    state: Arc<Mutex<(OffsetDateTime, Duration)>>,
}

impl ManualClock {
    /// A clock that stands at `moment`.
    #[must_use]
    pub fn new(moment: OffsetDateTime) -> Self {
        ManualClock { state: Arc::new(Mutex::new((moment, Duration::ZERO))) }
    }

    /// Moves on by `step`.
    pub fn advance(&self, step: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += step;
        state.1 += step;
    }

    /// Jumps to `moment`, as a machine's clock does when it is set; the uptime stays.
    pub fn set(&self, moment: OffsetDateTime) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0 = moment;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn uptime(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
