//! Every plan that an arm might run on: what an instance of it is, and which meters charge for it at which list price.
//! Must not know traffic, nor what a plan costs under it.
//!
//! The data are `plans.json` beside this file: each price with its source and the day it was read there, each plan with the source of its size.
//! A meter whose price no public source gives has none until prices are fetched.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bigdecimal::BigDecimal;
use serde::Deserialize;
use time::Date;
use time::macros::format_description;

use crate::domain::money::Amount;

/// Plans, meters and where they were read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Region whose list prices these are.
    pub region: String,
    /// ISO 4217 code.
    pub currency: String,
    sources: BTreeMap<String, PriceSource>,
    prices: BTreeMap<String, Option<CataloguePrice>>,
    /// Every plan.
    pub plans: Vec<CataloguePlan>,
}

/// Where facts of the catalogue were read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSource {
    /// What it is.
    pub title: String,
    /// Its address.
    pub url: String,
    /// When it was read; for a source of several dates, the middle of them.
    #[serde(deserialize_with = "date")]
    pub read: Date,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CataloguePrice {
    amount: Amount,
    source: String,
    /// List prices of other regions.
    #[serde(default)]
    elsewhere: BTreeMap<String, Amount>,
}

/// A list price of one unit of a meter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedPrice<'a> {
    /// The amount, in the catalogue's currency.
    pub amount: &'a BigDecimal,
    /// The region it holds in.
    pub region: &'a str,
    /// Where and when it was read.
    pub source: &'a PriceSource,
}

/// One plan.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CataloguePlan {
    /// Its name, as settings and reports use it.
    pub name: String,
    /// Cores of an instance.
    pub vcpu: Amount,
    /// Memory of an instance, MB. On Consumption, the most that an execution may use.
    pub memory_mb: u32,
    /// Calls in flight at which the platform adds an instance, by default; none where it adds none by calls in flight.
    pub concurrency: Option<u32>,
    /// Fewest instances that run, and are paid, whatever comes.
    pub min_instances: u32,
    /// What a free plan allows in a day.
    pub cpu_minutes_per_day: Option<u32>,
    source: String,
    /// How it is charged.
    pub billed: Billed,
}

/// How a plan is charged, with its meters' names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Billed {
    /// Instances by the hour, whatever they serve.
    InstanceHour {
        /// Meter of an instance's hour.
        hour: String,
    },
    /// Cores and memory of instances by the hour: Functions Elastic Premium.
    CoresAndMemory {
        /// Meter of a core's hour.
        vcpu_hour: String,
        /// Meter of a gigabyte's hour.
        gb_hour: String,
    },
    /// Each execution by itself, its memory times its duration: Functions Consumption.
    Execution(UseMeters),
    /// Time with at least one call in flight, by instance: Functions Flex Consumption on demand.
    Activity(UseMeters),
    /// The same with instances that are always there: Functions Flex Consumption, always ready.
    AlwaysReady {
        /// Meter of their memory, all the time.
        baseline_gb_second: String,
        /// Meter of their memory while they are active, beside the baseline.
        gb_second: String,
        /// Meter of their executions.
        million_executions: String,
        /// What serves calls that they cannot take.
        on_demand: UseMeters,
    },
    /// Replicas by the second: Container Apps, consumption.
    Replica {
        /// How long a replica outlives its last call before it is scaled to zero, s.
        cooldown_s: u32,
        /// Meter of an active core's second.
        vcpu_second: MeterWithGrant,
        /// Meter of an idle core's second, which only replicas of the minimum have.
        idle_vcpu_second: String,
        /// Meter of a gibibyte's second.
        gib_second: MeterWithGrant,
        /// Meter of requests.
        million_requests: MeterWithGrant,
    },
}

/// The meters of a plan that is paid by use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UseMeters {
    /// Meter of memory times time.
    pub gb_second: MeterWithGrant,
    /// Meter of executions.
    pub million_executions: MeterWithGrant,
}

/// A meter and how much of it a subscription has free each month.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterWithGrant {
    /// The meter's name.
    pub meter: String,
    /// Free units each month.
    pub free: Amount,
}

fn date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    Date::parse(&text, format_description!("[year]-[month]-[day]")).map_err(serde::de::Error::custom)
}

static EMBEDDED: LazyLock<Catalogue> =
    LazyLock::new(|| serde_json::from_str(include_str!("plans.json")).expect("the embedded catalogue is read by a test"));

impl Catalogue {
    /// The catalogue that comes with the program.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// The plan of this name.
    #[must_use]
    pub fn plan(&self, name: &str) -> Option<&CataloguePlan> {
        self.plans.iter().find(|plan| plan.name == name)
    }

