//! Welch's comparison of two means, which ignores the pairing: a second opinion.

use super::{Estimate, Method, Moments};

/// The difference of the means, `b` − `a`, with Welch's standard error and degrees of freedom; `None` for fewer than two values a side.
#[must_use]
pub fn welch(a: &[f64], b: &[f64]) -> Option<Estimate> {
    let (a, b) = (Moments::of(a)?, Moments::of(b)?);
    let (na, nb) = (a.n as f64, b.n as f64);
    let (va, vb) = (a.standard_deviation.powi(2) / na, b.standard_deviation.powi(2) / nb);
    let denominator = va * va / (na - 1.0) + vb * vb / (nb - 1.0);
    let degrees_of_freedom = if denominator > 0.0 { (va + vb).powi(2) / denominator } else { na + nb - 2.0 };
    Some(Estimate {
        pairs: a.n.min(b.n),
        delta: b.mean - a.mean,
        standard_error: (va + vb).sqrt(),
        degrees_of_freedom,
        method: Method::Paired,
        lag1: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rs_example() {
        // R: t.test(extra ~ group, data = sleep): t = −1.8608, df = 17.776, p = 0.07939, interval −3.3654832 to 0.2054832.
        let one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let two = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let estimate = welch(&two, &one).expect("ten values each");
        assert!((estimate.degrees_of_freedom - 17.776).abs() < 1e-3);
        assert!((estimate.p_value() - 0.079_39).abs() < 1e-5);
        let (low, high) = estimate.interval();
        assert!((low - -3.365_483_2).abs() < 1e-5 && (high - 0.205_483_2).abs() < 1e-5, "{low} {high}");
    }
}
