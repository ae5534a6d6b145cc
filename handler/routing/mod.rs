//! The router at work: health of the arms, choice, rendered locations, counted decisions.
//!
//! Must not know how a request arrives or how a reply is written.

pub mod flush;
pub mod health;
pub mod turn;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::HeaderValue;

use crate::clock::Clock;
use crate::config::BaseUrl;
use crate::domain::arm::ByArm;
use crate::domain::decision::{Decision, Failover, decide};
use crate::domain::schedule::Schedule;
use crate::domain::shared_settings::SharedSettings;
use crate::domain::ticket::TicketKey;
use health::ArmsHealth;
use turn::{DecisionCounts, Turn};

/// Minutes whose decisions are kept in memory: a day of them, as of windows, outlasts an outage of the database.
const TURNS_KEPT: usize = 1_440;

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
    turns: VecDeque<Arc<Turn>>,
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
        let first = Arc::new(Turn::render(&schedule, minute, key.as_ref()));
        let history = Mutex::new(History { turns: VecDeque::from([first.clone()]), retired: DecisionCounts::default() });
        Routing { clock, schedule, failover, arms, key, health, current: ArcSwap::new(first), history }
    }

    /// Decides for a call to `path` and `query`, and counts the decision unless the call is a probe.
    #[must_use]
    pub fn route(&self, path: &str, query: Option<&str>, probe: bool) -> RoutedCall {
        let turn = self.turn();
        let decision = decide(turn.minute, turn.scheduled, &self.health.now(), self.failover);
        if !probe {
            turn.count(&decision);
        }
        self.health.touch(self.clock.uptime());
        let location = turn.location(&self.arms[decision.arm], decision.arm, path, query);
        RoutedCall { decision, label: turn.label.clone(), location }
    }

    /// The turn of the current minute, rendered by the first call in it.
    #[must_use]
    pub fn turn(&self) -> Arc<Turn> {
        let minute = self.schedule.minute_at(self.clock.now());
        let current = self.current.load();
        if current.minute == minute {
            return Arc::clone(&current);
        }
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        // After the clock was set back, a minute may come a second time: its counts continue.
        let turn = match history.turns.iter().rev().find(|turn| turn.minute == minute) {
            Some(turn) => turn.clone(),
            None => {
                let turn = Arc::new(Turn::render(&self.schedule, minute, self.key.as_ref()));
                history.turns.push_back(turn.clone());
                if history.turns.len() > TURNS_KEPT
                    && let Some(oldest) = history.turns.pop_front()
                {
                    history.retired.add(&oldest.counts());
                }
                turn
            }
        };
        self.current.store(turn.clone());
        turn
    }

    /// The minutes still in memory, oldest first.
    #[must_use]
    pub fn turns(&self) -> Vec<Arc<Turn>> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).turns.iter().cloned().collect()
    }

    /// Decisions since this process started.
    #[must_use]
    pub fn decided(&self) -> DecisionCounts {
        let history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = history.retired;
        history.turns.iter().for_each(|turn| total.add(&turn.counts()));
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
    use std::time::Duration;

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
        let counts: Vec<u64> = routing.turns().iter().map(|turn| turn.counts().of(turn.scheduled, Reason::Schedule)).collect();
        assert_eq!(counts, [2, 1]);
        assert_eq!(routing.decided().of(Arm::Odd, Reason::Schedule), 2);
    }
}
