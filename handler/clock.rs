//! The only door to time. Everything else takes an `Arc<dyn Clock>` or a moment; `clippy.toml` bans the other doors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;

/// Where the program learns what time it is.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The current moment as time since the Unix epoch, leap seconds not counted. A clock that stands before the epoch stands at it.
    fn since_epoch(&self) -> Duration;

    /// The current moment on both scales.
    fn moment(&self) -> Moment {
        Moment { since_epoch: self.since_epoch(), uptime: self.uptime() }
    }

    /// The current moment, UTC.
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + self.since_epoch()
    }

    /// Time since an arbitrary origin that never runs backwards; for measuring, not for telling the time.
    fn uptime(&self) -> Duration;
}

/// One moment as both of a clock's scales have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// [`Clock::since_epoch`].
    pub since_epoch: Duration,
    /// [`Clock::uptime`].
    pub uptime: Duration,
}

/// How long [`SystemClock::moment`] takes the two scales to be as far apart as they were: as much later it notices that the clock was set.
const APART_NS: u64 = 1_000_000;

/// How long both may take to be read where their distance is to be kept.
const TOGETHER_NS: u64 = 10_000;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
    offset: time::Duration,
    /// By how much the time since the epoch is ahead of the uptime, and the uptime when that was found; ns.
    ahead_ns: AtomicU64,
    found_at_ns: AtomicU64,
    looking: Mutex<()>,
}

impl SystemClock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn new() -> Self {
        let too_long_ago = AtomicU64::new(0_u64.wrapping_sub(APART_NS));
        SystemClock {
            origin: Instant::now(),
            offset: time::Duration::ZERO,
            ahead_ns: AtomicU64::new(0),
            found_at_ns: too_long_ago,
            looking: Mutex::default(),
        }
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
    fn since_epoch(&self) -> Duration {
        let machine = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // Every call asks for the time, and few processes have another than the machine's.
        if self.offset.is_zero() { machine } else { unsigned(machine + self.offset) }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn uptime(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }

    /// Every call asks for both, and a reading of the machine's clock is among the dearest things a redirect does: one is enough. The time since the
    /// epoch is right to microseconds, and between two looks may step back by as many.
    fn moment(&self) -> Moment {
        let uptime = self.uptime();
        if nanos(uptime).wrapping_sub(self.found_at_ns.load(Ordering::Acquire)) < APART_NS {
            return Moment { since_epoch: uptime + Duration::from_nanos(self.ahead_ns.load(Ordering::Relaxed)), uptime };
        }
        let since_epoch = self.since_epoch();
        // One thread at a time: what was found earlier must not take the place of what was found later.
        if let Ok(_looking) = self.looking.try_lock() {
            self.look();
        }
        Moment { since_epoch, uptime }
    }
}

impl SystemClock {
    /// Finds out how far the scales are apart.
    fn look(&self) {
        let before_ns = nanos(self.uptime());
        let since_epoch_ns = nanos(self.since_epoch());
        let took_ns = nanos(self.uptime()) - before_ns;
        let uptime_ns = before_ns + took_ns / 2;
        // A thread that was interrupted on the way finds nothing; nor does a clock that stands at the epoch tell.
        if took_ns < TOGETHER_NS && since_epoch_ns > uptime_ns {
            self.ahead_ns.store(since_epoch_ns - uptime_ns, Ordering::Relaxed);
            self.found_at_ns.store(before_ns, Ordering::Release);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn unsigned(since_epoch: time::Duration) -> Duration {
    since_epoch.try_into().unwrap_or_default()
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
    fn since_epoch(&self) -> Duration {
        unsigned(self.now() - OffsetDateTime::UNIX_EPOCH)
    }

    fn now(&self) -> OffsetDateTime {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn uptime(&self) -> Duration {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn both_scales_tell_one_moment() {
        let clock = SystemClock::starting_at(datetime!(2026-11-23 10:04 UTC));
        for _ in 0..1_000 {
            let (since_epoch, uptime) = (clock.since_epoch(), clock.uptime());
            let moment = clock.moment();
            // They are read one after the other, and run a little differently between two looks at both.
            let slack = Duration::from_micros(100);
            assert!((since_epoch - slack..=clock.since_epoch() + slack).contains(&moment.since_epoch), "{moment:?}, {since_epoch:?}");
            assert!((uptime..=clock.uptime()).contains(&moment.uptime));
        }
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let mut clock = SystemClock::new();
        let (before, looked) = (clock.moment(), clock.uptime());
        clock.offset = time::Duration::hours(1);
        while clock.uptime() < looked + Duration::from_nanos(APART_NS) {}
        assert!(clock.moment().since_epoch >= before.since_epoch + Duration::from_secs(3_600));
    }

    #[test]
    fn no_clock_stands_before_the_epoch() {
        let clock = ManualClock::new(datetime!(1969-12-31 23:59 UTC));
        assert_eq!(clock.since_epoch(), Duration::ZERO);
        assert_eq!(SystemClock::starting_at(datetime!(1960-01-01 0:00 UTC)).moment().since_epoch, Duration::ZERO);
    }
}
