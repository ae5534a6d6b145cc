//! Steps of the machine's clock, detected against its uptime. Must not know what the time is used for.

use std::time::Duration;

use time::OffsetDateTime;

/// A greater difference between clock and uptime is a step, not drift.
const STEP: time::Duration = time::Duration::seconds(2);

/// Tells how far the uptime confirms the clock.
#[derive(Debug)]
pub(super) struct Steps {
    /// The moment the clock would show at uptime zero.
    origin: OffsetDateTime,
    /// Since when the clock has been ahead of that.
    ahead_since: Option<Duration>,
}

impl Steps {
    /// Starts watching a clock that shows `now` at `uptime`.
    pub fn new(now: OffsetDateTime, uptime: Duration) -> Self {
        Steps { origin: now - uptime, ahead_since: None }
    }

    /// The present as far as it can be trusted, where the clock shows `now` at `uptime`: a clock that stepped ahead is not believed until it
    /// has stayed there for `patience`, one that was set back is believed at once. Steps are logged.
    pub fn trusted(&mut self, now: OffsetDateTime, uptime: Duration, patience: Duration) -> OffsetDateTime {
        let claimed = now - uptime;
        let step = claimed - self.origin;
        if step > STEP {
            let since = *self.ahead_since.get_or_insert_with(|| {
                tracing::warn!(seconds = step.whole_seconds(), "the clock stepped ahead: no minute is closed on its word alone");
                uptime
            });
            if uptime.saturating_sub(since) < patience {
                return self.origin + uptime;
            }
        } else if step < -STEP {
            tracing::warn!(seconds = step.whole_seconds(), "the clock was set back: calls are counted into the minutes it shows now");
        }
        (self.origin, self.ahead_since) = (claimed, None);
        now
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);
    const PATIENCE: Duration = Duration::from_secs(300);

    fn seconds(seconds: i64) -> time::Duration {
        time::Duration::seconds(seconds)
    }

    #[test]
    fn drift_is_followed_and_a_step_ahead_is_believed_once_it_has_lasted() {
        let mut steps = Steps::new(START, Duration::ZERO);
        let mut trusted = |now, uptime| steps.trusted(now, Duration::from_secs(uptime), PATIENCE);
        assert_eq!(trusted(START + seconds(61), 60), START + seconds(61), "a second a minute is drift");
        let ahead = START + seconds(3_600);
        assert_eq!(trusted(ahead + seconds(62), 61), START + seconds(62));
        assert_eq!(trusted(ahead + seconds(362), 361), ahead + seconds(362), "five minutes later it is the time");
    }

    #[test]
    fn a_clock_set_back_is_believed_at_once() {
        let mut steps = Steps::new(START + seconds(3_600), Duration::ZERO);
        let mut trusted = |now, uptime| steps.trusted(now, Duration::from_secs(uptime), PATIENCE);
        assert_eq!(trusted(START + seconds(3_600), 0), START + seconds(3_600));
        assert_eq!(trusted(START + seconds(60), 60), START + seconds(60));
        assert_eq!(trusted(START + seconds(120), 120), START + seconds(120));
    }
}
