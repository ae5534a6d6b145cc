//! Figures as people read them, on a page, in a terminal and in sentences: units, signs, separators, one rounding for each unit. A figure
//! that is no number is said to be unknown. Must not know where a figure comes from.

use bigdecimal::{BigDecimal, RoundingMode, Signed, ToPrimitive};
use serde::Serialize;
use utoipa::ToSchema;

/// Stands in where there is no figure.
pub const UNKNOWN: &str = "unknown";
const MINUS: &str = "\u{2212}";

/// What a figure is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Unit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// A share of 1.
    #[serde(rename = "share")]
    Share,
    /// US dollars for a thousand calls.
    #[serde(rename = "USD per 1,000 calls")]
    UsdPer1000Calls,
}

/// A whole number with separators: `12,345`.
#[must_use]
pub fn count(value: u64) -> String {
    separated(&value.to_string())
}

/// So many of something: `1 window`, `1,234 windows`.
#[must_use]
pub fn counted(value: u64, one: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(value))
}

/// A number with separators between thousands: `12,345.60`.
fn separated(number: &str) -> String {
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = String::new();
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) && text.ends_with(|last: char| last.is_ascii_digit()) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A length of time, in the largest unit of which it holds at least two: `90 minutes`, `2.5 days`.
#[must_use]
pub fn hours(hours: &BigDecimal) -> String {
    duration(hours.to_f64().unwrap_or(f64::NAN) * 3_600.0)
}

/// The same of `seconds`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    finite(seconds, |seconds| {
        let (value, unit) = match seconds {
            seconds if seconds >= 172_800.0 => (seconds / 86_400.0, "days"),
            seconds if seconds >= 7_200.0 => (seconds / 3_600.0, "hours"),
            seconds if seconds >= 60.0 => (seconds / 60.0, "minutes"),
            _ => (seconds, "seconds"),
        };
        format!("{} {unit}", decimals(value, 1))
    })
}

/// A value with its unit.
#[must_use]
pub fn amount(unit: Unit, value: f64) -> String {
    finite(value, |value| match unit {
        Unit::Milliseconds => milliseconds(value),
        Unit::Share => format!("{} %", decimals(value * 100.0, 3)),
        Unit::UsdPer1000Calls => dollars(value, "$"),
    })
}

/// A difference of two values: as a value, with its sign; shares in percentage points.
#[must_use]
pub fn difference(unit: Unit, value: f64) -> String {
    finite(value, |value| signed(value, size_of_difference(unit, value)))
}

/// The same without its sign.
#[must_use]
pub fn size_of_difference(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => finite(value, |value| format!("{} points", decimals(value.abs() * 100.0, 3))),
        Unit::Milliseconds | Unit::UsdPer1000Calls => amount(unit, value.abs()),
    }
}

/// The 95 % interval of a difference: `−1.00 ms to +3.00 ms`.
#[must_use]
pub fn interval(unit: Unit, low: f64, high: f64) -> String {
    format!("{} to {}", difference(unit, low), difference(unit, high))
}

/// A probability, to four places.
#[must_use]
pub fn probability(value: f64) -> String {
    decimals(value, 4)
}

/// A percentage with its sign: `+12.5 %`.
#[must_use]
pub fn percent(value: f64) -> String {
    finite(value, |value| signed(value, format!("{} %", decimals(value.abs(), if value.abs() < 100.0 { 1 } else { 0 }))))
}

/// A share of 1 as a percentage: `99.98 %`. A share below 1 never reads 100.
#[must_use]
pub fn share(value: f64) -> String {
    finite(value, |value| {
        let shown = if value < 1.0 { (value * 100.0).min(99.99) } else { value * 100.0 };
        format!("{} %", decimals(shown, 2))
    })
}

/// A latency, in milliseconds or seconds.
#[must_use]
pub fn milliseconds(value: f64) -> String {
    finite(value, |value| match value.abs() {
        size if size >= 10_000.0 => format!("{} s", decimals(value / 1_000.0, 1)),
        size if size >= 100.0 => format!("{} ms", decimals(value, 0)),
        size if size >= 10.0 => format!("{} ms", decimals(value, 1)),
        size if size >= 0.1 || size == 0.0 => format!("{} ms", decimals(value, 2)),
        _ => format!("{} ms", decimals(value, 4)),
    })
}

