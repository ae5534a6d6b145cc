//! What a stream of decisions and windows adds up to: everything the rest of the report is computed from. Must not know how it was gathered,
//! nor what is computed from it.

use std::collections::BTreeMap;

use time::{Date, Duration};

use super::arm_use::ArmUse;
use super::inputs::Inputs;
use super::outcomes::PairOutcomes;
use super::routes::CallsByRoute;
use super::series::Series;
use crate::domain::arm::ByArm;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::BurnIn;

/// What the router decided, summed over the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Routed {
    /// Calls sent to each arm.
    pub sent: ByArm<u64>,
    /// Calls sent to their minute's arm.
    pub on_schedule: u64,
    /// Calls sent to the other arm because theirs was down.
    pub failed_over: u64,
    /// Calls answered 503.
    pub unavailable: u64,
    /// Calls sent to the wrong arm without a recorded failover.
    pub violations: u64,
}

/// What an arm's windows add up to, paired or not.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Minutes of its own in which it was seen.
    pub windows: u64,
    /// Calls served in them.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Calls served in the other arm's minutes.
    pub off_schedule_calls: u64,
    /// Times a worker began to serve.
    pub cold_starts: u64,
    /// Supervision probes.
    pub probes: u64,
    /// Calls without a valid ticket where tickets are in use.
    pub unrouted: u64,
    /// Rows whose worker wrote no final version.
    pub unclosed: u64,
    /// What its own minutes add to its bill: each with all the traffic.
    pub own: ArmUse,
    /// What all minutes add to it, by day, UTC.
    pub by_day: BTreeMap<Date, ArmUse>,
}

impl Totals {
    /// Calls served in whoever's minutes.
    #[must_use]
    pub const fn served(&self) -> u64 {
        self.calls + self.off_schedule_calls
    }
}

/// Everything the rest of the report is computed from.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// What was declared before the windows were looked at.
    pub(super) inputs: Inputs,
    pub(super) routed: Routed,
    /// Latencies of every pair of windows, in time order.
    pub(super) series: Series,
    pub(super) totals: ByArm<Totals>,
    /// What became of every call that was sent.
    pub(super) outcomes: PairOutcomes,
    /// Calls by route, of the last minutes.
    pub(super) routes: CallsByRoute,
    /// The first and the last minute in which a window was seen.
    pub(super) seen: Option<(Minute, Minute)>,
    /// Stored rows read.
    pub(super) rows: u64,
    /// Rows that could not be read or came out of order.
    pub(super) unreadable_rows: u64,
}

impl Gathered {
    /// The schedule compared under.
    pub(super) const fn schedule(&self) -> Schedule {
        self.inputs.range.schedule
    }

    /// How long a minute lasts, ms.
    pub(super) fn minute_ms(&self) -> u64 {
        u64::try_from(self.schedule().minute_length().as_millis()).unwrap_or(u64::MAX)
    }

    /// How many of the minutes from the first to the last seen begin on each day, UTC.
    pub(super) fn minutes_by_day(&self) -> Vec<(Date, u64)> {
        let Some((mut from, last)) = self.seen else { return Vec::new() };
        let schedule = self.schedule();
        let mut days = Vec::new();
        while from <= last {
            let day = day_of(schedule, from);
            // A minute that began before midnight is the old day's.
            let end_of_day = day.midnight().assume_utc() + Duration::DAY - Duration::NANOSECOND;
            let end = schedule.minute_at(end_of_day).next().min(last.next()).max(from.next());
            days.push((day, from.0.abs_diff(end.0)));
            from = end;
        }
        days
    }

    /// Days that lie between the first and the last minute seen as a whole.
    pub(super) fn whole_days(&self) -> Vec<Date> {
        let Some((first, last)) = self.seen else { return Vec::new() };
        let (begins, ends) = (self.schedule().starts_at(first), self.schedule().starts_at(last.next()));
        let is_whole = |day: &Date| day.midnight().assume_utc() >= begins && day.midnight().assume_utc() + Duration::DAY <= ends;
        self.minutes_by_day().into_iter().map(|(day, _)| day).filter(is_whole).collect()
    }

    /// Minutes from the first to the last seen, both included.
    pub(super) fn minutes(&self) -> u64 {
        self.seen.map_or(0, |(first, last)| first.0.abs_diff(last.0) + 1)
    }
}

/// The day on which `minute` begins, UTC.
#[must_use]
pub fn day_of(schedule: Schedule, minute: Minute) -> Date {
    schedule.starts_at(minute).date()
}

/// How long `burn_in` is under `schedule`, seconds.
#[must_use]
pub fn burn_in_seconds(schedule: Schedule, burn_in: BurnIn) -> f64 {
    schedule.minute_length().as_secs_f64() * f64::from(burn_in.sixtieths()) / 60.0
}
