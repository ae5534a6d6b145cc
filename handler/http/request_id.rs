//! The id a call goes by: its caller's own where that is short and plain, else a new one. Must not know where ids are shown.

use std::cell::RefCell;
use std::time::Duration;

use fastrand::Rng;
use uuid::{Builder, Uuid};

const MAX_BYTES: usize = 64;

thread_local! {
    /// Seeded by the system once a thread: a read of its randomness for every id is a system call for every call.
    static RANDOM: RefCell<Rng> = RefCell::new(Rng::with_seed(seed()));
}

fn seed() -> u64 {
    // Both halves of a random UUID have fixed bits, at places that do not meet.
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low.rotate_left(32)
}

/// The caller's own id, where it is one that logs and headers can take as it is.
#[must_use]
pub fn own(value: &[u8]) -> Option<&str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    let usable = (1..=MAX_BYTES).contains(&value.len()) && value.iter().all(plain);
    usable.then(|| str::from_utf8(value).ok()).flatten()
}

/// A new id for a call that arrived at the moment `since_epoch` (UUID version 7, RFC 9562). It is unique, and no secret.
#[must_use]
pub fn new(since_epoch: Duration) -> Uuid {
    let unix_ms = since_epoch.as_secs() * 1_000 + u64::from(since_epoch.subsec_millis());
    let (first, second) = RANDOM.with_borrow_mut(|random| (random.u64(..), random.u16(..)));
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&first.to_ne_bytes());
    bytes[8..].copy_from_slice(&second.to_ne_bytes());
    Builder::from_unix_timestamp_millis(unix_ms, &bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn only_short_plain_ids_are_kept() {
        assert_eq!(own(b"trace-1_a.b:C"), Some("trace-1_a.b:C"));
        assert_eq!(own(&[b'x'; 64]), str::from_utf8(&[b'x'; 64]).ok());
        for refused in [&b""[..], b"a b", b"\xc3\xa9", b"a\tb", &[b'x'; 65]] {
            assert_eq!(own(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn ids_are_unique_across_threads_and_carry_the_time_of_arrival() {
        let at = Duration::from_millis(1_795_428_240_123);
        let ids = |_| std::thread::spawn(move || (0..10_000).map(|_| new(at)).collect::<Vec<Uuid>>());
        let threads: Vec<_> = (0..4).map(ids).collect();
        let all: Vec<Uuid> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 40_000);
        for id in all.iter().step_by(1_000) {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
            assert_eq!(id.get_timestamp().unwrap().to_unix(), (1_795_428_240, 123_000_000));
        }
    }
}
