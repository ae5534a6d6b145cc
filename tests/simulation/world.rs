//! A seeded system: two arms that drift each by itself, callers who come in bursts and by the time of day, outages, losses, cold starts. What it
//! writes is what a real one writes: decisions and windows. Must not know what a report makes of them.

use switchback::domain::arm::{Arm, ByArm};
use switchback::domain::decision::{Decision, DecisionCount, Reason};
use switchback::domain::histogram::bucket_of;
use switchback::domain::minute_range::MinuteRange;
use switchback::domain::report::{Accumulator, Inputs};
use switchback::domain::run::{RunDocument, RunKind, RunState};
use switchback::domain::schedule::{Minute, Rule, Schedule};
use switchback::domain::statistics::Validity;
use switchback::domain::statistics::random::Random;
use switchback::domain::window::{SLICES, Slice, Slices, StoredWindow};

/// A day of minutes.
pub const DAY: i64 = 1_440;

/// What one arm is like.
#[derive(Debug, Clone, Copy, Default)]
pub struct ArmWorld {
    /// Added to every call, ms.
    pub slower_ms: f64,
    /// Added to one call of ten, the slowest ones, ms.
    pub slower_tail_ms: f64,
    /// Share of its calls that are lost before they reach the program.
    pub lost: f64,
    /// Share of its calls that are answered 5xx.
    pub errors: f64,
    /// Share of its minutes in which it is down.
    pub down: f64,
    /// Added to the first call of each of its minutes, ms.
    pub first_call_ms: f64,
    /// Added in the first five seconds of the minute after each of its own, ms: what it left behind.
    pub left_behind_ms: f64,
}

/// What a system is like.
#[derive(Debug, Clone, Copy)]
pub struct World {
    pub minutes: i64,
    pub calls_a_minute: f64,
    /// Lag-1 correlation, from pair to pair, of each arm's own level.
    pub drift: f64,
    /// About what a call takes, ms.
    pub base_ms: f64,
    /// Added to one call of ten, ms.
    pub tail_ms: f64,
    /// Standard deviation of an arm's level, ms.
    pub level_ms: f64,
    /// Standard deviation of a call about its level, ms.
    pub call_ms: f64,
    /// By how much traffic swings about its mean over a day, a share of it.
    pub swing: f64,
    /// Share of the minutes in which five times as many calls come.
    pub bursts: f64,
    /// Whether the other arm takes the calls of one that is down; else they are lost.
    pub failover: bool,
    /// Whether both arms are one instance.
    pub aa_run: bool,
    pub arms: ByArm<ArmWorld>,
}

impl Default for World {
    fn default() -> Self {
        World {
            minutes: DAY,
            calls_a_minute: 80.0,
            drift: 0.0,
            base_ms: 30.0,
            tail_ms: 100.0,
            level_ms: 2.0,
            call_ms: 4.0,
            swing: 0.0,
            bursts: 0.0,
            failover: true,
            aa_run: false,
            arms: ByArm::default(),
        }
    }
}

/// A run of a world, minute by minute.
pub struct Run {
    world: World,
    schedule: Schedule,
    random: Random,
    levels: ByArm<f64>,
    accumulator: Accumulator,
    minute: i64,
}

