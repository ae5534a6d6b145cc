//! Histories of set-ups, and the runs they amount to.

use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::margins::ChangedMargins;
use crate::domain::plan::Plan;
use crate::domain::run::{
    ArmPart, ArmSetUp, Declared, ExclusionRequest, PricesUsed, RouterPart, RunChoice, RunRefusal, RunRequest, RunState, ScheduleSetUp,
    SharedSetUp, find,
};
use crate::domain::statistics::Validity;

/// The start of a pair.
const START: OffsetDateTime = datetime!(2026-11-23 10:00 UTC);

fn minute(minutes: i64) -> OffsetDateTime {
    START + Duration::minutes(minutes)
}

fn arm_part(arm: Arm, plan: Plan) -> PartSetUp {
    let own = ArmSetUp { plan, instances: None, region: "westeurope".to_owned(), version: "1".to_owned(), resource_ids: Vec::new() };
    let shared = SharedSetUp {
        schedule: ScheduleSetUp::of(&Schedule::default()),
        margins: Margins::default(),
        prices: PricesUsed { sha256: "p".to_owned(), as_of: None },
        shared_resource_ids: Vec::new(),
        aa_run: false,
    };
    PartSetUp::Arm(arm, Box::new(ArmPart { own, shared }))
}

fn router_part(version: &str) -> PartSetUp {
    PartSetUp::Router(RouterPart { version: version.to_owned(), schedule: ScheduleSetUp::of(&Schedule::default()) })
}

/// A log that grows record by record, each with an id of its own.
#[derive(Default)]
struct Recording {
    log: RunLog,
    ids: u128,
}

