//! What the figures leave out, and in which direction they err. Must not know the figures themselves.

use super::breakdown::ArmCost;
use crate::domain::arm::ByArm;
use crate::domain::billing::Billing;
use crate::domain::plan::Plan;
use crate::domain::report::inputs::Inputs;

/// What a reader must know of the figures.
#[must_use]
pub fn notes(inputs: &Inputs, arms: &ByArm<ArmCost>) -> Vec<String> {
    let mut notes = Vec::new();
    let plans = inputs.plans;
    let has = |matches: fn(Billing) -> bool| plans.iter().any(|plan| matches(Billing::of(*plan)));
    if has(|billing| matches!(billing, Billing::PerHour(_))) {
        notes.push(
            "a dedicated plan is billed all the time while it sees about half of the calls: its observed cost per 1,000 calls is about twice \
             what it would be alone; figures are for one instance"
                .to_owned(),
        );
    }
    if has(|billing| matches!(billing, Billing::PerUse(_))) {
        notes.push(
            "durations are billed call by call from the latency histogram, whose buckets are read at their upper end: at most 1.6 % and one \
             billing step too much; time in the platform before the program is reached is not in them"
                .to_owned(),
        );
    }
    if plans.iter().any(|plan| matches!(plan, Plan::FunctionsFlex(_))) {
        notes.push(
            "Flex Consumption bills an instance's active time, which calls at the same time share: the figure is an upper bound for a busy \
             instance, a lower one for instances kept alive"
                .to_owned(),
        );
    }
    if plans.iter().any(|plan| *plan == Plan::FunctionsConsumption) {
        notes.push(
            "Functions Consumption is billed at 128 MB, the smallest step; measured memory above that raises it in proportion".to_owned(),
        );
    }
    if arms.even.charged.is_some() || arms.odd.charged.is_some() || inputs.shared_charges.is_some() {
        notes.push(
            "imported charges are those whose period begins within the run; providers charge by the hour or the day, so a short run's do not \
             fit its edges, and the verdict rests on list prices"
                .to_owned(),
        );
    }
    let reference = |cost: &ArmCost| cost.prices.iter().any(|price| price.region != inputs.region && price.region != "*");
    if reference(&arms.even) || reference(&arms.odd) {
        notes.push(format!("no price is known for region {}: another region's list price stands in, as shown", inputs.region));
    }
    notes.push(
        "shared parts (database, registry, telemetry) are listed apart and split evenly; telemetry volume has no list price here"
            .to_owned(),
    );
    notes
}