    /// The list price of `meter` in the catalogue's region; none where no source gives one, or where there is no such meter.
    #[must_use]
    pub fn price(&self, meter: &str) -> Option<ListedPrice<'_>> {
        self.prices_of(meter).next()
    }

    /// Every list price of `meter`, the catalogue's region first.
    pub fn prices_of(&self, meter: &str) -> impl Iterator<Item = ListedPrice<'_>> {
        let price = self.prices.get(meter).and_then(Option::as_ref);
        let priced = price.and_then(|price| Some((price, self.sources.get(&price.source)?)));
        priced.into_iter().flat_map(|(price, source)| {
            let regions = std::iter::once((&self.region, &price.amount)).chain(&price.elsewhere);
            regions.map(move |(region, amount)| ListedPrice { amount: amount.as_decimal(), region, source })
        })
    }

    /// Every meter's name, priced or not.
    pub fn meters(&self) -> impl Iterator<Item = &str> {
        self.prices.keys().map(String::as_str)
    }

    /// Where the size of `plan` was read.
    #[must_use]
    pub fn source_of(&self, plan: &CataloguePlan) -> Option<&PriceSource> {
        self.sources.get(&plan.source)
    }
}

impl CataloguePlan {
    /// The names of all its meters.
    #[must_use]
    pub fn meters(&self) -> Vec<&str> {
        match &self.billed {
            Billed::InstanceHour { hour } => vec![hour],
            Billed::CoresAndMemory { vcpu_hour, gb_hour } => vec![vcpu_hour, gb_hour],
            Billed::Execution(meters) | Billed::Activity(meters) => meters.names().to_vec(),
            Billed::AlwaysReady { baseline_gb_second, gb_second, million_executions, on_demand } => {
                [&[baseline_gb_second.as_str(), gb_second, million_executions][..], &on_demand.names()].concat()
            }
            Billed::Replica { vcpu_second, idle_vcpu_second, gib_second, million_requests, .. } => {
                vec![&vcpu_second.meter, idle_vcpu_second, &gib_second.meter, &million_requests.meter]
            }
        }
    }
}

impl UseMeters {
    fn names(&self) -> [&str; 2] {
        [&self.gb_second.meter, &self.million_executions.meter]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use time::macros::date;

    use super::*;

    #[test]
    fn every_price_has_a_date_and_a_source_and_every_plan_its_meters() {
        let catalogue = Catalogue::embedded();
        assert_eq!((catalogue.region.as_str(), catalogue.currency.as_str()), ("eastus", "USD"));
        let named: BTreeSet<&str> = catalogue.plans.iter().map(|plan| plan.name.as_str()).collect();
        assert_eq!(named.len(), catalogue.plans.len(), "a name is one plan's");
        let plans = catalogue.plans.iter().flat_map(CataloguePlan::meters);
        // What both arms share is no plan's.
        let shared = ["application-insights/gb", "container-registry/basic/30-days", "postgresql/B1ms/hour"];
        let used: BTreeSet<&str> = plans.chain(shared).collect();
        assert_eq!(used, catalogue.meters().collect(), "each meter is some plan's or shared, and each of them is listed");
        for (meter, price) in &catalogue.prices {
            if let Some(price) = price {
                let listed = catalogue.price(meter).unwrap_or_else(|| panic!("{meter} names no source: {}", price.source));
                assert!(listed.source.url.starts_with("https://") && listed.source.read > date!(2024 - 01 - 01), "{meter}");
                assert!((BigDecimal::from(0)..BigDecimal::from(10)).contains(listed.amount), "{meter}");
            }
        }
        for plan in &catalogue.plans {
            assert!(catalogue.source_of(plan).is_some() && plan.memory_mb >= 512, "{}", plan.name);
            assert!(plan.vcpu.as_decimal() > &BigDecimal::from(0) && plan.concurrency != Some(0), "{}", plan.name);
        }
        let read = catalogue.sources.keys().filter(|source| {
            catalogue.plans.iter().any(|plan| &plan.source == *source)
                || catalogue.prices.values().flatten().any(|price| &price.source == *source)
        });
        assert_eq!(read.count(), catalogue.sources.len(), "each source is some fact's");
    }

    #[test]
    fn a_meter_without_a_public_price_has_none() {
        let catalogue = Catalogue::embedded();
        assert!(catalogue.meters().any(|meter| meter == "app-service/P3v4/hour"));
        assert_eq!((catalogue.price("app-service/P3v4/hour"), catalogue.price("no/such/meter")), (None, None));
    }
}