impl Recording {
    /// Both arms and the router started just after the start.
    fn started() -> Self {
        let mut recording = Recording::default();
        recording.report(0, arm_part(Arm::Even, Plan::S1));
        recording.report(0, arm_part(Arm::Odd, Plan::FLEX_512));
        recording.report(0, router_part("1"));
        recording
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// A part's record, half a minute into a minute.
    fn report(&mut self, at: i64, part: PartSetUp) -> &mut Self {
        let id = self.id();
        self.log.reports.push(PartReport { id, since: minute(at) + Duration::seconds(30), part });
        self
    }

    fn declare(&mut self, at: i64, name: &str, minutes: i64) -> Result<Declared, RunRefusal> {
        let request = RunRequest {
            name: name.parse().unwrap(),
            lasts: Duration::minutes(minutes),
            margins: ChangedMargins { latency_p95_ms: Some(Some(30.0)), ..ChangedMargins::default() },
        };
        let ids = [self.id(), self.id()];
        let declared = self.log.declare(&request, minute(at) + Duration::seconds(30), ids)?;
        if let Declared::New(declaration) = &declared {
            self.log.declarations.push(declaration.clone());
        }
        Ok(declared)
    }

    fn end(&mut self, at: i64, choice: &RunChoice) {
        let follower = self.id();
        let (_, ending) = self.log.end(choice, minute(at) + Duration::seconds(30), follower).unwrap();
        self.log.endings.extend(ending);
    }

    /// Runs by `at`: kind, first minute, end, even's plan.
    fn runs(&self, at: i64) -> Vec<(RunKind, i64, Option<i64>, Option<Plan>)> {
        let minutes = |moment: OffsetDateTime| (moment - START).whole_minutes();
        let runs = self.log.runs(minute(at));
        let told = |run: Run| (run.kind, minutes(run.starts_at), run.ends_at.map(minutes), run.set_up.map(|set_up| set_up.arms.even.plan));
        runs.into_iter().map(told).collect()
    }
}

const S1: Option<Plan> = Some(Plan::S1);
const B1: Option<Plan> = Some(Plan::B1);
use RunKind::{Declared as DeclaredKind, Observed};

#[test]
fn there_is_no_run_before_both_arms_have_recorded_their_set_up() {
    let mut recording = Recording::default();
    assert_eq!(recording.runs(100), []);
    recording.report(0, arm_part(Arm::Even, Plan::S1)).report(0, router_part("1"));
    assert_eq!(recording.runs(100), []);
    recording.report(3, arm_part(Arm::Odd, Plan::S1));
    assert_eq!(recording.runs(100), [(Observed, 0, None, S1)], "the first run holds the first pair: nothing was counted before");
}

#[test]
fn a_changed_plan_begins_a_second_run_at_the_next_whole_pair_and_neither_holds_the_pair_of_the_change() {
    let mut recording = Recording::started();
    recording.report(121, arm_part(Arm::Even, Plan::B1));
    assert_eq!(recording.runs(200), [(Observed, 0, Some(120), S1), (Observed, 122, None, B1)]);
}

#[test]
fn a_part_that_starts_again_with_the_same_set_up_changes_nothing() {
    let mut recording = Recording::started();
    for at in [30, 60, 90] {
        recording.report(at, arm_part(Arm::Even, Plan::S1)).report(at, router_part("1"));
    }
    assert_eq!(recording.runs(200), [(Observed, 0, None, S1)]);
}

#[test]
fn a_rolling_change_is_one_run() {
    let mut recording = Recording::started();
    // Old and new workers of even start in turn, then odd's, then the router.
    for (at, size) in [(100, Plan::B1), (101, Plan::S1), (103, Plan::B1)] {
        recording.report(at, arm_part(Arm::Even, size));
    }
    recording.report(106, arm_part(Arm::Odd, Plan::P1V3)).report(109, router_part("2"));
    assert_eq!(recording.runs(200), [(Observed, 0, Some(100), S1), (Observed, 110, None, B1)]);
    let id = |at| recording.log.runs(minute(at)).last().unwrap().id;
    assert_eq!(id(101), id(200), "begun anew, it keeps its id");
}

#[test]
fn a_change_after_the_settling_time_is_another_run() {
    let mut recording = Recording::started();
    recording.report(100, arm_part(Arm::Even, Plan::B1));
    recording.report(122, arm_part(Arm::Even, Plan::S1));
    assert_eq!(recording.runs(200), [(Observed, 0, Some(100), S1), (Observed, 102, Some(122), B1), (Observed, 124, None, S1)]);
}

#[test]
fn a_router_that_records_its_part_late_completes_the_set_up_and_changes_nothing() {
    let mut recording = Recording::default();
    recording.report(0, arm_part(Arm::Even, Plan::S1)).report(0, arm_part(Arm::Odd, Plan::S1));
    recording.report(70, router_part("1"));
    assert_eq!(recording.runs(200), [(Observed, 0, None, S1)]);
    assert_eq!(recording.log.runs(minute(200))[0].set_up.as_ref().unwrap().router_version.as_deref(), Some("1"));
}

#[test]
fn windows_from_before_runs_were_recorded_are_a_run_of_their_own() {
    let mut recording = Recording::started();
    recording.log.first_window = Some(minute(-500));
    assert_eq!(recording.runs(200), [(Observed, -500, Some(0), None), (Observed, 2, None, S1)], "not mixed with the first pair's");
    let only_windows = RunLog { first_window: Some(minute(-500)), ..RunLog::default() };
    let runs = only_windows.runs(minute(0));
    assert_eq!((runs.len(), runs[0].ends_at, runs[0].state(minute(0))), (1, None, RunState::Running));
    assert_eq!(find(&runs, &"first".parse().unwrap(), minute(0)).unwrap(), &runs[0]);
}

#[test]
fn a_declared_run_starts_at_the_next_whole_pair_with_its_own_margins_and_ends_at_its_horizon() {
    let mut recording = Recording::started();
    recording.declare(100, "s1-or-flex", 59).unwrap();
    assert_eq!(recording.runs(101), [(Observed, 0, Some(102), S1), (DeclaredKind, 102, Some(162), S1)], "59 minutes are 30 pairs");
    let declared = &recording.log.runs(minute(101))[1];
    assert_eq!(declared.state(minute(101)), RunState::Pending);
    let margins = declared.set_up.as_ref().unwrap().margins;
    assert_eq!((margins.latency_p95_ms, margins.latency_mean_ms), (Some(30.0), Some(20.0)));
    assert_eq!(recording.runs(200), [(Observed, 0, Some(102), S1), (DeclaredKind, 102, Some(162), S1), (Observed, 162, None, S1)]);
    let margins = recording.log.runs(minute(200))[2].set_up.as_ref().unwrap().margins;
    assert_eq!(margins, Margins::default(), "what follows is observed with the arms' own margins");
}

#[test]
fn intervals_are_fixed_at_the_horizon_of_a_declared_run_alone() {
    let mut recording = Recording::started();
    recording.declare(100, "whole", 60).unwrap();
    let kind = |recording: &Recording, name: &str, at: i64| {
        let runs = recording.log.runs(minute(at));
        find(&runs, &name.parse().unwrap(), minute(at)).unwrap().validity(minute(at))
    };
    assert_eq!(kind(&recording, "whole", 161), Validity::AnyTime);
    assert_eq!(kind(&recording, "whole", 162), Validity::FixedHorizon);
    assert_eq!(kind(&recording, "current", 200), Validity::AnyTime, "an observed run has no horizon");
    recording.declare(200, "cut-short", 60).unwrap();
    recording.end(230, &"cut-short".parse().unwrap());
    assert_eq!(kind(&recording, "cut-short", 300), Validity::AnyTime, "it never reached its horizon");
}

#[test]
fn margins_and_horizon_of_a_declared_run_never_change() {
    let mut recording = Recording::started();
    let Ok(Declared::New(declaration)) = recording.declare(100, "a", 60) else { panic!("declared") };
    assert_eq!(recording.declare(110, "a", 60), Ok(Declared::Again(declaration.id)), "a call that was sent twice");
    let name: RunName = "a".parse().unwrap();
    assert_eq!(recording.declare(110, "a", 61), Err(RunRefusal::Immutable(name.clone())), "another horizon");
    recording.report(120, router_part("2"));
    assert_eq!(recording.declare(130, "a", 60), Err(RunRefusal::NameTaken(name)), "the change of the router ended it");
    assert_eq!(recording.runs(130), [(Observed, 0, Some(102), S1), (DeclaredKind, 102, Some(120), S1), (Observed, 122, None, S1)]);
}

#[test]
fn other_margins_under_the_same_name_are_refused() {
    let mut recording = Recording::started();
    recording.declare(100, "a", 60).unwrap();
    let request = RunRequest { name: "a".parse().unwrap(), lasts: Duration::minutes(60), margins: ChangedMargins::default() };
    let refused = recording.log.declare(&request, minute(101), [Uuid::nil(), Uuid::nil()]);
    assert_eq!(refused, Err(RunRefusal::Immutable("a".parse().unwrap())));
}

#[test]
fn one_run_is_declared_at_a_time_and_none_without_a_set_up() {
    let mut recording = Recording::started();
    recording.declare(100, "a", 60).unwrap();
    assert!(matches!(recording.declare(110, "b", 60), Err(RunRefusal::Underway { .. })));
    assert_eq!(recording.declare(170, "b", 0), Err(RunRefusal::BadLength));
    assert!(recording.declare(170, "b", 60).is_ok(), "a is over");
    assert_eq!(Recording::default().declare(0, "a", 60), Err(RunRefusal::NoSetUp));
    for wrong in ["", "current", "first", "a b", "a/b", "é", "01a20884-36b2-7617-80dc-da0b32511652", &"a".repeat(65)] {
        assert!(wrong.parse::<RunName>().is_err(), "{wrong}");
    }
}

#[test]
fn an_ended_run_is_followed_by_an_observed_one_and_ends_once() {
    let mut recording = Recording::started();
    let declared = "a".parse().unwrap();
    recording.declare(100, "a", 60).unwrap();
    recording.end(121, &declared);
    recording.end(130, &declared);
    assert_eq!(recording.log.endings.len(), 1, "the second call finds it ended");
    assert_eq!(recording.runs(200), [(Observed, 0, Some(102), S1), (DeclaredKind, 102, Some(122), S1), (Observed, 122, None, S1)]);
    recording.end(150, &RunChoice::Current);
    assert_eq!(recording.runs(200)[2..], [(Observed, 122, Some(152), S1), (Observed, 152, None, S1)]);
}

#[test]
fn a_declared_run_that_is_ended_before_it_begins_has_no_minute() {
    let mut recording = Recording::started();
    recording.declare(100, "a", 60).unwrap();
    recording.end(101, &"a".parse().unwrap());
    assert_eq!(recording.runs(200)[1], (DeclaredKind, 102, Some(102), S1));
}

#[test]
fn a_change_before_a_declared_runs_first_minute_ends_the_run_before_it_too() {
    let mut recording = Recording::started();
    recording.declare(100, "a", 60).unwrap();
    recording.report(101, arm_part(Arm::Even, Plan::B1));
    assert_eq!(recording.runs(200), [(Observed, 0, Some(100), S1), (DeclaredKind, 102, Some(102), S1), (Observed, 102, None, B1)]);
}

#[test]
fn the_current_run_is_the_one_under_way_else_the_next() {
    let mut recording = Recording::started();
    recording.declare(100, "a", 60).unwrap();
    let current =
        |recording: &Recording, at: OffsetDateTime| find(&recording.log.runs(at), &RunChoice::Current, at).map(|run| run.starts_at);
    assert_eq!(current(&recording, minute(101)), Some(minute(0)));
    assert_eq!(current(&recording, minute(102)), Some(minute(102)));
    recording.report(171, arm_part(Arm::Even, Plan::B1));
    recording.report(200, arm_part(Arm::Even, Plan::S1));
    let between = minute(200) + Duration::seconds(45);
    assert_eq!(current(&recording, between), Some(minute(202)), "between two runs: the one about to begin");
    assert_eq!(current(&Recording::default(), minute(0)), None);
}

#[test]
fn exclusions_say_why_and_belong_to_the_runs_they_touch() {
    let mut recording = Recording::started();
    recording.report(121, arm_part(Arm::Even, Plan::B1));
    let request = |from, to, reason: &str| ExclusionRequest { from: minute(from), to: minute(to), reason: reason.to_owned() };
    let now = minute(300);
    let exclusion = recording.log.exclude(None, request(118, 130, "deployment"), now).unwrap();
    recording.log.exclusions.push(exclusion);
    let runs = recording.log.runs(now);
    assert_eq!(runs.iter().map(|run| recording.log.exclusions_of(run).len()).collect::<Vec<_>>(), [1, 1]);
    let first = RunChoice::Id(runs[0].id);
    let refused = |request| recording.log.exclude(Some(&first), request, now).unwrap_err();
    assert!(matches!(refused(request(200, 210, "x")), RunRefusal::OutsideRun(_)));
    assert_eq!(refused(request(10, 10, "x")), RunRefusal::BadExclusion);
    for reason in ["", " ", "two\nlines", &"x".repeat(201)] {
        assert_eq!(refused(request(10, 12, reason)), RunRefusal::BadReason, "{reason:?}");
    }
}

/// One thing that may happen: which part changes to what, a declaration, an end.
fn happenings() -> impl Strategy<Value = Vec<(i64, u8, u8)>> {
    prop::collection::vec((0_i64..400, 0_u8..6, 0_u8..3), 0..30)
}

proptest! {
    #[test]
    fn runs_never_overlap_begin_with_whole_pairs_and_hold_one_set_up(happenings in happenings()) {
        let mut recording = Recording::started();
        let mut happenings = happenings;
        happenings.sort_unstable();
        let sizes = [Plan::S1, Plan::B1, Plan::P1V3];
        for (index, (at, what, variant)) in happenings.into_iter().enumerate() {
            let size = sizes[usize::from(variant)];
            match what {
                0 | 1 => { recording.report(at, arm_part(Arm::Even, size)); }
                2 => { recording.report(at, arm_part(Arm::Odd, size)); }
                3 => { recording.report(at, router_part(&variant.to_string())); }
                4 => { let _ = recording.declare(at, &format!("run-{index}"), 30 + i64::from(variant)); }
                _ => recording.end(at, &RunChoice::Current),
            }
        }
        let runs = recording.log.runs(minute(500));
        let schedule = Schedule::default();
        for run in &runs {
            prop_assert_eq!(schedule.pair_start(run.starts_at), run.starts_at);
            if let Some(end) = run.ends_at {
                prop_assert_eq!(schedule.pair_start(end), end);
                prop_assert!(end >= run.starts_at);
            }
            // No part changed between a run's first instant and its end.
            let set_up = run.set_up.as_ref().expect("recorded");
            for report in &recording.log.reports {
                if report.since > run.starts_at && run.ends_at.is_none_or(|end| report.since < end) {
                    let same = match &report.part {
                        PartSetUp::Arm(arm, part) => set_up.arms[*arm] == part.own,
                        PartSetUp::Router(router) => set_up.router_version.as_ref() == Some(&router.version),
                    };
                    prop_assert!(same, "{:?} within {run:?}", report);
                }
            }
        }
        for pair in runs.windows(2) {
            prop_assert!(pair[0].ends_at.is_some_and(|end| end <= pair[1].starts_at), "{pair:?}");
        }
        let ids: std::collections::BTreeSet<Uuid> = runs.iter().map(|run| run.id).collect();
        prop_assert_eq!(ids.len(), runs.len());
    }
}

#[test]
fn both_arms_plans_are_the_runs() {
    let recording = Recording::started();
    let set_up = recording.log.runs(minute(10)).remove(0).set_up.unwrap();
    let plans = ByArm { even: Plan::S1, odd: Plan::FLEX_512 };
    assert_eq!(set_up.arms.map(|arm| arm.plan), plans);
}
