//! List prices from Azure's Retail Prices API: <https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices>.
//!
//! Owns how our meters are found among Azure's. Must not know where prices are kept or what they are for.

use std::time::Duration;

use bigdecimal::BigDecimal;
use reqwest::Url;
use serde::Deserialize;
use time::{Date, OffsetDateTime};

use crate::domain::plan::AppServiceSize;
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
    meter: Meter,
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

const fn app_service(size: AppServiceSize, product: &'static str, sku: &'static str, name: &'static str) -> Listing {
    let meter = Meter::AppServiceHour(size);
    Listing { meter, service: "Azure App Service", product, sku, name, unit: "1 Hour", units: 1 }
}

const fn functions(meter: Meter, product: &'static str, sku: &'static str, name: &'static str, unit: &'static str, units: u32) -> Listing {
    Listing { meter, service: "Functions", product, sku, name, unit, units }
}

const LISTINGS: [Listing; 12] = [
    app_service(AppServiceSize::F1, "Azure App Service Free Plan - Linux", "f1", "F1"),
    app_service(AppServiceSize::B1, "Azure App Service Basic Plan - Linux", "b1", "B1"),
    app_service(AppServiceSize::S1, "Azure App Service Standard Plan - Linux", "s1", "S1"),
    app_service(AppServiceSize::P0v3, "Azure App Service Premium v3 Plan - Linux", "p0v3", "P0"),
    app_service(AppServiceSize::P1v3, "Azure App Service Premium v3 Plan - Linux", "p1v3", "P1"),
    functions(Meter::ConsumptionGbSecond, "Functions", "standard", "Standard Execution Time", "1 GB Second", 1),
    // Executions are priced in tens.
    functions(Meter::ConsumptionMillionExecutions, "Functions", "standard", "Standard Total Executions", "10", 100_000),
    functions(Meter::FlexGbSecond, "Flex Consumption", "ondemand", "On Demand Execution Time", "1 GB Second", 1),
    functions(Meter::FlexMillionExecutions, "Flex Consumption", "ondemand", "On Demand Total Executions", "10", 100_000),
    Listing {
        meter: Meter::PostgresqlB1msHour,
        service: "Azure Database for PostgreSQL",
        product: "Azure Database for PostgreSQL Flexible Server Burstable BS Series Compute",
        sku: "b1ms",
        name: "B1MS",
        unit: "1 Hour",
        units: 1,
    },
    Listing {
        meter: Meter::RegistryBasicThirtyDays,
        service: "Container Registry",
        product: "Container Registry",
        sku: "basic",
        name: "Basic Registry Unit",
        unit: "1/Day",
        units: 30,
    },
    // Application Insights keeps its data in a Log Analytics workspace, which is what is charged.
    Listing {
        meter: Meter::ApplicationInsightsGb,
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
    fn price(&self, items: &[RetailItem], region: &str) -> Option<Price> {
        let order = |item: &&RetailItem| (item.is_primary_meter_region, tier(item), item.effective_start_date.clone());
        let item = items.iter().filter(|item| self.matches(item)).max_by_key(order)?;
        // The shortest text that reads back as the same number is the price as it was listed.
        let listed: BigDecimal = item.retail_price.to_string().parse().ok()?;
        Some(Price {
            meter: self.meter,
            region: region.to_owned(),
            amount: (listed * BigDecimal::from(self.units)).normalized(),
            currency: CURRENCY.to_owned(),
            as_of: day(&item.effective_start_date)?,
            source: format!("Azure Retail Prices API, {}, {}", item.product_name, item.meter_name),
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

/// Fetches the prices of every meter in `region` from the API at `address`.
///
/// # Errors
/// [`PricesError`]; nothing is returned then.
pub async fn fetch(client: &reqwest::Client, address: &str, region: &str) -> Result<Fetched, PricesError> {
    if region.is_empty() || region.len() > 40 || !region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err(PricesError::Region(region.chars().take(60).collect()));
    }
    let mut fetched = Fetched { prices: Vec::new(), missing: Vec::new() };
    let mut services: Vec<&str> = LISTINGS.iter().map(|listing| listing.service).collect();
    services.dedup();
    for service in services {
        let items = service_items(client, address, service, region).await?;
        for listing in LISTINGS.iter().filter(|listing| listing.service == service) {
            match listing.price(&items, region) {
                Some(price) => fetched.prices.push(price),
                None => fetched.missing.push(listing.meter),
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
