//! What became of every call that was sent: the router's decisions beside what arrived, minute by minute. Must not know estimators.
//!
//! A call counts for the arm it was *scheduled* to, whatever became of it (intention to treat): one that was lost on the way, failed over or
//! found no arm is that arm's failure, not a gap in the data.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::arm::{Arm, ByArm};
use crate::domain::pairs::{Excluded, Mapping, Pairing, Standing};
use crate::domain::schedule::{Minute, Schedule};

/// What the router decided in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinuteDecisions {
    /// Calls sent to the minute's own arm.
    pub sent: u32,
    /// Calls sent to the other arm because theirs was down.
    pub failed_over: u32,
    /// Calls answered 503: no arm could take them.
    pub unavailable: u32,
}

/// What one minute's own arm counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteArrivals {
    /// Calls.
    pub calls: u32,
    /// Those answered 5xx.
    pub server_errors: u32,
    /// Those whose caller left before the answer.
    pub callers_left: u32,
    /// Those that took too long to arrive.
    pub timed_out: u32,
    /// Whether all of it can be read.
    pub standing: Standing,
}

/// Values by minute, in any order and in parts.
#[derive(Debug, Clone)]
struct ByMinute<T>(Vec<(Minute, T)>);

impl<T> Default for ByMinute<T> {
    fn default() -> Self {
        ByMinute(Vec::new())
    }
}

impl<T: Default> ByMinute<T> {
    /// The value of `minute`, to be changed.
    fn at(&mut self, minute: Minute) -> &mut T {
        let position = match self.0.last() {
            Some((last, _)) if *last < minute => self.0.len(),
            _ => self.0.partition_point(|(own, _)| *own < minute),
        };
        if self.0.get(position).is_none_or(|(own, _)| *own != minute) {
            self.0.insert(position, (minute, T::default()));
        }
        &mut self.0[position].1
    }
}

impl<T> ByMinute<T> {
    /// Adds the value of a minute after all others.
    fn push(&mut self, minute: Minute, value: T) {
        self.0.push((minute, value));
    }

    fn forget_before(&mut self, end: Minute) {
        let position = self.0.partition_point(|(minute, _)| *minute < end);
        self.0.drain(..position);
    }
}

/// One arm's calls of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Calls scheduled to it; where no decision is known, those that arrived.
    pub scheduled: u32,
    /// Those that failed in any way. Below 0 where more arrived than were sent.
    pub failed: i32,
    /// Calls sent to it; 0 where no decision is known.
    pub sent: u32,
    /// Those that did not arrive. Below 0 where more arrived than were sent.
    pub never_arrived: i32,
}

/// How the calls scheduled to an arm failed, each call in one part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failures {
    /// Calls scheduled to the arm; where no decision is known, those that arrived.
    pub scheduled: u64,
    /// All that failed.
    pub total: u64,
    /// Answered 5xx.
    pub server_errors: u64,
    /// Whose caller left before the answer (499).
    pub callers_left: u64,
    /// That took too long to arrive (408).
    pub timed_out: u64,
    /// Redirected to the arm, and never counted by it.
    pub never_arrived: u64,
    /// Sent to the other arm because this one was down.
    pub failed_over: u64,
    /// Answered 503 by the router: no arm could take them.
    pub unavailable: u64,
}

/// From what failures are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountedFrom {
    /// The router's decisions: every call that was sent.
    Decisions,
    /// Decisions where there are any, arrivals in minutes without one.
    DecisionsAndArrivals,
    /// Calls that arrived: what was lost before the arm cannot be seen.
    #[default]
    Arrivals,
}

/// What became of every call of the pairs compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PairOutcomes {
    /// Each pair, in time order.
    pub pairs: Vec<(Mapping, ByArm<Outcome>)>,
    /// All of them together.
    pub failures: ByArm<Failures>,
    /// What they are counted from.
    pub counted_from: CountedFrom,
    /// Minutes in no pair.
    pub excluded: Excluded,
}

