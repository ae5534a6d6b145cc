//! Reports to test with. Must not know who looks at them.

use time::macros::{date, datetime};

use super::{Accumulator, ChargedDay, Inputs, Report, RouteCount, assemble};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::break_even::metered_share;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::histogram::bucket_of;
use crate::domain::minute_range::MinuteRange;
use crate::domain::plan::Plan;
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::timeline::{Timeline, TimelineBuilder};
use crate::domain::window::{Slice, Slices, StoredWindow};

/// Inputs for the first minutes since the epoch, on two priced plans.
pub fn inputs(minutes: i64) -> Inputs {
    let plans = ByArm { even: Plan::S1, odd: Plan::FLEX_512 };
    Inputs::new(MinuteRange::new(Schedule::default(), Minute(0), Minute(minutes)), plans)
}

/// A worker's row of a minute that is over, with nothing but `slices`.
pub const fn closed_row(minute: Minute, arm: Arm, slices: &[u8]) -> StoredWindow<'_> {
    StoredWindow {
        minute,
        arm,
        closed: true,
        cold_starts: 0,
        probes: 0,
        unrouted: 0,
        callers_left: 0,
        timed_out: 0,
        metered_ms: None,
        slices,
    }
}

/// What a worker meters in a minute of `calls` of 20 ms whose callers know nothing of each other, ms.
pub fn metered_ms(calls: u32) -> u64 {
    let tenths = (0..600).take_while(|tenths| f64::from(*tenths) / 600.0 < metered_share(f64::from(calls) / 60.0, 0.02)).count();
    tenths as u64 * 100
}

/// A run of `minutes` with 40 calls each, odd slower by 20 ms; minute 7 fails over, in minute 9 a call fails.
pub fn run(minutes: i64, inputs: Inputs) -> (Report, Timeline) {
    let schedule = inputs.range.schedule;
    let mut timeline = TimelineBuilder::new(MinuteRange::new(schedule, Minute(0), Minute(minutes)));
    let mut report = Accumulator::new(inputs);
    let mut rows = Vec::new();
    for minute in (0..minutes).map(Minute) {
        let scheduled = schedule.arm_of(minute);
        let (arm, reason) = if minute.0 == 7 { (scheduled.other(), Reason::Failover) } else { (scheduled, Reason::Schedule) };
        let count = DecisionCount { decision: Decision { minute, arm, reason }, calls: 40 };
        report.decision(&count);
        timeline.decision(&count);
        let latency_us = 5_000 + minute.0.unsigned_abs() % 5 * 100 + if arm == Arm::Odd { 20_000 } else { 0 };
        let mut slices = Slices::default();
        slices.0[3] = Slice {
            calls: 40,
            server_errors: u64::from(minute.0 == 9),
            latency_sum_us: 40 * latency_us,
            buckets: vec![(u16::try_from(bucket_of(latency_us)).expect("a bucket"), 40)],
        };
        rows.push((minute, arm, slices.encode()));
    }
    for (minute, arm, slices) in &rows {
        let row = StoredWindow {
            minute: *minute,
            arm: *arm,
            closed: true,
            cold_starts: 0,
            probes: 1,
            unrouted: 0,
            callers_left: 0,
            timed_out: 0,
            metered_ms: Some(metered_ms(40)),
            slices,
        };
        report.observe(&row);
        timeline.observe(&row);
        for (route, calls) in [("/api/costs", 30), ("/api/instance", 10)] {
            let latency_us = calls * (5_000 + minute.0.unsigned_abs() % 3 * 100);
            let count =
                RouteCount { minute: *minute, arm: *arm, route: route.to_owned(), calls, server_errors: 0, latency_us: Some(latency_us) };
            report.route(count);
        }
    }
    (assemble(&report.finish(), datetime!(2026-11-23 12:00:00.5 UTC)), timeline.finish())
}

/// What the first three days since the epoch were charged: half of what S1 costs, on one of them nothing, and something in euros.
pub fn charged_days() -> Vec<ChargedDay> {
    let row = |day, currency: &str, category: &str| ChargedDay {
        resource: "/subscriptions/a/serverfarms/plan".to_owned(),
        day,
        currency: currency.to_owned(),
        category: category.to_owned(),
        billed: "1.5".parse().expect("an amount"),
        effective: "1.14".parse().expect("an amount"),
        charges: 1,
        repeated: 1,
        committed: true,
    };
    vec![row(date!(1970 - 01 - 01), "USD", "Usage"), row(date!(1970 - 01 - 02), "USD", "Usage"), row(date!(1970 - 01 - 02), "EUR", "Tax")]
}
