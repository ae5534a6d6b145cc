//! A FOCUS charge: one line of a cloud bill, checked. Must not know the files, statements or documents it comes from and goes to.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::columns::{
    self, BILLED_COST, BILLING_CURRENCY, CHARGE_CATEGORY, CHARGE_PERIOD_END, CHARGE_PERIOD_START, COLUMNS, Column, ColumnKind,
    EFFECTIVE_COST, PROVIDER_NAME, PROVIDER_NAMES,
};
use super::money::Amount;
use super::{currency, moment};

/// What FOCUS allows as ChargeCategory.
pub const CATEGORIES: [&str; 5] = ["Usage", "Purchase", "Tax", "Credit", "Adjustment"];
/// Longest text a column may hold, in bytes.
pub const MAX_TEXT_BYTES: usize = 8_192;
/// Most tags, and most further columns, a charge may carry.
pub const MAX_ENTRIES: usize = 500;

/// A value of one column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// No value: SQL's NULL, a file's empty field.
    #[default]
    Absent,
    /// Free text.
    Text(String),
    /// An exact decimal.
    Amount(Amount),
    /// A moment, UTC.
    Moment(OffsetDateTime),
}

/// Names with their texts, in order of the names.
pub type Entries = BTreeMap<String, String>;

/// One charge. Every required column has a value of its kind, and every other one has a value of its kind or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    values: Vec<Value>,
    /// The charge's tags.
    pub tags: Entries,
    /// Columns that FOCUS does not name, `x_` ones among them, as they were written.
    pub extras: Entries,
}

/// What is wrong with a charge, and in which column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", COLUMNS.get(*column).map_or("charge", |column| column.name))]
pub struct Refusal {
    /// Position in [`COLUMNS`]; past its end where it is no single column.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
    /// The text that is wrong.
    pub text: String,
}

impl Refusal {
    fn new(column: usize, reason: impl Into<String>, text: &str) -> Refusal {
        Refusal { column, reason: reason.into(), text: text.to_owned() }
    }
}

/// Reads one column's text.
///
/// # Errors
/// Says what was expected.
pub fn read_value(column: &Column, text: &str) -> Result<Value, String> {
    match column.kind {
        ColumnKind::Text if text.len() > MAX_TEXT_BYTES => Err(format!("is longer than {MAX_TEXT_BYTES} bytes")),
        ColumnKind::Text if text.contains('\0') => Err("holds a NUL character".to_owned()),
        ColumnKind::Text => Ok(if text.trim().is_empty() { Value::Absent } else { Value::Text(text.trim().to_owned()) }),
        ColumnKind::Amount => text.parse().map(Value::Amount).map_err(|error: super::money::AmountError| error.to_string()),
        ColumnKind::Moment => moment::parse(text)
            .map(Value::Moment)
            .ok_or_else(|| "is not a date and time such as 2024-09-18T22:00:00Z or 2024-09-18 22:00:00".to_owned()),
    }
}

impl Charge {
    /// Checks the values, one per entry of [`COLUMNS`] and each of its column's kind, against the rules that make them a charge. The
    /// provider is taken from the newer columns where ProviderName has no value.
    ///
    /// # Errors
    /// [`Refusal`] with the first rule that is broken.
    pub fn new(mut values: Vec<Value>, tags: Entries, extras: Entries) -> Result<Charge, Refusal> {
        values.resize(columns::COUNT, Value::Absent);
        if values[PROVIDER_NAME] == Value::Absent {
            let provider = PROVIDER_NAMES.iter().map(|&position| &values[position]).find(|value| **value != Value::Absent);
            values[PROVIDER_NAME] = provider.cloned().unwrap_or_default();
        }
        let missing = COLUMNS.iter().zip(&values).position(|(column, value)| column.required && *value == Value::Absent);
        if let Some(column) = missing {
            return Err(Refusal::new(column, "has no value, and every charge needs one", ""));
        }
        if values[BILLED_COST] == Value::Absent && values[EFFECTIVE_COST] == Value::Absent {
            return Err(Refusal::new(BILLED_COST, "has no value, and neither has EffectiveCost", ""));
        }
        if let Value::Text(text) = &values[BILLING_CURRENCY] {
            let code = currency::parse(text).ok_or_else(|| Refusal::new(BILLING_CURRENCY, "is no currency code of ISO 4217", text))?;
            values[BILLING_CURRENCY] = Value::Text(code.to_owned());
        }
        if let Value::Text(category) = &values[CHARGE_CATEGORY] {
            let known = CATEGORIES.iter().find(|known| known.eq_ignore_ascii_case(category));
            let known = known.ok_or_else(|| Refusal::new(CHARGE_CATEGORY, format!("is none of {}", CATEGORIES.join(", ")), category))?;
            values[CHARGE_CATEGORY] = Value::Text((*known).to_owned());
        }
        if let (Value::Moment(start), Value::Moment(end)) = (&values[CHARGE_PERIOD_START], &values[CHARGE_PERIOD_END])
            && end < start
        {
            return Err(Refusal::new(CHARGE_PERIOD_END, "lies before ChargePeriodStart", &moment::format(*end)));
        }
        for (entries, what) in [(&tags, "tags"), (&extras, "further columns")] {
            check_entries(entries).map_err(|reason| Refusal::new(columns::COUNT, format!("{what}: {reason}"), ""))?;
        }
        Ok(Charge { values, tags, extras })
    }

