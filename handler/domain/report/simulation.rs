//! Seeded simulations: the report's intervals must cover a known truth as often as they claim, and its verdicts must follow from it.

use time::macros::datetime;

use super::testing::closed_row;
use super::*;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::histogram::{Histogram, bucket_of};
use crate::domain::margins::Margins;
use crate::domain::minute_range::MinuteRange;
use crate::domain::plan::{AppServiceSize, FlexSize, Plan};
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
            let latency = (30_000.0 + shift + 4_000.0 * self.random.normal()).max(100.0);
            let latency = (0..32).rev().fold(0_u64, |sum, bit| if (sum | 1 << bit) as f64 <= latency { sum | 1 << bit } else { sum });
            let slice = self.random.below(SLICES);
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
            accumulator.observe(&StoredWindow { closed, cold_starts, probes: 1, ..closed_row(decision.minute, decision.arm, &slices) });
        }
        made(accumulator)
    }
}

const SAME: ByArm<Plan> = ByArm { even: Plan::Local, odd: Plan::Local };
const S1_AND_FLEX: ByArm<Plan> = ByArm { even: Plan::AppService(AppServiceSize::S1), odd: Plan::FunctionsFlex(FlexSize::Mb512) };

#[test]
fn an_arm_20_ms_slower_is_found_and_the_interval_covers_20_ms() {
    let mut run = Run::new(Rule::Parity, 90, SAME);
    run.odd_slower_us = 20_000.0;
    let report = run.report();
    for name in [MetricName::LatencyMean, MetricName::LatencyP50, MetricName::LatencyP95] {
        let metric = report.metric(name).expect("compared");
        assert_eq!(metric.finding, Finding::Worse, "{metric:?}");
        assert!(metric.interval.low <= 20.0 && 20.0 <= metric.interval.high, "{metric:?}");
    }
    assert_eq!(report.checks.conformance.conforming_share, Some(1.0));
    assert_eq!(report.checks.follow_through.share, ByArm { even: Some(1.0), odd: Some(1.0) });
    assert_eq!((report.data.pairs, report.data.rows, report.arms.even.calls), (45, 90, 45 * 30));
    assert_eq!(report.verdict.outcome, VerdictOutcome::NoPrice);
    assert_eq!(report.sensitivity.len(), 4);
    for sensitivity in &report.sensitivity {
        assert_eq!(sensitivity.metrics[0].finding, Finding::Worse, "burn-in {}", sensitivity.burn_in_seconds);
    }
    assert!(report.summary.iter().any(|words| words.contains("mean latency is higher on odd")), "{:?}", report.summary);
}

#[test]
fn an_aa_run_finds_nothing_and_says_so() {
    let mut run = Run::new(Rule::Parity, 120, SAME);
    run.inputs.aa_run = true;
    let report = run.report();
    assert_eq!(report.verdict.outcome, VerdictOutcome::AaPassed, "{:?}", report.verdict);
    let mut run = Run::new(Rule::Parity, 120, SAME);
    run.inputs.aa_run = true;
    run.odd_slower_us = 5_000.0;
    let report = run.report();
    assert_eq!(report.verdict.outcome, VerdictOutcome::AaFailed);
    assert!(report.verdict.reasons[0].contains("although both arms are one instance"), "{:?}", report.verdict);
}

#[test]
fn all_behaviours_together_raise_no_more_false_alarms_than_one_alone() {
    const RUNS: u64 = 100;
    let (mut alarms, mut excluding_0) = (0, 0);
    for seed in 0..RUNS {
        let mut run = Run::new(Rule::Parity, 40, SAME);
        // A thousand calls an arm, so that p99 is among the five; errors, so that their rate is.
        (run.random, run.calls, run.error_rates) = (Random::new(seed), 52, ByArm { even: 0.05, odd: 0.05 });
        (run.inputs.aa_run, run.inputs.runs) = (true, vec![crate::domain::run::testing::document()]);
        let report = run.report();
        alarms += u64::from(report.verdict.outcome == VerdictOutcome::AaFailed);
        excluding_0 += u64::from(report.metrics.iter().any(|metric| metric.interval.low > 0.0 || metric.interval.high < 0.0));
        assert_eq!(report.metrics.iter().filter(|metric| metric.p_value_adjusted.is_some()).count(), 5);
    }
    // 5 % of 100 runs of nothing are 5; two standard deviations above that, 9.
    assert!(alarms <= 9, "{alarms} alarms");
    assert!(excluding_0 > 9, "the intervals alone would raise {excluding_0}: the adjustment earns its place");
}

