//! Which minutes a report compares: one run's, never a mix of two.

use time::macros::datetime;

use super::tests::{NOW, config, fill};
use super::*;
use crate::clock::ManualClock;
use crate::config::database;
use crate::domain::arm::Arm;
use crate::domain::margins::ChangedMargins;
use crate::domain::plan::Plan;
use crate::domain::report::VerdictOutcome;
use crate::domain::run::{ArmPart, ExclusionRequest, PartSetUp, RunKind, RunRequest, ScheduleSetUp, testing};
use crate::domain::schedule::Rule;
use crate::store::testing::database_url;

const START: OffsetDateTime = datetime!(2026-11-23 9:00 UTC);

fn part(arm: Arm, plan: Plan, schedule: &Schedule) -> PartSetUp {
    let PartSetUp::Arm(_, part) = testing::arm_part(arm) else { panic!("an arm's") };
    let ArmPart { mut own, mut shared } = *part;
    (own.plan, shared.schedule) = (plan, ScheduleSetUp::of(schedule));
    PartSetUp::Arm(arm, Box::new(ArmPart { own, shared }))
}

/// Two hours of windows until [`NOW`], counted under `schedule`, whose arms recorded their set-up an hour before.
async fn counted(clock: &ManualClock, schedule: Schedule) -> Store {
    let config = database::from_url(&database_url().await).unwrap();
    let store = Store::new(&config, Arc::new(clock.clone())).unwrap();
    for (arm, plan) in [(Arm::Even, Plan::S1), (Arm::Odd, Plan::FLEX_512)] {
        store.record_set_up(&part(arm, plan, &schedule), START).await.unwrap();
    }
    fill(&store, &schedule, 120, ByArm { even: 1, odd: 2 }).await;
    store
}

fn comparison(store: &Store, clock: &ManualClock) -> Comparison {
    Comparison::new(store.clone(), Schedule::default(), config(), Arc::new(clock.clone()))
}

fn run(name: &str) -> ReportQuery {
    ReportQuery { run: Some(name.parse().unwrap()), ..ReportQuery::default() }
}

#[tokio::test]
async fn a_changed_plan_makes_two_runs_and_neither_report_has_the_others_minutes() {
    let clock = ManualClock::new(NOW);
    let store = counted(&clock, Schedule::default()).await;
    let changed = part(Arm::Even, Plan::B1, &Schedule::default());
    store.record_set_up(&changed, datetime!(2026-11-23 11:01:30 UTC)).await.unwrap();
    let comparison = comparison(&store, &clock);
    let after = comparison.report(&ReportQuery::default()).await.unwrap();
    assert_eq!((after.data.rows, after.arms.even.plan), (58, Plan::B1), "from 11:02 on");
    assert_eq!((after.from, after.run.as_ref().unwrap().kind), (datetime!(2026-11-23 11:02 UTC), RunKind::Observed));
    let runs = store.run_log().await.unwrap().documents(NOW);
    let before = comparison.report(&run(&runs[1].id.to_string())).await.unwrap();
    assert_eq!((before.data.rows, before.arms.even.plan), (60, Plan::S1), "up to 11:00");
    assert_eq!(before.to, datetime!(2026-11-23 11:00 UTC));

    let both = ReportQuery { from: Some(datetime!(2026-11-23 10:30 UTC)), ..ReportQuery::default() };
    let both = comparison.report(&both).await.unwrap();
    assert_eq!((both.verdict.outcome, both.data.rows, both.spanned_runs.len()), (VerdictOutcome::SeveralRuns, 0, 2));
    assert!(both.run.is_none() && both.metrics.is_empty() && both.summary[0].contains("spans several runs"), "{:?}", both.summary);
    let barely =
        ReportQuery { to: Some(datetime!(2026-11-23 11:02:01 UTC)), from: Some(datetime!(2026-11-23 10:30 UTC)), ..ReportQuery::default() };
    assert_eq!(comparison.report(&barely).await.unwrap().spanned_runs.len(), 2, "a moment of the second is enough");
    let within = ReportQuery { from: Some(datetime!(2026-11-23 11:30 UTC)), ..ReportQuery::default() };
    assert_eq!(comparison.report(&within).await.unwrap().data.rows, 30, "a range within one run is of that run");
    let unknown = comparison.report(&run("never-declared")).await.unwrap_err();
    assert!(matches!(unknown, ComparisonError::NoSuchRun(_)), "{unknown:?}");
}

