//! An exact sum of many amounts, in one machine integer as long as that holds them. Must not know currencies or where amounts come from.

use bigdecimal::BigDecimal;

use super::money::{Amount, plain};

/// What was added so far.
#[derive(Debug, Clone)]
pub struct RunningSum {
    /// In units of ten to the power of minus `decimals`.
    units: i128,
    decimals: u32,
    /// What did not fit.
    rest: Amount,
}

impl RunningSum {
    /// Of nothing.
    #[must_use]
    pub fn zero() -> RunningSum {
        RunningSum { units: 0, decimals: 0, rest: Amount::zero() }
    }

    /// Adds an amount that the database has written, of any length. None, with nothing added, where the text is no decimal.
    #[must_use]
    pub fn add(&mut self, text: &str) -> Option<()> {
        if let Some((units, decimals)) = plain(text)
            && self.add_units(units.into(), decimals).is_some()
        {
            return Some(());
        }
        self.rest += &Amount::read_stored(text)?;
        Some(())
    }

    /// None, with nothing added, where the sum would not fit.
    fn add_units(&mut self, units: i128, decimals: u32) -> Option<()> {
        let most = decimals.max(self.decimals);
        let aligned = |units: i128, decimals| units.checked_mul(10_i128.checked_pow(most - decimals)?);
        self.units = aligned(self.units, self.decimals)?.checked_add(aligned(units, decimals)?)?;
        self.decimals = most;
        Some(())
    }

    /// All of it, with as many decimals as the longest had.
    #[must_use]
    pub fn total(mut self) -> Amount {
        self.rest += &Amount::stored(BigDecimal::new(self.units.into(), self.decimals.into()));
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum<'text>(texts: impl IntoIterator<Item = &'text str>) -> Option<RunningSum> {
        let mut sum = RunningSum::zero();
        texts.into_iter().try_for_each(|text| sum.add(text))?;
        Some(sum)
    }

    proptest! {
        #[test]
        fn it_is_the_sum_of_decimals_whatever_their_lengths(
            texts in prop::collection::vec("-?([0-9]{1,24}|[0-9]{1,12}\\.[0-9]{1,38}|9{18}|0\\.0{1,17}1)", 0..40)
        ) {
            let expected: BigDecimal = texts.iter().map(|text| text.parse::<BigDecimal>().unwrap()).sum();
            let total = sum(texts.iter().map(String::as_str)).unwrap().total();
            prop_assert_eq!(total.as_decimal(), &expected);
        }
    }

    #[test]
    fn it_shows_as_many_decimals_as_the_longest_amount() {
        let shown = |texts: &[&str]| sum(texts.iter().copied()).unwrap().total().to_string();
        assert_eq!(shown(&[]), "0");
        assert_eq!(shown(&["1.50", "-0.5"]), "1.00");
        assert_eq!(shown(&["0.10", "0.00000000000000000000000000000000000001"]), "0.10000000000000000000000000000000000001");
    }

    #[test]
    fn what_is_no_decimal_adds_nothing() {
        let mut sum = sum(["1.5"]).unwrap();
        for text in ["", "-", "NaN", "1.2.3", "1,5"] {
            assert_eq!(sum.add(text), None, "{text}");
        }
        assert_eq!(sum.total().to_string(), "1.5");
    }
}
