//! `switchback report`: the comparison of the arms, as a table, as JSON, or as one HTML page.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use comfy_table::{Cell, CellAlignment, Table, presets};
use time::OffsetDateTime;

use super::answer::print;
use super::database::{DatabaseChoice, open_store};
use super::failure::Failure;
use super::process::runtime;
use super::table::{columns, fitted, paragraph};
use super::values::{PriceFile, minute, price_file, read_moment};
use crate::clock::SystemClock;
use crate::comparison::{Comparison, Overview, ReportQuery};
use crate::config::{BaseUrl, process_setting};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::break_even::Crossing;
use crate::domain::figures::{self, Unit, amount, count, decimals, difference, percent, size_of_difference};
use crate::domain::moment;
use crate::domain::plan::Plan;
use crate::domain::report::{CategorySum, CheckLine, Finding, Metric, Report, Status};
use crate::domain::run::{RunChoice, RunDocument};
use crate::domain::schedule::Schedule;
use crate::domain::timeline::Timeline;
use crate::domain::window::BurnIn;
use crate::page::{Mode, ReportView, render_report};

/// The comparison.
#[derive(Debug, Args)]
pub struct ReportCommand {
    /// The run: its id, its name, or current [default: current, or the run of the range]
    #[arg(long)]
    run: Option<RunChoice>,
    /// Start of the range, such as 2026-11-01 or 2026-11-01T10:00Z [default: the run's]
    #[arg(long, value_parser = read_moment)]
    from: Option<OffsetDateTime>,
    /// End of the range, exclusive [default: the run's, or now]
    #[arg(long, value_parser = read_moment)]
    to: Option<OffsetDateTime>,
    /// Seconds to trim from both edges of each window: 0, 5, 10 or 20
    #[arg(long, default_value = "0", value_parser = burn_in)]
    burn_in: BurnIn,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Write one HTML page with plots to this file instead of printing tables
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// Exit with 3 unless a recommendation stands
    #[arg(long)]
    gate: bool,
    /// Exit with 4 where the other arm is recommended
    #[arg(long, value_name = "ARM", value_parser = str::parse::<Arm>)]
    expect: Option<Arm>,
    /// Length of the minute, as given to `switchback dev`; a run that was recorded knows its own
    #[arg(long, value_parser = minute)]
    minute: Option<Duration>,
    #[command(flatten)]
    database: DatabaseChoice,
    /// A file of negotiated prices that win over all others: meter=amount in USD, one a line
    #[arg(long, value_name = "FILE", value_parser = price_file)]
    prices: Option<PriceFile>,
}

impl ReportCommand {
    /// Makes the report and prints it.
    pub fn run(self) -> Result<(), Failure> {
        let (mut config, rule) = self.database.comparison()?;
        config.price_overrides.splice(0..0, self.prices.clone().unwrap_or_default().0);
        let database = self.database.config()?;
        let schedule = Schedule::with_minute(rule, self.minute.unwrap_or(Schedule::MINUTE));
        let query = ReportQuery { run: self.run.clone(), from: self.from, to: self.to, last: None, burn_in: self.burn_in };
        let Overview { report, timeline, .. } = runtime()?.block_on(async {
            let clock = Arc::new(SystemClock::new());
            let store = open_store(&database, clock.clone())?;
            let comparison = Comparison::new(store, schedule, config, clock);
            Ok::<_, Failure>(comparison.overview(&query).await?)
        })?;
        if let Some(file) = &self.html {
            write_page(file, &report, &timeline, self.one_url()?.as_ref())?;
        } else {
            print(self.json, &report, text)?;
        }
        self.judge(&report)
    }

    /// The one URL, as the environment or the development system names it.
    fn one_url(&self) -> Result<Option<BaseUrl>, Failure> {
        let named = process_setting("SWITCHBACK_URL").or_else(|| self.database.system().map(|system| system.url));
        named.map(|url| url.parse::<BaseUrl>()).transpose().map_err(Failure::Input)
    }

