//! A schedule held against what was decided under it. Must not know where decisions are kept.

use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, Reason};
use crate::domain::schedule::{Minute, Schedule};

/// Decisions, held against a schedule minute by minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Minutes with decisions.
    pub minutes: u64,
    /// Those in which a decision took another arm for the scheduled one.
    pub mismatches: Vec<Minute>,
    last: Option<Minute>,
}

impl Replayed {
    /// Holds one decision against `schedule`; decisions come in time order.
    pub fn hold(&mut self, schedule: &Schedule, decision: &Decision) {
        if self.last != Some(decision.minute) {
            self.minutes += 1;
            self.last = Some(decision.minute);
        }
        if taken_for_scheduled(decision) != schedule.arm_of(decision.minute) && self.mismatches.last() != Some(&decision.minute) {
            self.mismatches.push(decision.minute);
        }
    }
}

/// The arm a decision took for the scheduled one: in a failover the other one than took the call.
const fn taken_for_scheduled(decision: &Decision) -> Arm {
    match decision.reason {
        Reason::Schedule | Reason::Unsure | Reason::Unavailable => decision.arm,
        Reason::Failover => decision.arm.other(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::draw::Seed;
    use crate::domain::schedule::Rule;

    #[test]
    fn every_minute_is_reproduced_by_its_seed_and_not_by_another() {
        let drawn = |seed| Schedule::new(Rule::Random(Seed::new([seed; 32])));
        let (own, other) = (drawn(7), drawn(8));
        let decisions = (-100..100).map(Minute).flat_map(|minute| {
            let scheduled = own.arm_of(minute);
            [
                Decision { minute, arm: scheduled, reason: Reason::Schedule },
                Decision { minute, arm: scheduled.other(), reason: Reason::Failover },
                Decision { minute, arm: scheduled, reason: Reason::Unavailable },
            ]
        });
        let replay = |schedule: &Schedule| {
            let mut replayed = Replayed::default();
            decisions.clone().for_each(|decision| replayed.hold(schedule, &decision));
            (replayed.minutes, replayed.mismatches.len())
        };
        assert_eq!(replay(&own), (200, 0));
        let (minutes, mismatches) = replay(&other);
        assert!(minutes == 200 && (60..140).contains(&mismatches), "about half: {mismatches}");
    }
}
