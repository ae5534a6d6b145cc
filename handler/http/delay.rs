//! The delay that development adds to every call of an arm, accurate enough for a report to find it. Must not know what it delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::clock::Clock;

/// How much of the end of a wait is spent awake. A sleeping thread mostly wakes within this much of its time, where a runtime's timer is late by a
/// millisecond or more. Not longer, since a busy core slows other calls down.
const AWAKE: Duration = Duration::from_micros(250);

/// Self-correcting delay: overshoot shortens the next wait, by at most one delay, so that the average is right even after the process was
/// suspended.
#[derive(Debug)]
pub struct Delay {
    clock: Arc<dyn Clock>,
    length: Duration,
    late_ns: AtomicU64,
}

impl Delay {
    /// A delay of `length`; zero does not wait at all.
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
    use super::*;

    /// A clock that advances by [`STEP`] whenever it is read.
    #[derive(Debug, Default)]
    struct Stepping(AtomicU64);

    const STEP: Duration = Duration::from_micros(700);

    impl Clock for Stepping {
        fn since_epoch(&self) -> Duration {
            self.uptime()
        }

        fn uptime(&self) -> Duration {
            Duration::from_nanos(self.0.fetch_add(700_000, Ordering::Relaxed)) + STEP
        }
    }

    #[tokio::test]
    async fn overshoot_shortens_the_next_wait() {
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
    async fn zero_delay_does_not_wait() {
        let clock = Arc::new(Stepping::default());
        Delay::new(Arc::<Stepping>::clone(&clock), Duration::ZERO).wait().await;
        assert_eq!(clock.0.load(Ordering::Relaxed), 0);
    }
}
