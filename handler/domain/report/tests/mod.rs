//! Reports of small seeded systems: what is known of the system must be found, and the verdict must follow from it. tests/simulation/ asks how often.

use time::macros::datetime;

use super::testing::{closed_row, metered_ms};
use super::*;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::draw::Seed;
use crate::domain::histogram::{Histogram, bucket_of};
use crate::domain::margins::Margins;
use crate::domain::minute_range::MinuteRange;
use crate::domain::pairs::Excluded;
use crate::domain::plan::Plan;
use crate::domain::probe::ProbeLatency;
use crate::domain::schedule::{Minute, Rule, Schedule};
use crate::domain::statistics::random::Random;
use crate::domain::window::{SLICES, Slice, Slices, StoredWindow};

/// The report of everything taken in.
fn made(accumulator: Accumulator) -> Report {
    assemble(&accumulator.finish(), datetime!(2026-11-23 12:00 UTC))
}

/// A small system: calls with latencies about 30 ms, 4 ms spread.
struct Run {
    inputs: Inputs,
    random: Random,
    calls: u32,
    /// Calls in the run's first 60 minutes, where they differ.
    calls_at_first: Option<u32>,
    /// Added to the odd arm's latencies, µs.
    odd_slower_us: f64,
    /// Added in even minutes, µs.
    even_minutes_us: f64,
    error_rates: ByArm<f64>,
    /// Added in the first and the last third of odd's minutes, µs.
    odd_edges_us: f64,
}

impl Run {
    fn new(rule: Rule, minutes: i64, plans: ByArm<Plan>) -> Self {
        let inputs = Inputs::new(MinuteRange::new(Schedule::new(rule), Minute(0), Minute(minutes)), plans);
        Run {
            inputs,
            random: Random::new(42),
            calls: 30,
            calls_at_first: None,
            odd_slower_us: 0.0,
            even_minutes_us: 0.0,
            error_rates: ByArm::default(),
            odd_edges_us: 0.0,
        }
    }

    fn calls_of(&self, minute: Minute) -> u32 {
        self.calls_at_first.filter(|_| minute.0 < 60).unwrap_or(self.calls)
    }

    fn window(&mut self, arm: Arm, minute: Minute) -> Slices {
        let mut shift = if arm == Arm::Odd { self.odd_slower_us } else { 0.0 };
        shift += if minute.0 % 2 == 0 { self.even_minutes_us } else { 0.0 };
        shift += 1_000.0 * self.random.normal();
        let mut histograms: [Histogram; SLICES] = std::array::from_fn(|_| Histogram::default());
        let mut slices = Slices::default();
        for _ in 0..self.calls_of(minute) {
            let slice = self.random.below(SLICES);
            let edge = if arm == Arm::Odd && slice != SLICES / 2 { self.odd_edges_us } else { 0.0 };
            let latency = (30_000.0 + shift + edge + 4_000.0 * self.random.normal()).max(100.0);
            let latency = (0..32).rev().fold(0_u64, |sum, bit| if (sum | 1 << bit) as f64 <= latency { sum | 1 << bit } else { sum });
            slices.0[slice].calls += 1;
            slices.0[slice].latency_sum_us += latency;
            slices.0[slice].server_errors += u64::from(self.random.uniform() < self.error_rates[arm]);
            histograms[slice].add(bucket_of(latency), 1);
        }
        for (slice, histogram) in slices.0.iter_mut().zip(histograms) {
            let narrow = |(bucket, count)| (u16::try_from(bucket).expect("layout"), u32::try_from(count).expect("few"));
            *slice = Slice { buckets: histogram.occupied().map(narrow).collect(), ..std::mem::take(slice) };
        }
        slices
    }

    fn report(self) -> Report {
        self.report_with(|_, _| ())
    }

    /// Runs, letting `change` alter a decision and whether the minute's window was closed.
    fn report_with(mut self, change: impl Fn(&mut Decision, &mut bool)) -> Report {
        let schedule = self.inputs.range.schedule;
        let minutes: Vec<(Decision, bool)> = (self.inputs.range.from.0..self.inputs.range.to.0)
            .map(|minute| {
                let mut decision = Decision { minute: Minute(minute), arm: schedule.arm_of(Minute(minute)), reason: Reason::Schedule };
                let mut closed = true;
                change(&mut decision, &mut closed);
                (decision, closed)
            })
            .collect();
        let mut accumulator = Accumulator::new(self.inputs.clone());
        for (decision, _) in &minutes {
            accumulator.decision(&DecisionCount { decision: *decision, calls: u64::from(self.calls_of(decision.minute)) });
        }
        for (decision, closed) in minutes {
            let slices = self.window(decision.arm, decision.minute).encode();
            let cold_starts = u64::from(decision.minute.0 < 2);
            let row = closed_row(decision.minute, decision.arm, &slices);
            let metered_ms = Some(metered_ms(self.calls_of(decision.minute)));
            accumulator.observe(&StoredWindow { closed, cold_starts, probes: 1, metered_ms, ..row });
        }
        made(accumulator)
    }
}

const SAME: ByArm<Plan> = ByArm { even: Plan::LOCAL, odd: Plan::LOCAL };
const S1_AND_FLEX: ByArm<Plan> = ByArm { even: Plan::S1, odd: Plan::FLEX_512 };

mod findings;
mod outcomes;
mod verdicts;