#[test]
fn too_few_pairs_yield_no_finding() {
    for seed in 0..20 {
        let mut run = Run::new(Rule::Parity, 6, SAME);
        (run.random, run.odd_slower_us) = (Random::new(seed), 20_000.0);
        let report = run.report();
        assert_eq!((report.data.pairs, report.verdict.outcome), (3, VerdictOutcome::NotEnoughData));
        let found = report.metrics.iter().find(|metric| matches!(metric.finding, Finding::Better | Finding::Worse));
        assert_eq!(found, None, "three pairs, seed {seed}");
    }
}

#[test]
fn pairs_without_calls_do_not_make_a_verdict() {
    let mut run = Run::new(Rule::Parity, 64, S1_AND_FLEX);
    run.calls_at_first = Some(0);
    let report = run.report();
    assert_eq!((report.data.pairs, report.data.idle_pairs), (32, 30));
    assert_eq!(report.verdict.outcome, VerdictOutcome::NotEnoughData);
    assert!(report.verdict.reasons[0].starts_with("2 pairs of windows with calls"), "{:?}", report.verdict.reasons);
}

#[test]
fn a_quiet_hour_does_not_outweigh_a_busy_one() {
    // 1,000 calls a minute cost S1 $0.00158 per 1,000 and Flex $0.0134; 10 calls a minute cost S1 $0.158.
    let mut run = Run::new(Rule::Mirrored, 120, S1_AND_FLEX);
    (run.calls_at_first, run.calls) = (Some(10), 1_000);
    let report = run.report();
    let projected = report.metric(MetricName::CostProjected).expect("priced");
    assert!((projected.odd - projected.even - projected.difference).abs() < 1e-12 && projected.interval.low > 0.0, "{projected:?}");
    assert!(report.verdict.reasons[0].starts_with("even is cheaper"), "{:?}", report.verdict);
    let month = |arm: Arm| report.cost.arms[arm].projected.as_ref().expect("priced").per_month.clone();
    assert!(month(Arm::Even) < month(Arm::Odd), "{} {}", month(Arm::Even), month(Arm::Odd));
}

#[test]
fn an_idle_hour_of_a_mirrored_run_takes_no_metric_away() {
    let mut run = Run::new(Rule::Mirrored, 120, S1_AND_FLEX);
    run.calls_at_first = Some(0);
    let report = run.report();
    assert!(report.metric(MetricName::ErrorRate).is_some() && report.metric(MetricName::CostProjected).is_some(), "{:?}", report.metrics);
    assert_ne!(report.verdict.outcome, VerdictOutcome::NoPrice);
}

#[test]
fn what_follows_the_minute_cancels_in_quantiles_too() {
    // 30 pairs of one mapping and 10 of the other.
    let mut run = Run::new(Rule::Mirrored, 80, SAME);
    (run.even_minutes_us, run.calls) = (6_000.0, 60);
    let report = run.report();
    for name in [MetricName::LatencyMean, MetricName::LatencyP50, MetricName::LatencyP95] {
        let metric = report.metric(name).expect("compared");
        assert!(metric.interval.low <= 0.0 && 0.0 <= metric.interval.high, "{metric:?}");
    }
}

#[test]
fn only_a_mirrored_schedule_detects_a_minute_confound() {
    let mut run = Run::new(Rule::Parity, 240, SAME);
    run.even_minutes_us = 3_000.0;
    let report = run.report();
    assert_eq!(report.metric(MetricName::LatencyMean).expect("compared").finding, Finding::Better, "the confound passes for the arm");
    assert_eq!(report.checks.minute_confound.status, Status::Warning);
    assert!(report.checks.minute_confound.summary.contains("can't be told apart"));

    let mut run = Run::new(Rule::Mirrored, 240, SAME);
    run.even_minutes_us = 3_000.0;
    let report = run.report();
    let mean = report.metric(MetricName::LatencyMean).expect("compared");
    assert!(mean.interval.low <= 0.0 && 0.0 <= mean.interval.high, "{mean:?}");
    assert!(report.checks.minute_confound.z.expect("both mappings").abs() > 2.0);
    assert!(report.checks.minute_confound.summary.contains("follows the minute's parity"));
}

