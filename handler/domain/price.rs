//! Unit prices: which meters the comparison needs, a dated snapshot of list prices, and what overrides it.
//! Must not know where newer prices come from.

use std::fmt;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde::Serialize;
use time::{Date, OffsetDateTime};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::catalogue::Catalogue;

/// Something Azure charges for, by its name in the catalogue, which ends with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meter(&'static str);

impl Meter {
    /// PostgreSQL Flexible Server B1ms, one hour.
    pub const POSTGRESQL_B1MS_HOUR: Meter = Meter("postgresql/B1ms/hour");
    /// Container Registry Basic, thirty days.
    pub const REGISTRY_BASIC_THIRTY_DAYS: Meter = Meter("container-registry/basic/30-days");

    /// Every meter, by name.
    pub fn all() -> impl Iterator<Item = Meter> {
        Catalogue::embedded().meters().map(Meter)
    }

    /// The meter's name in settings, the store and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Meters that tests price.
#[expect(missing_docs, reason = "a name says it")]
#[cfg(test)]
impl Meter {
    pub const B1_HOUR: Meter = Meter("app-service/B1/hour");
    pub const FLEX_GB_SECOND: Meter = Meter("functions/flex/gb-second");
}

impl fmt::Display for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl PartialSchema for Meter {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Meter::all().map(Meter::as_str))).into()
    }
}

impl ToSchema for Meter {}

impl Serialize for Meter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl FromStr for Meter {
    type Err = PriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Meter::all().find(|meter| meter.0 == text).ok_or_else(|| PriceError::UnknownMeter(text.chars().take(60).collect()))
    }
}

/// The region whose list prices stand in where a region has none of its own.
pub const REFERENCE_REGION: &str = "eastus";

/// What stands for a region where a system runs on a machine of one's own.
pub const LOCAL_REGION: &str = "local";

/// One unit price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// What is charged for.
    pub meter: Meter,
    /// Azure region it holds in.
    pub region: String,
    /// Price of one unit of the meter, in [`Price::currency`].
    pub amount: BigDecimal,
    /// ISO 4217 code.
    pub currency: String,
    /// The last day it was known to hold.
    pub as_of: Date,
    /// When it was fetched from the provider; none for one that was not.
    pub fetched_at: Option<OffsetDateTime>,
    /// Where it was read.
    pub source: String,
}

/// Why a price was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// No meter has this name.
    #[error("'{0}' is not a meter: expected one of {names}", names = Meter::all().map(Meter::as_str).collect::<Vec<_>>().join(", "))]
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

impl PriceBook {
    /// The list prices that come with the program, each as of the day it was read.
    #[must_use]
    pub fn embedded() -> Self {
        let catalogue = Catalogue::embedded();
        let of = |meter: Meter| {
            catalogue.prices_of(meter.0).map(move |listed| Price {
                meter,
                region: listed.region.to_owned(),
                amount: listed.amount.clone(),
                currency: catalogue.currency.clone(),
                as_of: listed.source.read,
                fetched_at: None,
                source: listed.source.title.clone(),
            })
        };
        PriceBook(Meter::all().flat_map(of).collect())
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
        self.named(meter.0, region)
    }

    /// The price of the meter called `meter`, as [`PriceBook::find`].
    #[must_use]
    pub fn named(&self, meter: &str, region: &str) -> Option<&Price> {
        let of_meter = || self.0.iter().filter(|price| price.meter.0 == meter);
        let own = of_meter().find(|price| price.region == region || price.region == ANY_REGION);
        own.or_else(|| of_meter().find(|price| price.region == REFERENCE_REGION))
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
            fetched_at: None,
            source: "override by setting or file".to_owned(),
        }
    }
}

/// A unit price with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceUsed {
    /// What is charged for.
    pub meter: Meter,
    /// USD a unit.
    #[schema(value_type = String)]
    pub amount: BigDecimal,
    /// Region it holds in; may be the reference region.
    pub region: String,
    /// The last day it was known to hold.
    #[serde(serialize_with = "iso_date")]
    #[schema(value_type = String, format = Date, example = "2026-11-01")]
    pub as_of: Date,
    /// When it was fetched from the provider; null for one that was not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub fetched_at: Option<OffsetDateTime>,
    /// Where it was read.
    pub source: String,
}

impl From<&Price> for PriceUsed {
    fn from(price: &Price) -> Self {
        PriceUsed {
            meter: price.meter,
            amount: price.amount.clone(),
            region: price.region.clone(),
            as_of: price.as_of,
            fetched_at: price.fetched_at,
            source: price.source.clone(),
        }
    }
}

