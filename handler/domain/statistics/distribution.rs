//! Student's t: the only door to the crate that computes distributions.

use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Degrees of freedom from which the expansion about the normal quantile is closer than the numerical inverse of the beta function.
const EXPANSION_FROM: f64 = 1_000.0;

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

/// Two-sided p-value of `t`: 1 without a degree of freedom.
#[must_use]
pub fn two_sided_p(t: f64, degrees_of_freedom: f64) -> f64 {
    match student(degrees_of_freedom) {
        Some(student) if t.is_finite() => (2.0 * student.cdf(-t.abs())).clamp(0.0, 1.0),
        Some(_) if t.is_infinite() => 0.0,
        _ => 1.0,
    }
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
    fn p_values_mirror_quantiles() {
        for degrees in [2.0, 17.5, 262_799.0] {
            assert!((two_sided_p(t_quantile(0.95, degrees), degrees) - 0.05).abs() < 1e-6, "{degrees}");
        }
        assert_eq!(two_sided_p(f64::INFINITY, 5.0), 0.0);
        assert_eq!(two_sided_p(f64::NAN, 5.0), 1.0);
    }
}
