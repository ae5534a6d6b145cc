//! Whether every redirect went to the arm of its minute. Must not know whether it arrived.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::figures::{count, counted};
use crate::domain::report::gathered::Gathered;

/// Routing conformance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Conformance {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Decisions taken.
    pub decisions: u64,
    /// Those for the minute's own arm.
    pub on_schedule: u64,
    /// Recorded failovers.
    pub failed_over: u64,
    /// Calls no arm could take.
    pub unavailable: u64,
    /// Calls sent to the wrong arm without a recorded failover.
    pub violations: u64,
    /// Share of decisions that follow the rule, recorded failovers included.
    pub conforming_share: Option<f64>,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> Conformance {
    let routed = &gathered.routed;
    let decisions = routed.on_schedule + routed.failed_over + routed.unavailable + routed.violations;
    let (status, summary) = match (decisions, routed.violations, routed.failed_over + routed.unavailable) {
        (0, _, _) => (Status::Unknown, "no routing decision was recorded in this time".to_owned()),
        (_, 0, 0) => (Status::Passed, format!("{} sent, each to the arm of its minute", counted(decisions, "redirect"))),
        (_, 0, _) => {
            let mut exceptions = vec![counted(routed.failed_over, "recorded failover")];
            if routed.unavailable > 0 {
                exceptions.push(format!("{} no arm could take", counted(routed.unavailable, "call")));
            }
            let exceptions = exceptions.join(" and ");
            let summary = format!(
                "every redirect went to the arm of its minute, but for {exceptions}, which count as failures of the arm whose minute it was"
            );
            (Status::Passed, summary)
        }
        (_, violations, _) => (
            Status::Failed,
            format!("{} of {} went to the wrong arm without a recorded failover", count(violations), counted(decisions, "redirect")),
        ),
    };
    let conforming_share = (decisions > 0).then(|| 1.0 - routed.violations as f64 / decisions as f64);
    Conformance {
        status,
        summary,
        decisions,
        on_schedule: routed.on_schedule,
        failed_over: routed.failed_over,
        unavailable: routed.unavailable,
        violations: routed.violations,
        conforming_share,
    }
}
