//! The time that development adds to every call of an arm, as exactly as a report can tell. Must not know what it delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::clock::Clock;

/// How long before its end a wait is sat out awake. A sleeping thread wakes within that of its time, mostly, where a runtime's timer is late by a
/// millisecond and more; not longer, since a busy core slows other calls.
const AWAKE: Duration = Duration::from_micros(250);

/// A wait that is right on average: what one call waits too long, the next waits less, though no less than nothing: a process that was
/// suspended owes no more than one wait.
#[derive(Debug)]
pub struct Delay {
    clock: Arc<dyn Clock>,
    length: Duration,
    late_ns: AtomicU64,
}

impl Delay {
    /// A wait of `length`; none at all where that is 0.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, length: Duration) -> Self {
        Delay { clock, length, late_ns: AtomicU64::new(0) }
    }

    /// Waits.
    pub async fn wait(&self) {
        if self.length.is_zero() {
            return;
        }
        let late = Duration::from_nanos(self.late_ns.swap(0, Ordering::Relaxed)).min(self.length);
        let until = (self.clock.uptime() + self.length).saturating_sub(late);
        let clock = Arc::clone(&self.clock);
        let asleep = tokio::task::spawn_blocking(move || thread::sleep(until.saturating_sub(AWAKE + clock.uptime())));
        // It ends early only with the process.
        let _ = asleep.await;
        let late = loop {
            match self.clock.uptime().checked_sub(until) {
                Some(late) => break late,
                None => tokio::task::yield_now().await,
            }
        };
        self.late_ns.fetch_add(u64::try_from(late.as_nanos()).unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    /// A clock that a look at it moves on.
    #[derive(Debug, Default)]
    struct Stepping(AtomicU64);

    const STEP: Duration = Duration::from_micros(700);

    impl Clock for Stepping {
        fn now(&self) -> OffsetDateTime {
            OffsetDateTime::UNIX_EPOCH + self.uptime()
        }

        fn uptime(&self) -> Duration {
            Duration::from_nanos(self.0.fetch_add(700_000, Ordering::Relaxed)) + STEP
        }
    }

    #[tokio::test]
    async fn waits_are_right_on_average() {
        const LENGTH: Duration = Duration::from_millis(2);
        let clock = Arc::new(Stepping::default());
        let delay = Delay::new(Arc::<Stepping>::clone(&clock), LENGTH);
        for _ in 0..20 {
            delay.wait().await;
        }
        let over = Duration::from_nanos(clock.0.load(Ordering::Relaxed));
        let late = Duration::from_nanos(delay.late_ns.load(Ordering::Relaxed));
        assert!(late < STEP, "the last wait ended {late:?} late");
        // One look between a wait and the next is nobody's.
        assert_eq!(over - late, (LENGTH + STEP) * 20);
    }

    #[tokio::test]
    async fn no_delay_is_none() {
        let clock = Arc::new(Stepping::default());
        Delay::new(Arc::<Stepping>::clone(&clock), Duration::ZERO).wait().await;
        assert_eq!(clock.0.load(Ordering::Relaxed), 0);
    }
}
