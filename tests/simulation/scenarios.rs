//! What is asked of reports of each kind of system, and how often they may err. Must not know how a system runs.

use std::ops::RangeInclusive;

use switchback::domain::arm::{Arm, ByArm};
use switchback::domain::report::{Accumulator, Finding, MetricName, Report, assemble};
use switchback::domain::statistics::Validity;
use time::OffsetDateTime;

use crate::world::{ArmWorld, DAY, Run, World};

/// A question that a report answers in every run, and how often the answer may be yes.
pub struct Scenario {
    pub title: String,
    pub question: &'static str,
    pub ask: Box<dyn Fn(u64) -> bool + Sync>,
    pub runs: u64,
    /// Allowed share of runs.
    pub allowed: RangeInclusive<f64>,
}

/// How much is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Runs of a coverage, of what is looked at all day, and of an arm that must not win.
    pub runs: [u64; 3],
    /// Minutes of a day.
    pub minutes: i64,
    /// Minutes between two looks.
    pub look_every: i64,
    /// How far a share of so few runs may lie from what is promised of many.
    pub tolerance: f64,
}

/// What METHOD promises, in as many runs as it promises it for.
pub const FULL: Scale = Scale { runs: [1_000, 400, 300], minutes: DAY, look_every: 10, tolerance: 0.0 };
/// Enough to notice that something broke, in seconds.
pub const FAST: Scale = Scale { runs: [40, 8, 3], minutes: 240, look_every: 60, tolerance: 0.13 };

fn report(accumulator: Accumulator) -> Report {
    assemble(&accumulator.finish(), OffsetDateTime::UNIX_EPOCH)
}

fn at_the_end(world: World, seed: u64, validity: Validity) -> Report {
    let mut run = Run::new(world, seed, validity);
    run.advance(world.minutes);
    report(run.so_far())
}

/// Whether `is_seen` in any report of a run that is looked at all day.
fn at_any_look(world: World, seed: u64, every: i64, is_seen: impl Fn(&Report) -> bool) -> bool {
    let mut run = Run::new(world, seed, Validity::AnyTime);
    while !run.is_over() {
        run.advance(every);
        if is_seen(&report(run.so_far())) {
            return true;
        }
    }
    false
}

fn finds_a_difference(report: &Report) -> bool {
    let behaviours = report.metrics.iter().filter(|metric| !metric.name.is_cost());
    behaviours.into_iter().any(|metric| matches!(metric.finding, Finding::Better | Finding::Worse))
}

fn recommends_odd(report: &Report) -> bool {
    report.verdict.recommended == Some(Arm::Odd)
}

/// Every promise.
pub fn scenarios(scale: Scale) -> Vec<Scenario> {
    let mut all = looked_at_all_day(scale);
    all.extend(coverage(scale));
    all.extend(arms_that_must_not_win(scale));
    all.push(honest(scale));
    all
}

fn looked_at_all_day(scale: Scale) -> Vec<Scenario> {
    let runs = scale.runs[1];
    let aa = [(0.0, 0.07), (0.5, 0.08), (0.7, 0.09)].map(|(drift, most)| {
        let world =
            World { minutes: scale.minutes, calls_a_minute: 12.0, drift, aa_run: true, swing: 0.5, bursts: 0.02, ..World::default() };
        Scenario {
            title: format!("A/A, each arm's drift {drift}"),
            question: "a finding at any look",
            ask: Box::new(move |seed| at_any_look(world, seed, scale.look_every, finds_a_difference)),
            runs,
            allowed: 0.0..=most + scale.tolerance,
        }
    });
    // One call of ten is 100 ms slower, so that p95 lies among them, and 50 ms more on odd.
    let tail = ArmWorld { slower_tail_ms: 50.0, ..ArmWorld::default() };
    let world = World { minutes: scale.minutes, calls_a_minute: 24.0, arms: ByArm { odd: tail, ..ByArm::default() }, ..World::default() };
    let at_the_margin = Scenario {
        title: "odd's p95 is worse by the margin".to_owned(),
        question: "odd recommended at any look",
        ask: Box::new(move |seed| at_any_look(world, seed, scale.look_every, recommends_odd)),
        runs,
        allowed: 0.0..=0.05 + scale.tolerance,
    };
    aa.into_iter().chain([at_the_margin]).collect()
}

