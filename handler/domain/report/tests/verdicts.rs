//! What is recommended, and what is missing.

use super::*;

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
    // 10,000 calls a minute cost S1 $0.00016 per 1,000 and 5,000 cost it $0.00032: together $0.00021, and not $0.00024.
    let mut run = Run::new(Rule::Mirrored, 120, S1_AND_FLEX);
    (run.calls_at_first, run.calls) = (Some(5_000), 10_000);
    let report = run.report();
    let projected = report.metric(MetricName::CostProjected).expect("priced");
    assert!((projected.odd - projected.even - projected.difference).abs() < 1e-12 && projected.interval.low > 0.0, "{projected:?}");
    assert!((projected.even - 0.095 / 60.0 * 2.0 / 15.0).abs() < 1e-9, "{projected:?}");
    assert!(report.verdict.reasons[0].starts_with("even is cheaper"), "{:?}", report.verdict);
    let month = |arm: Arm| report.cost.arms[arm].projected.as_ref().expect("priced").per_month.clone();
    assert!(month(Arm::Even) < month(Arm::Odd), "{} {}", month(Arm::Even), month(Arm::Odd));
}

#[test]
fn a_cheaper_plan_is_recommended_only_within_the_margins() {
    // 30 calls a minute keep Flex metered for a third of the time: $12 a month, where S1 costs $69.35.
    let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
    // No call fails; 3,600 calls an arm leave the difference of shares within 0.26 %.
    (run.odd_slower_us, run.inputs.margins.failure_share) = (10_000.0, Some(0.003));
    let report = run.report();
    assert_eq!((report.verdict.outcome, report.verdict.recommended), (VerdictOutcome::Recommended, Some(Arm::Odd)), "{:?}", report.verdict);
    let month = |arm: Arm| report.cost.arms[arm].projected.as_ref().expect("priced").per_month.to_string();
    assert_eq!(month(Arm::Even), "69.350000");
    assert_eq!(month(Arm::Odd), "12.027480", "43,800 minutes × (20.2 s × 0.5 GB × $0.000026 + 30 calls × $0.0000004)");
    let observed = report.cost.arms.odd.observed.as_ref().expect("priced");
    assert_eq!(observed.total.to_string(), "0.032952", "120 minutes of that");
    let granted = report.cost.arms.odd.observed_with_grants.as_ref().expect("priced");
    assert!(bigdecimal::Zero::is_zero(&granted.total), "all within the grants");
    assert_eq!(report.cost.arms.even.observed.as_ref().expect("priced").total.to_string(), "0.380000", "4 h × $0.095");
    let projected = report.metric(MetricName::CostProjected).expect("priced");
    assert!((projected.odd - 0.0002746 / 0.03).abs() < 1e-9 && (projected.even - 0.095 / 1.8).abs() < 1e-9, "{projected:?}");

    let mut run = Run::new(Rule::Mirrored, 240, S1_AND_FLEX);
    run.odd_slower_us = -10_000.0;
    let reasons = run.report().verdict.reasons;
    assert!(reasons.contains(&"odd's mean latency is no higher than even's; the margin is 20.0 ms".to_owned()), "{reasons:?}");

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
        verdict.recommended == Some(Arm::Odd)
            && verdict.reasons.contains(&"odd's mean latency is not judged: its margin is off".to_owned()),
        "{verdict:?}"
    );
}

