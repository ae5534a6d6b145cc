//! Probes: calls that supervision makes from outside to see where they end. Must not know how they travel.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::arm::Arm;
use super::decision::Reason;

/// Where a probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeOutcome {
    /// At the arm of its minute.
    Conformant,
    /// At the other arm, and the router said that it failed over.
    FailedOver,
    /// At another arm than the schedule's, or than the one it was sent to, without a reason.
    WrongArm,
    /// Nowhere, or at an error.
    Unanswered,
}

impl ProbeOutcome {
    /// The outcome's name in the store and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ProbeOutcome::Conformant => "conformant",
            ProbeOutcome::FailedOver => "failed_over",
            ProbeOutcome::WrongArm => "wrong_arm",
            ProbeOutcome::Unanswered => "unanswered",
        }
    }

    /// Judges a probe that was redirected to `sent_to` for `reason` in a minute of `scheduled`, and answered by `answered`.
    #[must_use]
    pub fn judge(scheduled: Arm, sent_to: Arm, reason: Reason, answered: Arm) -> Self {
        if sent_to != answered {
            return ProbeOutcome::WrongArm;
        }
        match (reason, sent_to == scheduled) {
            (Reason::Schedule | Reason::Unsure, true) => ProbeOutcome::Conformant,
            (Reason::Failover, false) => ProbeOutcome::FailedOver,
            _ => ProbeOutcome::WrongArm,
        }
    }
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// When it was sent.
    #[serde(with = "time::serde::rfc3339")]
    pub sent_at: OffsetDateTime,
    /// Where it ended.
    pub outcome: ProbeOutcome,
    /// The arm that answered.
    pub arm: Option<Arm>,
    /// Time to the redirect, µs.
    pub redirect_us: Option<u64>,
    /// Time from the redirect to the arm's answer, µs.
    pub answer_us: Option<u64>,
    /// What went wrong, in words.
    pub detail: Option<String>,
}

/// How long an arm took to answer probes, from the redirect to the answer, as the caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ProbeLatency {
    /// Probes answered.
    pub probes: u64,
    /// Mean, ms.
    pub mean_ms: f64,
    /// Standard deviation, ms.
    pub standard_deviation_ms: f64,
}

/// What became of many probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct ProbeOutcomes {
    /// Probes sent.
    pub sent: u64,
    /// Answered by the arm of their minute.
    pub conformant: u64,
    /// Answered by the other arm, with the reason given: a failover.
    pub failed_over: u64,
    /// Answered by the wrong arm without a reason.
    pub wrong_arm: u64,
    /// Not answered, or answered with an error.
    pub unanswered: u64,
}

impl ProbeOutcomes {
    /// Counts one more.
    pub const fn count(&mut self, outcome: ProbeOutcome) {
        self.sent += 1;
        match outcome {
            ProbeOutcome::Conformant => self.conformant += 1,
            ProbeOutcome::FailedOver => self.failed_over += 1,
            ProbeOutcome::WrongArm => self.wrong_arm += 1,
            ProbeOutcome::Unanswered => self.unanswered += 1,
        }
    }

    /// Share of the probes that ended where the rule says, including failovers with their reason; `None` before the first.
    #[must_use]
    pub fn conformance(&self) -> Option<f64> {
        (self.sent > 0).then(|| (self.conformant + self.failed_over) as f64 / self.sent as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_judged_by_where_they_end() {
        use Arm::{Even, Odd};
        assert_eq!(ProbeOutcome::judge(Even, Even, Reason::Schedule, Even), ProbeOutcome::Conformant);
        assert_eq!(ProbeOutcome::judge(Even, Even, Reason::Unsure, Even), ProbeOutcome::Conformant);
        assert_eq!(ProbeOutcome::judge(Even, Odd, Reason::Failover, Odd), ProbeOutcome::FailedOver);
        assert_eq!(ProbeOutcome::judge(Even, Odd, Reason::Schedule, Odd), ProbeOutcome::WrongArm);
        assert_eq!(ProbeOutcome::judge(Even, Even, Reason::Failover, Even), ProbeOutcome::WrongArm);
        assert_eq!(ProbeOutcome::judge(Even, Even, Reason::Schedule, Odd), ProbeOutcome::WrongArm);
    }

    #[test]
    fn conformance_is_a_share() {
        let mut outcomes = ProbeOutcomes::default();
        assert_eq!(outcomes.conformance(), None);
        outcomes.count(ProbeOutcome::Conformant);
        outcomes.count(ProbeOutcome::Unanswered);
        assert_eq!((outcomes.sent, outcomes.conformance()), (2, Some(0.5)));
    }
}
