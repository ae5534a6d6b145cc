//! Identifiers in the order they are made: UUID version 7, so that rows made together lie together.

use std::sync::Mutex;

use time::OffsetDateTime;
use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp, Uuid};

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
}
