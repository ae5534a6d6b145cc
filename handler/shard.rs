//! Which cell of a sharded counter a thread counts in, so that cores do not wait for one another. Must not know what is counted.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The shard of the current thread among `count`: threads take shards in turn.
#[must_use]
pub fn own(count: usize) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    OWN.with(|own| *own) % count
}
