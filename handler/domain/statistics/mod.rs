//! The estimators of the comparison: pure numbers in, estimates with their uncertainty out.
//! Must not know what the numbers measure. Floats live here; money stays exact elsewhere.

pub mod bootstrap;
pub mod distribution;
pub mod ewc;
pub mod family;
pub mod influence;
pub mod moments;
pub mod paired;
pub mod random;
pub mod randomisation;
pub mod ratio;
pub mod score_interval;
pub mod validity;
pub mod welch;

pub use bootstrap::{Blocks, QuantileDifference};
pub use ewc::{SeriesEstimator, SeriesMean};
pub use influence::{CutCounts, Influence, QuantileCut, RatioTerm};
pub use moments::Moments;
pub use paired::{Estimate, Method};
pub use ratio::{RatioEstimate, RatioPair};
pub use score_interval::ProportionTable;
pub use validity::Validity;

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// Factor of the minimal detectable effect: z(.975) + z(.80), for a significance of .05 and a power of .80.
pub const MDE_FACTOR: f64 = 2.80;

/// Its square, as the number of pairs needed for an effect uses it.
pub const SAMPLE_SIZE_FACTOR: f64 = 7.85;

/// Upper end of the one-sided 95 % interval of a rate of which no event was seen in `trials`: 1 − .05^(1/n), about 3/n.
#[must_use]
pub fn upper_bound_of_unseen(trials: u64) -> Option<f64> {
    if trials == 0 {
        return None;
    }
    Some(1.0 - (1.0 - CONFIDENCE).powf(1.0 / trials as f64))
}

/// The largest whole number whose cube is at most `n`, at least 1: the block length of the moving-block bootstrap.
#[must_use]
pub fn cube_root(n: usize) -> usize {
    (1..).take_while(|root: &usize| root.saturating_mul(*root).saturating_mul(*root) <= n).last().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_at_all_still_has_an_upper_bound() {
        assert_eq!(upper_bound_of_unseen(0), None);
        // Exact binomial: 0 of 10 and 0 of 1,000 (Hanley and Lippman-Hand, 1983: about 3/n).
        assert!((upper_bound_of_unseen(10).expect("trials") - 0.258_865_6).abs() < 1e-6);
        assert!((upper_bound_of_unseen(1_000).expect("trials") - 0.002_991_2).abs() < 1e-6);
    }

    #[test]
    fn block_lengths() {
        assert_eq!([cube_root(0), cube_root(7), cube_root(8), cube_root(26), cube_root(262_800)], [1, 1, 2, 2, 64]);
    }
}
