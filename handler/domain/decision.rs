//! What the router decided for a call, and why. Must not know how the arms' health was learned.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::arm::{Arm, ByArm};
use super::listed::listed;
use super::schedule::Minute;

listed! {
    /// Why a call was sent where it was sent.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Reason {
        /// The minute's own arm.
        Schedule,
        /// The minute's own arm was down; the other took the call.
        Failover,
        /// Neither arm was well, and nothing said that the other would do better: the schedule was kept.
        Unsure,
        /// Nothing listened at either arm; the call was answered 503.
        Unavailable,
    }
}

impl Reason {
    /// The reason's name in `Switchback-Reason` and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Schedule => "schedule",
            Reason::Failover => "failover",
            Reason::Unsure => "unsure",
            Reason::Unavailable => "unavailable",
        }
    }
}

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| UnknownReason(text.chars().take(40).collect()))
    }
}

/// The text named no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a reason: expected schedule, failover, unsure or unavailable")]
pub struct UnknownReason(String);

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How well an arm is, as far as the router can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It answers its probes.
    #[default]
    Up,
    /// It does not answer well or in time: overloaded, draining, broken, or out of the router's own reach.
    Unwell,
    /// Nothing listens there.
    Down,
}

impl Health {
    /// The health's name in JSON and log lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Health::Up => "up",
            Health::Unwell => "unwell",
            Health::Down => "down",
        }
    }
}

/// What is done when the scheduled arm is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failover {
    /// The other arm takes the call.
    #[default]
    On,
    /// The scheduled arm keeps it: strict parity.
    Off,
}

/// One call's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The window the call belongs to.
    pub minute: Minute,
    /// The arm that takes the call; the scheduled one where none can.
    pub arm: Arm,
    /// Why that arm.
    pub reason: Reason,
}

/// How often a decision was taken in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionCount {
    /// The minute, arm and reason.
    pub decision: Decision,
    /// Number of calls.
    pub calls: u64,
}

/// Chooses the arm for a call in `minute`, whose turn is `scheduled`'s. Where both arms are unwell the schedule is kept: moving the load of
/// both to one of them could only make it worse.
#[must_use]
pub fn decide(minute: Minute, scheduled: Arm, health: &ByArm<Health>, failover: Failover) -> Decision {
    let (arm, reason) = match (failover, health[scheduled], health[scheduled.other()]) {
        (Failover::Off, _, _) | (Failover::On, Health::Up, _) => (scheduled, Reason::Schedule),
        (Failover::On, Health::Unwell | Health::Down, Health::Up) | (Failover::On, Health::Down, Health::Unwell) => {
            (scheduled.other(), Reason::Failover)
        }
        (Failover::On, Health::Unwell, Health::Unwell | Health::Down) => (scheduled, Reason::Unsure),
        (Failover::On, Health::Down, Health::Down) => (scheduled, Reason::Unavailable),
    };
    Decision { minute, arm, reason }
}

#[cfg(test)]
mod tests {
    use Health::{Down, Unwell, Up};

    use super::*;

    fn choice(scheduled: Arm, even: Health, odd: Health, failover: Failover) -> (Arm, Reason) {
        let decision = decide(Minute(7), scheduled, &ByArm { even, odd }, failover);
        (decision.arm, decision.reason)
    }

    #[test]
    fn a_healthy_arm_keeps_its_minute() {
        for other in [Up, Unwell, Down] {
            assert_eq!(choice(Arm::Even, Up, other, Failover::On), (Arm::Even, Reason::Schedule));
            assert_eq!(choice(Arm::Odd, other, Up, Failover::On), (Arm::Odd, Reason::Schedule));
        }
    }

    #[test]
    fn the_better_arm_takes_over() {
        assert_eq!(choice(Arm::Even, Down, Up, Failover::On), (Arm::Odd, Reason::Failover));
        assert_eq!(choice(Arm::Even, Unwell, Up, Failover::On), (Arm::Odd, Reason::Failover));
        assert_eq!(choice(Arm::Even, Down, Unwell, Failover::On), (Arm::Odd, Reason::Failover));
    }

    #[test]
    fn two_unwell_arms_keep_the_schedule_and_two_dead_ones_are_unavailable() {
        assert_eq!(choice(Arm::Even, Unwell, Unwell, Failover::On), (Arm::Even, Reason::Unsure));
        assert_eq!(choice(Arm::Even, Unwell, Down, Failover::On), (Arm::Even, Reason::Unsure));
        assert_eq!(choice(Arm::Even, Down, Down, Failover::On), (Arm::Even, Reason::Unavailable));
    }

    #[test]
    fn strict_parity_never_moves() {
        for (even, odd) in [(Down, Up), (Unwell, Up), (Down, Down), (Unwell, Unwell)] {
            assert_eq!(choice(Arm::Even, even, odd, Failover::Off), (Arm::Even, Reason::Schedule));
        }
    }

    #[test]
    fn reasons_are_read_as_they_are_written() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert!("luck".parse::<Reason>().is_err());
    }
}
