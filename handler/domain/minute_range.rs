//! A stretch of one schedule's minutes: what is read, compared and shown. Must not know what happened in them.

use std::num::NonZeroU32;

use time::OffsetDateTime;

use super::schedule::{Minute, Schedule};

/// Consecutive minutes of one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteRange {
    /// Which minutes belong to which arm, and how long a minute lasts.
    pub schedule: Schedule,
    /// The first minute.
    pub from: Minute,
    /// The first minute after the range.
    pub to: Minute,
}

impl MinuteRange {
    /// The minutes of `schedule` from `from` up to but not including `to`; none where `to` comes first.
    #[must_use]
    pub const fn new(schedule: Schedule, from: Minute, to: Minute) -> Self {
        MinuteRange { schedule, from, to }
    }

    /// Whether `minute` lies in the range.
    #[must_use]
    pub fn contains(&self, minute: Minute) -> bool {
        (self.from..self.to).contains(&minute)
    }

    /// The range's first instant.
    #[must_use]
    pub fn starts_at(&self) -> OffsetDateTime {
        self.schedule.starts_at(self.from)
    }

    /// The first instant after the range.
    #[must_use]
    pub fn ends_at(&self) -> OffsetDateTime {
        self.schedule.starts_at(self.to)
    }

    /// The range without what comes before `from`.
    #[must_use]
    pub fn starting_no_earlier_than(self, from: Minute) -> Self {
        MinuteRange { from: self.from.max(from), ..self }
    }

    /// The range without `to` and what comes after it.
    #[must_use]
    pub fn ending_no_later_than(self, to: Minute) -> Self {
        MinuteRange { to: self.to.min(to), ..self }
    }

    /// How many pairs its minutes make, at most.
    #[must_use]
    pub fn pairs(&self) -> usize {
        usize::try_from(self.to.0.saturating_sub(self.from.0) / 2).unwrap_or(0)
    }

    /// The last `minutes` of the range.
    #[must_use]
    pub fn last(self, minutes: i64) -> Self {
        self.starting_no_earlier_than(Minute(self.to.0.saturating_sub(minutes)))
    }

    /// The range in consecutive parts of so many `minutes`, the last one of what is left.
    pub fn parts(self, minutes: NonZeroU32) -> impl Iterator<Item = Self> {
        let mut left = self;
        std::iter::from_fn(move || {
            let part = left.ending_no_later_than(Minute(left.from.0.saturating_add(minutes.get().into())));
            left = left.starting_no_earlier_than(part.to);
            (part.from < part.to).then_some(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_range_holds_its_first_minute_and_not_its_end() {
        let range = MinuteRange::new(Schedule::default(), Minute(10), Minute(20));
        assert_eq!([9, 10, 19, 20].map(|minute| range.contains(Minute(minute))), [false, true, true, false]);
        assert_eq!((range.starts_at(), range.ends_at()), (datetime!(1970-01-01 0:10 UTC), datetime!(1970-01-01 0:20 UTC)));
    }

    #[test]
    fn cutting_a_range_never_widens_it() {
        let range = MinuteRange::new(Schedule::default(), Minute(10), Minute(20));
        assert_eq!((range.last(3).from, range.last(99).from), (Minute(17), Minute(10)));
        assert_eq!((range.ending_no_later_than(Minute(15)).to, range.ending_no_later_than(Minute(30)).to), (Minute(15), Minute(20)));
        assert_eq!(range.starting_no_earlier_than(Minute(5)), range);
    }

    #[test]
    fn parts_are_the_range_and_nothing_twice() {
        let parts = |from, to| -> Vec<(i64, i64)> {
            let range = MinuteRange::new(Schedule::default(), Minute(from), Minute(to));
            range.parts(NonZeroU32::new(10).unwrap()).map(|part| (part.from.0, part.to.0)).collect()
        };
        assert_eq!(parts(-5, 20), [(-5, 5), (5, 15), (15, 20)]);
        assert_eq!(parts(0, 20), [(0, 10), (10, 20)]);
        assert_eq!((parts(7, 7), parts(9, 7)), (vec![], vec![]));
    }
}