/// A minute in which something was decided or counted.
#[derive(Debug, Clone, Copy)]
struct Seen {
    decided: Option<MinuteDecisions>,
    arrived: Option<MinuteArrivals>,
    /// Calls of the next minute that failed over: some of them may have been counted here.
    next_failed_over: u32,
}

/// Pairs up minutes of decisions and of arrivals, and lets those go that are settled: what is kept of a minute is a few numbers of its pair.
#[derive(Debug, Clone)]
pub struct OutcomeSums {
    decided: ByMinute<MinuteDecisions>,
    arrived: ByMinute<MinuteArrivals>,
    pairing: Pairing<Seen>,
    outcomes: PairOutcomes,
    never_arrived: ByArm<i64>,
    /// Whether a minute was seen with decisions, and one with calls but none.
    with_decisions: bool,
    without_decisions: bool,
}

impl OutcomeSums {
    /// No minute yet.
    #[must_use]
    pub fn new(schedule: Schedule) -> Self {
        OutcomeSums {
            decided: ByMinute::default(),
            arrived: ByMinute::default(),
            pairing: Pairing::new(schedule),
            outcomes: PairOutcomes::default(),
            never_arrived: ByArm::default(),
            with_decisions: false,
            without_decisions: false,
        }
    }

    /// What was decided in `minute`, to be added to; in any order among minutes that are not settled.
    pub fn decided(&mut self, minute: Minute) -> &mut MinuteDecisions {
        self.decided.at(minute)
    }

    /// Adds what arrived in a minute after all others.
    pub fn arrived(&mut self, minute: Minute, arrived: MinuteArrivals) {
        self.arrived.push(minute, arrived);
    }

    /// Says that all is known of the minutes before `end`.
    pub fn settle(&mut self, end: Minute) {
        // What failed over in the next minute belongs to a minute too.
        self.pair_up(Minute(end.0.saturating_sub(1)));
    }

    fn pair_up(&mut self, end: Minute) {
        for (minute, seen) in merged(&self.decided, &self.arrived).take_while(|(minute, _)| *minute < end) {
            let (calls, standing) = seen.arrived.map_or((0, Standing::Complete), |arrived| (arrived.calls, arrived.standing));
            self.with_decisions |= seen.decided.is_some();
            self.without_decisions |= seen.decided.is_none() && calls > 0;
            let Some(pair) = self.pairing.push(minute, standing, seen) else { continue };
            let outcomes = pair.windows.map(Seen::outcome);
            self.outcomes.pairs.push((pair.mapping, outcomes));
            for arm in Arm::BOTH {
                self.outcomes.failures[arm].add(&pair.windows[arm]);
                self.never_arrived[arm] += i64::from(outcomes[arm].never_arrived);
            }
        }
        self.decided.forget_before(end);
        self.arrived.forget_before(end);
    }

    /// Ends the stream.
    #[must_use]
    pub fn finish(mut self) -> PairOutcomes {
        self.pair_up(Minute(i64::MAX));
        let mut outcomes = self.outcomes;
        for arm in Arm::BOTH {
            let failures = &mut outcomes.failures[arm];
            failures.never_arrived = u64::try_from(self.never_arrived[arm]).unwrap_or(0);
            let Failures { server_errors, callers_left, timed_out, never_arrived, failed_over, unavailable, .. } = *failures;
            failures.total = server_errors + callers_left + timed_out + never_arrived + failed_over + unavailable;
        }
        outcomes.counted_from = match (self.with_decisions, self.without_decisions) {
            (true, false) => CountedFrom::Decisions,
            (true, true) => CountedFrom::DecisionsAndArrivals,
            (false, _) => CountedFrom::Arrivals,
        };
        outcomes.excluded = self.pairing.finish();
        outcomes
    }
}

impl PairOutcomes {
    /// Pairs in which a call was scheduled to both arms.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.pairs.iter().filter(|(_, pair)| pair.iter().all(|arm| arm.scheduled > 0)).count()
    }
}

