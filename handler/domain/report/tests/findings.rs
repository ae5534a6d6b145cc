//! What is found of a difference that is known.

use super::*;

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
fn all_behaviours_together_raise_no_more_false_alarms_than_one_alone() {
    const RUNS: u64 = 100;
    let (mut alarms, mut excluding_0) = (0, 0);
    for seed in 0..RUNS {
        let mut run = Run::new(Rule::Parity, 40, SAME);
        // A thousand calls an arm, so that p99 is among the six; errors, so that their shares are.
        (run.random, run.calls, run.error_rates) = (Random::new(seed), 52, ByArm { even: 0.05, odd: 0.05 });
        (run.inputs.aa_run, run.inputs.runs) = (true, vec![crate::domain::run::testing::document()]);
        let report = run.report();
        alarms += u64::from(report.verdict.outcome == VerdictOutcome::AaFailed);
        excluding_0 += u64::from(report.metrics.iter().any(|metric| metric.interval.low > 0.0 || metric.interval.high < 0.0));
        let judged_together = report.metrics.iter().filter(|metric| metric.p_value_adjusted.is_some()).count();
        assert!(judged_together >= 5, "{judged_together}: p99 needs a thousand calls, which a chance of carry-over may trim");
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
fn intervals_say_for_how_many_looks_they_are_good() {
    let of = |runs: Vec<crate::domain::run::RunDocument>| {
        let mut run = Run::new(Rule::Parity, 240, SAME);
        run.inputs.runs = runs;
        run.report()
    };
    let width = |report: &Report| {
        let Interval { low, high } = report.metric(MetricName::LatencyMean).expect("compared").interval;
        high - low
    };
    let (looked_at, declared) = (of(Vec::new()), of(vec![crate::domain::run::testing::document()]));
    assert!(width(&looked_at) > 1.3 * width(&declared), "{} {}", width(&looked_at), width(&declared));
    assert!(looked_at.summary.iter().any(|words| words.ends_with("valid however often you look)")), "{:?}", looked_at.summary);
    assert!(
        declared.summary.iter().any(|words| words.contains("for the one look at the horizon that was declared")),
        "{:?}",
        declared.summary
    );
    let mean = |report: &Report| report.metric(MetricName::LatencyMean).cloned().expect("compared");
    assert_eq!((mean(&looked_at).p_value_model_based, mean(&declared).p_value_adjusted.is_some()), (None, true));
}

#[test]
fn carry_over_is_flagged_and_every_figure_leaves_the_edges_out() {
    let mut run = Run::new(Rule::Parity, 240, SAME);
    run.odd_edges_us = 30_000.0;
    let report = run.report();
    let check = &report.checks.carry_over;
    assert!(check.flagged && check.status == Status::Warning && check.t.is_some_and(|t| t > 2.0), "{check:?}");
    assert_eq!(report.schedule.burn_in_seconds, 20.0);
    let mean = report.metric(MetricName::LatencyMean).expect("compared");
    assert!(mean.interval.low <= 0.0 && 0.0 <= mean.interval.high, "{mean:?}");
    assert!(Run::new(Rule::Parity, 240, SAME).report().checks.carry_over.status == Status::Passed);
}

#[test]
fn a_drawn_schedule_has_the_p_value_of_its_draw() {
    let mut run = Run::new(Rule::Random(Seed::new([7; 32])), 120, SAME);
    run.odd_slower_us = 5_000.0;
    let report = run.report();
    let mean = report.metric(MetricName::LatencyMean).expect("compared");
    assert!(mean.p_value_randomisation.is_some_and(|p| p < 0.001) && mean.p_value_model_based.is_none(), "{mean:?}");
    assert!(report.sensitivity[1].metrics.iter().all(|metric| metric.p_value_randomisation.is_none()));
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