#[test]
fn what_is_missing_comes_first_with_how_long_it_would_take() {
    let mut run = Run::new(Rule::Parity, 240, S1_AND_FLEX);
    run.odd_slower_us = 1_000.0;
    let report = run.report();
    // 3,600 calls an arm without a failure leave the difference of shares within .26 points; .1 is the margin.
    let [missing] = &report.verdict.missing[..] else { panic!("{:?}", report.verdict) };
    assert_eq!((missing.metric, &report.summary[1]), (Some(MetricName::FailureShare), &missing.words));
    assert!(missing.words.starts_with("odd's failure share may be higher by up to"), "whose it is: {missing:?}");
    assert!(missing.words.contains("past the margin of 0.100 points; if the difference stays what it is, about"), "{missing:?}");
    let more = missing.more_seconds.expect("time would do");
    assert!((4.0 * 3_600.0..12.0 * 3_600.0).contains(&more), "{more} s on top of 4 h");

    let mut run = Run::new(Rule::Parity, 240, S1_AND_FLEX);
    (run.odd_slower_us, run.inputs.margins.failure_share) = (100_000.0, None);
    let verdict = run.report().verdict;
    assert!(verdict.missing[0].words.ends_with("more time alone would not change that"), "{verdict:?}");
    assert_eq!(verdict.missing.iter().map(|missing| missing.more_seconds).collect::<Vec<_>>(), [None, None]);
}

#[test]
fn a_plan_that_is_cheaper_under_some_assumptions_alone_is_not_recommended() {
    let declared = |instances: &str| {
        let mut run = Run::new(Rule::Parity, 240, ByArm { even: Plan::B1, odd: Plan::FLEX_512 });
        (run.inputs.instances.even, run.inputs.margins.failure_share) = (Some(instances.parse().expect("instances")), Some(0.003));
        // 60 calls a minute cost Flex $17 a month and a bit, B1 $12.41.
        run.calls = 60;
        run.report()
    };
    let report = declared("1");
    assert_eq!(report.verdict.recommended, Some(Arm::Even), "{:?}", report.verdict);
    let report = declared("2");
    assert_eq!((report.verdict.outcome, report.verdict.recommended), (VerdictOutcome::NoRecommendation, None));
    let missing = &report.verdict.missing[0].words;
    assert!(
        missing.contains("even is cheaper with instances as measured") && missing.contains("not shown to be with instances as declared"),
        "{missing}"
    );
    assert_eq!(report.cost.scenarios.len(), 4);
    let even = |scenario: &CostScenario| scenario.per_month.even.as_ref().expect("priced").to_string();
    assert_eq!(report.cost.scenarios.iter().map(even).collect::<Vec<_>>(), ["12.410000", "12.410000", "24.820000", "24.820000"]);
}

/// The default preset's plans at so many calls of 20 ms a minute: where Flex costs what S1 does, at 34 calls a second, the recommendation turns.
#[test]
fn the_recommendation_turns_where_the_closed_form_says() {
    for (calls, expected) in [
        (100, Some(Arm::Odd)),
        (200, Some(Arm::Odd)),
        (500, Some(Arm::Odd)),
        (1_000, Some(Arm::Odd)),
        (2_000, Some(Arm::Odd)),
        // Just past the turn, where free grants would turn it back.
        (2_100, None),
        (5_000, Some(Arm::Even)),
    ] {
        let mut run = Run::new(Rule::Parity, 40, S1_AND_FLEX);
        (run.calls, run.inputs.margins.failure_share) = (calls, None);
        // Alike but for what they cost.
        run.inputs.margins = Margins { latency_mean_ms: None, latency_p95_ms: None, latency_p99_ms: None, failure_share: None };
        let report = run.report();
        let flex = 34.164 * metered_ms(calls) as f64 / 60_000.0 + 0.4 * f64::from(calls) * 0.0438;
        let month = report.cost.arms.odd.projected.as_ref().expect("priced").per_month.to_string().parse::<f64>().expect("a number");
        assert!((month - flex).abs() < 0.01, "{calls} a minute: {month}, not {flex}");
        assert_eq!(report.verdict.recommended, expected, "{calls} a minute: {:?}", report.verdict);
        let turned = report.verdict.reasons.iter().any(|words| words.starts_with("even is cheaper before the subscription's free grants"));
        assert_eq!(turned, expected.is_none(), "{:?}", report.verdict.reasons);
    }
}
