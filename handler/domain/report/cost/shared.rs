//! What both arms use, split evenly. Must not know the arms' own cost.

use bigdecimal::BigDecimal;

use super::breakdown::{CostSource, SharedCost, rounded};
use crate::domain::price::{Meter, PriceUsed};
use crate::domain::report::audit::by_category;
use crate::domain::report::inputs::Inputs;

/// The shared parts' cost over `hours`: at list price where an arm's plan has one.
#[must_use]
pub fn shared(inputs: &Inputs, hours: &BigDecimal) -> SharedCost {
    let listed = inputs.plans.iter().any(|plan| plan.listed().is_some());
    let price = |meter| inputs.prices.find(meter, &inputs.region).filter(|_| listed);
    let (database, registry) = (price(Meter::POSTGRESQL_B1MS_HOUR), price(Meter::REGISTRY_BASIC_THIRTY_DAYS));
    let total =
        database.zip(registry).map(|(database, registry)| &database.amount * hours + &registry.amount * hours / BigDecimal::from(30 * 24));
    SharedCost {
        from: CostSource::of(total.is_some()),
        prices: database.into_iter().chain(registry).map(PriceUsed::from).collect(),
        each_arm: total.as_ref().map(|total| rounded(&(total / BigDecimal::from(2)))),
        total: total.as_ref().map(rounded),
        charged: by_category(&inputs.shared_charges),
    }
}
