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

/// Round numbers from the one at or below the start of `range` to the one at or above its end, about `wanted` of them.
#[must_use]
pub fn ticks(range: &std::ops::Range<f64>, wanted: u32) -> Vec<f64> {
    let rough = (range.end - range.start) / f64::from(wanted.max(1));
    if !rough.is_finite() || rough <= 0.0 {
        return vec![0.0];
    }
    let magnitude = 10.0_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * magnitude).find(|step| *step >= rough).unwrap_or(rough);
    let first = (range.start / step).floor();
    let tick = |position: u32| (first + f64::from(position)) * step;
    let mut ticks: Vec<f64> = (0..=2 * wanted + 2).map(tick).take_while(|tick| *tick < range.end + step * 0.999).collect();
    ticks.dedup();
    ticks
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
    fn ticks_are_round_and_hold_the_range() {
        assert_eq!(ticks(&(0.0..9.3), 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(&(-3.0..4.0), 5), [-4.0, -2.0, 0.0, 2.0, 4.0]);
        assert_eq!(ticks(&(0.0..0.0), 5), [0.0]);
        for range in [0.0..1e-7, 0.0..123_456.0, -1.0..1e6] {
            let ticks = ticks(&range, 5);
            assert!(ticks[0] <= range.start && *ticks.last().expect("ticks") >= range.end && ticks.len() < 13, "{range:?}: {ticks:?}");
        }
    }

    #[test]
    fn labels_can_be_told_apart() {
        assert_eq!([places(&(0.0..100.0)), places(&(0.0..5.0)), places(&(0.0..0.02))], [0, 1, 3]);
    }
}
