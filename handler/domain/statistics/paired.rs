//! Paired differences: the estimate of a mean difference and its standard error, with Newey and West's correction where successive
//! differences depend on each other.

use serde::Serialize;
use utoipa::ToSchema;

use super::distribution::{t_quantile, two_sided_p};
use super::{CONFIDENCE, MDE_FACTOR, Moments, SAMPLE_SIZE_FACTOR};

/// How a standard error was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Independent pairs: s/√N.
    Paired,
    /// Newey and West (1987): successive pairs depend on each other.
    NeweyWest,
    /// The mean of a mirrored schedule's two mappings.
    Mirrored,
    /// Resampled blocks of pairs.
    Bootstrap,
}

/// A difference with its uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Number of pairs.
    pub pairs: usize,
    /// Estimated difference.
    pub delta: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom of its t.
    pub degrees_of_freedom: f64,
    /// How the standard error was computed.
    pub method: Method,
    /// Lag-1 autocorrelation of the differences.
    pub lag1: f64,
}

impl Estimate {
    /// The estimate from `differences`, one for each pair in time order; `None` for fewer than two.
    #[must_use]
    pub fn of(differences: &[f64]) -> Option<Self> {
        let moments = Moments::of(differences)?;
        let n = moments.n as f64;
        let plain = moments.standard_deviation / n.sqrt();
        let (standard_error, method) =
            if moments.is_autocorrelated() { (newey_west(differences, moments.mean), Method::NeweyWest) } else { (plain, Method::Paired) };
        Some(Estimate { pairs: moments.n, delta: moments.mean, standard_error, degrees_of_freedom: n - 1.0, method, lag1: moments.lag1 })
    }

    /// The mean of two mappings' estimates, as a mirrored schedule gives them: what depends on the minute's parity cancels. Degrees of
    /// freedom after Satterthwaite.
    #[must_use]
    pub fn mirrored(one: &Estimate, other: &Estimate) -> Self {
        let (v1, v2) = (one.standard_error.powi(2), other.standard_error.powi(2));
        let pairs = one.pairs + other.pairs;
        let denominator = v1 * v1 / one.degrees_of_freedom + v2 * v2 / other.degrees_of_freedom;
        let degrees_of_freedom =
            if denominator > 0.0 { (v1 + v2).powi(2) / denominator } else { one.degrees_of_freedom + other.degrees_of_freedom };
        let weight = one.pairs as f64 / pairs.max(1) as f64;
        Estimate {
            pairs,
            delta: f64::midpoint(one.delta, other.delta),
            standard_error: (v1 + v2).sqrt() / 2.0,
            degrees_of_freedom,
            method: Method::Mirrored,
            lag1: weight * one.lag1 + (1.0 - weight) * other.lag1,
        }
    }

    /// The 95 % confidence interval.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        if self.standard_error == 0.0 {
            return (self.delta, self.delta);
        }
        let reach = t_quantile(CONFIDENCE, self.degrees_of_freedom) * self.standard_error;
        (self.delta - reach, self.delta + reach)
    }

    /// Two-sided p-value of no difference. Model-based under a fixed schedule: nothing was randomised.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        if self.standard_error == 0.0 {
            return if self.delta == 0.0 { 1.0 } else { 0.0 };
        }
        two_sided_p(self.delta / self.standard_error, self.degrees_of_freedom)
    }

    /// The smallest true difference this run would find with a power of .80.
    #[must_use]
    pub fn minimal_detectable_effect(&self) -> f64 {
        MDE_FACTOR * self.standard_error
    }

    /// How many pairs a run needs to find a true difference of `effect`; `None` where the effect is no positive number.
    #[must_use]
    pub fn pairs_needed(&self, effect: f64) -> Option<f64> {
        let variance = self.standard_error.powi(2) * self.pairs as f64;
        (effect > 0.0).then(|| (SAMPLE_SIZE_FACTOR * variance / effect.powi(2)).ceil().max(2.0))
    }
}

/// Newey and West's standard error of the mean with Bartlett weights and L = ⌊4 (N/100)^(2/9)⌋ lags.
fn newey_west(values: &[f64], mean: f64) -> f64 {
    let n = values.len() as f64;
    let lags = lags(values.len()).min(values.len() - 1);
    let covariance = |lag: usize| values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>() / n;
    let mut sum = covariance(0);
    for lag in 1..=lags {
        let weight = 1.0 - lag as f64 / (lags as f64 + 1.0);
        sum += 2.0 * weight * covariance(lag);
    }
    // Bartlett weights keep the sum from falling below zero but for rounding.
    (sum.max(0.0) / n).sqrt()
}

fn lags(n: usize) -> usize {
    let exact = 4.0 * (n as f64 / 100.0).powf(2.0 / 9.0);
    (1..).take_while(|lag| f64::from(*lag) <= exact).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_textbook_paired_t() {
        // Student's sleep data (Cushny and Peebles, 1905), as in R's t.test(extra ~ group, paired = TRUE): t = −4.0621, df = 9,
        // p = 0.002833, 95 % interval −2.4598858 to −0.7001142.
        let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let differences: Vec<f64> = one.iter().zip(two).map(|(a, b)| a - b).collect();
        let estimate = Estimate::of(&differences).expect("ten pairs");
        assert_eq!(estimate.method, Method::Paired);
        let (low, high) = estimate.interval();
        assert!((low - -2.459_885_8).abs() < 1e-6 && (high - -0.700_114_2).abs() < 1e-6, "{low} {high}");
        assert!((estimate.p_value() - 0.002_833).abs() < 1e-6);
    }

    #[test]
    fn newey_west_by_hand() {
        // N = 4, mean 0: γ0 = (1+1+1+1)/4 = 1, γ1 = (1 − 1 + 1)/4 = 1/4; with L = 1: SE² = (1 + 2·½·¼)/4 = .3125.
        assert_eq!([lags(4), lags(100), lags(262_800)], [1, 4, 23]);
        let se = newey_west(&[1.0, 1.0, -1.0, -1.0], 0.0);
        assert!((se - 0.3125_f64.sqrt()).abs() < 1e-12, "{se}");
    }

    #[test]
    fn a_constant_difference_is_certain() {
        let estimate = Estimate::of(&[2.0, 2.0, 2.0]).expect("three pairs");
        assert_eq!(estimate.interval(), (2.0, 2.0));
        assert_eq!(estimate.p_value(), 0.0);
        assert_eq!(Estimate::of(&[2.0]), None);
    }

    #[test]
    fn the_sample_size_is_what_makes_the_effect_just_detectable() {
        let differences: Vec<f64> = (0..100).map(|index| f64::from(index % 7) - 3.0).collect();
        let estimate = Estimate::of(&differences).expect("pairs");
        let needed = estimate.pairs_needed(estimate.minimal_detectable_effect()).expect("an effect");
        assert!((needed - 101.0).abs() <= 1.0, "{needed}");
        assert_eq!(estimate.pairs_needed(0.0), None);
    }

    #[test]
    fn mirrored_mappings_cancel_what_follows_the_minute() {
        let even_first = Estimate::of(&[5.0, 6.0, 5.0, 6.0, 5.5, 5.5]).expect("pairs");
        let odd_first = Estimate::of(&[-5.0, -6.0, -5.0, -6.0, -5.5, -5.5]).expect("pairs");
        let effect = Estimate::mirrored(&even_first, &odd_first);
        assert!(effect.delta.abs() < 1e-12);
        let (low, high) = effect.interval();
        assert!(low < 0.0 && high > 0.0);
    }
}