/// Both lists as one, in time order.
fn merged(decided: &ByMinute<MinuteDecisions>, arrived: &ByMinute<MinuteArrivals>) -> impl Iterator<Item = (Minute, Seen)> {
    let (mut decided, mut arrived) = (decided.0.iter().copied().peekable(), arrived.0.iter().copied().peekable());
    std::iter::from_fn(move || {
        let next = [decided.peek().map(|(minute, _)| *minute), arrived.peek().map(|(minute, _)| *minute)];
        let minute = next.into_iter().flatten().min()?;
        let own = decided.next_if(|(own, _)| *own == minute).map(|(_, decided)| decided);
        let next_failed_over = decided.peek().filter(|(next, _)| *next == minute.next()).map_or(0, |(_, next)| next.failed_over);
        let arrived = arrived.next_if(|(own, _)| *own == minute).map(|(_, arrived)| arrived);
        Some((minute, Seen { decided: own, arrived, next_failed_over }))
    })
}

impl Seen {
    fn outcome(self) -> Outcome {
        let arrived = self.arrived.map_or(0, |arrived| arrived.calls);
        let answered = self.arrived.map_or(0, |arrived| arrived.server_errors + arrived.callers_left + arrived.timed_out);
        let signed = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let Some(MinuteDecisions { sent, failed_over, unavailable }) = self.decided else {
            return Outcome { scheduled: arrived, failed: signed(answered), sent: 0, never_arrived: 0 };
        };
        let missing = signed(sent).saturating_sub(signed(arrived));
        // Without tickets, what fails over at the very start of the next minute looks as if it had been routed in this one.
        let never_arrived = if missing < 0 { missing.saturating_add(signed(self.next_failed_over)).min(0) } else { missing };
        let failed = [answered, failed_over, unavailable].into_iter().fold(never_arrived, |sum, part| sum.saturating_add(signed(part)));
        Outcome { scheduled: sent.saturating_add(failed_over).saturating_add(unavailable), failed, sent, never_arrived }
    }
}

impl Failures {
    /// Adds a minute, but for what never arrived.
    fn add(&mut self, seen: &Seen) {
        self.scheduled += u64::from(seen.outcome().scheduled);
        if let Some(arrived) = seen.arrived {
            self.server_errors += u64::from(arrived.server_errors);
            self.callers_left += u64::from(arrived.callers_left);
            self.timed_out += u64::from(arrived.timed_out);
        }
        if let Some(decided) = seen.decided {
            self.failed_over += u64::from(decided.failed_over);
            self.unavailable += u64::from(decided.unavailable);
        }
    }

