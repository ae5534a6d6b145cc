//! The estimators of the comparison: pure numbers in, estimates with their uncertainty out.
//! Must not know what the numbers measure. Floats live here; money stays exact elsewhere.

#[cfg(test)]
pub mod bootstrap;
pub mod distribution;
pub mod ewc;
pub mod family;
pub mod influence;
pub mod moments;
pub mod random;
pub mod randomisation;
pub mod score_interval;
pub mod validity;
pub mod welch;

pub use distribution::z_quantile;
pub use ewc::{SeriesEstimator, SeriesMean};
pub use influence::{CutCounts, Influence, QuantileCut, RatioTerm};
pub use moments::Moments;
pub use score_interval::ProportionTable;
pub use validity::Validity;

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// The largest whole number whose cube is at most `n`, at least 1.
#[must_use]
pub fn cube_root(n: usize) -> usize {
    (1..).take_while(|root: &usize| root.saturating_mul(*root).saturating_mul(*root) <= n).last().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_round_down() {
        assert_eq!([cube_root(0), cube_root(7), cube_root(8), cube_root(26), cube_root(262_800)], [1, 1, 2, 2, 64]);
    }
}