    /// The exit code a pipeline waits for.
    fn judge(&self, report: &Report) -> Result<(), Failure> {
        match (report.verdict.recommended, self.expect) {
            (Some(kept), Some(expected)) if kept != expected => Err(Failure::OtherArm(kept)),
            (None, _) if self.gate => Err(Failure::NoRecommendation(report.summary.first().cloned().unwrap_or_default())),
            _ => Ok(()),
        }
    }
}

/// Writes to a temporary file first, so that an existing page is never left half overwritten.
fn write_page(file: &Path, report: &Report, timeline: &Timeline, one_url: Option<&BaseUrl>) -> Result<(), Failure> {
    let view = ReportView { report, timeline, runs: &[], one_url: one_url.map(BaseUrl::as_str) };
    let page = render_report(&view, Mode::File).map_err(|error| Failure::operation(&error))?;
    let wrong = |error: std::io::Error| Failure::Operation(format!("{} could not be written: {error}", file.display()));
    let beside = file.with_extension("html.part");
    std::fs::write(&beside, page).map_err(wrong)?;
    std::fs::rename(&beside, file).map_err(wrong)?;
    println!("{}", file.display());
    Ok(())
}

fn burn_in(text: &str) -> Result<BurnIn, String> {
    let found = BurnIn::ALL.into_iter().find(|burn_in| burn_in.sixtieths().to_string() == text);
    found.ok_or_else(|| format!("'{text}' is not a burn-in: expected 0, 5, 10 or 20"))
}

/// The whole report for a terminal.
fn text(report: &Report) -> String {
    let mut parts: Vec<String> = report.run.as_ref().map(RunDocument::in_words).into_iter().collect();
    parts.push(paragraph(&format!(
        "{} to {}, schedule {}, even on {}, odd on {}",
        moment::format(report.from),
        moment::format(report.to),
        report.schedule.rule,
        report.arms.even.plan,
        report.arms.odd.plan
    )));
    parts.extend(report.cost.stale_prices.as_deref().map(paragraph));
    parts.push(report.summary.iter().map(|words| paragraph(&format!("  {words}"))).collect::<Vec<_>>().join("\n"));
    parts.push(checks(report).to_string());
    parts.push(arms(report).to_string());
    if !report.metrics.is_empty() {
        parts.push(metrics(report).to_string());
        parts.push(sensitivity(report).to_string());
    }
    if !report.by_route.is_empty() {
        parts.push(by_route(report).to_string());
    }
    parts.extend(cost(report).map(|table| table.to_string()));
    parts.extend(crossings(report));
    for arm in Arm::BOTH {
        let findings = report.cost.arms[arm].audit.iter().flat_map(|audit| &audit.findings);
        parts.extend(findings.map(|finding| format!("{arm}'s bill: {finding}")));
    }
    let notes = report.cost.notes.iter().map(|note| paragraph(&format!("  {note}"))).collect::<Vec<_>>();
    parts.push(format!("notes\n{}", notes.join("\n")));
    parts.join("\n\n")
}

fn table(titles: &[&str]) -> Table {
    fitted(presets::UTF8_FULL_CONDENSED, titles.to_vec())
}

fn right(text: impl Into<String>) -> Cell {
    Cell::new(text.into()).set_alignment(CellAlignment::Right)
}

fn checks(report: &Report) -> Table {
    let mut table = table(&["check", "", ""]);
    for CheckLine { title, status, summary } in report.checks.lines() {
        let word = match status {
            Status::Passed => "passed",
            Status::Warning => "note",
            Status::Failed => "FAILED",
            Status::Unknown => "unknown",
        };
        table.add_row([title, word, summary]);
    }
    table
}