#[test]
fn a_cheaper_plan_is_recommended_only_within_the_margins() {
    // 30 calls a minute: Flex at about $0.0134 per 1,000 costs $17.6 a month, S1 $69.35.
    let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
    // No call fails; 3,600 calls an arm leave the difference of shares within 0.26 %.
    (run.odd_slower_us, run.inputs.margins.failure_share) = (10_000.0, Some(0.003));
    let report = run.report();
    assert_eq!((report.verdict.outcome, report.verdict.recommended), (VerdictOutcome::Recommended, Some(Arm::Odd)), "{:?}", report.verdict);
    let month = |arm: Arm| report.cost.arms[arm].projected.as_ref().expect("priced").per_month.to_string();
    assert_eq!(month(Arm::Even), "69.350000");
    assert_eq!(month(Arm::Odd), "17.607600", "43,800 minutes × 30 calls × $0.0000134");
    let observed = report.cost.arms.odd.observed.as_ref().expect("priced");
    assert_eq!(observed.total.to_string(), "0.048240", "3,600 calls × $0.0000134");
    let granted = report.cost.arms.odd.observed_with_grants.as_ref().expect("priced");
    assert!(bigdecimal::Zero::is_zero(&granted.total), "all within the grants");
    assert_eq!(report.cost.arms.even.observed.as_ref().expect("priced").total.to_string(), "0.380000", "4 h × $0.095");
    let projected = report.metric(MetricName::CostProjected).expect("priced");
    assert!((projected.odd - 0.0134).abs() < 1e-9 && (projected.even - 0.095 / 1.8).abs() < 1e-9, "{projected:?}");

    let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
    run.odd_slower_us = 60_000.0;
    let report = run.report();
    assert_eq!((report.verdict.outcome, report.verdict.recommended), (VerdictOutcome::NoRecommendation, None));
    assert!(report.verdict.reasons.iter().any(|reason| reason.contains("past the margin of 50.0 ms")), "{:?}", report.verdict);

    let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
    run.error_rates.odd = 0.02;
    let report = run.report();
    assert_eq!(report.verdict.outcome, VerdictOutcome::NoRecommendation);
}

#[test]
fn every_guardrail_must_hold_unless_its_margin_is_off() {
    let slower_by_30_ms = |margins| {
        let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
        (run.odd_slower_us, run.inputs.margins) = (30_000.0, margins);
        run.report().verdict
    };
    assert_eq!(slower_by_30_ms(Margins::default()).outcome, VerdictOutcome::NoRecommendation, "within p95's margin and past the mean's");
    let verdict = slower_by_30_ms(Margins { latency_mean_ms: None, failure_share: Some(0.003), ..Margins::default() });
    assert!(
        verdict.recommended == Some(Arm::Odd) && verdict.reasons.contains(&"its mean latency is not judged: its margin is off".to_owned()),
        "{verdict:?}"
    );
}

#[test]
fn failovers_and_unclosed_windows_are_excluded_and_reported() {
    let report = Run::new(Rule::Parity, 120, SAME).report_with(|decision, closed| match decision.minute.0 {
        10 => *decision = Decision { arm: Arm::Odd, reason: Reason::Failover, ..*decision },
        21 => *closed = false,
        _ => {}
    });
    // In minute 10 odd served even's calls: even has no window there, so 11 stands alone; 20 lost its neighbour.
    assert_eq!(report.data.pairs, 58);
    assert_eq!((report.data.excluded.incomplete, report.data.excluded.without_partner), (1, 2));
    assert_eq!(report.checks.conformance.failed_over, 30);
    assert_eq!(report.checks.conformance.violations, 0);
    assert_eq!((report.arms.odd.off_schedule_calls, report.arms.odd.unclosed_windows), (30, 1));
    assert!(report.summary.iter().any(|words| words.contains("unclosed windows, as when a worker is killed: 1;")), "{:?}", report.summary);
}