/// A date as JSON has it: `2026-11-23`.
///
/// # Errors
/// The serialiser's own.
pub fn iso_date<S: serde::Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

impl PriceUsed {
    /// Whether another region's price stands in for that of `region`.
    #[must_use]
    pub fn is_elsewhere(&self, region: &str) -> bool {
        self.region != region && self.region != ANY_REGION
    }
}

/// Prices older than this are said to be, days.
const MAX_AGE_DAYS: i64 = 90;

/// Says how old the oldest of `prices` is on `today`, where that is too old to rest on.
#[must_use]
pub fn stale_prices<'a>(prices: impl IntoIterator<Item = &'a PriceUsed>, today: Date) -> Option<String> {
    let oldest = prices.into_iter().min_by_key(|price| price.as_of)?;
    let days = (today - oldest.as_of).whole_days();
    let (meter, as_of) = (oldest.meter, oldest.as_of);
    (days > MAX_AGE_DAYS)
        .then(|| format!("prices are up to {days} days old ({meter} as of {as_of}); switchback prices update fetches newer ones"))
}

/// Reads overrides, `meter=amount` in USD separated by commas or, as a file has them, line ends; such as `app-service/B1/hour=0.018`. What
/// follows a `#` is a comment.
///
/// # Errors
/// The first entry that is no override, names no meter, or has no amount of 0 or more.
pub fn parse_overrides(text: &str) -> Result<Vec<PriceOverride>, PriceError> {
    let short = |text: &str| text.chars().take(60).collect::<String>();
    text.lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split(','))
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
    use time::macros::date;

    use super::*;

    const TODAY: Date = date!(2026 - 11 - 23);

    fn amount(book: &PriceBook, meter: Meter, region: &str) -> String {
        book.find(meter, region).expect("a price").amount.to_string()
    }

    #[test]
    fn the_snapshot_prices_what_is_published_and_dates_it() {
        let book = PriceBook::embedded();
        let unpriced: Vec<&str> = Meter::all().filter(|meter| book.find(*meter, "nowhere").is_none()).map(Meter::as_str).collect();
        assert_eq!(unpriced, ["app-service/P2v4/hour", "app-service/P3v4/hour"]);
        for meter in Meter::all() {
            assert_eq!(meter.as_str().parse(), Ok(meter));
        }
        assert_eq!(amount(&book, Meter::POSTGRESQL_B1MS_HOUR, "westus"), "0.022");
        assert_eq!(amount(&book, Meter::POSTGRESQL_B1MS_HOUR, "westeurope"), "0.017", "the reference region stands in");
        assert_eq!(book.find(Meter::POSTGRESQL_B1MS_HOUR, "eastus").map(|price| price.as_of), Some(date!(2025 - 01 - 01)));
        assert!(Meter::REGISTRY_BASIC_THIRTY_DAYS.as_str().parse::<Meter>().is_ok());
    }

    #[test]
    fn an_override_wins_everywhere() {
        let overrides = parse_overrides("postgresql/B1ms/hour=0.02, app-service/B1/hour=0.018,").expect("overrides");
        let book = PriceBook::in_use(Vec::new(), &overrides, TODAY);
        assert_eq!(amount(&book, Meter::POSTGRESQL_B1MS_HOUR, "westus"), "0.02");
        assert_eq!(amount(&book, Meter::B1_HOUR, "eastus"), "0.018");
        assert_eq!(amount(&book, Meter::FLEX_GB_SECOND, "eastus"), "0.000026");
    }

    #[test]
    fn a_file_of_overrides_has_lines_and_comments() {
        let file = "# our agreement of June\npostgresql/B1ms/hour = 0.02\n\napp-service/B1/hour=0.018 # until May\n";
        assert_eq!(parse_overrides(file), parse_overrides("postgresql/B1ms/hour=0.02,app-service/B1/hour=0.018"));
    }

    #[test]
    fn bad_overrides_say_what_is_wrong() {
        let error = |text: &str| parse_overrides(text).expect_err("refused");
        assert_eq!(error("app-service/B1/hour"), PriceError::BadOverride("app-service/B1/hour".into()));
        assert_eq!(error("app-service/B9/hour=1"), PriceError::UnknownMeter("app-service/B9/hour".into()));
        for amount in ["", "-1", "1e999999999", "free", "0.0.1", "."] {
            assert_eq!(error(&format!("app-service/B1/hour={amount}")), PriceError::BadAmount(amount.into()));
        }
    }
}
