//! `switchback plans`: what some traffic costs on every plan. Asks what `GET /api/plans` answers, of this process, the database or a URL.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table, presets};
use http::Method;
use serde_json::Value;

use super::answer::print;
use super::api::{self, JSON};
use super::database::{DatabaseChoice, open_store};
use super::failure::Failure;
use super::process::runtime;
use super::table::{fitted, keep_whole, paragraph};
use super::values::{PriceFile, minute, price_file};
use crate::clock::{Clock, SystemClock};
use crate::comparison::Comparison;
use crate::config::BaseUrl;
use crate::domain::figures::{counted, decimals, share};
use crate::domain::price::PriceBook;
use crate::domain::schedule::Schedule;
use crate::http::endpoints::plans;

/// Price every plan for the traffic measured, or for a given one: with --calls-per-day and --duration no run is needed, and no database
#[derive(Debug, Args)]
pub struct Plans {
    /// Calls a day; those measured where none are given
    #[arg(long, value_name = "N")]
    calls_per_day: Option<String>,
    /// With --calls-per-day: mean duration of a call, such as 40ms; without it the traffic measured is scaled
    #[arg(long, value_name = "TIME", requires = "calls_per_day")]
    duration: Option<String>,
    /// With --duration: memory of an execution on Functions Consumption, MB [default: 128]
    #[arg(long, value_name = "MB", requires = "duration")]
    memory: Option<String>,
    /// The Azure region whose prices hold [default: the arms']
    #[arg(long)]
    region: Option<String>,
    /// Only these plans, separated by commas; of two, every point is named at which they cross
    #[arg(long, value_name = "PLANS")]
    plans: Option<String>,
    /// The run whose traffic it is: its id, its name, or current
    #[arg(long)]
    run: Option<String>,
    /// A file of negotiated prices that win over all others: meter=amount in USD, one a line
    #[arg(long, value_name = "FILE", value_parser = price_file, conflicts_with = "url")]
    prices: Option<PriceFile>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Length of the minute, as given to `switchback dev`
    #[arg(long, value_parser = minute)]
    minute: Option<Duration>,
    /// Ask this URL instead; SWITCHBACK_CLIENT_KEY holds the key
    #[arg(long)]
    url: Option<BaseUrl>,
    #[command(flatten)]
    database: DatabaseChoice,
}

impl Plans {
    /// Asks and prints.
    pub fn run(self) -> Result<(), Failure> {
        let json = self.json;
        let answer = runtime()?.block_on(self.ask())?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| Failure::operation(&error))?;
        print(json, &answer, text)
    }

    fn query(&self) -> String {
        let Plans { calls_per_day, duration, memory, region, plans, run, .. } = self;
        let parameters = [
            ("calls_per_day", calls_per_day),
            ("duration", duration),
            ("memory", memory),
            ("region", region),
            ("plans", plans),
            ("run", run),
        ];
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))));
        query.finish()
    }

    async fn ask(self) -> Result<String, Failure> {
        let query = self.query();
        if let Some(url) = &self.url {
            return api::call(url, Method::GET, &format!("/api/plans?{query}"), JSON, None).await;
        }
        let (mut config, rule) = self.database.comparison()?;
        config.price_overrides.splice(0..0, self.prices.clone().unwrap_or_default().0);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let given = self.calls_per_day.is_some() && self.duration.is_some();
        if given && !self.database.is_there() {
            // Traffic that is given needs no run, and no database: the price list that comes along is enough.
            let today = clock.now().date();
            let prices = PriceBook::in_use(Vec::new(), &config.price_overrides, today);
            return api::answered("/api/plans", plans::plans_of_given_traffic(Some(&query), prices, &config.region, today)).await;
        }
        let schedule = Schedule::with_minute(rule, self.minute.unwrap_or(Schedule::MINUTE));
        let store = open_store(&self.database.config()?, Arc::clone(&clock))?;
        let comparison = Comparison::new(store, schedule, config, clock);
        api::answered("/api/plans", plans::plans(&comparison, Some(&query)).await).await
    }
}