#[tokio::test]
async fn a_declared_runs_report_is_fixed_at_its_horizon_and_any_time_before_and_keeps_its_margins() {
    let clock = ManualClock::new(datetime!(2026-11-23 10:00:30 UTC));
    let store = counted(&clock, Schedule::default()).await;
    let margins = ChangedMargins { latency_p95_ms: Some(Some(3.0)), ..ChangedMargins::default() };
    let request = RunRequest { name: "a".parse().unwrap(), lasts: time::Duration::HOUR, margins };
    store.declare_run(&request).await.unwrap();
    let comparison = comparison(&store, &clock);
    clock.set(datetime!(2026-11-23 11:01 UTC));
    let before = comparison.report(&ReportQuery::default()).await.unwrap();
    let run_before = before.run.as_ref().unwrap();
    assert_eq!((run_before.name.as_ref().unwrap().as_str(), run_before.validity), ("a", Validity::AnyTime), "a minute before its horizon");
    assert_eq!(before.verdict.margins.latency_p95_ms, Some(3.0));
    clock.set(datetime!(2026-11-23 11:02:01 UTC));
    let unsettled = comparison.report(&run("a")).await.unwrap();
    assert_eq!(unsettled.run.unwrap().validity, Validity::AnyTime, "its last windows may not be written yet");
    clock.set(NOW);
    let at_horizon = comparison.report(&run("a")).await.unwrap();
    assert_eq!((at_horizon.run.unwrap().validity, at_horizon.data.rows), (Validity::FixedHorizon, 60));
    let part_of_it = ReportQuery { from: Some(datetime!(2026-11-23 10:30 UTC)), ..run("a") };
    assert_eq!(comparison.report(&part_of_it).await.unwrap().run.unwrap().validity, Validity::AnyTime);
    assert_eq!(comparison.report(&ReportQuery::default()).await.unwrap().run.unwrap().kind, RunKind::Observed, "what follows it");
}

#[tokio::test]
async fn excluded_minutes_are_left_out_by_whole_pairs_and_listed() {
    let clock = ManualClock::new(NOW);
    let store = counted(&clock, Schedule::default()).await;
    let comparison = comparison(&store, &clock);
    let whole = comparison.report(&ReportQuery::default()).await.unwrap();
    let from = datetime!(2026-11-23 11:01:30 UTC);
    let request = ExclusionRequest { from, to: datetime!(2026-11-23 11:04:10 UTC), reason: "deployment".to_owned() };
    store.exclude_minutes(None, request).await.unwrap();
    let without = comparison.report(&ReportQuery::default()).await.unwrap();
    assert_eq!((whole.data.rows, without.data.rows), (120, 114), "11:00 to 11:06");
    assert_eq!(whole.checks.conformance.decisions - without.checks.conformance.decisions, 6 * 40);
    assert_eq!(without.data.excluded.without_partner, 0, "whole pairs");
    assert_eq!(without.run.as_ref().unwrap().exclusions[0].from, from);
    assert!(without.summary.iter().any(|words| words.contains("deployment")), "{:?}", without.summary);
}

#[tokio::test]
async fn a_random_runs_minutes_are_told_apart_by_its_seed_alone() {
    let clock = ManualClock::new(NOW);
    let seed = Seed::new([7; 32]);
    let store = counted(&clock, Schedule::new(Rule::Random(seed))).await;
    let without = comparison(&store, &clock).report(&ReportQuery::default()).await.unwrap_err();
    assert!(matches!(without, ComparisonError::SeedUnknown(_)), "{without:?}");
    let knowing = ComparisonConfig { seed: Some(seed), ..config() };
    let comparison = Comparison::new(store, Schedule::default(), knowing, Arc::new(clock));
    let report = comparison.report(&ReportQuery::default()).await.unwrap();
    assert_eq!((report.data.rows, report.data.pairs, report.checks.conformance.violations), (120, 60, 0));
    assert_eq!((report.arms.even.off_schedule_calls, report.schedule.rule.as_str()), (0, "random"));
    assert!(!serde_json::to_string(&report).unwrap().contains(&seed.reveal()), "the seed is secret while it is in use");
}