    /// The parts that occurred, in words, largest first.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, u64)> {
        let mut parts = vec![
            ("answered 5xx", self.server_errors),
            ("left by their caller", self.callers_left),
            ("timed out", self.timed_out),
            ("never arrived", self.never_arrived),
            ("failed over", self.failed_over),
            ("refused with no arm up", self.unavailable),
        ];
        parts.retain(|(_, count)| *count > 0);
        parts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        parts
    }

    /// The share of the calls that failed; 0 of none.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.total as f64 / self.scheduled.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVED: MinuteArrivals =
        MinuteArrivals { calls: 30, server_errors: 0, callers_left: 0, timed_out: 0, standing: Standing::Complete };

    fn outcomes(decided: &[(i64, MinuteDecisions)], arrived: &[(i64, MinuteArrivals)]) -> PairOutcomes {
        let mut at_once = OutcomeSums::new(Schedule::default());
        decided.iter().for_each(|(minute, decided)| *at_once.decided(Minute(*minute)) = *decided);
        arrived.iter().for_each(|(minute, arrived)| at_once.arrived(Minute(*minute), *arrived));
        let at_once = at_once.finish();
        let mut by_minute = OutcomeSums::new(Schedule::default());
        for minute in 0..10 {
            decided.iter().filter(|(own, _)| *own == minute).for_each(|(own, decided)| *by_minute.decided(Minute(*own)) = *decided);
            arrived.iter().filter(|(own, _)| *own == minute).for_each(|(own, arrived)| by_minute.arrived(Minute(*own), *arrived));
            by_minute.settle(Minute(minute + 1));
            assert!(by_minute.decided.0.len() <= 1 && by_minute.arrived.0.len() <= 1, "settled minutes are let go");
        }
        assert_eq!(by_minute.finish(), at_once, "settled minute by minute");
        at_once
    }

    fn sent(sent: u32) -> MinuteDecisions {
        MinuteDecisions { sent, ..MinuteDecisions::default() }
    }

    #[test]
    fn every_call_sent_to_an_arm_that_died_is_its_failure() {
        // Odd's first minute is lost half way, its second fails over whole: no row of it is there.
        let down = MinuteDecisions { sent: 0, failed_over: 27, unavailable: 3 };
        let found = outcomes(
            &[(0, sent(30)), (1, sent(30)), (2, sent(30)), (3, down)],
            &[(0, ARRIVED), (1, MinuteArrivals { calls: 12, server_errors: 2, ..ARRIVED }), (2, ARRIVED)],
        );
        assert_eq!((found.pairs.len(), found.counted_from, found.excluded), (2, CountedFrom::Decisions, Excluded::default()));
        let odd = Failures {
            scheduled: 60,
            total: 50,
            server_errors: 2,
            never_arrived: 18,
            failed_over: 27,
            unavailable: 3,
            ..Failures::default()
        };
        assert_eq!(found.failures, ByArm { even: Failures { scheduled: 60, ..Failures::default() }, odd });
        assert_eq!(odd.parts(), [("failed over", 27), ("never arrived", 18), ("refused with no arm up", 3), ("answered 5xx", 2)]);
    }

    #[test]
    fn without_decisions_arrivals_are_all_that_is_known() {
        let some = MinuteArrivals { server_errors: 1, callers_left: 2, timed_out: 3, ..ARRIVED };
        let found = outcomes(&[], &[(0, ARRIVED), (1, some), (4, ARRIVED)]);
        assert_eq!((found.counted_from, found.pairs.len(), found.excluded.without_partner), (CountedFrom::Arrivals, 1, 1));
        assert_eq!(
            found.failures.odd,
            Failures { scheduled: 30, total: 6, server_errors: 1, callers_left: 2, timed_out: 3, ..Failures::default() }
        );
        let partly = outcomes(&[(0, sent(30)), (1, sent(30))], &[(0, ARRIVED), (1, ARRIVED), (2, ARRIVED), (3, ARRIVED)]);
        assert_eq!((partly.counted_from, partly.failures.even.scheduled), (CountedFrom::DecisionsAndArrivals, 60));
    }

    #[test]
    fn a_failover_counted_in_the_minute_before_hides_no_loss_of_its_own() {
        // 30 were sent to even and 28 of them arrived; 5 of odd's next minute were counted with them.
        let found = outcomes(
            &[(0, sent(30)), (1, MinuteDecisions { failed_over: 5, ..sent(20) })],
            &[(0, MinuteArrivals { calls: 33, ..ARRIVED })],
        );
        assert_eq!(found.failures.even.total, 0, "a surplus is no failure, and no credit either");
        assert_eq!(found.pairs[0].1.even.never_arrived, 0);
        let direct = outcomes(&[(0, sent(30)), (1, sent(30))], &[(0, MinuteArrivals { calls: 33, ..ARRIVED }), (1, ARRIVED)]);
        assert_eq!(direct.pairs[0].1.even.failed, -3, "callers who go to an arm directly are seen as what they are");
    }

    #[test]
    fn minutes_may_come_in_any_order_and_in_parts() {
        let mut decided: ByMinute<MinuteDecisions> = ByMinute::default();
        for minute in [7, 3, 9, 3, 7] {
            decided.at(Minute(minute)).sent += 1;
        }
        let found: Vec<(i64, u32)> = decided.0.iter().map(|(minute, MinuteDecisions { sent, .. })| (minute.0, *sent)).collect();
        assert_eq!(found, [(3, 2), (7, 2), (9, 1)]);
    }
}
