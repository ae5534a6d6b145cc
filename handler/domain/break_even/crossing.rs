//! At how many calls a day one plan becomes cheaper than another. Must not know how a month is costed.

use bigdecimal::BigDecimal;

use super::month::{Terms, month};
use super::shape::TrafficShape;
use crate::domain::catalogue::CataloguePlan;

/// Smallest and largest multiple of the traffic that is looked at, as powers of ten.
const DECADES: (i32, i32) = (-2, 2);
/// Multiples looked at in each decade; turns closer together than that are not told apart.
const PER_DECADE: i32 = 30;
const BISECTIONS: u32 = 40;

/// Where the cheapest plan changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Calls a day from which `cheaper` is the cheapest.
    pub calls_per_day: f64,
    /// The plan that was the cheapest below.
    pub dearer: String,
    /// The plan that is the cheapest above.
    pub cheaper: String,
}

/// Multiples of the traffic, from a hundredth to a hundredfold, evenly on a logarithmic scale.
fn scales() -> impl Iterator<Item = f64> {
    (DECADES.0 * PER_DECADE..=DECADES.1 * PER_DECADE).map(|step| 10_f64.powf(f64::from(step) / f64::from(PER_DECADE)))
}

/// The points at which the cheapest of `plans` changes, for traffic of this shape from a hundredth to a hundredfold. Plans without a cost do not
/// take part where they have none.
#[must_use]
pub fn crossings<P: Fn(&str) -> Option<BigDecimal>>(
    plans: &[CataloguePlan],
    traffic: &TrafficShape,
    terms: Terms,
    price: P,
) -> Vec<Crossing> {
    let cheapest = |scale: f64| {
        let traffic = traffic.scaled(scale);
        let costed = plans.iter().filter_map(|plan| Some((month(plan, &traffic, terms, &price).ok()?.total, plan.name.as_str())));
        costed.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, name)| name)
    };
    let turn = |scale, below: Option<&str>, above: Option<&str>| {
        let (dearer, cheaper) = (below?.to_owned(), above?.to_owned());
        Some(Crossing { calls_per_day: traffic.calls_per_day() * scale, dearer, cheaper })
    };
    turns(cheapest).into_iter().filter_map(|(scale, below, above)| turn(scale, below, above)).collect()
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
    let both = turns(order).into_iter().filter(|(_, below, above)| below.is_some() && above.is_some());
    both.map(|(scale, ..)| traffic.calls_per_day() * scale).collect()
}

/// The scales at which `answer` turns, with the answers below and above.
fn turns<T: PartialEq + Copy>(answer: impl Fn(f64) -> T) -> Vec<(f64, T, T)> {
    let answers: Vec<(f64, T)> = scales().map(|scale| (scale, answer(scale))).collect();
    let neighbours = answers.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    neighbours
        .map(|pair| {
            let ((mut below, first), (mut above, mut last)) = (pair[0], pair[1]);
            for _ in 0..BISECTIONS {
                let middle = (below * above).sqrt();
                let found = answer(middle);
                if found == first {
                    below = middle;
                } else {
                    (above, last) = (middle, found);
                }
            }
            (above, first, last)
        })
        .collect()
}
