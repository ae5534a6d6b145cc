//! Log lines of one kind, at most one a second: a flood of failures must not become a flood of lines. Must not know what a line says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One kind of line.
#[derive(Debug, Default)]
pub struct Throttle {
    /// The first second in which a line may be written again.
    next_s: AtomicU64,
    left_out: AtomicU64,
}

impl Throttle {
    /// Whether a line may be written at `uptime`, and then how many were left out since the last one.
    #[must_use]
    pub fn admit(&self, uptime: Duration) -> Option<u64> {
        let second = uptime.as_secs();
        let next = self.next_s.load(Ordering::Relaxed);
        if second >= next && self.next_s.compare_exchange(next, second + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_says_how_many_were_left_out() {
        let throttle = Throttle::default();
        let admitted = |millis| throttle.admit(Duration::from_millis(millis));
        assert_eq!([admitted(0), admitted(10), admitted(999)], [Some(0), None, None]);
        assert_eq!([admitted(1_000), admitted(1_001), admitted(9_000)], [Some(2), None, Some(1)]);
    }
}
