//! An arm that is about to stop: it says so to its probes while it goes on serving, for as long as the router needs to notice.
//!
//! Without it every call between the signal and the router's next probe is sent to a closed port. Must not know who probes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long the router needs to notice: a probe a second, repeated once after a tenth, and its time on the way.
pub const NOTICE: Duration = Duration::from_millis(1_500);
/// Probes older than this say that no router is looking.
const WATCHED_WITHIN: Duration = Duration::from_secs(3);

/// Whether the process is about to stop, and whether anybody looks.
#[derive(Debug, Default)]
pub struct LameDuck {
    stopping: AtomicBool,
    /// Uptime of the last look at liveness, in milliseconds, and one more, so that 0 means never.
    looked_at_ms: AtomicU64,
}

impl LameDuck {
    /// Notes a look at liveness at `uptime`. Returns whether the process is about to stop.
    pub fn look(&self, uptime: Duration) -> bool {
        self.looked_at_ms.store(millis(uptime) + 1, Ordering::Relaxed);
        self.stopping.load(Ordering::Relaxed)
    }

    /// The process is about to stop. Returns how long to go on serving: not at all where nobody has looked of late.
    pub fn begin(&self, uptime: Duration) -> Duration {
        self.stopping.store(true, Ordering::Relaxed);
        let looked = self.looked_at_ms.load(Ordering::Relaxed);
        let watched = looked > 0 && millis(uptime).saturating_sub(looked) < millis(WATCHED_WITHIN);
        if watched { NOTICE } else { Duration::ZERO }
    }
}

fn millis(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_somebody_who_looks_is_given_time_to_notice() {
        let unseen = LameDuck::default();
        assert_eq!(unseen.begin(Duration::from_secs(9)), Duration::ZERO);
        let seen = LameDuck::default();
        assert!(!seen.look(Duration::from_secs(8)));
        assert_eq!(seen.begin(Duration::from_secs(9)), NOTICE);
        assert!(seen.look(Duration::from_secs(9)), "it says so from then on");
        let once_seen = LameDuck::default();
        assert!(!once_seen.look(Duration::from_secs(1)));
        assert_eq!(once_seen.begin(Duration::from_secs(60)), Duration::ZERO);
    }
}
