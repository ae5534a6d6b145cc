//! What every theme needs: roles as processes, a database for each, a client that sends exact bytes, waiting with a deadline.

pub mod client;
pub mod database;
pub mod role;
pub mod system;
pub mod wire;

use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};

/// Longest wait for anything; generous, because the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// Asks `probe` until it has an answer; fails the test past the deadline.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::new();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(clock.uptime() < DEADLINE, "waited {DEADLINE:?} for {what}");
        thread::sleep(POLL);
    }
}

/// Asks `holds` until it is true; fails the test past the deadline.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}