    /// A charge that was checked before it was stored.
    #[must_use]
    pub fn stored(values: Vec<Value>, tags: Entries, extras: Entries) -> Charge {
        Charge { values, tags, extras }
    }

    /// The values, one per entry of [`COLUMNS`].
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The values, the tags and the further columns.
    #[must_use]
    pub fn into_parts(self) -> (Vec<Value>, Entries, Entries) {
        (self.values, self.tags, self.extras)
    }
}

fn check_entries(entries: &Entries) -> Result<(), String> {
    if entries.len() > MAX_ENTRIES {
        return Err(format!("there are more than {MAX_ENTRIES}"));
    }
    for text in entries.iter().flat_map(|(name, text)| [name, text]) {
        if text.len() > MAX_TEXT_BYTES {
            return Err(format!("one is longer than {MAX_TEXT_BYTES} bytes"));
        }
        if text.contains('\0') {
            return Err("one holds a NUL character".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Vec<Value> {
        let mut values = vec![Value::Absent; columns::COUNT];
        for (name, text) in pairs {
            let position = columns::position(name);
            values[position] = read_value(&COLUMNS[position], text).unwrap_or_else(|reason| panic!("{name} {reason}"));
        }
        values
    }

    const LEAST: [(&str, &str); 8] = [
        ("billed_cost", "1.50"),
        ("effective_cost", "1.50"),
        ("billing_currency", "USD"),
        ("charge_category", "usage"),
        ("charge_period_start", "2024-09-01"),
        ("charge_period_end", "2024-09-02"),
        ("provider_name", "AWS"),
        ("service_name", "Amazon S3"),
    ];

    fn charge(pairs: &[(&str, &str)]) -> Result<Charge, Refusal> {
        Charge::new(values(pairs), Entries::new(), Entries::new())
    }

    #[test]
    fn the_least_charge_is_whole_and_its_category_is_spelt_as_focus_spells_it() {
        let charge = charge(&LEAST).unwrap();
        assert_eq!(charge.values()[CHARGE_CATEGORY], Value::Text("Usage".to_owned()));
    }

    #[test]
    fn each_required_column_is_missed_by_name() {
        for (index, (name, _)) in LEAST.iter().enumerate().filter(|(_, (name, _))| COLUMNS[columns::position(name)].required) {
            let mut pairs = LEAST.to_vec();
            pairs.remove(index);
            let refusal = charge(&pairs).expect_err(name);
            assert_eq!(COLUMNS[refusal.column].name, *name);
        }
    }

    #[test]
    fn the_newer_names_of_the_provider_stand_in_for_the_old_one() {
        let mut pairs = LEAST.to_vec();
        pairs.retain(|(name, _)| *name != "provider_name");
        pairs.extend([("invoice_issuer_name", "Reseller"), ("service_provider_name", "Microsoft")]);
        assert_eq!(charge(&pairs).unwrap().values()[PROVIDER_NAME], Value::Text("Microsoft".to_owned()));
    }

    #[test]
    fn a_period_that_ends_before_it_starts_and_an_unknown_category_are_refused() {
        let mut pairs = LEAST.to_vec();
        pairs.push(("charge_period_end", "2024-08-31"));
        assert_eq!(charge(&pairs).unwrap_err().column, CHARGE_PERIOD_END);
        pairs.extend([("charge_period_end", "2024-09-02"), ("charge_category", "Gift")]);
        assert!(charge(&pairs).unwrap_err().to_string().starts_with("charge_category: is none of Usage"));
    }

    #[test]
    fn a_charge_needs_one_of_both_costs() {
        let without = |names: &[&str]| charge(&LEAST.iter().filter(|(name, _)| !names.contains(name)).copied().collect::<Vec<_>>());
        assert!(without(&["billed_cost"]).is_ok() && without(&["effective_cost"]).is_ok());
        assert_eq!(without(&["billed_cost", "effective_cost"]).unwrap_err().column, BILLED_COST);
    }

    #[test]
    fn currencies_are_codes_in_upper_case() {
        let with = |currency: &'static str| charge(&[&LEAST[..], &[("billing_currency", currency)]].concat());
        assert_eq!(with("usd ").unwrap().values()[BILLING_CURRENCY], Value::Text("USD".to_owned()));
        assert_eq!(with("US Dollar").unwrap_err().to_string(), "billing_currency: is no currency code of ISO 4217");
    }
}
