//! Billing months: what an export is replaced by, and what the ledger is partitioned by. Must not know where charges are kept.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::charge::{Charge, Value};
use super::columns::{BILLING_PERIOD_START, CHARGE_PERIOD_START};

/// How long before a month's end, in UTC, a billing period that belongs to the next month may begin: bills written in local time east
/// of Greenwich, by up to 14 hours, begin their months early.
pub const EASTERNMOST_OFFSET: Duration = Duration::hours(14);

/// A calendar month that charges are billed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillingMonth(Date);

impl BillingMonth {
    /// The month a charge is billed in: its billing period's, or its charge period's where it names none.
    #[must_use]
    pub fn of(charge: &Charge) -> BillingMonth {
        match (&charge.values()[BILLING_PERIOD_START], &charge.values()[CHARGE_PERIOD_START]) {
            (Value::Moment(start), _) => BillingMonth::at(start.checked_add(EASTERNMOST_OFFSET).unwrap_or(*start)),
            (_, Value::Moment(start)) => BillingMonth::at(*start),
            _ => BillingMonth::at(OffsetDateTime::UNIX_EPOCH),
        }
    }

    /// The month `moment` lies in, UTC.
    #[must_use]
    pub fn at(moment: OffsetDateTime) -> BillingMonth {
        BillingMonth::containing(moment.to_offset(UtcOffset::UTC).date())
    }

    /// The month `day` lies in.
    #[must_use]
    pub fn containing(day: Date) -> BillingMonth {
        BillingMonth(day.replace_day(1).unwrap_or(day))
    }

    /// Its first day.
    #[must_use]
    pub const fn first_day(self) -> Date {
        self.0
    }
}

impl fmt::Display for BillingMonth {
    /// As in `2026-09`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}-{:02}", self.0.year(), u8::from(self.0.month()))
    }
}

/// Not a month such as `2026-09`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a month such as 2026-09")]
pub struct BillingMonthError;

impl FromStr for BillingMonth {
    type Err = BillingMonthError;

    /// Reads `2026-09`, and any day or moment of the month.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let whole = if text.len() == 7 { format!("{text}-01") } else { text.to_owned() };
        super::moment::parse(&whole).map(BillingMonth::at).ok_or(BillingMonthError)
    }
}

impl Serialize for BillingMonth {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BillingMonth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl From<Date> for BillingMonth {
    fn from(day: Date) -> Self {
        BillingMonth::containing(day)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::charge::Entries;
    use crate::domain::columns::{self, COLUMNS};

    fn month(billing_period_start: &str, charge_period_start: &str) -> String {
        let mut values = vec![Value::Absent; columns::COUNT];
        let pairs = [
            ("billed_cost", "1"),
            ("effective_cost", "1"),
            ("billing_currency", "USD"),
            ("charge_category", "Usage"),
            ("charge_period_start", charge_period_start),
            ("charge_period_end", "2030-01-01"),
            ("billing_period_start", billing_period_start),
            ("provider_name", "p"),
            ("service_name", "s"),
        ];
        for (name, text) in pairs.into_iter().filter(|(_, text)| !text.is_empty()) {
            let position = columns::position(name);
            values[position] = crate::domain::charge::read_value(&COLUMNS[position], text).unwrap();
        }
        BillingMonth::of(&Charge::new(values, Entries::new(), Entries::new()).unwrap()).to_string()
    }

    #[test]
    fn a_charge_is_billed_in_its_billing_period_or_else_in_the_month_it_starts_in() {
        assert_eq!(month("2026-09-01", "2026-08-31T23:00:00Z"), "2026-09");
        assert_eq!(month("2026-09-05", "2026-09-30"), "2026-09");
        assert_eq!(month("", "2026-08-31T23:00:00Z"), "2026-08");
    }

    #[test]
    fn a_billing_period_that_begins_in_an_eastern_time_zone_is_still_its_own_month() {
        assert_eq!(month("2026-09-01T00:00:00+02:00", "2026-09-01"), "2026-09");
        assert_eq!(month("2026-09-01T00:00:00+14:00", "2026-09-01"), "2026-09");
        assert_eq!(month("2026-09-01T00:00:00-10:00", "2026-09-01"), "2026-09");
    }

    #[test]
    fn months_are_read_as_they_are_written_and_by_any_day_of_theirs() {
        let september = BillingMonth::at(datetime!(2026-09-30 23:59 UTC));
        for text in ["2026-09", "2026-09-01", "2026-09-17", "2026-09-01T00:00:00Z", &september.to_string()] {
            assert_eq!(text.parse(), Ok(september), "{text}");
        }
        assert_eq!("2026".parse::<BillingMonth>(), Err(BillingMonthError));
        assert_eq!("2026-13".parse::<BillingMonth>(), Err(BillingMonthError));
    }
}
