//! How often an interval may be looked at: once, at a horizon that was declared, or whenever anyone likes.
//! Must not know how a standard error was computed, nor what is decided.
//!
//! The any-time boundary is the Gaussian mixture's (Robbins, 1970), as Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021,
//! *Time-uniform central limit theory and asymptotic confidence sequences*) use it for means that are only asymptotically normal. It is
//! tightest at [`TIGHTEST_AT_PAIRS`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::distribution::z_quantile;

/// Pairs at which the any-time boundary is tightest: four hours of minutes.
pub const TIGHTEST_AT_PAIRS: f64 = 120.0;

/// Fewest pairs for which an any-time interval is given: below them the mean is too far from normal.
pub const MIN_ANYTIME_PAIRS: usize = 10;

/// For how many looks an interval keeps its confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// One look, at the horizon declared before the run began.
    FixedHorizon,
    /// Any number of looks, at any time.
    AnyTime,
}

impl Validity {
    /// How many standard errors a two-sided interval with an error probability of `alpha` reaches to either side, were the standard error
    /// known exactly; `None` where `pairs` are too few.
    #[must_use]
    pub fn multiplier(self, pairs: usize, alpha: f64) -> Option<f64> {
        match self {
            Validity::FixedHorizon => Some(z_quantile(alpha)),
            Validity::AnyTime => (pairs >= MIN_ANYTIME_PAIRS).then(|| anytime_boundary(pairs as f64, alpha)),
        }
    }
}

/// c = √(2 (Nr + 1)/(Nr) · ln(√(Nr + 1)/α)), with r such that the boundary is tightest at [`TIGHTEST_AT_PAIRS`].
fn anytime_boundary(pairs: f64, alpha: f64) -> f64 {
    let twice_log = -2.0 * alpha.ln();
    let r = (twice_log + twice_log.ln() + 1.0) / TIGHTEST_AT_PAIRS;
    let nr = pairs * r;
    (2.0 * (nr + 1.0) / nr * ((nr + 1.0).sqrt() / alpha).ln()).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::statistics::random::Random;

    #[test]
    fn too_few_pairs_have_no_anytime_interval() {
        assert_eq!(Validity::AnyTime.multiplier(9, 0.05), None);
        assert!(Validity::AnyTime.multiplier(10, 0.05).is_some());
        assert!(Validity::FixedHorizon.multiplier(2, 0.05).is_some());
    }

    #[test]
    fn the_boundary_is_tightest_where_it_says() {
        // Of the mean's interval c/√N against the tightest boundary any choice of r gives at 120 pairs.
        let at = |pairs: f64, r: f64| (2.0 * (pairs * r + 1.0) / (pairs * r) * ((pairs * r + 1.0).sqrt() / 0.05_f64).ln()).sqrt();
        let own = Validity::AnyTime.multiplier(120, 0.05).expect("pairs");
        let best = (1..10_000).map(|step| at(120.0, f64::from(step) / 10_000.0)).fold(f64::INFINITY, f64::min);
        assert!((own - best) / best < 1e-3, "{own} {best}");
    }

    /// Ville's inequality itself: a Gaussian random walk crosses the boundary at any of its steps with a probability below alpha.
    #[test]
    fn a_walk_looked_at_all_the_time_crosses_in_less_than_alpha() {
        let boundary: Vec<f64> = (10..=2_000).map(|pairs| Validity::AnyTime.multiplier(pairs, 0.05).expect("pairs")).collect();
        let mut random = Random::new(9);
        let mut crossed = 0;
        for _ in 0..1_000 {
            let mut sum: f64 = (1..10).map(|_| random.normal()).sum();
            crossed += u32::from(boundary.iter().zip(10..).any(|(multiplier, pairs)| {
                sum += random.normal();
                sum.abs() > multiplier * f64::from(pairs).sqrt()
            }));
        }
        assert!((5..=50).contains(&crossed), "{crossed} of 1,000");
    }

    proptest! {
        #[test]
        fn many_looks_cost_width_and_so_does_more_confidence(pairs in 10_usize..1_000_000, alpha in 1e-6_f64..0.2) {
            let of = |validity: Validity, alpha| validity.multiplier(pairs, alpha).expect("pairs");
            prop_assert!(of(Validity::AnyTime, alpha) > of(Validity::FixedHorizon, alpha));
            for validity in [Validity::AnyTime, Validity::FixedHorizon] {
                prop_assert!(of(validity, alpha / 2.0) > of(validity, alpha));
            }
        }
    }
}
