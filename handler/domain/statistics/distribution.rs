//! The normal and Student's t: the only door to the crate that computes distributions.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal, StudentsT};

/// Degrees of freedom from which the expansion about the normal quantile is closer than the numerical inverse of the beta function.
const EXPANSION_FROM: f64 = 1_000.0;

/// Newton's method takes five to ten; more only where rounding keeps the last step from vanishing.
const MAX_NEWTON_STEPS: usize = 60;

fn student(degrees_of_freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, degrees_of_freedom.min(1e6)).ok()
}

/// The t whose two-sided interval has `confidence`; infinite without a degree of freedom.
#[must_use]
pub fn t_quantile(confidence: f64, degrees_of_freedom: f64) -> f64 {
    let upper = 0.5 + confidence.clamp(0.0, 1.0 - f64::EPSILON) / 2.0;
    if degrees_of_freedom >= EXPANSION_FROM {
        // Abramowitz and Stegun, 26.7.5.
        let z = Normal::standard().inverse_cdf(upper);
        let first = (z.powi(3) + z) / 4.0;
        let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
        return z + first / degrees_of_freedom + second / degrees_of_freedom.powi(2);
    }
    student(degrees_of_freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(upper))
}

/// The z whose two-sided interval has a probability of 1 − `alpha` under the normal distribution.
#[must_use]
pub fn z_quantile(alpha: f64) -> f64 {
    -Normal::standard().inverse_cdf((alpha / 2.0).clamp(f64::MIN_POSITIVE, 0.5))
}

/// The probability of a normal number above `z`. Small tails keep their digits.
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    Normal::standard().sf(z)
}

/// The t that leaves above it what the normal distribution leaves above `z` ≥ 0, to 12 digits; infinite without a degree of freedom.
///
/// Solves for the logarithm of the tail, since the tails of wide intervals vanish in 1 − p.
#[must_use]
pub fn t_at(z: f64, degrees_of_freedom: f64) -> f64 {
    let Some(student) = student(degrees_of_freedom) else { return f64::INFINITY };
    let tail = upper_tail(z);
    let mut t = z;
    for _ in 0..MAX_NEWTON_STEPS {
        let above = student.sf(t);
        let step = (above / tail).ln() * above / student.pdf(t);
        t += step;
        if step.is_nan() || step.abs() <= 1e-14 * t.abs() {
            break;
        }
    }
    t
}

/// Two-sided p-value of `t`: 1 without a degree of freedom.
#[must_use]
pub fn two_sided_p(t: f64, degrees_of_freedom: f64) -> f64 {
    match student(degrees_of_freedom) {
        Some(student) if t.is_finite() => (2.0 * student.cdf(-t.abs())).clamp(0.0, 1.0),
        Some(_) if t.is_infinite() => 0.0,
        _ => 1.0,
    }
}

/// The probability of a χ² number above `value`; 1 without a degree of freedom.
#[must_use]
pub fn chi_squared_p(value: f64, degrees_of_freedom: f64) -> f64 {
    ChiSquared::new(degrees_of_freedom).map_or(1.0, |distribution| distribution.sf(value.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, upper .975 points.
    #[test]
    fn published_quantiles() {
        for (degrees, expected) in [(1.0, 12.706), (2.0, 4.303), (9.0, 2.262), (30.0, 2.042), (100.0, 1.984)] {
            assert!((t_quantile(0.95, degrees) - expected).abs() < 5e-4, "{degrees}");
        }
        for (degrees, expected) in [(999.0, 1.962_341), (1_000.0, 1.962_339), (262_799.0, 1.959_973), (1e12, 1.959_964)] {
            assert!((t_quantile(0.95, degrees) - expected).abs() < 1e-5, "{degrees}: {}", t_quantile(0.95, degrees));
        }
        assert!(t_quantile(0.95, 0.0).is_infinite());
    }

    #[test]
    fn a_normal_boundary_carries_over_to_t() {
        let fixed = z_quantile(0.05);
        assert!((fixed - 1.959_963_984_540_054).abs() < 1e-12, "{fixed}");
        for degrees in [1.0, 2.0, 9.0, 30.0, 999.0, 262_799.0] {
            let t = t_at(fixed, degrees);
            assert!((t / t_quantile(0.95, degrees) - 1.0).abs() < 1e-7, "{degrees}: {t}");
        }
        assert!(t_at(fixed, 0.0).is_infinite());
        assert_eq!(t_at(0.0, 5.0), 0.0);
    }

    #[test]
    fn far_tails_keep_their_digits() {
        // t with two degrees of freedom has a closed form: t² = 2 (1 − 2p)² / (4p (1 − p)).
        for z in [2.0, 4.0, 6.0, 8.0] {
            let p = upper_tail(z);
            let exact = (2.0 * (1.0 - 2.0 * p).powi(2) / (4.0 * p * (1.0 - p))).sqrt();
            assert!((t_at(z, 2.0) / exact - 1.0).abs() < 1e-11, "{z}: {} {exact}", t_at(z, 2.0));
        }
        // The normal tail at 8 (Abramowitz and Stegun, table 26.2): 6.220961e-16.
        assert!((upper_tail(8.0) / 6.220_960_574e-16 - 1.0).abs() < 1e-9);
    }

    /// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4, upper .95 and .999 points.
    #[test]
    fn published_chi_squares() {
        for (value, degrees, expected) in [(3.841, 1.0, 0.05), (11.070, 5.0, 0.05), (20.515, 5.0, 0.001)] {
            assert!((chi_squared_p(value, degrees) / expected - 1.0).abs() < 1e-3, "{value} {degrees}");
        }
        assert_eq!(chi_squared_p(5.0, 0.0), 1.0);
    }

    #[test]
    fn p_values_mirror_quantiles() {
        for degrees in [2.0, 17.5, 262_799.0] {
            assert!((two_sided_p(t_quantile(0.95, degrees), degrees) - 0.05).abs() < 1e-6, "{degrees}");
        }
        assert_eq!(two_sided_p(f64::INFINITY, 5.0), 0.0);
        assert_eq!(two_sided_p(f64::NAN, 5.0), 1.0);
    }
}