/// An exact amount of money: four significant figures below one unit, two places above.
#[must_use]
pub fn money(amount: &BigDecimal, currency: &str) -> String {
    let prefix = if currency == "USD" { "$".to_owned() } else { format!("{currency} ") };
    let places = places(amount.abs().to_f64().unwrap_or(f64::INFINITY));
    let text = amount.abs().with_scale_round(i64::from(places), RoundingMode::HalfUp).to_plain_string();
    format!("{}{prefix}{}", if amount.is_negative() { MINUS } else { "" }, separated(&text))
}

fn dollars(value: f64, prefix: &str) -> String {
    finite(value, |value| {
        let size = value.abs();
        format!("{}{prefix}{}", if value < 0.0 { MINUS } else { "" }, decimals(size, places(size) as usize))
    })
}

/// Decimal places of an amount of money.
fn places(size: f64) -> u32 {
    if size >= 1.0 || size == 0.0 {
        return 2;
    }
    [0.1, 0.01, 0.001, 0.000_1].iter().zip(4..).find(|(bound, _)| size >= **bound).map_or(8, |(_, places)| places)
}

fn finite(value: f64, show: impl FnOnce(f64) -> String) -> String {
    if value.is_finite() { show(value) } else { UNKNOWN.to_owned() }
}

/// A size with the sign of `value`; what is shown as zero has none.
fn signed(value: f64, size: String) -> String {
    let is_zero = !size.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    match value {
        value if value > 0.0 && !is_zero => format!("+{size}"),
        value if value < 0.0 && !is_zero => format!("{MINUS}{size}"),
        _ => size,
    }
}

/// A number with `places` decimals, separators and a real minus.
#[must_use]
pub fn decimals(value: f64, places: usize) -> String {
    finite(value, |value| {
        let text = format!("{value:.places$}");
        let zero = text.trim_start_matches('-').bytes().all(|byte| matches!(byte, b'0' | b'.'));
        match text.strip_prefix('-') {
            Some(size) if zero => separated(size),
            Some(size) => format!("{MINUS}{}", separated(size)),
            None => separated(&text),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_carry_units_signs_and_separators() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(amount(Unit::Milliseconds, 21.345), "21.3 ms");
        assert_eq!(amount(Unit::Milliseconds, 0.5), "0.50 ms");
        assert_eq!(amount(Unit::Milliseconds, 12_345.0), "12.3 s");
        assert_eq!(amount(Unit::Share, 0.001_234), "0.123 %");
        assert_eq!(amount(Unit::UsdPer1000Calls, 0.013_4), "$0.01340");
        assert_eq!(difference(Unit::Share, -0.001), "−0.100 points");
        assert_eq!(difference(Unit::UsdPer1000Calls, -0.082_41), "−$0.08241");
        assert_eq!(difference(Unit::Milliseconds, 20.04), "+20.0 ms");
        assert_eq!([-0.004, -0.000_01].map(|value| difference(Unit::Milliseconds, value)), ["−0.0040 ms", "0.0000 ms"]);
        assert_eq!(size_of_difference(Unit::Share, -0.001), "0.100 points");
        assert_eq!((percent(12.34), percent(-1_234.5)), ("+12.3 %".into(), "−1,234 %".into()));
        assert_eq!([0.57, 0.999_999, 1.0].map(share), ["57.00 %", "99.99 %", "100.00 %"]);
        assert_eq!([1, 1_234].map(|windows| counted(windows, "window")), ["1 window", "1,234 windows"]);
        assert_eq!(interval(Unit::Milliseconds, -1.0, 3.0), "−1.00 ms to +3.00 ms");
    }

    #[test]
    fn money_keeps_four_significant_figures_below_a_dollar() {
        let money_of = |text: &str| money(&text.parse().expect("a number"), "USD");
        assert_eq!((money_of("0"), money_of("12.345"), money_of("0.000412")), ("$0.00".into(), "$12.35".into(), "$0.0004120".into()));
        assert_eq!(["0.05", "3", "60"].map(|text| hours(&text.parse().expect("a number"))), ["3.0 minutes", "3.0 hours", "2.5 days"]);
        assert_eq!(money(&"1234.5".parse().expect("a number"), "EUR"), "EUR 1,234.50");
    }

    #[test]
    fn non_finite_values_are_shown_as_unknown() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for text in [amount(Unit::Milliseconds, value), difference(Unit::Share, value), percent(value), share(value)] {
                assert_eq!(text, UNKNOWN);
            }
        }
        assert_eq!(decimals(-0.000_1, 2), "0.00");
    }
}