fn arms(report: &Report) -> Table {
    let mut table = table(&["", "even", "odd"]);
    let (even, odd) = (&report.arms.even, &report.arms.odd);
    let rows = [
        ("windows", even.windows, odd.windows),
        ("calls", even.calls, odd.calls),
        ("calls in the other arm's minutes", even.off_schedule_calls, odd.off_schedule_calls),
        ("calls answered 5xx", even.server_errors, odd.server_errors),
        ("calls scheduled, in pairs", even.failures.scheduled, odd.failures.scheduled),
        ("failed", even.failures.total, odd.failures.total),
        ("  answered 5xx", even.failures.server_errors, odd.failures.server_errors),
        ("  left by their caller", even.failures.callers_left, odd.failures.callers_left),
        ("  timed out", even.failures.timed_out, odd.failures.timed_out),
        ("  never arrived", even.failures.never_arrived, odd.failures.never_arrived),
        ("  failed over", even.failures.failed_over, odd.failures.failed_over),
        ("  no arm up", even.failures.unavailable, odd.failures.unavailable),
        ("cold starts", even.cold_starts, odd.cold_starts),
        ("probes", even.probes, odd.probes),
        ("unclosed windows", even.unclosed_windows, odd.unclosed_windows),
    ];
    for (title, even, odd) in rows {
        table.add_row([Cell::new(title), right(count(even)), right(count(odd))]);
    }
    table
}

/// Columns a terminal must have for all that is said of a metric; a narrower one shows what decides.
const WIDE: u16 = 120;

fn metrics(report: &Report) -> Table {
    let wide = columns() >= WIDE;
    let mut titles = vec!["metric", "even", "odd", "odd − even", "95 % interval", "odd is"];
    if wide {
        titles.extend(["in percent", "minimal detectable effect"]);
    }
    let mut table = table(&titles);
    for metric in &report.metrics {
        let show = |value| amount(metric.unit, value);
        let mut row = vec![
            Cell::new(metric.name.title()),
            right(show(metric.even)),
            right(show(metric.odd)),
            right(difference(metric.unit, metric.difference)),
            right(interval(metric)),
            Cell::new(finding(metric.finding)),
        ];
        if wide {
            row.push(right(metric.difference_percent.map_or_else(String::new, percent)));
            row.push(right(metric.minimal_detectable_effect.map_or_else(String::new, |size| size_of_difference(metric.unit, size))));
        }
        table.add_row(row);
    }
    for withheld in &report.withheld {
        table.add_row([withheld.name.title(), "", "", "", &withheld.reason, "withheld"]);
    }
    table
}

fn interval(metric: &Metric) -> String {
    figures::interval(metric.unit, metric.interval.low, metric.interval.high)
}

const fn finding(finding: Finding) -> &'static str {
    match finding {
        Finding::Better => "better",
        Finding::Worse => "worse",
        Finding::Equivalent => "equivalent",
        Finding::Inconclusive => "inconclusive",
    }
}

fn sensitivity(report: &Report) -> Table {
    let mut table = table(&["trimmed from each edge", "metric", "odd − even", "95 % interval", "odd is"]);
    for burn_in in &report.sensitivity {
        let shown = burn_in.metrics.iter().filter(|metric| metric.name.headline().is_some());
        for metric in shown {
            table.add_row([
                right(format!("{} s", decimals(burn_in.burn_in_seconds, 2))),
                Cell::new(metric.name.title()),
                right(difference(metric.unit, metric.difference)),
                right(interval(metric)),
                Cell::new(finding(metric.finding)),
            ]);
        }
    }
    table
}

/// Where the arms' plans cross, in words; none where that is not known.
fn crossings(report: &Report) -> Option<String> {
    let plans: Vec<Plan> = report.arms.iter().map(|arm| arm.plan).filter(|plan| plan.listed().is_some()).collect();
    let both = plans.len() == 2 && plans[0] != plans[1];
    let document = if both { report.plans(plans, None, None)? } else { return None };
    let seen = decimals(document.traffic.calls_per_day, 0);
    let turn = |crossing: &Crossing| {
        let at = decimals(crossing.calls_per_day, 0);
        format!("  from {at} calls a day on {} is cheaper than {}, before free grants", crossing.cheaper, crossing.dearer)
    };
    let turns: Vec<String> = document.crossings.iter().map(turn).collect();
    (!turns.is_empty()).then(|| format!("at {seen} calls a day now\n{}", turns.join("\n")))
}

