//! All checks, in the order they are shown. Must not know how any of them is made.

use serde::Serialize;
use utoipa::ToSchema;

use super::callers_side::{self, CallersSide};
use super::carry_over::CarryOver;
use super::cold_starts::{self, ColdStarts};
use super::conformance::{self, Conformance};
use super::follow_through::{self, FollowThrough};
use super::minute_confound::{self, MinuteConfound};
use super::route_mix::{self, RouteMix};
use super::sample_ratio::{self, SampleRatio};
use super::status::Status;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metrics::Metric;

/// All checks, in the order they are shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Checks {
    /// Every redirect went to its minute's arm, but for recorded failovers.
    pub conformance: Conformance,
    /// Both arms got as many calls a window.
    pub sample_ratio: SampleRatio,
    /// Redirected calls arrived.
    pub follow_through: FollowThrough,
    /// Nothing else follows the minute's parity.
    pub minute_confound: MinuteConfound,
    /// No minute weighs on the next.
    pub carry_over: CarryOver,
    /// Both arms got the same mix of routes.
    pub route_mix: RouteMix,
    /// What cold starts this run can show.
    pub cold_starts: ColdStarts,
    /// Callers see what the arms measure.
    pub callers_side: CallersSide,
}

/// One check as a line to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckLine<'a> {
    /// What is checked.
    pub title: &'static str,
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: &'a str,
}

impl Checks {
    /// The checks of what was gathered; `metrics` are those the verdict rests on, which `carry_over` had a say in.
    #[must_use]
    pub fn of(gathered: &Gathered, metrics: &[Metric], carry_over: CarryOver) -> Self {
        Checks {
            conformance: conformance::check(gathered),
            sample_ratio: sample_ratio::check(gathered),
            follow_through: follow_through::check(gathered),
            minute_confound: minute_confound::check(gathered, metrics),
            carry_over,
            route_mix: route_mix::check(gathered),
            cold_starts: cold_starts::check(gathered),
            callers_side: callers_side::check(gathered, metrics),
        }
    }

    /// Each check as a line.
    #[must_use]
    pub fn lines(&self) -> [CheckLine<'_>; 8] {
        let Checks { conformance, sample_ratio, follow_through, minute_confound, carry_over, route_mix, cold_starts, callers_side } = self;
        [
            CheckLine { title: "conformance", status: conformance.status, summary: &conformance.summary },
            CheckLine { title: "sample ratio", status: sample_ratio.status, summary: &sample_ratio.summary },
            CheckLine { title: "follow-through", status: follow_through.status, summary: &follow_through.summary },
            CheckLine { title: "minute confound", status: minute_confound.status, summary: &minute_confound.summary },
            CheckLine { title: "carry-over", status: carry_over.status, summary: &carry_over.summary },
            CheckLine { title: "route mix", status: route_mix.status, summary: &route_mix.summary },
            CheckLine { title: "cold starts", status: cold_starts.status, summary: &cold_starts.summary },
            CheckLine { title: "caller's side", status: callers_side.status, summary: &callers_side.summary },
        ]
    }
}
