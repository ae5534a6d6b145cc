//! Whether both arms got the same mix of routes: figures over all routes compare like with like only then. Must not know how long a route takes.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::Arm;
use crate::domain::figures::{count, decimals, probability};
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metrics::MIN_PAIRS;
use crate::domain::report::routes::RouteShare;
use crate::domain::statistics::distribution::chi_squared_p;

/// Probability of a failed check where the mix is the same.
const ALPHA: f64 = 0.001;
/// Fewest calls of a route that is told apart.
const MIN_CALLS: u64 = 20;

/// The mix of routes on both arms, compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RouteMix {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Pearson's statistic divided by the design effect.
    pub chi_squared: Option<f64>,
    /// How many times larger the shares' variance is than that of independent calls, at least 1.
    pub design_effect: Option<f64>,
    /// p-value of the same mix, for one look.
    pub p_value: Option<f64>,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> RouteMix {
    let shares: Vec<RouteShare> =
        gathered.routes.shares().into_iter().filter(|share| share.calls.even + share.calls.odd >= MIN_CALLS).collect();
    let unknown = |summary: &str| RouteMix {
        status: Status::Unknown,
        summary: summary.to_owned(),
        chi_squared: None,
        design_effect: None,
        p_value: None,
    };
    let few = shares.iter().any(|share| share.difference.pairs < MIN_PAIRS);
    if few || shares.is_empty() {
        return unknown("there are not yet ten pairs with calls by route");
    }
    if shares.len() == 1 {
        return RouteMix { status: Status::Passed, ..unknown("all calls go to one route") };
    }
    let (pearson, design_effect) = compare(&shares);
    let chi_squared = pearson / design_effect;
    let p = chi_squared_p(chi_squared, shares.len() as f64 - 1.0);
    let numbers = format!(
        "{} routes, χ² = {} with a design effect of {}, p = {}",
        count(shares.len() as u64),
        decimals(chi_squared, 1),
        decimals(design_effect, 1),
        probability(p)
    );
    let (status, summary) = if p < ALPHA {
        (Status::Failed, format!("the arms do not get the same mix of routes: {numbers}"))
    } else {
        (Status::Passed, format!("both arms get the same mix of routes: {numbers}"))
    };
    RouteMix { status, summary, chi_squared: Some(chi_squared), design_effect: Some(design_effect), p_value: Some(p) }
}

/// Pearson's statistic of homogeneity, and the design effect that dependence within minutes has on it (Rao and Scott, 1981, first order).
fn compare(shares: &[RouteShare]) -> (f64, f64) {
    let of_arm = |arm: Arm| shares.iter().map(|share| share.calls[arm]).sum::<u64>() as f64;
    let (even, odd) = (of_arm(Arm::Even), of_arm(Arm::Odd));
    let (mut pearson, mut effect) = (0.0, 0.0);
    for share in shares {
        let [of_even, of_odd] = Arm::BOTH.map(|arm| share.calls[arm] as f64);
        let common = (of_even + of_odd) / (even + odd);
        pearson += (of_even - even * common).powi(2) / (even * common) + (of_odd - odd * common).powi(2) / (odd * common);
        // (1 − p) times the variance over that of independent calls, p (1 − p) (1/even + 1/odd).
        effect += share.difference.standard_error.powi(2) / (common * (even.recip() + odd.recip()));
    }
    (pearson, (effect / (shares.len() as f64 - 1.0)).max(1.0))
}
