//! What becomes of calls that did not arrive, and of checks.

use super::*;

#[test]
fn calls_that_failed_over_are_failures_and_no_window_is_dropped() {
    let report = Run::new(Rule::Parity, 120, SAME).report_with(|decision, closed| match decision.minute.0 {
        10 => *decision = Decision { arm: Arm::Odd, reason: Reason::Failover, ..*decision },
        21 => *closed = false,
        _ => {}
    });
    assert_eq!((report.data.pairs, report.data.idle_pairs, report.data.excluded), (60, 1, Excluded::default()));
    assert_eq!((report.checks.conformance.failed_over, report.checks.conformance.violations), (30, 0));
    assert_eq!((report.arms.odd.off_schedule_calls, report.arms.odd.unclosed_windows), (30, 1));
    let even = report.arms.even.failures;
    assert_eq!((even.scheduled, even.total, even.failed_over, report.arms.odd.failures.total), (1_800, 30, 30, 0));
    let share = report.metric(MetricName::FailureShare).expect("compared");
    assert!((share.even - 30.0 / 1_800.0).abs() < 1e-12 && share.odd == 0.0 && share.method == Method::Score, "{share:?}");
    for words in ["of 1,800 calls scheduled to even, 30 failed (1.67 %): 30 failed over", "1 window of which the end was never written"] {
        assert!(report.summary.iter().any(|line| line.starts_with(words)), "{words}: {:?}", report.summary);
    }
    assert!(!report.summary.iter().any(|line| line.contains("not one call failed")), "{:?}", report.summary);
}

/// The follow-through of a run whose router sends so many calls a minute to each arm, of which 30 arrive.
fn follow_through(sent: impl Fn(Arm, i64) -> u64) -> FollowThrough {
    let mut run = Run::new(Rule::Parity, 120, SAME);
    let mut accumulator = Accumulator::new(run.inputs.clone());
    for minute in (0..120).map(Minute) {
        let arm = Schedule::default().arm_of(minute);
        let decision = Decision { minute, arm, reason: Reason::Schedule };
        accumulator.decision(&DecisionCount { decision, calls: sent(arm, minute.0) });
        let slices = run.window(arm, minute).encode();
        accumulator.observe(&closed_row(minute, arm, &slices));
    }
    made(accumulator).checks.follow_through
}

#[test]
fn follow_through_fails_where_one_arm_loses_what_the_other_does_not() {
    let check = follow_through(|_, _| 33);
    assert_eq!((check.status, check.share.even.is_some_and(|share| share < 0.92)), (Status::Warning, true), "both lose alike: {check:?}");
    let check = follow_through(|arm, _| if arm == Arm::Odd { 33 } else { 30 });
    assert_eq!(check.status, Status::Failed, "{check:?}");
    assert!(check.summary.starts_with("100.00 % of the redirects to even arrived and 90.91 % of those to odd"), "{check:?}");
    let check = follow_through(|_, _| 29);
    assert_eq!(check.status, Status::Warning, "more arrive than were sent: {check:?}");
    let one_call = follow_through(|arm, minute| if (arm, minute) == (Arm::Odd, 51) { 31 } else { 30 });
    assert_eq!(one_call.status, Status::Passed, "one call in 1,800 is chance: {one_call:?}");
}

#[test]
fn a_surplus_on_one_arm_does_not_mask_losses_on_the_other() {
    let check = follow_through(|arm, _| if arm == Arm::Even { 29 } else { 50 });
    assert_eq!(check.status, Status::Failed, "{check:?}");
    assert!(check.summary.contains("60.00 % of those to odd"), "{check:?}");
}

#[test]
fn without_a_router_losses_cannot_be_seen_and_the_report_says_so() {
    let mut run = Run::new(Rule::Parity, 60, SAME);
    let mut accumulator = Accumulator::new(run.inputs.clone());
    for minute in (0..60).map(Minute) {
        let arm = Schedule::default().arm_of(minute);
        let slices = run.window(arm, minute).encode();
        accumulator.observe(&closed_row(minute, arm, &slices));
    }
    let report = made(accumulator);
    assert_eq!((report.data.failures_counted_from, report.arms.odd.failures.scheduled), (CountedFrom::Arrivals, 900));
    assert_eq!(report.checks.follow_through.status, Status::Unknown);
    assert!(
        report.summary.iter().any(|words| words.contains("calls lost before they reached an arm cannot be seen")),
        "{:?}",
        report.summary
    );
}

#[test]
fn callers_who_see_the_opposite_withhold_the_verdict() {
    let seen = |even_ms, odd_ms| {
        let mut run = Run::new(Rule::Parity, 120, SAME);
        let of = |mean_ms| Some(ProbeLatency { probes: 400, mean_ms, standard_deviation_ms: 5.0 });
        (run.odd_slower_us, run.inputs.probe_latencies) = (10_000.0, ByArm { even: of(even_ms), odd: of(odd_ms) });
        run.report()
    };
    assert_eq!(seen(60.0, 72.0).checks.callers_side.status, Status::Passed);
    assert_eq!(seen(60.0, 59.9).checks.callers_side.status, Status::Warning, "within chance");
    let report = seen(60.0, 40.0);
    assert_eq!((report.checks.callers_side.status, report.verdict.outcome), (Status::Failed, VerdictOutcome::Withheld));
    let mut run = Run::new(Rule::Parity, 60, SAME);
    run.inputs.probe_latencies.even = Some(ProbeLatency { probes: 3, mean_ms: 1.0, standard_deviation_ms: 1.0 });
    assert_eq!(run.report().checks.callers_side.status, Status::Unknown);
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

/// Reports of calls to two routes; `odd_to_first` of odd's 40 calls a minute go to the first, 30 of even's do.
fn by_route(odd_to_first: u64) -> Report {
    let mut run = Run::new(Rule::Parity, 120, SAME);
    let mut accumulator = Accumulator::new(run.inputs.clone());
    for minute in (0..120).map(Minute) {
        let arm = Schedule::default().arm_of(minute);
        let slices = run.window(arm, minute).encode();
        accumulator.observe(&closed_row(minute, arm, &slices));
        let first = if arm == Arm::Odd { odd_to_first } else { 30 };
        for (route, calls, each_us) in [("/api/costs", first, 20_000), ("/api/instance", 40 - first, 4_000)] {
            let slower = if arm == Arm::Odd { 3_000 } else { 0 };
            let latency_us = Some(calls * (each_us + slower + minute.0.unsigned_abs() * 7 % 11 * 10));
            accumulator.route(RouteCount { minute, arm, route: route.to_owned(), calls, server_errors: 0, latency_us });
        }
    }
    made(accumulator)
}

#[test]
fn routes_are_compared_one_by_one_and_a_mix_that_differs_withholds_the_verdict() {
    let report = by_route(30);
    assert_eq!(report.checks.route_mix.status, Status::Passed, "{:?}", report.checks.route_mix);
    let names: Vec<&str> = report.by_route.iter().map(|route| route.route.as_str()).collect();
    assert_eq!(names, ["/api/costs", "/api/instance"]);
    for route in &report.by_route {
        let interval = route.interval.expect("60 pairs");
        assert!(interval.low > 2.8 && interval.high < 3.2 && (route.difference_ms.unwrap_or(0.0) - 3.0).abs() < 0.05, "{route:?}");
    }
    let report = by_route(24);
    assert_eq!((report.checks.route_mix.status, report.verdict.outcome), (Status::Failed, VerdictOutcome::Withheld));
    assert!(report.verdict.reasons[0].contains("the arms do not get the same mix of routes"), "{:?}", report.verdict);
}
