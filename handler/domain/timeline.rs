//! The last minutes of a run one by one: what each arm served in them, and what the router decided. Must not know estimators, nor how
//! a timeline is shown.

use std::collections::BTreeMap;

use super::arm::{Arm, ByArm};
use super::decision::{DecisionCount, Reason};
use super::histogram::Histogram;
use super::minute_range::MinuteRange;
use super::schedule::{Minute, Schedule};
use super::window::{StoredWindow, visit_slices};

/// Every minute of a stretch of time, including those in which nothing happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// How minutes map to arms.
    pub schedule: Schedule,
    /// The minutes, without gaps, from the first in which anything was recorded.
    pub minutes: Vec<MinuteSeen>,
}

/// One minute.
#[derive(Debug, Clone, PartialEq)]
pub struct MinuteSeen {
    /// Which minute.
    pub minute: Minute,
    /// The arm whose turn it was.
    pub scheduled: Arm,
    /// What each arm served; none where it wrote no window.
    pub served: ByArm<Option<Served>>,
    /// What the router decided.
    pub decided: ByArm<Decided>,
}

/// What one arm served in one minute, all its workers together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Served {
    /// Calls.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Median latency, µs; none without calls.
    pub p50_us: Option<f64>,
    /// 95th percentile of latency, µs; none without calls.
    pub p95_us: Option<f64>,
    /// Whether every worker wrote the window's end and all of it can be read.
    pub complete: bool,
}

/// Calls sent to one arm in one minute, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// On schedule.
    pub schedule: u64,
    /// Because the other arm was down.
    pub failover: u64,
    /// Rejected: this arm's turn, but neither arm was up.
    pub unavailable: u64,
}

#[derive(Debug, Default)]
struct Open {
    histogram: Histogram,
    calls: u64,
    server_errors: u64,
    incomplete: bool,
}

impl Open {
    fn add(&mut self, row: &StoredWindow<'_>) {
        let Open { histogram, calls, server_errors, incomplete } = self;
        let read = visit_slices(
            row.slices,
            |_, more, errors, _| {
                *calls += more;
                *server_errors += errors;
            },
            |_, bucket, count| histogram.add(usize::from(bucket), u64::from(count)),
        );
        *incomplete |= !row.closed || read.is_err();
    }

    fn served(&self) -> Served {
        Served {
            calls: self.calls,
            server_errors: self.server_errors,
            p50_us: self.histogram.quantile_us(0.5),
            p95_us: self.histogram.quantile_us(0.95),
            complete: !self.incomplete,
        }
    }
}

/// Builds a [`Timeline`] from decisions and windows, which may come in any order.
#[derive(Debug)]
pub struct TimelineBuilder {
    range: MinuteRange,
    minutes: BTreeMap<Minute, (ByArm<Option<Open>>, ByArm<Decided>)>,
}

impl TimelineBuilder {
    /// Maximum number of minutes in a timeline: an hour of real ones.
    pub const MAX_MINUTES: i64 = 60;

    /// A timeline of the last [`TimelineBuilder::MAX_MINUTES`] of `range`.
    #[must_use]
    pub fn new(range: MinuteRange) -> Self {
        TimelineBuilder { range: range.last(Self::MAX_MINUTES), minutes: BTreeMap::new() }
    }

    /// The minutes looked at.
    #[must_use]
    pub const fn range(&self) -> MinuteRange {
        self.range
    }

    /// Adds a count of decisions.
    pub fn decision(&mut self, count: &DecisionCount) {
        let decision = count.decision;
        if !self.range.contains(decision.minute) || count.calls == 0 {
            return;
        }
        let (_, decided) = self.minutes.entry(decision.minute).or_default();
        let decided = &mut decided[decision.arm];
        match decision.reason {
            Reason::Schedule | Reason::Unsure => decided.schedule += count.calls,
            Reason::Failover => decided.failover += count.calls,
            Reason::Unavailable => decided.unavailable += count.calls,
        }
    }

