//! Runs to test with. Must not know who looks at them.

use time::macros::datetime;
use uuid::Uuid;

use super::{ArmPart, ArmSetUp, Exclusion, PartSetUp, PricesUsed, RunDocument, RunKind, RunState, ScheduleSetUp, SetUp, SharedSetUp};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::draw::Seed;
use crate::domain::instances::DeclaredInstances;
use crate::domain::margins::Margins;
use crate::domain::plan::Plan;
use crate::domain::schedule::{Rule, Schedule};
use crate::domain::statistics::Validity;

/// What an arm records that serves under the default schedule.
pub fn arm_part(arm: Arm) -> PartSetUp {
    arm_part_under(arm, &Schedule::default())
}

/// What an arm records that serves under `schedule`.
pub fn arm_part_under(arm: Arm, schedule: &Schedule) -> PartSetUp {
    let shared = SharedSetUp {
        schedule: ScheduleSetUp::of(schedule),
        margins: Margins::default(),
        prices: PricesUsed { sha256: "0".repeat(64), as_of: None },
        shared_resource_ids: Vec::new(),
        aa_run: false,
    };
    PartSetUp::Arm(arm, Box::new(ArmPart { own: arm_set_up(Plan::S1), shared }))
}

fn arm_set_up(plan: Plan) -> ArmSetUp {
    ArmSetUp {
        plan,
        instances: Some(DeclaredInstances { min: 1, max: 3 }),
        region: "westeurope".to_owned(),
        version: "0.1.0".to_owned(),
        resource_ids: vec!["/subscriptions/a".to_owned()],
    }
}

/// A declared random run that is over, of which everything is known.
pub fn document() -> RunDocument {
    let seed = Seed::new([7; 32]);
    let horizon = datetime!(2026-11-23 12:00 UTC);
    RunDocument {
        id: Uuid::from_u128(7),
        name: Some("s1-or-b1".parse().expect("a name")),
        kind: RunKind::Declared,
        state: RunState::Ended,
        starts_at: datetime!(2026-11-22 12:00 UTC),
        ends_at: Some(horizon),
        horizon: Some(horizon),
        validity: Validity::FixedHorizon,
        set_up: Some(SetUp {
            schedule: ScheduleSetUp::of(&Schedule::new(Rule::Random(seed))),
            arms: ByArm { even: arm_set_up(Plan::S1), odd: arm_set_up(Plan::B1) },
            router_version: Some("0.1.0".to_owned()),
            margins: Margins::default(),
            prices: PricesUsed { sha256: "0".repeat(64), as_of: Some("2026-11-01".to_owned()) },
            shared_resource_ids: vec!["/subscriptions/shared".to_owned()],
            aa_run: false,
        }),
        exclusions: vec![Exclusion {
            from: datetime!(2026-11-22 13:00 UTC),
            to: datetime!(2026-11-22 13:10 UTC),
            reason: "deployment of 3f2a91c".to_owned(),
            recorded_at: datetime!(2026-11-22 13:10:05 UTC),
        }],
        seed: Some(seed.reveal()),
    }
}
