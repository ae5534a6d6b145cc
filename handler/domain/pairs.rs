//! Pairs of adjacent windows, one of each arm: the unit of comparison. Must not know what a window counted.
//!
//! A pair is an even-numbered minute since the epoch and the one after it. Under both schedules these two belong to different arms;
//! under `mirrored` the hour decides which comes first.

use serde::Serialize;
use utoipa::ToSchema;

use super::arm::{Arm, ByArm};
use super::listed::listed;
use super::schedule::{Minute, Schedule};

/// Whether a window can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// What was stored of it can be read.
    Complete,
    /// Some of what was stored of it cannot be read.
    Incomplete,
}

listed! {
    /// Which arm of a pair has the even-numbered minute.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Mapping {
        /// The even arm: the only mapping of `parity`.
        EvenFirst,
        /// The odd arm: every other hour of `mirrored`.
        OddFirst,
    }
}

impl Mapping {
    /// Its place in [`Mapping::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Two adjacent windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<W> {
    /// The first of its two minutes.
    pub minute: Minute,
    /// Which arm came first.
    pub mapping: Mapping,
    /// Each arm's window.
    pub windows: ByArm<W>,
}

/// Windows that are in no pair, by the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Excluded {
    /// Always 0: calls that failed over are failures of the arm whose minute it was, and the rest of the minute is compared.
    pub failover: u64,
    /// Windows that cannot be read.
    pub incomplete: u64,
    /// Minutes whose neighbour saw no call, or cannot be read.
    pub without_partner: u64,
}

/// Builds pairs from windows in time order.
#[derive(Debug, Clone)]
pub struct Pairing<W> {
    schedule: Schedule,
    waiting: Option<(Minute, W)>,
    excluded: Excluded,
}

impl<W> Pairing<W> {
    /// Pairing under `schedule`.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        Pairing { schedule, waiting: None, excluded: Excluded::default() }
    }

    /// Takes the window of `minute`'s own arm; windows must come in time order, one a minute. Returns the pair it completes.
    pub fn push(&mut self, minute: Minute, standing: Standing, window: W) -> Option<Pair<W>> {
        let first = self.waiting.take();
        match standing {
            Standing::Complete => {}
            Standing::Incomplete => self.excluded.incomplete += 1,
        }
        let is_first = minute.0.rem_euclid(2) == 0;
        if standing != Standing::Complete {
            self.excluded.without_partner += u64::from(first.is_some());
            return None;
        }
        if is_first {
            self.excluded.without_partner += u64::from(first.is_some());
            self.waiting = Some((minute, window));
            return None;
        }
        let Some((earlier, first)) = first else {
            self.excluded.without_partner += 1;
            return None;
        };
        if earlier.next() != minute {
            self.excluded.without_partner += 2;
            return None;
        }
        Some(match self.schedule.arm_of(earlier) {
            Arm::Even => Pair { minute: earlier, mapping: Mapping::EvenFirst, windows: ByArm { even: first, odd: window } },
            Arm::Odd => Pair { minute: earlier, mapping: Mapping::OddFirst, windows: ByArm { even: window, odd: first } },
        })
    }

    /// Ends the stream; what was excluded.
    #[must_use]
    pub fn finish(mut self) -> Excluded {
        self.excluded.without_partner += u64::from(self.waiting.take().is_some());
        self.excluded
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::schedule::Rule;

    fn pair_up(rule: Rule, windows: &[(i64, Standing)]) -> (Vec<(i64, Mapping, i64, i64)>, Excluded) {
        let mut pairing = Pairing::new(Schedule::new(rule));
        let pairs = windows
            .iter()
            .filter_map(|(minute, standing)| pairing.push(Minute(*minute), *standing, *minute))
            .map(|pair| (pair.minute.0, pair.mapping, pair.windows.even, pair.windows.odd))
            .collect();
        (pairs, pairing.finish())
    }

    #[test]
    fn adjacent_windows_pair_and_gaps_break_pairs() {
        use Standing::Complete;
        let (pairs, excluded) = pair_up(Rule::Parity, &[(1, Complete), (2, Complete), (3, Complete), (4, Complete), (7, Complete)]);
        assert_eq!(pairs, vec![(2, Mapping::EvenFirst, 2, 3)]);
        assert_eq!(excluded, Excluded { without_partner: 3, ..Excluded::default() });
    }

    #[test]
    fn a_mirrored_schedule_swaps_which_arm_comes_first() {
        use Standing::Complete;
        let (pairs, _) = pair_up(Rule::Mirrored, &[(58, Complete), (59, Complete), (60, Complete), (61, Complete)]);
        assert_eq!(pairs, vec![(58, Mapping::EvenFirst, 58, 59), (60, Mapping::OddFirst, 61, 60)]);
    }

    #[test]
    fn windows_that_cannot_be_read_take_their_pair_with_them() {
        use Standing::{Complete, Incomplete};
        let (pairs, excluded) =
            pair_up(Rule::Parity, &[(0, Complete), (1, Incomplete), (2, Incomplete), (3, Complete), (4, Complete), (5, Complete)]);
        assert_eq!(pairs.len(), 1);
        assert_eq!(excluded, Excluded { incomplete: 2, without_partner: 2, ..Excluded::default() });
    }

    proptest! {
        #[test]
        fn every_window_is_in_one_pair_or_excluded_once(seen in prop::collection::vec((any::<bool>(), 0_u8..8), 0..200), mirrored: bool) {
            let rule = if mirrored { Rule::Mirrored } else { Rule::Parity };
            let windows: Vec<(i64, Standing)> = (-40..).zip(&seen)
                .filter(|(_, (present, _))| *present)
                .map(|(minute, (_, standing))| (minute, if *standing < 2 { Standing::Incomplete } else { Standing::Complete }))
                .collect();
            let (pairs, excluded) = pair_up(rule, &windows);
            let out = excluded.incomplete + excluded.without_partner;
            prop_assert_eq!(2 * pairs.len() as u64 + out, windows.len() as u64);
            let schedule = Schedule::new(rule);
            for (minute, _, even, odd) in pairs {
                prop_assert_eq!(schedule.arm_of(Minute(even)), Arm::Even);
                prop_assert_eq!(schedule.arm_of(Minute(odd)), Arm::Odd);
                prop_assert_eq!(even.min(odd), minute);
            }
        }
    }
}
