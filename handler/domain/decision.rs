//! What the router decided for a call, and why. Must not know how the arms' health was learned.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::arm::{Arm, ByArm};
use super::schedule::Minute;

/// Why a call was sent where it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The minute's own arm.
    Schedule,
    /// The minute's own arm was down; the other took the call.
    Failover,
    /// No arm could take the call; it was answered 503.
    Unavailable,
}

impl Reason {
    /// Every reason, in the order they are counted.
    pub const ALL: [Reason; 3] = [Reason::Schedule, Reason::Failover, Reason::Unavailable];

    /// The reason's name in `Switchback-Reason` and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Schedule => "schedule",
            Reason::Failover => "failover",
            Reason::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
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

/// Chooses the arm for a call in `minute`, whose turn is `scheduled`'s, where `up` says which arms are healthy.
#[must_use]
pub fn decide(minute: Minute, scheduled: Arm, up: ByArm<bool>, failover: Failover) -> Decision {
    let (arm, reason) = match (failover, up[scheduled], up[scheduled.other()]) {
        (Failover::Off, _, _) | (Failover::On, true, _) => (scheduled, Reason::Schedule),
        (Failover::On, false, true) => (scheduled.other(), Reason::Failover),
        (Failover::On, false, false) => (scheduled, Reason::Unavailable),
    };
    Decision { minute, arm, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(scheduled: Arm, [even, odd]: [bool; 2], failover: Failover) -> (Arm, Reason) {
        let decision = decide(Minute(7), scheduled, ByArm { even, odd }, failover);
        (decision.arm, decision.reason)
    }

    #[test]
    fn a_healthy_arm_keeps_its_minute() {
        assert_eq!(choice(Arm::Even, [true, false], Failover::On), (Arm::Even, Reason::Schedule));
        assert_eq!(choice(Arm::Odd, [false, true], Failover::On), (Arm::Odd, Reason::Schedule));
    }

    #[test]
    fn the_other_arm_takes_over() {
        assert_eq!(choice(Arm::Even, [false, true], Failover::On), (Arm::Odd, Reason::Failover));
    }

    #[test]
    fn both_down_is_unavailable_and_strict_parity_never_moves() {
        assert_eq!(choice(Arm::Even, [false, false], Failover::On), (Arm::Even, Reason::Unavailable));
        assert_eq!(choice(Arm::Even, [false, true], Failover::Off), (Arm::Even, Reason::Schedule));
        assert_eq!(choice(Arm::Odd, [false, false], Failover::Off), (Arm::Odd, Reason::Schedule));
    }
}
