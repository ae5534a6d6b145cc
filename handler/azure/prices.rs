//! List prices from Azure's Retail Prices API: <https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices>.
//!
//! Owns how our meters are found among Azure's. Must not know where prices are kept or what they are for.

use std::time::Duration;

use bigdecimal::BigDecimal;
use reqwest::Url;
use serde::Deserialize;
use time::{Date, OffsetDateTime};

use crate::domain::price::{Meter, Price};

/// Where the API is.
pub const RETAIL_PRICES: &str = "https://prices.azure.com/api/retail/prices";

const API_VERSION: &str = "2023-01-01-preview";
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most pages for one service in one region; a handful is usual.
const MAX_PAGES: usize = 100;
/// The currency prices are requested in: Azure rounds them in any other.
const CURRENCY: &str = "USD";

/// Why prices could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The text is not the name of an Azure region.
    #[error("'{0}' is not the name of an Azure region, such as westeurope")]
    Region(String),
    /// The API's address cannot be used.
    #[error("'{0}' is not an address of the prices API")]
    Address(String),
    /// The API did not answer, or not as documented.
    #[error("the prices API did not answer as documented")]
    Http(#[from] reqwest::Error),
    /// The API's pages lead elsewhere.
    #[error("the prices API's next page is at another host: {0}")]
    Elsewhere(String),
    /// The pages do not end.
    #[error("the prices API's pages do not end")]
    Endless,
}

/// One row of the price list; names are the API's.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RetailItem {
    currency_code: String,
    #[serde(default)]
    tier_minimum_units: f64,
    retail_price: f64,
    meter_name: String,
    product_name: String,
    sku_name: String,
    unit_of_measure: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    is_primary_meter_region: bool,
    effective_start_date: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RetailPage {
    items: Vec<RetailItem>,
    next_page_link: Option<String>,
}

/// How one of our meters is found in the price list. Linux products end in `- Linux`; the others are for Windows.
struct Listing {
    /// The meter's name.
    meter: &'static str,
    service: &'static str,
    product: &'static str,
    /// Without spaces, in lower case: Azure writes both `P0v3` and `P1 v3`.
    sku: &'static str,
    /// What the meter's name begins with, where the product and SKU have several.
    name: &'static str,
    unit: &'static str,
    /// How many of Azure's units make one of ours.
    units: u32,
}

const fn app_service(meter: &'static str, product: &'static str, sku: &'static str, name: &'static str) -> Listing {
    Listing { meter, service: "Azure App Service", product, sku, name, unit: "1 Hour", units: 1 }
}

const fn functions(meter: &'static str, product: &'static str, sku: &'static str, name: &'static str, unit: &'static str) -> Listing {
    Listing { meter, service: "Functions", product, sku, name, unit, units: 1 }
}

/// Executions are priced in tens.
const fn executions(meter: &'static str, product: &'static str, sku: &'static str, name: &'static str) -> Listing {
    Listing { units: 100_000, ..functions(meter, product, sku, name, "10") }
}

const fn container_apps(meter: &'static str, name: &'static str, unit: &'static str) -> Listing {
    Listing { meter, service: "Azure Container Apps", product: "Azure Container Apps", sku: "standard", name, unit, units: 1 }
}

const FREE: &str = "Azure App Service Free Plan - Linux";
const BASIC: &str = "Azure App Service Basic Plan - Linux";
const STANDARD: &str = "Azure App Service Standard Plan - Linux";
const PREMIUM_V3: &str = "Azure App Service Premium v3 Plan - Linux";
const PREMIUM_V4: &str = "Azure App Service Premium v4 Plan - Linux";
const FLEX: &str = "Flex Consumption";

/// Those of one service together.
const LISTINGS: [Listing; 31] = [
    app_service("app-service/F1/hour", FREE, "f1", "F1"),
    app_service("app-service/B1/hour", BASIC, "b1", "B1"),
    app_service("app-service/B2/hour", BASIC, "b2", "B2"),
    app_service("app-service/B3/hour", BASIC, "b3", "B3"),
    app_service("app-service/S1/hour", STANDARD, "s1", "S1"),
    app_service("app-service/S2/hour", STANDARD, "s2", "S2"),
    app_service("app-service/S3/hour", STANDARD, "s3", "S3"),
    app_service("app-service/P0v3/hour", PREMIUM_V3, "p0v3", "P0"),
    app_service("app-service/P1v3/hour", PREMIUM_V3, "p1v3", "P1"),
    app_service("app-service/P2v3/hour", PREMIUM_V3, "p2v3", "P2"),
    app_service("app-service/P3v3/hour", PREMIUM_V3, "p3v3", "P3"),
    app_service("app-service/P0v4/hour", PREMIUM_V4, "p0v4", "P0"),
    app_service("app-service/P1v4/hour", PREMIUM_V4, "p1v4", "P1"),
    app_service("app-service/P2v4/hour", PREMIUM_V4, "p2v4", "P2"),
    app_service("app-service/P3v4/hour", PREMIUM_V4, "p3v4", "P3"),
    functions("functions/elastic-premium/vcpu-hour", "Premium Functions", "premium", "Premium vCPU Duration", "1 Hour"),
    functions("functions/elastic-premium/gb-hour", "Premium Functions", "premium", "Premium Memory Duration", "1 GiB Hour"),
    functions("functions/consumption/gb-second", "Functions", "standard", "Standard Execution Time", "1 GB Second"),
    executions("functions/consumption/million-executions", "Functions", "standard", "Standard Total Executions"),
    functions("functions/flex/gb-second", FLEX, "ondemand", "On Demand Execution Time", "1 GB Second"),
    executions("functions/flex/million-executions", FLEX, "ondemand", "On Demand Total Executions"),
    functions("functions/flex-always-ready/baseline-gb-second", FLEX, "alwaysready", "Always Ready Baseline", "1 GB Second"),
    functions("functions/flex-always-ready/gb-second", FLEX, "alwaysready", "Always Ready Execution Time", "1 GB Second"),
    executions("functions/flex-always-ready/million-executions", FLEX, "alwaysready", "Always Ready Total Executions"),
    container_apps("container-apps/vcpu-second", "Standard vCPU Active Usage", "1 Second"),
    container_apps("container-apps/idle-vcpu-second", "Standard vCPU Idle Usage", "1 Second"),
    container_apps("container-apps/gib-second", "Standard Memory Active Usage", "1 GiB Second"),
    container_apps("container-apps/million-requests", "Standard Requests", "1M"),
    Listing {
        meter: "postgresql/B1ms/hour",
        service: "Azure Database for PostgreSQL",
        product: "Azure Database for PostgreSQL Flexible Server Burstable BS Series Compute",
        sku: "b1ms",
        name: "B1MS",
        unit: "1 Hour",
        units: 1,
    },
    Listing {
        meter: "container-registry/basic/30-days",
        service: "Container Registry",
        product: "Container Registry",
        sku: "basic",
        name: "Basic Registry Unit",
        unit: "1/Day",
        units: 30,
    },
    // Application Insights keeps its data in a Log Analytics workspace, which is what is charged.
    Listing {
        meter: "application-insights/gb",
        service: "Log Analytics",
        product: "Log Analytics",
        sku: "analyticslogs",
        name: "Analytics Logs Data Ingestion",
        unit: "1 GB",
        units: 1,
    },
];

