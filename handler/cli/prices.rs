//! `switchback prices`: the unit prices the report uses, and newer ones from Azure.

use std::sync::Arc;

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

use super::answer::print;
use super::database::{DatabaseChoice, open_store};
use super::failure::Failure;
use super::process::runtime;
use super::table::{fitted, keep_whole};
use super::values::{PriceFile, price_file};
use crate::azure::prices::{RETAIL_PRICES, fetch};
use crate::clock::{Clock, SystemClock};
use crate::domain::price::{LOCAL_REGION, Meter, PriceBook, PriceUsed};
use crate::outgoing::http_client;

/// Unit prices.
#[derive(Debug, Args)]
pub struct Prices {
    #[command(subcommand)]
    command: PricesCommand,
}

#[derive(Debug, Subcommand)]
enum PricesCommand {
    /// Show the prices in use, with where each comes from
    Show(Choice),
    /// Fetch a region's list prices from Azure's Retail Prices API and keep them
    Update {
        #[command(flatten)]
        choice: Choice,
        /// The API's address
        #[arg(long, default_value = RETAIL_PRICES, value_name = "URL")]
        api: String,
    },
}

#[derive(Debug, Args)]
struct Choice {
    /// Azure region, such as westeurope [default: SWITCHBACK_REGION]
    #[arg(long)]
    region: Option<String>,
    /// A file of negotiated prices that win over all others: meter=amount in USD, one a line
    #[arg(long, value_name = "FILE", value_parser = price_file)]
    prices: Option<PriceFile>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseChoice,
}

impl Prices {
    /// Does what was asked.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            PricesCommand::Show(choice) => choice.show(),
            PricesCommand::Update { choice, api } => choice.update(&api),
        }
    }
}

impl Choice {
    fn show(self) -> Result<(), Failure> {
        let (config, _) = self.database.comparison()?;
        let region = self.region.unwrap_or(config.region);
        let overrides = [self.prices.unwrap_or_default().0, config.price_overrides].concat();
        let database = self.database.config()?;
        runtime()?.block_on(async {
            let clock = Arc::new(SystemClock::new());
            let today = clock.now().date();
            let fetched = open_store(&database, clock)?.prices().await.map_err(|error| Failure::operation(&error))?;
            let book = PriceBook::in_use(fetched, &overrides, today);
            let prices: Vec<PriceUsed> = Meter::all().filter_map(|meter| book.find(meter, &region)).map(PriceUsed::from).collect();
            print(self.json, &prices, |prices| table(prices).to_string())
        })
    }

    fn update(self, api: &str) -> Result<(), Failure> {
        let (config, _) = self.database.comparison()?;
        let region = self.region.unwrap_or(config.region);
        if region == LOCAL_REGION {
            return Err(Failure::input("name the region: --region westeurope, or SWITCHBACK_REGION"));
        }
        let database = self.database.config()?;
        runtime()?.block_on(async {
            let clock = Arc::new(SystemClock::new());
            let now = clock.now();
            let store = open_store(&database, clock)?;
            let client = http_client().map_err(|error| Failure::operation(&error))?;
            let fetched = fetch(&client, api, &region, now).await.map_err(|error| Failure::operation(&error))?;
            store.write_prices(&fetched.prices).await.map_err(|error| Failure::operation(&error))?;
            let missing = fetched.missing.iter().map(ToString::to_string).collect();
            print(self.json, &Update { region, kept: fetched.prices.len(), missing }, Update::text)
        })
    }
}

/// What an update has changed.
#[derive(Debug, Serialize)]
struct Update {
    region: String,
    /// Prices that were fetched and kept.
    kept: usize,
    /// Meters that the list has no price of.
    missing: Vec<String>,
}

impl Update {
    fn text(&self) -> String {
        let Update { region, kept, missing } = self;
        let absent =
            missing.iter().map(|meter| format!("the list has no price for {meter} in {region}: what was known before stays in use"));
        std::iter::once(format!("kept {kept} prices of {region}")).chain(absent).collect::<Vec<_>>().join("\n")
    }
}

fn table(prices: &[PriceUsed]) -> Table {
    let mut table = fitted(presets::UTF8_FULL_CONDENSED, ["meter", "USD", "region", "as of", "source"]);
    for price in prices {
        table.add_row([
            Cell::new(price.meter.as_str()),
            Cell::new(price.amount.to_plain_string()).set_alignment(CellAlignment::Right),
            Cell::new(&price.region),
            Cell::new(price.as_of.to_string()),
            Cell::new(&price.source),
        ]);
    }
    keep_whole(&mut table, 0);
    table
}
