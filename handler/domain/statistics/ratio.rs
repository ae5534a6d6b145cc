//! Ratios of sums (error rate, cost per call) with the delta method: the variance comes from pairs of windows, not from calls, which
//! cluster.

use super::Estimate;

/// A pair's two numerators and denominators.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RatioPair {
    /// Numerator and denominator of arm A.
    pub a: (f64, f64),
    /// Numerator and denominator of arm B.
    pub b: (f64, f64),
}

/// Two ratios and how they differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioEstimate {
    /// Ratio of arm A over all pairs.
    pub ratio_a: f64,
    /// Ratio of arm B over all pairs.
    pub ratio_b: f64,
    /// `ratio_b` − `ratio_a`.
    pub difference: Estimate,
    /// ln(`ratio_b` / `ratio_a`); `None` where a ratio is 0.
    pub log_lift: Option<Estimate>,
}

impl RatioEstimate {
    /// The estimate from `pairs` in time order; `None` for fewer than two pairs, or where an arm's denominators sum to nothing.
    #[must_use]
    pub fn of(pairs: &[RatioPair]) -> Option<Self> {
        let sum = |pick: fn(&RatioPair) -> f64| pairs.iter().map(pick).sum::<f64>();
        let (ya, na, yb, nb) = (sum(|pair| pair.a.0), sum(|pair| pair.a.1), sum(|pair| pair.b.0), sum(|pair| pair.b.1));
        if pairs.len() < 2 || na <= 0.0 || nb <= 0.0 {
            return None;
        }
        let count = pairs.len() as f64;
        let (ratio_a, ratio_b) = (ya / na, yb / nb);
        let term_a = |pair: &RatioPair| (pair.a.0 - ratio_a * pair.a.1) / (na / count);
        let term_b = |pair: &RatioPair| (pair.b.0 - ratio_b * pair.b.1) / (nb / count);
        let linear: Vec<f64> = pairs.iter().map(|pair| term_b(pair) - term_a(pair)).collect();
        let difference = Estimate { delta: ratio_b - ratio_a, ..Estimate::of(&linear)? };
        let log_lift = if ratio_a > 0.0 && ratio_b > 0.0 {
            let linear: Vec<f64> = pairs.iter().map(|pair| term_b(pair) / ratio_b - term_a(pair) / ratio_a).collect();
            Some(Estimate { delta: (ratio_b / ratio_a).ln(), ..Estimate::of(&linear)? })
        } else {
            None
        };
        Some(RatioEstimate { ratio_a, ratio_b, difference, log_lift })
    }

    /// The 95 % interval of the relative difference, in percent of A.
    #[must_use]
    pub fn lift_percent(&self) -> Option<(f64, f64)> {
        let (low, high) = self.log_lift?.interval();
        Some((low.exp_m1() * 100.0, high.exp_m1() * 100.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::random::Random;

    #[test]
    fn equal_denominators_reduce_to_the_paired_mean() {
        let pairs: Vec<RatioPair> =
            [(1.0, 3.0), (2.0, 2.0), (0.0, 4.0), (1.0, 1.0)].map(|(ya, yb)| RatioPair { a: (ya, 10.0), b: (yb, 10.0) }).to_vec();
        let ratio = RatioEstimate::of(&pairs).expect("pairs");
        let plain = Estimate::of(&[0.2, 0.0, 0.4, 0.0]).expect("pairs");
        assert!((ratio.difference.delta - plain.delta).abs() < 1e-12);
        assert!((ratio.difference.standard_error - plain.standard_error).abs() < 1e-12);
    }

    #[test]
    fn no_calls_or_no_events() {
        assert_eq!(RatioEstimate::of(&[RatioPair::default(); 5]), None);
        let none = RatioEstimate::of(&[RatioPair { a: (0.0, 9.0), b: (0.0, 8.0) }; 5]).expect("pairs");
        assert_eq!((none.difference.delta, none.log_lift), (0.0, None));
    }

    #[test]
    fn the_interval_covers_the_true_difference_of_clustered_rates() {
        let mut random = Random::new(7);
        let (mut covered, mut lift_covered) = (0, 0);
        for _ in 0..1_000 {
            let pairs: Vec<RatioPair> = (0..200)
                .map(|_| {
                    let mut arm = |rate: f64| {
                        let calls = 20.0 + (random.uniform() * 60.0).floor();
                        // The rate itself varies by minute, so that calls cluster.
                        let rate = rate * (0.5 + random.uniform());
                        let mut events = 0.0;
                        let mut call = 0.0;
                        while call < calls {
                            events += f64::from(u8::from(random.uniform() < rate));
                            call += 1.0;
                        }
                        (events, calls)
                    };
                    RatioPair { a: arm(0.05), b: arm(0.06) }
                })
                .collect();
            let estimate = RatioEstimate::of(&pairs).expect("pairs");
            let (low, high) = estimate.difference.interval();
            covered += u32::from(low <= 0.01 && 0.01 <= high);
            let (low, high) = estimate.lift_percent().expect("events on both sides");
            lift_covered += u32::from(low <= 20.0 && 20.0 <= high);
        }
        assert!((930..=970).contains(&covered), "{covered}");
        assert!((930..=970).contains(&lift_covered), "{lift_covered}");
    }
}
