//! At how many calls a day one plan becomes cheaper than another. Must not know how a month is costed.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::month::{Terms, month};
use super::shape::TrafficShape;
use crate::domain::catalogue::CataloguePlan;

/// Where the cheapest plan changes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Crossing {
    /// Calls a day from which `cheaper` is the cheapest.
    pub calls_per_day: f64,
    /// The plan that was the cheapest below.
    pub dearer: String,
    /// The plan that is the cheapest above.
    pub cheaper: String,
}

/// Smallest and largest multiple of the traffic that is looked at, as powers of ten.
const DECADES: (i32, i32) = (-2, 2);
/// Multiples looked at in each decade; turns closer together than that are not told apart.
const PER_DECADE: i32 = 15;
const BISECTIONS: u32 = 24;

/// Multiples of the traffic, from a hundredth to a hundredfold, evenly on a logarithmic scale.
fn scales() -> impl Iterator<Item = f64> {
    (DECADES.0 * PER_DECADE..=DECADES.1 * PER_DECADE).map(|step| 10_f64.powf(f64::from(step) / f64::from(PER_DECADE)))
}

/// The points at which the cheapest of `plans` changes, for traffic of this shape from a hundredth to a hundredfold. Plans without a cost do not
/// take part where they have none.
#[must_use]
pub fn crossings<P: Fn(&str) -> Option<BigDecimal>>(
    plans: &[&CataloguePlan],
    traffic: &TrafficShape,
    terms: Terms,
    price: P,
) -> Vec<Crossing> {
    let total = |plan: &CataloguePlan, scale: f64| month(plan, &traffic.scaled(scale), terms, &price).ok().map(|month| month.total);
    let cheapest = |scale: f64| {
        let costed = plans.iter().enumerate().filter_map(|(position, plan)| Some((total(plan, scale)?, position)));
        costed.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, position)| position)
    };
    let seen: Vec<(f64, Option<usize>)> = scales().map(|scale| (scale, cheapest(scale))).collect();
    let turn = |pair: &[(f64, Option<usize>)]| {
        let (below, above) = (plans[pair[0].1?], plans[pair[1].1?]);
        // Between two points only these two are looked at; a third that is the cheapest for less than that is not told apart.
        let is_below = |scale| total(below, scale).is_some_and(|cost| total(above, scale).is_none_or(|other| cost <= other));
        let scale = bisected(pair[0].0, pair[1].0, is_below);
        Some(Crossing { calls_per_day: traffic.calls_per_day() * scale, dearer: below.name.clone(), cheaper: above.name.clone() })
    };
    seen.windows(2).filter(|pair| pair[0].1 != pair[1].1).filter_map(turn).collect()
}

/// The points, in calls a day, at which the cheaper of two plans changes: several where one of them comes in steps.
#[must_use]
pub fn break_even<P: Fn(&str) -> Option<BigDecimal>>(
    plans: [&CataloguePlan; 2],
    traffic: &TrafficShape,
    terms: Terms,
    price: P,
) -> Vec<f64> {
    let order = |scale: f64| {
        let traffic = traffic.scaled(scale);
        let [one, other] = plans.map(|plan| month(plan, &traffic, terms, &price).ok().map(|month| month.total));
        Some(one?.cmp(&other?))
    };
    let seen: Vec<(f64, Option<Ordering>)> = scales().map(|scale| (scale, order(scale))).collect();
    let turns = seen.windows(2).filter(|pair| pair[0].1 != pair[1].1 && pair[0].1.is_some() && pair[1].1.is_some());
    turns.map(|pair| traffic.calls_per_day() * bisected(pair[0].0, pair[1].0, |scale| order(scale) == pair[0].1)).collect()
}

/// Where `is_below` turns false between two scales.
fn bisected(mut below: f64, mut above: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..BISECTIONS {
        let middle = (below * above).sqrt();
        if is_below(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
    above
}