/// Of the fixed interval of a truth that is known.
fn coverage(scale: Scale) -> Vec<Scenario> {
    let mut all = Vec::new();
    for pairs in [120, 720] {
        for (drift, allowed) in [(0.0, [0.93, 0.98]), (0.5, [0.92, 0.98]), (0.7, [0.91, 0.97])] {
            for name in [MetricName::LatencyMean, MetricName::LatencyP95] {
                let odd = ArmWorld { slower_ms: 3.0, ..ArmWorld::default() };
                let minutes = (2 * pairs).min(scale.minutes);
                // Drift is what counts here: calls of a minute are nearly alike.
                let (calls_a_minute, base_ms, tail_ms, level_ms, call_ms) = (8.0, 40.0, 0.0, 12.0, 1.0);
                let arms = ByArm { odd, ..ByArm::default() };
                let world = World { minutes, calls_a_minute, drift, base_ms, tail_ms, level_ms, call_ms, arms, ..World::default() };
                // The histograms' resolution widens a quantile's interval beyond what pairs vary by.
                let most = if name == MetricName::LatencyMean { (allowed[1] + scale.tolerance).min(1.0) } else { 1.0 };
                all.push(Scenario {
                    title: format!("{} over {} pairs, each arm's drift {drift}", name.title(), minutes / 2),
                    question: "the fixed interval covers the truth",
                    ask: Box::new(move |seed| {
                        let report = at_the_end(world, seed, Validity::FixedHorizon);
                        report.metric(name).is_some_and(|metric| metric.interval.low <= 3.0 && 3.0 <= metric.interval.high)
                    }),
                    runs: scale.runs[0],
                    allowed: (allowed[0] - scale.tolerance)..=most,
                });
            }
        }
    }
    // The second length is the first where a day is short.
    if scale.minutes < 2 * 720 {
        all.truncate(6);
    }
    all
}

fn arms_that_must_not_win(scale: Scale) -> Vec<Scenario> {
    let base = World { minutes: scale.minutes, swing: 0.5, drift: 0.3, ..World::default() };
    let with = |odd: ArmWorld, even: ArmWorld| World { arms: ByArm { even, odd }, ..base };
    let down = ArmWorld { down: 0.5, ..ArmWorld::default() };
    let losing = |lost| ArmWorld { lost, ..ArmWorld::default() };
    let cold = ArmWorld { first_call_ms: 3_000.0, ..ArmWorld::default() };
    let failing = ArmWorld { errors: 0.02, ..ArmWorld::default() };
    let left_behind = ArmWorld { left_behind_ms: 400.0, ..ArmWorld::default() };
    let worlds = [
        ("odd down in half of its minutes, all failed over", with(down, ArmWorld::default())),
        ("odd down in half of its minutes, no failover", World { failover: false, ..with(down, ArmWorld::default()) }),
        ("odd loses 4 % before the program, even 1 %", with(losing(0.04), losing(0.01))),
        ("odd's first call of a minute waits 3 s (30 a minute)", World { calls_a_minute: 30.0, ..with(cold, ArmWorld::default()) }),
        ("odd answers 2 % with 5xx", with(failing, ArmWorld::default())),
        (
            "even slows odd's first 5 s by 400 ms, and odd is 60 ms slower",
            with(ArmWorld { slower_ms: 60.0, ..ArmWorld::default() }, left_behind),
        ),
    ];
    worlds
        .into_iter()
        .map(|(title, world)| Scenario {
            title: title.to_owned(),
            question: "odd recommended",
            ask: Box::new(move |seed| recommends_odd(&at_the_end(world, seed, Validity::FixedHorizon))),
            runs: scale.runs[2],
            allowed: 0.0..=0.0,
        })
        .collect()
}

fn honest(scale: Scale) -> Scenario {
    let slight = ArmWorld { errors: 0.000_1, ..ArmWorld::default() };
    let world = World { drift: 0.3, swing: 0.5, bursts: 0.01, arms: ByArm { even: slight, odd: slight }, ..World::default() };
    Scenario {
        title: "odd equal and cheaper, a day at 80 calls a minute".to_owned(),
        question: "odd recommended, looked at at any time",
        ask: Box::new(move |seed| recommends_odd(&at_the_end(world, seed, Validity::AnyTime))),
        runs: scale.runs[2],
        allowed: (0.8 - scale.tolerance)..=1.0,
    }
}