    /// Adds one stored row.
    pub fn observe(&mut self, row: &StoredWindow<'_>) {
        if self.range.contains(row.minute) {
            let (windows, _) = self.minutes.entry(row.minute).or_default();
            windows[row.arm].get_or_insert_with(Open::default).add(row);
        }
    }

    /// The timeline of everything taken in.
    #[must_use]
    pub fn finish(self) -> Timeline {
        let schedule = self.range.schedule;
        let (first, last) = (self.minutes.keys().next().copied(), self.minutes.keys().next_back().copied());
        let minutes = first.zip(last).map_or_else(Vec::new, |(first, last)| {
            let seen = |minute| {
                let (windows, decided) = self.minutes.get(&minute).map_or((ByArm { even: None, odd: None }, ByArm::default()), |entry| {
                    (ByArm::build(|arm| entry.0[arm].as_ref().map(Open::served)), entry.1)
                });
                MinuteSeen { minute, scheduled: schedule.arm_of(minute), served: windows, decided }
            };
            (first.0..=last.0).map(|minute| seen(Minute(minute))).collect()
        });
        Timeline { schedule, minutes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::decision::Decision;
    use crate::domain::histogram::bucket_of;
    use crate::domain::report::testing::closed_row;
    use crate::domain::window::{Slice, Slices};

    fn slices(calls: u32, server_errors: u64, latency_us: u64) -> Vec<u8> {
        let mut slices = Slices::default();
        let bucket = u16::try_from(bucket_of(latency_us)).expect("a bucket");
        let latency_sum_us = latency_us * u64::from(calls);
        slices.0[2] = Slice { calls: u64::from(calls), server_errors, latency_sum_us, buckets: vec![(bucket, calls)] };
        slices.encode()
    }

    fn first_minutes(minutes: i64) -> MinuteRange {
        MinuteRange::new(Schedule::default(), Minute(0), Minute(minutes))
    }

    fn observation(minute: i64, arm: Arm, slices: &[u8], closed: bool) -> StoredWindow<'_> {
        StoredWindow { closed, ..closed_row(Minute(minute), arm, slices) }
    }

    #[test]
    fn workers_are_added_up_and_empty_minutes_are_kept() {
        let mut timeline = TimelineBuilder::new(first_minutes(100));
        assert_eq!((timeline.range().from, timeline.range().to), (Minute(40), Minute(100)));
        let (one, other) = (slices(10, 1, 100), slices(10, 2, 100));
        timeline.observe(&observation(39, Arm::Odd, &one, true));
        timeline.observe(&observation(50, Arm::Even, &one, true));
        timeline.observe(&observation(50, Arm::Even, &other, false));
        let decision = |minute, arm, reason| DecisionCount { decision: Decision { minute: Minute(minute), arm, reason }, calls: 3 };
        timeline.decision(&decision(52, Arm::Odd, Reason::Failover));
        timeline.decision(&decision(200, Arm::Odd, Reason::Failover));
        let timeline = timeline.finish();
        assert_eq!(timeline.minutes.iter().map(|minute| minute.minute.0).collect::<Vec<_>>(), [50, 51, 52]);
        let served = timeline.minutes[0].served.even.expect("a window");
        assert_eq!((served.calls, served.server_errors, served.complete), (20, 3, false));
        assert_eq!(served.p50_us.map(f64::round), Some(101.0), "the bucket's middle, rounded up");
        assert_eq!(timeline.minutes[1].served, ByArm { even: None, odd: None });
        assert_eq!(timeline.minutes[2].decided.odd, Decided { failover: 3, ..Decided::default() });
        assert_eq!(timeline.minutes[2].scheduled, Arm::Even);
    }

    #[test]
    fn an_empty_timeline_is_valid_and_an_unreadable_window_is_incomplete() {
        let empty = TimelineBuilder::new(first_minutes(10)).finish();
        assert!(empty.minutes.is_empty());
        let mut timeline = TimelineBuilder::new(first_minutes(10));
        timeline.observe(&observation(3, Arm::Odd, &[9, 9], true));
        let served = timeline.finish().minutes[0].served.odd.expect("a window");
        assert_eq!(served, Served { calls: 0, server_errors: 0, p50_us: None, p95_us: None, complete: false });
    }
}
