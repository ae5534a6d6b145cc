//! The mean of a time series whose values depend on each other, with a standard error that allows for it: equal-weighted cosines (EWC).
//! Must not know what the values measure.
//!
//! Plans drift apart, by a noisy neighbour for one, and pairing cannot cancel that. The variance of the mean is then the series' variance
//! at frequency 0, which EWC estimates as the mean of squares of the series' ν lowest cosine transforms. They are nearly independent and
//! equally wide, so that t with ν degrees of freedom fits; no test decides beforehand whether to allow for dependence (Müller, 2004;
//! Lazarus, Lewis, Stock and Watson, 2018, *HAR Inference: Recommendations for Practice*).

use std::f64::consts::PI;
use std::fmt;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex64;

use super::distribution::{t_at, two_sided_p, z_quantile};
use super::{CONFIDENCE, Moments, Validity, cube_root};

/// Lag-1 autocorrelation above which drift dominates a series, and its intervals begin to be too narrow.
pub const DRIFT_LAG1: f64 = 0.8;

/// Two-sided error probability that leaves a power of .80 above its upper end.
const ALPHA_OF_POWER: f64 = 0.4;

/// Computes means of series. Keeps what transforms of each length have in common, which takes longer than a transform does: use one for all
/// series of a report, and let it go with the report.
pub struct SeriesEstimator {
    transforms: FftPlanner<f64>,
    buffer: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl Default for SeriesEstimator {
    fn default() -> Self {
        SeriesEstimator { transforms: FftPlanner::new(), buffer: Vec::new(), scratch: Vec::new() }
    }
}

impl fmt::Debug for SeriesEstimator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SeriesEstimator").finish_non_exhaustive()
    }
}

/// The mean of a series with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SeriesMean {
    /// Number of values: pairs, where the series is one of pairs.
    pub pairs: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom of its t: the number of cosines.
    pub degrees_of_freedom: f64,
    /// Estimated lag-1 autocorrelation of the series.
    pub lag1: f64,
}

/// The number of cosines for a series of `n` values: max(2, ⌊.41 n^(2/3)⌋).
#[must_use]
pub fn cosines(n: usize) -> usize {
    // ν ≤ .41 n^(2/3) means 1,000,000 ν³ ≤ 68,921 n², which whole numbers decide without rounding.
    let cube = n.saturating_mul(n).saturating_mul(68_921) / 1_000_000;
    cube_root(cube).max(2)
}

impl SeriesEstimator {
    /// The mean of `series`, given in time order; `None` for fewer than three values.
    #[must_use]
    pub fn mean(&mut self, series: &[f64]) -> Option<SeriesMean> {
        let moments = Moments::of(series).filter(|moments| moments.n > 2)?;
        let used = cosines(moments.n);
        if moments.standard_deviation == 0.0 {
            // Not one failure in a year: nothing to transform.
            return Some(SeriesMean {
                pairs: moments.n,
                mean: moments.mean,
                standard_error: 0.0,
                degrees_of_freedom: used as f64,
                lag1: 0.0,
            });
        }
        let squares: f64 = self.cosine_transforms(series, moments.mean).skip(1).take(used).map(|transform| transform * transform).sum();
        let n = moments.n as f64;
        let long_run_variance = 2.0 / n * squares / used as f64;
        Some(SeriesMean {
            pairs: moments.n,
            mean: moments.mean,
            standard_error: (long_run_variance / n).sqrt(),
            degrees_of_freedom: used as f64,
            lag1: moments.lag1,
        })
    }

