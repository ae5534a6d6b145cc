//! `switchback costs`: the ledger from a terminal. Asks what `GET /api/costs` answers, of the database or of a URL.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use comfy_table::CellAlignment;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use http::header::{ACCEPT, HeaderValue};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::api;
use super::database::{DatabaseChoice, open_store};
use super::failure::Failure;
use super::process::runtime;
use super::table::fitted;
use crate::clock::SystemClock;
use crate::config::BaseUrl;
use crate::http::endpoints::costs;

/// Ask what was charged: grouped, by period, filtered. Filters are the API's own, as in `provider=AWS` or `tag.env=prod`
#[derive(Debug, Args)]
pub struct Costs {
    /// Filters: from, to, billing_period, import, dataset, invoice, account, sub_account, category, charge_class, currency, provider, service,
    /// resource_id, region, tag.KEY
    #[arg(value_name = "NAME=VALUE", value_parser = filter)]
    filters: Vec<(String, String)>,
    /// What to group by, separated by commas
    #[arg(long, default_value = "service")]
    group_by: String,
    /// none, day, month or billing_period
    #[arg(long, default_value = "none")]
    period: String,
    /// billed, effective, list or contracted
    #[arg(long, default_value = "billed")]
    metric: String,
    /// Only so many of the greatest groups; the rest is one more
    #[arg(long)]
    top: Option<u32>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the API's JSON document
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Ask this URL instead of the database; SWITCHBACK_CLIENT_KEY holds the key
    #[arg(long)]
    url: Option<BaseUrl>,
    #[command(flatten)]
    database: DatabaseChoice,
}

/// How sums are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    /// Columns for people
    #[default]
    Table,
    /// Comma-separated values
    Csv,
    /// A JSON object per line
    Jsonl,
}

fn filter(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| format!("'{text}' is no NAME=VALUE"))
}

impl Costs {
    pub fn run(self) -> Result<(), Failure> {
        let answer = runtime()?.block_on(self.ask())?;
        if self.json {
            println!("{answer}");
            return Ok(());
        }
        match self.format {
            Format::Table => print!("{}", table(&serde_json::from_str(&answer).map_err(|error| Failure::operation(&error))?)),
            Format::Csv | Format::Jsonl => print!("{answer}"),
        }
        Ok(())
    }

    fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("metric", &self.metric).append_pair("period", &self.period).append_pair("group_by", &self.group_by);
        if let Some(top) = self.top {
            query.append_pair("top", &top.to_string());
        }
        query.extend_pairs(&self.filters).finish()
    }

    const fn accept(&self) -> HeaderValue {
        HeaderValue::from_static(match self.format {
            Format::Table => "application/json",
            Format::Csv => "text/csv",
            Format::Jsonl => "application/jsonl",
        })
    }

    async fn ask(&self) -> Result<String, Failure> {
        match &self.url {
            Some(url) => api::call(url, Method::GET, &format!("/api/costs?{}", self.query()), self.accept(), None).await,
            None => {
                let store = open_store(&self.database.config()?, Arc::new(SystemClock::new()))?;
                let headers = HeaderMap::from_iter([(ACCEPT, self.accept())]);
                api::answered("/api/costs", costs::costs(&store, &headers, Some(&self.query())).await).await
            }
        }
    }
}

fn table(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(String::new, str::to_owned);
    let rows = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    let (costs, with_period) = (rows("costs"), answer["period"] != "none");
    let groups: Vec<String> = rows("group_by").iter().map(text).collect();
    let header = with_period.then(|| "period".to_owned()).into_iter().chain(groups.iter().cloned());
    let titles: Vec<String> = header.chain(["charges", "amount", "currency"].map(str::to_owned)).collect();
    let mut table = fitted(UTF8_HORIZONTAL_ONLY, titles);
    for cost in &costs {
        let period = with_period.then(|| text(&cost["period_start"]).chars().take(10).collect::<String>());
        let group = groups.iter().map(|name| text(&cost["group"][name.as_str()]));
        table.add_row(period.into_iter().chain(group).chain([cost["charges"].to_string(), text(&cost["amount"]), text(&cost["currency"])]));
    }
    let lead = usize::from(with_period) + groups.len();
    for total in rows("totals") {
        let blank = (0..lead).map(|index| if index == 0 { "total".to_owned() } else { String::new() });
        table.add_row(blank.chain([total["charges"].to_string(), text(&total["amount"]), text(&total["currency"])]));
    }
    for column in [lead, lead + 1] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{table}\n")
}
