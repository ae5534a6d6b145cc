//! The router at work: health of the arms, choice, rendered locations, counted decisions.
//!
//! Must not know how a request arrives or how a reply is written.

pub mod flush;
pub mod health;
pub mod turn;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use time::OffsetDateTime;

use crate::clock::{Clock, Moment};
use crate::config::BaseUrl;
use crate::domain::arm::ByArm;
use crate::domain::decision::{Decision, Failover, decide};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::shared_settings::SharedSettings;
use crate::domain::ticket::TicketKey;
use health::ArmsHealth;
use turn::{DecisionCounts, DecisionTally, Turn};

/// Minutes whose decisions are kept in memory: a day of them, as of windows, outlasts an outage of the database.
const MINUTES_KEPT: usize = 1_440;

/// Everything the router decides with.
pub struct Routing {
    clock: Arc<dyn Clock>,
    schedule: Schedule,
    failover: Failover,
    arms: ByArm<BaseUrl>,
    key: Option<TicketKey>,
    health: Arc<ArmsHealth>,
    current: ArcSwap<Turn>,
    history: Mutex<History>,
}

/// The minutes in memory, and the sums of those that left it.
struct History {
    tallies: VecDeque<Arc<DecisionTally>>,
    retired: DecisionCounts,
}

/// Where one call goes.
pub struct RoutedCall {
    /// The decision.
    pub decision: Decision,
    /// The minute's label, for `Switchback-Minute`.
    pub label: HeaderValue,
    /// The redirect's target; none when the request's target has bytes no header may hold.
    pub location: Option<HeaderValue>,
}

impl Routing {
    /// A router over `arms`.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        schedule: Schedule,
        failover: Failover,
        arms: ByArm<BaseUrl>,
        key: Option<TicketKey>,
        health: Arc<ArmsHealth>,
    ) -> Self {
        let minute = schedule.minute_at(clock.now());
        let first = Arc::new(DecisionTally::new(minute));
        let history = Mutex::new(History { tallies: VecDeque::from([Arc::clone(&first)]), retired: DecisionCounts::default() });
        let current = ArcSwap::from_pointee(Turn::render(&schedule, &arms, key.as_ref(), first));
        Routing { clock, schedule, failover, arms, key, health, current, history }
    }

    /// Decides for a call to `path` and `query`, and counts the decision unless the call is a probe.
    #[must_use]
    pub fn route(&self, path: &str, query: Option<&str>, probe: bool) -> RoutedCall {
        let Moment { since_epoch, uptime } = self.clock.moment();
        let turn = self.turn_at(since_epoch);
        let decision = self.decide(&turn);
        self.note(&turn, &decision, uptime, probe);
        let location = turn.location(&self.arms[decision.arm], decision.arm, path, query);
        RoutedCall { decision, label: turn.label.clone(), location }
    }

    /// Decides for a call within `turn`; nothing is counted yet.
    #[must_use]
    pub fn decide(&self, turn: &Turn) -> Decision {
        decide(turn.minute, turn.scheduled, &self.health.now(), self.failover)
    }

    /// Counts a decision unless the call is a probe. Any call, at `uptime`, keeps the arms' probing alive.
    pub fn note(&self, turn: &Turn, decision: &Decision, uptime: Duration, probe: bool) {
        if !probe {
            turn.tally.count(decision);
        }
        self.health.touch(uptime);
    }

    /// The turn of the current minute.
    #[must_use]
    pub fn turn(&self) -> Arc<Turn> {
        self.turn_at(self.clock.since_epoch())
    }

    /// The turn that holds the moment `since_epoch`, which is now; rendered by the first call in it.
    #[must_use]
    pub fn turn_at(&self, since_epoch: Duration) -> Arc<Turn> {
        let current = self.current.load();
        if current.holds(since_epoch) {
            return Arc::clone(&current);
        }
        self.take_turn(self.schedule.minute_at(OffsetDateTime::UNIX_EPOCH + since_epoch))
    }

    fn take_turn(&self, minute: Minute) -> Arc<Turn> {
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current.load_full();
        if current.minute == minute {
            return current;
        }
        // After the clock was set back, a minute may come a second time: its counts continue.
        let tally = match history.tallies.iter().rev().find(|tally| tally.minute == minute) {
            Some(tally) => Arc::clone(tally),
            None => {
                let tally = Arc::new(DecisionTally::new(minute));
                history.tallies.push_back(Arc::clone(&tally));
                if history.tallies.len() > MINUTES_KEPT
                    && let Some(oldest) = history.tallies.pop_front()
                {
                    history.retired.add(&oldest.counts());
                }
                tally
            }
        };
        let turn = Arc::new(Turn::render(&self.schedule, &self.arms, self.key.as_ref(), tally));
        self.current.store(Arc::clone(&turn));
        turn
    }

    /// Decisions of the minutes still in memory, oldest first.
    #[must_use]
    pub fn tallies(&self) -> Vec<Arc<DecisionTally>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).tallies.iter().cloned().collect()
    }

    /// Decisions since this process started.
    #[must_use]
    pub fn decided(&self) -> DecisionCounts {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = history.retired;
        history.tallies.iter().for_each(|tally| total.add(&tally.counts()));
        total
    }

    /// The schedule in force.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What happens when the scheduled arm is down.
    #[must_use]
    pub fn failover(&self) -> Failover {
        self.failover
    }

    /// The arms' health.
    #[must_use]
    pub fn health(&self) -> &ArmsHealth {
        &self.health
    }

    /// What this router goes by, as its arms must.
    #[must_use]
    pub fn settings(&self) -> SharedSettings {
        SharedSettings::new(&self.schedule, self.key.as_ref())
    }

    /// The arms' base URLs.
    #[must_use]
    pub fn arms(&self) -> &ByArm<BaseUrl> {
        &self.arms
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::arm::Arm;
    use crate::domain::decision::Reason;

    fn routing(clock: &ManualClock) -> Routing {
        let arms = ByArm::build(|arm| format!("https://{arm}.example").parse().unwrap());
        Routing::new(Arc::new(clock.clone()), Schedule::default(), Failover::On, arms, None, Arc::default())
    }

    #[test]
    fn the_arm_changes_at_the_boundary_and_not_before() {
        let clock = ManualClock::new(datetime!(2026-11-23 10:03:59.999 UTC));
        let routing = routing(&clock);
        let before = routing.route("/x", None, false);
        assert_eq!((before.decision.arm, before.label.to_str().unwrap()), (Arm::Odd, "2026-11-23T10:03Z"));
        clock.advance(Duration::from_millis(1));
        let after = routing.route("/x", None, false);
        assert_eq!((after.decision.arm, after.label.to_str().unwrap()), (Arm::Even, "2026-11-23T10:04Z"));
        assert_eq!(after.location.unwrap(), "https://even.example/x");
    }

    #[test]
    fn every_decision_is_counted_once_even_when_the_clock_is_set_back() {
        let clock = ManualClock::new(datetime!(2026-11-23 10:03:30 UTC));
        let routing = routing(&clock);
        let _ = routing.route("/", None, false);
        clock.advance(Duration::from_secs(60));
        let _ = routing.route("/", None, false);
        clock.set(datetime!(2026-11-23 10:03:40 UTC));
        let _ = routing.route("/", None, false);
        let counts = |arm| routing.tallies().iter().map(|tally| tally.counts().of(arm, Reason::Schedule)).collect::<Vec<u64>>();
        assert_eq!((counts(Arm::Odd), counts(Arm::Even)), (vec![2, 0], vec![0, 1]));
        assert_eq!(routing.decided().of(Arm::Odd, Reason::Schedule), 2);
    }
}