    /// Σ z_t cos(π j (t − ½)/N) for j = 0, 1, …, where z are deviations from `mean`: j = 0 is nothing but rounding. One Fourier transform
    /// of the series, its even places in order and its odd ones backwards, turned by a quarter of a step (Makhoul, 1980).
    fn cosine_transforms(&mut self, series: &[f64], mean: f64) -> impl Iterator<Item = f64> {
        let (even, odd) = (series.iter().step_by(2), series.iter().skip(1).step_by(2));
        self.buffer.clear();
        self.buffer.extend(even.chain(odd.rev()).map(|value| Complex64::from(value - mean)));
        let transform = self.transforms.plan_fft_forward(series.len());
        self.scratch.resize(transform.get_inplace_scratch_len().max(self.scratch.len()), Complex64::default());
        transform.process_with_scratch(&mut self.buffer, &mut self.scratch);
        let step = -PI / (2.0 * series.len() as f64);
        self.buffer.iter().enumerate().map(move |(j, value)| (value * Complex64::cis(step * j as f64)).re)
    }
}

impl SeriesMean {
    /// Half the width of the interval about the mean that misses the truth with a probability of `alpha`; `None` where there are too few
    /// pairs for this validity.
    #[must_use]
    pub fn half_width(&self, validity: Validity, alpha: f64) -> Option<f64> {
        let multiplier = validity.multiplier(self.pairs, alpha)?;
        Some(t_at(multiplier, self.degrees_of_freedom) * self.standard_error)
    }

    /// Two-sided p-value of a mean of 0, for one look. Model-based under a fixed schedule: nothing was randomised.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        if self.standard_error == 0.0 {
            return if self.mean == 0.0 { 1.0 } else { 0.0 };
        }
        two_sided_p(self.mean / self.standard_error, self.degrees_of_freedom)
    }

    /// Whether slow drift dominates the series, so that intervals may be too narrow and only a longer run helps.
    #[must_use]
    pub fn is_dominated_by_drift(&self) -> bool {
        self.lag1 > DRIFT_LAG1
    }

    /// The smallest true mean that a run like this finds with a power of .80, in one look at the 95 % interval.
    #[must_use]
    pub fn minimal_detectable_effect(&self) -> f64 {
        detectable_errors(self.degrees_of_freedom) * self.standard_error
    }

    /// What a run of so many pairs that vary as these do would find.
    #[must_use]
    pub fn over(self, pairs: usize) -> Self {
        let standard_error = self.standard_error * (self.pairs as f64 / pairs as f64).sqrt();
        SeriesMean { pairs, standard_error, degrees_of_freedom: cosines(pairs) as f64, ..self }
    }

    /// How many pairs a run needs to find a true mean of `effect` with a power of .80 in one look, where pairs vary as these do; `None`
    /// where the effect is no positive number, or out of reach.
    #[must_use]
    pub fn pairs_needed(&self, effect: f64) -> Option<usize> {
        fewest_pairs(|pairs| effect > 0.0 && self.over(pairs).minimal_detectable_effect() <= effect)
    }
}

/// The fewest pairs that are `enough`, where more always are; `None` past every run that anyone makes.
#[must_use]
pub fn fewest_pairs(enough: impl Fn(usize) -> bool) -> Option<usize> {
    let mut high = (0..MAX_DOUBLINGS).map(|doublings| MIN_PAIRS_PLANNED << doublings).find(|pairs| enough(*pairs))?;
    if high == MIN_PAIRS_PLANNED {
        return Some(high);
    }
    let mut low = high / 2;
    while high - low > 1 {
        let middle = usize::midpoint(low, high);
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// No run is planned with fewer pairs than an any-time interval asks for.
const MIN_PAIRS_PLANNED: usize = super::validity::MIN_ANYTIME_PAIRS;
/// 10 · 2²⁰ pairs are forty years of minutes.
const MAX_DOUBLINGS: u32 = 21;

/// t(ν, .975) + t(ν, .80).
fn detectable_errors(degrees_of_freedom: f64) -> f64 {
    t_at(z_quantile(1.0 - CONFIDENCE), degrees_of_freedom) + t_at(z_quantile(ALPHA_OF_POWER), degrees_of_freedom)
}

#[cfg(test)]
#[path = "ewc_tests.rs"]
mod tests;
