//! Records of runs, written to a real database and read again.

use std::sync::Arc;
use std::time::Duration as StdDuration;

use time::macros::datetime;

use super::*;
use crate::clock::ManualClock;
use crate::config::database;
use crate::domain::margins::{ChangedMargins, Margins};
use crate::domain::plan::Plan;
use crate::domain::run::{ArmPart, ArmSetUp, PricesUsed, RouterPart, RunKind, ScheduleSetUp, SharedSetUp, find};
use crate::domain::schedule::{Rule, Schedule};
use crate::store::testing::database_url;

const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

fn arm_part(arm: Arm, plan: Plan) -> PartSetUp {
    let own =
        ArmSetUp { plan, instances: None, region: "westeurope".to_owned(), version: "1".to_owned(), resource_ids: vec!["/a".to_owned()] };
    let shared = SharedSetUp {
        schedule: ScheduleSetUp::of(&Schedule::new(Rule::Random(Seed::new([7; 32])))),
        margins: Margins { latency_p99_ms: None, ..Margins::default() },
        prices: PricesUsed { sha256: "p".to_owned(), as_of: Some("2026-11-01".to_owned()) },
        shared_resource_ids: Vec::new(),
        aa_run: false,
    };
    PartSetUp::Arm(arm, Box::new(ArmPart { own, shared }))
}

/// A store whose clock the test sets.
async fn store_at(clock: &ManualClock) -> Store {
    let config = database::from_url(&database_url().await).expect("a database URL");
    Store::new(&config, Arc::new(clock.clone())).expect("a store")
}

async fn started(clock: &ManualClock) -> Store {
    let store = store_at(clock).await;
    for arm in Arm::BOTH {
        assert!(store.record_set_up(&arm_part(arm, Plan::S1), clock_now(clock)).await.unwrap());
    }
    store
}

fn clock_now(clock: &ManualClock) -> OffsetDateTime {
    use crate::clock::Clock as _;
    clock.now()
}

fn request(name: &str, p95: f64) -> RunRequest {
    let margins = ChangedMargins { latency_p95_ms: Some(Some(p95)), ..ChangedMargins::default() };
    RunRequest { name: name.parse().unwrap(), lasts: Duration::HOUR, margins }
}

#[tokio::test]
async fn a_set_up_is_recorded_once_and_again_when_it_changes() {
    let clock = ManualClock::new(START);
    let store = started(&clock).await;
    assert!(!store.record_set_up(&arm_part(Arm::Odd, Plan::S1), START).await.unwrap(), "another worker of the same");
    let router = PartSetUp::Router(RouterPart { version: "1".to_owned(), schedule: ScheduleSetUp::of(&Schedule::default()) });
    assert!(store.record_set_up(&router, START).await.unwrap());
    assert!(store.record_set_up(&arm_part(Arm::Odd, Plan::B1), START + Duration::HOUR).await.unwrap());
    let log = store.run_log().await.unwrap();
    let parts: Vec<PartSetUp> = log.reports.into_iter().map(|report| report.part).collect();
    let [even, odd] = Arm::BOTH.map(|arm| arm_part(arm, Plan::S1));
    assert_eq!(parts, [even, odd, router, arm_part(Arm::Odd, Plan::B1)], "read as they were written, in time order");
}

#[tokio::test]
async fn declared_margins_are_kept_and_refused_when_they_change() {
    let clock = ManualClock::new(START + Duration::SECOND);
    let store = started(&clock).await;
    let declared = store.declare_run(&request("a", 30.0)).await.unwrap();
    assert!(!declared.again);
    assert_eq!(store.declare_run(&request("a", 30.0)).await.unwrap(), Recorded { again: true, ..declared.clone() });
    let refused = store.declare_run(&request("a", 500.0)).await.unwrap_err();
    assert!(matches!(refused, RunError::Refused(RunRefusal::Immutable(_))), "{refused:?}");
    let runs = store.run_log().await.unwrap().runs(clock_now(&clock));
    let run = find(&runs, &RunChoice::Id(declared.item), clock_now(&clock)).unwrap();
    assert_eq!((run.kind, run.starts_at), (RunKind::Declared, START + Duration::minutes(2)), "stored before its first minute");
    let margins = run.set_up.as_ref().unwrap().margins;
    assert_eq!((margins.latency_p95_ms, margins.latency_p99_ms), (Some(30.0), None));
}

#[tokio::test]
async fn of_two_declarations_at_once_one_is_refused() {
    let clock = ManualClock::new(START + Duration::SECOND);
    let store = started(&clock).await;
    let (one, other) = (request("a", 30.0), request("b", 30.0));
    let (one, other) = tokio::join!(store.declare_run(&one), store.declare_run(&other));
    assert_eq!(u8::from(one.is_ok()) + u8::from(other.is_ok()), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn an_ended_run_stays_ended() {
    let clock = ManualClock::new(START + Duration::SECOND);
    let store = started(&clock).await;
    let declared = store.declare_run(&request("a", 30.0)).await.unwrap();
    clock.advance(StdDuration::from_secs(600));
    let choice = RunChoice::Id(declared.item);
    assert!(!store.end_run(&choice).await.unwrap().again);
    clock.advance(StdDuration::from_secs(600));
    assert!(store.end_run(&choice).await.unwrap().again);
    let runs = store.run_log().await.unwrap().runs(clock_now(&clock));
    assert_eq!(find(&runs, &choice, clock_now(&clock)).unwrap().ends_at, Some(START + Duration::minutes(12)));
    let unknown = store.end_run(&"b".parse().unwrap()).await.unwrap_err();
    assert!(matches!(unknown, RunError::Refused(RunRefusal::Unknown(_))), "{unknown:?}");
}

#[tokio::test]
async fn exclusions_and_shown_seeds_are_kept_once() {
    let clock = ManualClock::new(START + Duration::HOUR);
    let store = started(&clock).await;
    let request = ExclusionRequest { from: START, to: START + Duration::MINUTE, reason: "deployment".to_owned() };
    let recorded = store.exclude_minutes(None, request.clone()).await.unwrap();
    assert!(store.exclude_minutes(None, request).await.unwrap().again);
    assert_eq!(store.run_log().await.unwrap().exclusions, [recorded.item]);
    let seed = Seed::new([7; 32]);
    store.show_seed(&seed).await.unwrap();
    store.show_seed(&seed).await.unwrap();
    assert_eq!(store.run_log().await.unwrap().shown_seeds, [seed]);
}