#[test]
fn calls_that_do_not_arrive_fail_the_run_unless_an_arm_was_down() {
    let short = |mut run: Run, failed_over: fn(Minute) -> bool| {
        let minutes = run.inputs.range.to.0;
        let schedule = run.inputs.range.schedule;
        let mut accumulator = Accumulator::new(run.inputs.clone());
        for minute in (0..minutes).map(Minute) {
            let arm = schedule.arm_of(minute);
            accumulator.decision(&DecisionCount { decision: Decision { minute, arm, reason: Reason::Schedule }, calls: 33 });
            if failed_over(minute) {
                let failover = Decision { minute, arm: arm.other(), reason: Reason::Failover };
                accumulator.decision(&DecisionCount { decision: failover, calls: 1 });
            }
        }
        for minute in (0..minutes).map(Minute) {
            let slices = run.window(schedule.arm_of(minute), minute).encode();
            let arm = schedule.arm_of(minute);
            accumulator.observe(&closed_row(minute, arm, &slices));
        }
        made(accumulator).checks.follow_through
    };
    let check = short(Run::new(Rule::Parity, 60, SAME), |_| false);
    assert_eq!((check.status, check.share.even.is_some_and(|share| share < 0.92)), (Status::Failed, true), "{check:?}");
    let check = short(Run::new(Rule::Parity, 60, SAME), |minute| minute.0 < 40 && minute.0 % 2 == 0);
    assert_eq!(check.status, Status::Failed, "that even was down does not excuse odd: {check:?}");
    let check = short(Run::new(Rule::Parity, 60, SAME), |minute| minute.0 < 20);
    assert_eq!(check.status, Status::Warning, "{check:?}");
    assert!(check.summary.contains("an arm was down"), "{check:?}");
}

#[test]
fn a_surplus_on_one_arm_does_not_mask_losses_on_the_other() {
    let mut run = Run::new(Rule::Parity, 60, SAME);
    let mut accumulator = Accumulator::new(run.inputs.clone());
    for minute in (0..60).map(Minute) {
        let arm = Arm::BOTH[usize::from(minute.0 % 2 == 1)];
        // 30 arrive everywhere: 29 were sent to even, 50 to odd.
        let calls = if arm == Arm::Even { 29 } else { 50 };
        accumulator.decision(&DecisionCount { decision: Decision { minute, arm, reason: Reason::Schedule }, calls });
        let slices = run.window(arm, minute).encode();
        accumulator.observe(&closed_row(minute, arm, &slices));
    }
    let check = made(accumulator).checks.follow_through;
    assert_eq!(check.status, Status::Failed, "{check:?}");
    assert!(check.summary.contains("only 60.00 %"), "{check:?}");
}

#[test]
fn a_violation_of_the_schedule_withholds_the_verdict() {
    let report = Run::new(Rule::Parity, 60, S1_AND_FLEX).report_with(|decision, _| {
        if decision.minute.0 == 30 {
            decision.arm = decision.arm.other();
        }
    });
    assert_eq!(report.checks.conformance.violations, 30);
    assert_eq!(report.verdict.outcome, VerdictOutcome::Withheld);
    assert!(report.verdict.reasons[0].contains("conformance"));
}

#[test]
fn an_empty_range_still_yields_a_report() {
    let report = made(Accumulator::new(Inputs::new(MinuteRange::new(Schedule::default(), Minute(0), Minute(10)), S1_AND_FLEX)));
    assert_eq!(report.verdict.outcome, VerdictOutcome::NotEnoughData);
    assert!(report.metrics.is_empty());
    assert_eq!(report.checks.conformance.status, Status::Unknown);
    let json = serde_json::to_value(&report).expect("serialisable");
    assert_eq!(json["cost"]["arms"]["even"]["plan"], "app-service/S1");
    assert_eq!(json["generated_at"], "2026-11-23T12:00:00Z");
}

#[test]
fn unreadable_and_disordered_rows_are_counted_and_left_out() {
    let mut accumulator = Accumulator::new(Inputs::new(MinuteRange::new(Schedule::default(), Minute(0), Minute(10)), SAME));
    let good = Slices::default().encode();
    for (minute, slices) in [(0, &good[..]), (1, &[9, 9][..]), (4, &good[..]), (2, &good[..]), (99, &good[..])] {
        let arm = Schedule::default().arm_of(Minute(minute));
        accumulator.observe(&closed_row(Minute(minute), arm, slices));
    }
    let report = made(accumulator);
    assert_eq!((report.data.rows, report.data.unreadable_rows, report.data.pairs), (4, 2, 0));
}