/// The answer for a terminal.
fn text(answer: &Value) -> String {
    let traffic = &answer["traffic"];
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let basis = match traffic["basis"].as_str() {
        Some("measured") => "as measured",
        Some("scaled") => "as measured, scaled",
        _ => "as given, evenly over the day",
    };
    let mut parts: Vec<String> = answer["stale_prices"].as_str().map(paragraph).into_iter().collect();
    parts.push(paragraph(&format!(
        "{} a day of {} ms, {basis}; Flex Consumption meters one instance {} of the time; prices of {}",
        calls(number(&traffic["calls_per_day"])),
        decimals(number(&traffic["duration_ms"]), 1),
        share(number(&traffic["metered_share"])),
        answer["region"].as_str().unwrap_or_default(),
    )));
    parts.push(table(answer).to_string());
    let of_arms = answer["crossings_of_arms"].as_array().into_iter().flatten().map(turn).collect::<Vec<_>>();
    parts.extend((!of_arms.is_empty()).then(|| format!("between the plans of the two arms, before free grants\n{}", of_arms.join("\n"))));
    parts.push(turns("before free grants", &answer["crossings"]));
    parts.push(turns("with the subscription's free grants", &answer["crossings_with_grants"]));
    let notes = answer["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    parts.push(format!("notes\n{}", notes.map(|note| paragraph(&format!("  {note}"))).collect::<Vec<_>>().join("\n")));
    parts.join("\n\n")
}

/// A number of calls, to three figures and more.
fn calls(number: f64) -> String {
    // As many as a shape may have.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a hundred times 864e9")]
    let whole = number.max(0.0).round() as u64;
    counted(whole, "call")
}

fn table(answer: &Value) -> Table {
    let mut table = fitted(presets::UTF8_FULL_CONDENSED, ["plan", "a month, USD", "with free grants", "instances", ""]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let money = |value: &Value| right(value.as_str().unwrap_or("unknown").to_owned());
    for plan in answer["plans"].as_array().into_iter().flatten() {
        table.add_row([
            Cell::new(plan["plan"].as_str().unwrap_or_default()),
            money(&plan["per_month"]),
            money(&plan["per_month_with_grants"]),
            right(plan["instances"].as_f64().map_or_else(String::new, |instances| decimals(instances, 2))),
            Cell::new(plan["reason"].as_str().unwrap_or_default()),
        ]);
    }
    keep_whole(&mut table, 0);
    table
}

/// From where on one plan is cheaper than another, in words.
fn turn(crossing: &Value) -> String {
    let at = calls(crossing["calls_per_day"].as_f64().unwrap_or(f64::NAN));
    let name = |field: &str| crossing[field].as_str().unwrap_or_default().to_owned();
    format!("  from {at} a day on {} is cheaper than {}", name("cheaper"), name("dearer"))
}

/// Where the cheapest plan changes, in words.
fn turns(terms: &str, crossings: &Value) -> String {
    let lines: Vec<String> = crossings.as_array().into_iter().flatten().map(turn).collect();
    if lines.is_empty() {
        return format!("{terms}, the cheapest plan is the same from a hundredth of this traffic to a hundredfold");
    }
    format!("{terms}, the cheapest plan changes\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_text_names_the_plans_and_where_the_cheapest_changes() {
        let answer = json!({
            "traffic": {"basis": "declared", "calls_per_day": 200_000.0, "duration_ms": 40.0, "metered_share": 0.703},
            "region": "eastus", "stale_prices": "prices are up to 694 days old",
            "plans": [{"plan": "functions/flex-512", "per_month": "26.45", "per_month_with_grants": "23.75", "instances": 1.0},
                {"plan": "app-service/P2v4", "per_month": null, "reason": "no price is known"}],
            "crossings": [{"calls_per_day": 2_926_000.4, "dearer": "functions/flex-512", "cheaper": "app-service/S1"}],
            "crossings_of_arms": [{"calls_per_day": 99.6, "dearer": "functions/EP1", "cheaper": "app-service/S2"}],
            "crossings_with_grants": [], "notes": ["a month has 730 hours"]
        });
        let text = text(&answer);
        assert!(text.starts_with("prices are up to 694 days old"), "{text}");
        for words in [
            "200,000 calls a day of 40.0 ms, as given",
            "26.45",
            "no price is known",
            "from 2,926,000 calls a day on app-service/S1 is cheaper than functions/flex-512",
            "with the subscription's free grants, the cheapest plan is the same",
            "between the plans of the two arms, before free grants\n  from 100 calls a day on app-service/S2 is cheaper than functions/EP1",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
