//! `switchback run plan`: how long a run must be to see differences as large as the margins.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;

use crate::cli::answer::print;
use crate::cli::database::{DatabaseChoice, open_store};
use crate::cli::failure::Failure;
use crate::cli::table::fitted;
use crate::cli::values::minute;
use crate::clock::SystemClock;
use crate::comparison::{Comparison, ReportQuery};
use crate::config::comparison::latency_margin;
use crate::domain::figures::{Unit, count, decimals, size_of_difference};
use crate::domain::margins::GUARDED;
use crate::domain::report::MetricName;
use crate::domain::run::RunChoice;
use crate::domain::schedule::Schedule;
use crate::domain::statistics::SeriesMean;

/// How long a run must be: from how pairs of minutes differed on the last day, or from a given spread.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The run whose last day tells how pairs of minutes differ: its id, its name, or current
    #[arg(long, default_value = "current")]
    run: RunChoice,
    /// Standard deviation of a latency's difference within a pair, such as 12ms, instead of what was measured
    #[arg(long, value_name = "TIME", requires = "margin", value_parser = latency)]
    spread: Option<f64>,
    /// With --spread: the difference that is to be seen, such as 20ms
    #[arg(long, value_name = "TIME", requires = "spread", value_parser = latency)]
    margin: Option<f64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Length of the minute, as given to `switchback dev`
    #[arg(long, value_parser = minute)]
    minute: Option<Duration>,
    #[command(flatten)]
    database: DatabaseChoice,
}

/// What one metric asks for.
#[derive(Debug, Serialize)]
struct Needed {
    /// The metric; none for a given spread.
    metric: Option<MetricName>,
    margin: f64,
    /// Pairs of minutes with calls; none where what was measured does not tell.
    pairs: Option<f64>,
    /// How long these take, where every pair has calls.
    seconds: Option<f64>,
    /// Pairs measured so far.
    measured_pairs: Option<usize>,
}

fn latency(text: &str) -> Result<f64, String> {
    latency_margin(text)?.ok_or_else(|| "'off' is no time".to_owned())
}

impl PlanArguments {
    /// Computes and prints it.
    pub async fn run(self) -> Result<(), Failure> {
        let needed = match (self.spread, self.margin) {
            (Some(spread), Some(margin)) => {
                let minute = self.minute.unwrap_or(Schedule::MINUTE);
                // As if one pair had been measured, with a standard error of just that spread.
                let measured = SeriesMean { pairs: 1, mean: 0.0, standard_error: spread, degrees_of_freedom: 1.0, lag1: 0.0 };
                let pairs = measured.pairs_needed(margin).map(|pairs| pairs as f64);
                vec![needed(None, margin, pairs, None, minute.as_secs_f64())]
            }
            _ => self.measured().await?,
        };
        print(self.json, &needed, |needed| table(needed).to_string())
    }

    async fn measured(&self) -> Result<Vec<Needed>, Failure> {
        let (config, rule) = self.database.comparison()?;
        let clock = Arc::new(SystemClock::new());
        let store = open_store(&self.database.config()?, clock.clone())?;
        let schedule = Schedule::with_minute(rule, self.minute.unwrap_or(Schedule::MINUTE));
        let query = ReportQuery { run: Some(self.run.clone()), last: Some(time::Duration::DAY), ..ReportQuery::default() };
        let report = Comparison::new(store, schedule, config, clock).report(&query).await?;
        let margins = report.verdict.margins;
        let judged = GUARDED.into_iter().filter_map(|name| Some((name, margins.of(name)?)));
        let one = |(name, margin)| {
            let metric = report.metric(name);
            let pairs = metric.and_then(|metric| metric.pairs_needed_for_margin);
            needed(Some(name), margin, pairs, metric.map(|metric| metric.pairs), report.schedule.minute_seconds)
        };
        Ok(judged.map(one).collect())
    }
}

fn needed(metric: Option<MetricName>, margin: f64, pairs: Option<f64>, measured_pairs: Option<usize>, minute_seconds: f64) -> Needed {
    Needed { metric, margin, pairs, seconds: pairs.map(|pairs| pairs * 2.0 * minute_seconds), measured_pairs }
}

fn table(needed: &[Needed]) -> Table {
    let mut table = fitted(presets::UTF8_FULL_CONDENSED, ["metric", "margin", "pairs of minutes", "that is", "measured pairs"]);
    for Needed { metric, margin, pairs, seconds, measured_pairs } in needed {
        let unit = metric.map_or(Unit::Milliseconds, MetricName::unit);
        let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
        table.add_row([
            Cell::new(metric.map_or("a latency", MetricName::title)),
            right(size_of_difference(unit, *margin)),
            right(pairs.map_or_else(|| "not known yet".to_owned(), |pairs| decimals(pairs.ceil(), 0))),
            right(seconds.map_or_else(String::new, length)),
            right(measured_pairs.map_or_else(String::new, |pairs| count(pairs as u64))),
        ]);
    }
    table
}

/// A length of time in the largest unit that keeps it readable.
fn length(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 120.0 => format!("{} s", decimals(seconds, 0)),
        seconds if seconds < 7_200.0 => format!("{} min", decimals(seconds / 60.0, 0)),
        seconds if seconds < 172_800.0 => format!("{} h", decimals(seconds / 3_600.0, 1)),
        seconds => format!("{} days", decimals(seconds / 86_400.0, 1)),
    }
}