fn by_route(report: &Report) -> Table {
    let mut table = table(&["by route, as exploration", "calls even", "calls odd", "mean even", "mean odd", "odd − even", "95 % interval"]);
    for route in &report.by_route {
        let ms = |value: Option<f64>| right(value.map_or_else(String::new, |value| amount(Unit::Milliseconds, value)));
        table.add_row([
            Cell::new(&route.route),
            right(count(route.calls.even)),
            right(count(route.calls.odd)),
            ms(route.mean_ms.even),
            ms(route.mean_ms.odd),
            right(route.difference_ms.map_or_else(String::new, |value| difference(Unit::Milliseconds, value))),
            right(route.interval.map_or_else(String::new, |found| figures::interval(Unit::Milliseconds, found.low, found.high))),
        ]);
    }
    table
}

fn cost(report: &Report) -> Option<Table> {
    let arms = report.cost.arms.as_ref();
    if arms.iter().all(|arm| arm.observed.is_none() && arm.audit.is_none()) {
        return None;
    }
    let mut table = table(&["USD, list prices", "even", "odd"]);
    let mut row = |title: &str, of: &dyn Fn(&crate::domain::report::ArmCost) -> Option<String>| {
        let ByArm { even, odd } = arms.map(|arm| right(of(arm).unwrap_or_else(|| "unknown".to_owned())));
        table.add_row([Cell::new(title), even, odd]);
    };
    row("observed over the run", &|arm| Some(arm.observed.as_ref()?.total.to_string()));
    row("observed, with free grants", &|arm| Some(arm.observed_with_grants.as_ref()?.total.to_string()));
    row("observed, per 1,000 calls", &|arm| Some(arm.observed.as_ref()?.per_1000_calls.as_ref()?.to_string()));
    row("this plan alone, a month", &|arm| Some(arm.projected.as_ref()?.per_month.to_string()));
    row("this plan alone, a month, with free grants", &|arm| Some(arm.projected.as_ref()?.per_month_with_grants.to_string()));
    row("this plan alone, per 1,000 calls", &|arm| Some(arm.projected.as_ref()?.per_1000_calls.as_ref()?.to_string()));
    if arms.iter().any(|arm| arm.per_month_call_by_call.is_some()) {
        row("a month if each call were billed by itself (decides nothing)", &|arm| {
            Some(arm.per_month_call_by_call.as_ref().map_or_else(String::new, ToString::to_string))
        });
    }
    row("instances measured, declared", &|arm| Some(format!("{}, {}", arm.instances_measured.as_ref()?, arm.instances_declared.as_ref()?)));
    row("share of its minutes metered", &|arm| arm.metered_share.as_ref().map(ToString::to_string));
    row("supervision's calls", &|arm| arm.probes.as_ref().map(ToString::to_string));
    row("imported charges, billed (effective)", &|arm| {
        let Some(audit) = &arm.audit else { return Some("none imported".to_owned()) };
        let sum = |sum: &CategorySum| format!("{} {} {} ({})", sum.category.to_lowercase(), sum.billed, sum.currency, sum.effective);
        Some(audit.charged.iter().map(sum).collect::<Vec<_>>().join(", "))
    });
    row("usage charged on whole days, less the model", &|arm| {
        Some(arm.audit.as_ref().and_then(|audit| audit.residual.as_ref()).map_or_else(String::new, ToString::to_string))
    });
    let half = report.cost.shared.each_arm.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    row("half of the shared parts", &|_| Some(half.clone()));
    Some(table)
}
