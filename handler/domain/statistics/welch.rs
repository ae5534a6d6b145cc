//! Welch's comparison of two means, which ignores the pairing: a second opinion.

use super::distribution::t_quantile;
use super::{CONFIDENCE, Moments};

/// The 95 % interval of the difference of the means, `b` − `a`, with Welch's standard error and degrees of freedom; `None` for fewer than two
/// values a side.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> Option<(f64, f64)> {
    let (a, b) = (Moments::of(a)?, Moments::of(b)?);
    let (na, nb) = (a.n as f64, b.n as f64);
    let (va, vb) = (a.standard_deviation.powi(2) / na, b.standard_deviation.powi(2) / nb);
    let denominator = va * va / (na - 1.0) + vb * vb / (nb - 1.0);
    let difference = b.mean - a.mean;
    if denominator <= 0.0 {
        return Some((difference, difference));
    }
    let reach = t_quantile(CONFIDENCE, (va + vb).powi(2) / denominator) * (va + vb).sqrt();
    Some((difference - reach, difference + reach))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs_example() {
        // R: t.test(extra ~ group, data = sleep): df = 17.776, interval −3.3654832 to 0.2054832.
        let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let (low, high) = welch(&two, &one).expect("ten values each");
        assert!((low - -3.365_483_2).abs() < 1e-5 && (high - 0.205_483_2).abs() < 1e-5, "{low} {high}");
        assert_eq!(welch(&[1.0, 1.0], &[3.0, 3.0]), Some((2.0, 2.0)));
        assert_eq!(welch(&[1.0], &two), None);
    }
}
