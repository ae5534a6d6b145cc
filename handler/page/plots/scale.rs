//! Round numbers for axes. Must not know what is measured.

/// A range from 0 that holds every finite of `values`, with headroom; 0 to 1 where there is none above 0.
#[must_use]
pub fn from_zero(values: impl IntoIterator<Item = f64>) -> std::ops::Range<f64> {
    let highest = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
    0.0..if highest > 0.0 { highest * 1.1 } else { 1.0 }
}

/// A range that holds 0 and every finite of `values`, with headroom on both sides; never empty.
#[must_use]
pub fn around_zero(values: impl IntoIterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
    let headroom = (high - low) * 0.06;
    if headroom > 0.0 { low - headroom..high + headroom } else { -1.0..1.0 }
}

/// Decimal places needed to tell about five labels of `range` apart.
#[must_use]
pub fn places(range: &std::ops::Range<f64>) -> usize {
    let step = (range.end - range.start).abs() / 10.0;
    [1.0, 0.1, 0.01, 0.001, 0.000_1, 0.000_01].iter().position(|bound| step >= *bound).unwrap_or(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_is_finite_and_are_never_empty() {
        assert_eq!(from_zero([f64::NAN, 10.0, f64::INFINITY]), 0.0..11.0);
        assert_eq!(from_zero([0.0]), 0.0..1.0);
        assert_eq!(around_zero([f64::NAN]), -1.0..1.0);
        let range = around_zero([-5.0, -10.0]);
        assert!(range.start < -10.0 && range.end > 0.0);
    }

    #[test]
    fn labels_can_be_told_apart() {
        assert_eq!([places(&(0.0..100.0)), places(&(0.0..5.0)), places(&(0.0..0.02))], [0, 1, 3]);
    }
}
