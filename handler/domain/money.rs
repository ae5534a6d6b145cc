//! Exact decimals: money, prices and quantities. Never a float; what is below the last digit kept is only rounded where that is said. Must not know currencies or where amounts come from.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use bigdecimal::num_bigint::Sign;
use bigdecimal::{BigDecimal, RoundingMode};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal of bounded length. It keeps the digits it was written with: `0.10` stays `0.10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(BigDecimal);

/// The power of ten no amount may exceed, of either sign: a thousand times the world's yearly product, in any currency.
pub const MAX_EXPONENT: i64 = 18;
/// Digits an amount may have after the decimal point.
pub const FRACTION_DIGITS: i64 = 38;
/// Longest text that can be an amount; longer ones are refused unread.
const MAX_TEXT_BYTES: usize = 1_000;

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a decimal number.
    #[error("is not a decimal number")]
    NotANumber,
    /// More decimals than the ledger keeps.
    #[error("has more than 38 digits after the decimal point")]
    TooLong,
    /// Beyond the largest amount.
    #[error("is greater than 10^18")]
    TooLarge,
}

impl Amount {
    /// Nothing at all, with no digits after the point.
    #[must_use]
    pub fn zero() -> Amount {
        Amount(BigDecimal::from(0))
    }

    /// A decimal that was checked before it was stored, or a sum of such.
    #[must_use]
    pub fn stored(decimal: BigDecimal) -> Amount {
        Amount(decimal)
    }

    /// A sum that the database has written, of any length; none where the text is no decimal.
    #[must_use]
    pub fn read_stored(text: &str) -> Option<Amount> {
        Amount::plain(text).or_else(|| BigDecimal::from_str(text).ok().map(Amount))
    }

    /// The decimal itself.
    #[must_use]
    pub fn as_decimal(&self) -> &BigDecimal {
        &self.0
    }

    /// The decimal itself.
    #[must_use]
    pub fn into_decimal(self) -> BigDecimal {
        self.0
    }
}

impl TryFrom<BigDecimal> for Amount {
    type Error = AmountError;

    fn try_from(decimal: BigDecimal) -> Result<Self, Self::Error> {
        match Amount::round(decimal)? {
            (amount, false) => Ok(amount),
            (_, true) => Err(AmountError::TooLong),
        }
    }
}

impl Amount {
    /// Reads an amount as [`FromStr`] does, but rounds what is below the last digit kept; whether it had to.
    ///
    /// # Errors
    /// [`AmountError`] but for [`AmountError::TooLong`].
    pub fn read(text: &str) -> Result<(Amount, bool), AmountError> {
        if let Some(amount) = Amount::plain(text) {
            return Ok((amount, false));
        }
        if !is_decimal(text) {
            return Err(AmountError::NotANumber);
        }
        if text.len() > MAX_TEXT_BYTES {
            return Err(AmountError::TooLarge);
        }
        match BigDecimal::from_str(text) {
            Ok(decimal) => Amount::round(decimal),
            // The form is right, so it is the exponent that is beyond all bounds.
            Err(_) if !text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E')).any(|byte| (b'1'..=b'9').contains(&byte)) => {
                Ok((Amount::zero(), false))
            }
            Err(_) if text.contains("e-") || text.contains("E-") => Ok((Amount::zero(), true)),
            Err(_) => Err(AmountError::TooLarge),
        }
    }

    fn plain(text: &str) -> Option<Amount> {
        let (number, decimals) = plain(text)?;
        Some(Amount(BigDecimal::new(number.into(), decimals.into())))
    }

    fn round(decimal: BigDecimal) -> Result<(Amount, bool), AmountError> {
        let (_, scale) = decimal.as_bigint_and_exponent();
        // Zero is zero at any scale, and shows no more decimals than are kept.
        if decimal.sign() == Sign::NoSign {
            return Ok((Amount(BigDecimal::new(0.into(), scale.clamp(0, FRACTION_DIGITS))), false));
        }
        let digits = i64::try_from(decimal.digits()).unwrap_or(i64::MAX);
        let integer_digits = digits.saturating_sub(scale);
        // Looked at before any arithmetic: an exponent of a billion must not become a billion digits.
        if integer_digits > MAX_EXPONENT + 1 {
            return Err(AmountError::TooLarge);
        }
        if integer_digits < -FRACTION_DIGITS {
            return Ok((Amount(BigDecimal::new(0.into(), FRACTION_DIGITS)), true));
        }
        let rounded = scale > FRACTION_DIGITS;
        let decimal = if rounded { decimal.with_scale_round(FRACTION_DIGITS, RoundingMode::HalfEven) } else { decimal };
        // 1E+3 is kept as 1000: a negative scale is not how anyone writes money.
        let decimal = if scale < 0 { decimal.with_scale(0) } else { decimal };
        if decimal.abs() > BigDecimal::new(1.into(), -MAX_EXPONENT) {
            return Err(AmountError::TooLarge);
        }
        Ok((Amount(decimal), rounded))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads `-12.340`, `.5`, `1e-7`; no spaces, no thousands separators, no currency signs.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Amount::read(text)? {
            (amount, false) => Ok(amount),
            (_, true) => Err(AmountError::TooLong),
        }
    }
}

/// Most digits of an amount that is read by [`plain`]: more would not fit 64 bits.
const MAX_PLAIN_DIGITS: usize = 18;

/// Reads what most amounts are, `-12.340`: up to 18 digits and no exponent. Returns all its digits as one number, and how many of them are
/// decimals; none where it is anything else, which need not be wrong.
pub(super) fn plain(text: &str) -> Option<(i64, u32)> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !(1..=MAX_PLAIN_DIGITS).contains(&(whole.len() + fraction.len())) {
        return None;
    }
    let number = whole
        .bytes()
        .chain(fraction.bytes())
        .try_fold(0_i64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))?;
    Some((sign * number, u32::try_from(fraction.len()).ok()?))
}

/// `[+-] digits [. digits] [e [+-] digits]`, with digits before or after the point.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).map_or_else(|| text.to_owned(), str::to_owned);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = unsigned(mantissa);
    let (integer, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let exponent_is_right = exponent.map(unsigned).is_none_or(|exponent| !exponent.is_empty() && digits(&exponent));
    !(integer.is_empty() && fraction.is_empty()) && digits(integer) && digits(fraction) && exponent_is_right
}

impl fmt::Display for Amount {
    /// Plain notation, never scientific.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_plain_string())
    }
}

impl AddAssign<&Amount> for Amount {
    fn add_assign(&mut self, other: &Amount) {
        self.0 += &other.0;
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a decimal number as a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        text.parse().map_err(|error| E::custom(format_args!("'{}' {error}", text.chars().take(40).collect::<String>())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
        Ok(Amount(BigDecimal::from(number)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
        Ok(Amount(BigDecimal::from(number)))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Amount, E> {
        Err(E::custom("a fraction must be written as a string, such as \"0.10\", to stay exact"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        text.parse::<Amount>().unwrap_or_else(|error| panic!("{text} {error}")).to_string()
    }

    #[test]
    fn amounts_are_written_plainly_with_the_digits_they_came_with() {
        for (text, plain) in [
            ("0.00000080000", "0.00000080000"),
            ("18.00663861840", "18.00663861840"),
            ("-12.340", "-12.340"),
            ("+5", "5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("1e-7", "0.0000001"),
            ("1.5E+3", "1500"),
            ("0e5", "0"),
            ("-0.00", "0.00"),
        ] {
            assert_eq!(written(text), plain, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_bounded_decimal_is_refused() {
        for text in ["", "-", ".", "e5", "1e", "1e+", "1,234.5", "1_000", "0x10", "NaN", "Infinity", "1.2.3", " 1", "$1", "١"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::NotANumber), "{text}");
        }
        for text in ["1e-39", "1e-999999999", "0.000000000000000000000000000000000000001"] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::TooLong), "{text}");
        }
        for text in ["1e19", "1000000000000000000.1", "1e999999999", "1e99999999999999999999", &"9".repeat(38), &"1".repeat(2_000)] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::TooLarge), "{text}");
        }
        assert!("1000000000000000000".parse::<Amount>().is_ok() && "-1e18".parse::<Amount>().is_ok());
    }

    #[test]
    fn zero_is_zero_at_any_scale() {
        for text in ["0E-40", "0e-999999999", "0e99999999999999999999", "-0.0e5", "0.000000000000000000000000000000000000000000000"] {
            let (amount, rounded) = Amount::read(text).unwrap_or_else(|error| panic!("{text} {error}"));
            assert!(!rounded && amount.as_decimal() == &BigDecimal::from(0), "{text}: {amount}");
        }
    }

    #[test]
    fn residue_below_the_last_digit_is_rounded_and_said() {
        for (text, expected) in [
            ("6.617444900424222e-24", "0.00000000000000000000000661744490042422"),
            ("1e-39", "0.00000000000000000000000000000000000000"),
            ("1e-999999999", "0.00000000000000000000000000000000000000"),
            ("2.5e-38", "0.00000000000000000000000000000000000002"),
            ("1.00000000000000000000000000000000000000000001", "1.00000000000000000000000000000000000000"),
        ] {
            let (amount, rounded) = Amount::read(text).unwrap_or_else(|error| panic!("{text} {error}"));
            assert_eq!((amount.to_string().as_str(), rounded), (expected, true), "{text}");
        }
    }

    #[test]
    fn json_takes_strings_and_whole_numbers_but_no_floats() {
        assert_eq!(serde_json::from_str::<Amount>("\"0.10\"").unwrap().to_string(), "0.10");
        assert_eq!(serde_json::from_str::<Amount>("7").unwrap().to_string(), "7");
        assert!(serde_json::from_str::<Amount>("0.1").unwrap_err().to_string().contains("string"));
        assert_eq!(serde_json::to_string(&"1e-7".parse::<Amount>().unwrap()).unwrap(), "\"0.0000001\"");
    }

    proptest! {
        #[test]
        fn the_plain_way_reads_what_the_whole_one_does(text in "-?[0-9]{0,10}(\\.[0-9]{0,10})?") {
            let whole = BigDecimal::from_str(&text).ok().and_then(|decimal| Amount::round(decimal).ok());
            if let Some(amount) = Amount::plain(&text) {
                prop_assert_eq!(Some((amount.to_string(), false)), whole.map(|(amount, rounded)| (amount.to_string(), rounded)));
            }
        }

        #[test]
        fn reading_what_was_written_changes_nothing(digits in "-?[0-9]{1,18}", fraction in "[0-9]{0,38}") {
            let text = if fraction.is_empty() { digits } else { format!("{digits}.{fraction}") };
            let amount: Amount = text.parse()?;
            let again: Amount = amount.to_string().parse()?;
            prop_assert_eq!(again.to_string(), amount.to_string());
            prop_assert_eq!(amount.to_string().split('.').nth(1).unwrap_or("").to_owned(), fraction);
        }

        #[test]
        fn any_text_is_refused_or_bounded(text in "[0-9eE+.-]{0,120}") {
            if let Ok(amount) = text.parse::<Amount>() {
                prop_assert!(amount.to_string().len() <= 80);
            }
        }
    }
}