impl Run {
    /// The run of `world` that follows from `seed`; odd is on the cheaper plan.
    pub fn new(world: World, seed: u64, validity: Validity) -> Self {
        let schedule = Schedule::new(Rule::Parity);
        let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(0x2026));
        let plans = ByArm { even: "app-service/S1", odd: "functions/flex-512" }.map(|plan| plan.parse().expect("a plan of the catalogue"));
        let range = MinuteRange::new(schedule, Minute(0), Minute(world.minutes));
        let inputs = Inputs { aa_run: world.aa_run, runs: vec![run_document(&range, validity)], ..Inputs::new(range, plans) };
        let levels = ByArm::build(|_| world.level_ms * random.normal());
        Run { world, schedule, random, levels, accumulator: Accumulator::new(inputs), minute: 0 }
    }

    /// Lets `minutes` go by.
    pub fn advance(&mut self, minutes: i64) {
        for _ in 0..minutes.min(self.world.minutes - self.minute) {
            self.minute();
        }
    }

    /// Whether there is no minute left.
    pub fn is_over(&self) -> bool {
        self.minute >= self.world.minutes
    }

    /// What was collected so far.
    pub fn so_far(&self) -> Accumulator {
        self.accumulator.clone()
    }

    fn minute(&mut self) {
        let minute = Minute(self.minute);
        self.minute += 1;
        let (world, arm) = (self.world, self.schedule.arm_of(minute));
        if minute.0 % 2 == 0 {
            let innovation = world.level_ms * (1.0 - world.drift * world.drift).sqrt();
            self.levels = ByArm::build(|arm| world.drift * self.levels[arm] + innovation * self.random.normal());
        }
        let burst = if self.random.uniform() < world.bursts { 5.0 } else { 1.0 };
        let time_of_day = (minute.0 % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
        let calls = poisson(world.calls_a_minute * burst * (1.0 + world.swing * time_of_day.sin()), &mut self.random);
        let down = self.random.uniform() < world.arms[arm].down;
        let (taken_by, reason) = match (down, world.failover) {
            (true, true) => (arm.other(), Reason::Failover),
            _ => (arm, Reason::Schedule),
        };
        self.accumulator.decision(&DecisionCount { decision: Decision { minute, arm: taken_by, reason }, calls });
        let arrived = if down && !world.failover { 0 } else { binomial(calls, 1.0 - world.arms[taken_by].lost, &mut self.random) };
        if down && !world.failover {
            return;
        }
        let slices = self.served(taken_by, arrived).encode();
        let per_second = arrived as f64 / 60.0;
        self.accumulator.observe(&StoredWindow {
            minute,
            arm: taken_by,
            closed: true,
            cold_starts: 0,
            probes: 0,
            unrouted: 0,
            callers_left: 0,
            timed_out: 0,
            metered_ms: Some(whole(60_000.0 * per_second / (1.0 + per_second))),
            slices: &slices,
        });
    }

    fn served(&mut self, arm: Arm, calls: u64) -> Slices {
        let (world, own, left) = (self.world, self.world.arms[arm], self.world.arms[arm.other()].left_behind_ms);
        let mut slices = Slices::default();
        let mut buckets: [Vec<u16>; SLICES] = Default::default();
        for call in 0..calls {
            let second = self.random.uniform() * 60.0;
            let slice = SECONDS.iter().position(|end| second < *end).unwrap_or(SLICES - 1);
            let mut latency = world.base_ms + self.levels[arm] + own.slower_ms + world.call_ms * self.random.normal();
            latency += if self.random.uniform() < 0.1 { world.tail_ms + own.slower_tail_ms } else { 0.0 };
            latency += if call == 0 { own.first_call_ms } else { 0.0 };
            latency += if slice == 0 { left } else { 0.0 };
            let latency_us = whole(latency.max(0.1) * 1_000.0);
            let Slice { calls, server_errors, latency_sum_us, .. } = &mut slices.0[slice];
            *calls += 1;
            *latency_sum_us += latency_us;
            *server_errors += u64::from(self.random.uniform() < own.errors);
            buckets[slice].push(u16::try_from(bucket_of(latency_us)).expect("a bucket"));
        }
        for (slice, mut buckets) in slices.0.iter_mut().zip(buckets) {
            buckets.sort_unstable();
            slice.buckets =
                buckets.chunk_by(|one, other| one == other).map(|same| (same[0], u32::try_from(same.len()).expect("few"))).collect();
        }
        slices
    }
}

/// Where slices end, s.
const SECONDS: [f64; SLICES] = [5.0, 10.0, 20.0, 40.0, 50.0, 55.0, 60.0];

fn run_document(range: &MinuteRange, validity: Validity) -> RunDocument {
    let ends_at = Some(range.ends_at());
    RunDocument {
        id: uuid::Uuid::from_u128(1),
        name: None,
        kind: RunKind::Declared,
        state: RunState::Ended,
        starts_at: range.starts_at(),
        ends_at,
        horizon: ends_at,
        validity,
        set_up: None,
        exclusions: Vec::new(),
        seed: None,
    }
}

/// A number of events of which `mean` are expected (Knuth's method in parts, so that none underflows).
fn poisson(mean: f64, random: &mut Random) -> u64 {
    let mut left = mean;
    let mut events = 0;
    while left > 0.0 {
        let part = left.min(30.0);
        left -= part;
        let bound = (-part).exp();
        let mut product = random.uniform();
        while product > bound {
            events += 1;
            product *= random.uniform();
        }
    }
    events
}

fn binomial(trials: u64, probability: f64, random: &mut Random) -> u64 {
    if probability >= 1.0 { trials } else { (0..trials).map(|_| u64::from(random.uniform() < probability)).sum() }
}

/// A number of µs or ms, rounded down.
fn whole(value: f64) -> u64 {
    u64::try_from(std::time::Duration::from_secs_f64(value.max(0.0) / 1e6).as_micros()).expect("short")
}
