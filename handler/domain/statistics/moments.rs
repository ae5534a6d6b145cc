//! Mean, standard deviation and lag-1 autocorrelation, computed so that large means do not eat the digits.

/// What describes a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n − 1).
    pub standard_deviation: f64,
    /// Lag-1 autocorrelation coefficient; 0 for a constant series.
    pub lag1: f64,
}

impl Moments {
    /// The moments of `values`; `None` for fewer than two.
    ///
    /// Two passes, each with the correction for the mean's own rounding (Chan, Golub and LeVeque, 1983).
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let n = values.len() as f64;
        let mean = mean(values);
        let (mut squares, mut sum, mut products, mut previous) = (0.0, 0.0, 0.0, None);
        for value in values {
            let deviation = value - mean;
            squares += deviation * deviation;
            sum += deviation;
            if let Some(previous) = previous {
                products += previous * deviation;
            }
            previous = Some(deviation);
        }
        let corrected = (squares - sum * sum / n).max(0.0);
        let lag1 = if corrected > 0.0 { products / corrected } else { 0.0 };
        Some(Moments { n: values.len(), mean, standard_deviation: (corrected / (n - 1.0)).sqrt(), lag1 })
    }
}

/// Arithmetic mean, corrected once for its own rounding; 0 for no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let n = values.len() as f64;
    let rough = values.iter().sum::<f64>() / n;
    rough + values.iter().map(|value| value - rough).sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Certified values of NIST's Statistical Reference Datasets: tests/data/nist/README.md.
    #[test]
    fn nist_lottery() {
        let values: Vec<f64> =
            include_str!("../../../tests/data/nist/lottery.txt").lines().map(|line| line.parse().expect("a number")).collect();
        assert_eq!(values.len(), 218);
        let moments = Moments::of(&values).expect("enough values");
        assert!((moments.mean - 518.958_715_596_330).abs() < 1e-11, "{moments:?}");
        assert!((moments.standard_deviation - 291.699_727_470_969).abs() < 1e-11, "{moments:?}");
        assert!((moments.lag1 - -0.120_948_622_967_393).abs() < 1e-14, "{moments:?}");
    }

    /// The data set that naive formulas get wrong. The certified sd is .1; the doubles nearest to the data have .100000000558….
    #[test]
    fn nist_num_acc_4() {
        let mut values = vec![10_000_000.2];
        for _ in 0..500 {
            values.extend([10_000_000.1, 10_000_000.3]);
        }
        let moments = Moments::of(&values).expect("enough values");
        assert!((moments.mean - 10_000_000.2).abs() < 1e-8, "{moments:?}");
        assert!((moments.standard_deviation - 0.1).abs() < 1e-9, "{moments:?}");
        assert!((moments.lag1 - -0.999).abs() < 1e-8, "{moments:?}");
    }

    #[test]
    fn degenerate_series() {
        assert_eq!(Moments::of(&[1.0]), None);
        let constant = Moments::of(&[5.0; 9]).expect("enough values");
        assert_eq!((constant.standard_deviation, constant.lag1), (0.0, 0.0));
    }
}
