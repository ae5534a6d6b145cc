//! What the figures leave out, and in which direction they err. Must not know the figures themselves.

use super::breakdown::{ArmCost, BillingKind};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::CONSUMPTION_MEMORY_MB;
use crate::domain::catalogue::Billed;
use crate::domain::figures::counted;
use crate::domain::plan::Plan;
use crate::domain::report::gathered::Gathered;

/// What a reader must know of the figures.
#[must_use]
pub fn notes(gathered: &Gathered, arms: &ByArm<ArmCost>) -> Vec<String> {
    let inputs = &gathered.inputs;
    let mut notes = Vec::new();
    let bills = |matches: fn(&Billed) -> bool| {
        let listed = inputs.plans.iter().filter_map(|plan: &Plan| plan.listed());
        listed.map(|plan| &plan.billed).any(matches)
    };
    if arms.iter().any(|cost| cost.billing == BillingKind::PerHour) {
        notes.push(
            "a dedicated plan is billed all the time while it sees about half of the calls: its observed cost per 1,000 calls is about twice \
             what it would be alone"
                .to_owned(),
        );
    }
    if bills(|billed| matches!(billed, Billed::Activity(_) | Billed::AlwaysReady { .. })) {
        notes.push(
            "Flex Consumption is billed by each worker's metered time: time with a call in flight, at least a second at once, nothing twice; what \
             calls spend in the platform before they reach the program is not in it"
                .to_owned(),
        );
    }
    if bills(|billed| matches!(billed, Billed::Execution(_))) {
        notes.push(format!(
            "Functions Consumption is billed call by call at {CONSUMPTION_MEMORY_MB} MB, the smallest step: measured memory above that raises it in \
             proportion; durations are read from the latency histogram, at most 1.6 % too long"
        ));
    }
    for arm in Arm::BOTH {
        let own = &gathered.totals[arm].own;
        if own.metered_minutes < own.minutes {
            let unmetered = counted(own.minutes - own.metered_minutes, "minute");
            notes.push(format!("{unmetered} of {arm} were written by a version that did not meter, and are not in its metered time"));
        }
    }
    if arms.iter().any(|cost| cost.audit.is_some()) || !inputs.shared_charges.is_empty() {
        notes.push(
            "imported charges are those whose period begins within the run; providers charge by the hour or the day, so a short run's do not \
             fit its edges, and the verdict rests on list prices: only whole days are compared with them"
                .to_owned(),
        );
    }
    if arms.iter().any(|cost| cost.prices.iter().any(|price| price.is_elsewhere(&inputs.region))) {
        notes.push(format!("no price is known for region {}: another region's list price stands in, as shown", inputs.region));
    }
    notes.push(
        "shared parts (database, registry, telemetry) are listed apart and split evenly; telemetry volume has no list price here"
            .to_owned(),
    );
    notes
}
