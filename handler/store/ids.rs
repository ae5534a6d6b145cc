//! Identifiers in the order they are made: UUID version 7, so that rows made together lie together.

use std::sync::Mutex;

use time::OffsetDateTime;
use uuid::timestamp::context::ContextV7;
use uuid::{Builder, Timestamp, Uuid};

/// Makes identifiers; each is greater than the one before, also within a millisecond.
#[derive(Debug)]
pub(super) struct Ids(Mutex<ContextV7>);

impl Ids {
    pub fn new() -> Ids {
        Ids(Mutex::new(ContextV7::new()))
    }

    /// The next identifier, made at `now`.
    pub fn next(&self, now: OffsetDateTime) -> Uuid {
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&self.0, seconds, now.nanosecond()))
    }
}

/// Makes the identifiers of one import's rows: version 7 too, but where each of those above asks the system for randomness, these ask once, and count.
#[derive(Debug)]
pub(super) struct RowIds {
    /// What tells this import's identifiers from others of the same millisecond.
    prefix: [u8; 10],
    made: u32,
}

impl RowIds {
    pub fn new() -> RowIds {
        // Six bits of an identifier of version 4 are not random: folded, they lie over some that are.
        let (high, low) = Uuid::new_v4().as_u64_pair();
        let mut prefix = [0; 10];
        prefix[..8].copy_from_slice(&(high ^ low.rotate_left(32)).to_be_bytes());
        RowIds { prefix, made: 0 }
    }

    /// The next identifier, made at `now`; greater than the one before where the clock was not set back.
    pub fn next(&mut self, now: OffsetDateTime) -> Uuid {
        let mut bytes = self.prefix;
        bytes[6..].copy_from_slice(&self.made.to_be_bytes());
        self.made = self.made.wrapping_add(1);
        let milliseconds = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_moment_are_different_and_in_order() {
        let ids = Ids::new();
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.next(OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000))).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(made[0].get_version_num(), 7);
    }

    #[test]
    fn ids_of_rows_are_different_and_in_order_and_no_other_import_makes_them() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let (mut one, mut other) = (RowIds::new(), RowIds::new());
        let mut made: Vec<Uuid> = (0..70_000).map(|_| one.next(now)).collect();
        made.push(one.next(now + time::Duration::milliseconds(1)));
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| id.get_version_num() == 7) && !made.contains(&other.next(now)));
    }
}