impl Listing {
    fn matches(&self, item: &RetailItem) -> bool {
        let sku = item.sku_name.replace(' ', "").to_lowercase();
        item.kind == "Consumption"
            && item.currency_code == CURRENCY
            && item.product_name == self.product
            && sku == self.sku
            && item.meter_name.starts_with(self.name)
            && item.unit_of_measure == self.unit
            && item.retail_price >= 0.0
    }

    /// The price among `items`. Free grants are rows of a lower tier: the highest tier is what use beyond them costs.
    fn price(&self, items: &[RetailItem], region: &str, now: OffsetDateTime) -> Option<Price> {
        let order = |item: &&RetailItem| (item.is_primary_meter_region, tier(item), item.effective_start_date.clone());
        let item = items.iter().filter(|item| self.matches(item)).max_by_key(order)?;
        // The shortest text that reads back as the same number is the price as it was listed.
        let listed: BigDecimal = item.retail_price.to_string().parse().ok()?;
        let since = day(&item.effective_start_date)?;
        Some(Price {
            meter: self.meter.parse().ok()?,
            region: region.to_owned(),
            amount: (listed * BigDecimal::from(self.units)).normalized(),
            currency: CURRENCY.to_owned(),
            as_of: now.date(),
            fetched_at: Some(now),
            source: format!("Azure Retail Prices API, {}, {}, in force since {since}", item.product_name, item.meter_name),
        })
    }
}

fn tier(item: &RetailItem) -> u64 {
    // The bits of floats of 0 and more are in the order of their values.
    item.tier_minimum_units.max(0.0).to_bits()
}

fn day(moment: &str) -> Option<Date> {
    crate::domain::moment::parse(moment).map(OffsetDateTime::date)
}

/// What was found of a region's price list.
#[derive(Debug)]
pub struct Fetched {
    /// The prices.
    pub prices: Vec<Price>,
    /// Meters the list has no price for.
    pub missing: Vec<Meter>,
}

/// Fetches the prices of every meter in `region` from the API at `address`; `now` dates them.
///
/// # Errors
/// [`PricesError`]; nothing is returned then.
pub async fn fetch(client: &reqwest::Client, address: &str, region: &str, now: OffsetDateTime) -> Result<Fetched, PricesError> {
    if region.is_empty() || region.len() > 40 || !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err(PricesError::Region(region.chars().take(60).collect()));
    }
    let mut fetched = Fetched { prices: Vec::new(), missing: Vec::new() };
    let mut services: Vec<&str> = LISTINGS.iter().map(|listing| listing.service).collect();
    services.dedup();
    for service in services {
        let items = service_items(client, address, service, region).await?;
        for listing in LISTINGS.iter().filter(|listing| listing.service == service) {
            match listing.price(&items, region, now) {
                Some(price) => fetched.prices.push(price),
                None => fetched.missing.extend(listing.meter.parse::<Meter>()),
            }
        }
    }
    Ok(fetched)
}

async fn service_items(client: &reqwest::Client, address: &str, service: &str, region: &str) -> Result<Vec<RetailItem>, PricesError> {
    let filter = format!("serviceName eq '{service}' and armRegionName eq '{region}' and priceType eq 'Consumption'");
    let parameters = [("api-version", API_VERSION), ("currencyCode", "'USD'"), ("$filter", &filter)];
    let bad_address = || PricesError::Address(address.chars().take(200).collect());
    let first = Url::parse_with_params(address, parameters).map_err(|_| bad_address())?;
    let mut items = Vec::new();
    let mut next = first.clone();
    for _ in 0..MAX_PAGES {
        let page: RetailPage = client.get(next).timeout(TIMEOUT).send().await?.error_for_status()?.json().await?;
        items.extend(page.items);
        let Some(link) = page.next_page_link.filter(|link| !link.is_empty()) else { return Ok(items) };
        next = Url::parse(&link).map_err(|_| PricesError::Elsewhere(link.chars().take(200).collect()))?;
        // An explicit default port is the same place.
        let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
        if place(&next) != place(&first) {
            return Err(PricesError::Elsewhere(next.to_string()));
        }
    }
    Err(PricesError::Endless)
}

#[cfg(test)]
mod tests;
