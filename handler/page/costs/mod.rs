//! The explorer: the ledger as stacked bars and a table, by whatever it is grouped, filtered and cut into periods. What is looked at stands in
//! the address. Must not know where sums come from.

mod explorer;
mod groups;

pub use explorer::{Explorer, Sum};

use askama::Template;
use time::OffsetDateTime;

use super::PageError;
use super::layout::{Frame, SitePart, Visitor};
use super::plots::canvas::PlotError;
use super::plots::stacked::{self, Stack, StackPart};
use super::sections::parts::{Figure, at_day};
use crate::domain::figures::{count, money, share};
use groups::{CostGroup, Ledger};

/// Most currencies with a plot and a table of their own; the CSV has them all.
const MAX_CURRENCIES: usize = 4;
/// Most rows of the table that goes period by period.
const MAX_DETAILS: usize = 500;
/// After how many seconds a page looks again for sums that were still being added up.
const LOOK_AGAIN: &str = "2";

#[derive(Template)]
#[template(path = "costs.html")]
struct CostsPage<'a> {
    frame: Frame<'a>,
    explorer: &'a Explorer,
    filters: Vec<Filter>,
    periods: Vec<Choice>,
    groupings: Vec<Choice>,
    metrics: Vec<Choice>,
    csv: String,
    sections: Vec<Section>,
    left_out: usize,
    details: Vec<Detail>,
    details_cut: bool,
    /// Whether the sums are still being added up.
    under_way: bool,
    /// Why nothing can be shown.
    refusal: Option<&'a str>,
}

/// A filter with the address of the same view without it.
struct Filter {
    name: &'static str,
    value: String,
    without: String,
    raw_name: String,
}

/// Something that can be chosen instead.
struct Choice {
    value: String,
    title: &'static str,
    address: String,
    current: bool,
}

/// One currency.
struct Section {
    currency: String,
    total: String,
    charges: String,
    figure: Option<Figure>,
    rows: Vec<Row>,
}

struct Row {
    colour: String,
    title: String,
    address: Option<String>,
    charges: String,
    amount: String,
    exact: String,
    share: String,
}

struct Detail {
    period: String,
    group: String,
    charges: i64,
    amount: String,
}

/// What a look at the ledger found.
#[derive(Debug)]
pub enum Explored<'a> {
    /// The sums.
    Sums(Vec<Sum>),
    /// Nothing yet: they are still being added up.
    UnderWay,
    /// Nothing, and why.
    Refused(&'a str),
}

/// The page of what `explorer` looks at.
///
/// # Errors
/// [`PageError`].
pub fn render_costs(explorer: &Explorer, explored: &Explored<'_>, visitor: &Visitor) -> Result<String, PageError> {
    let (sums, refusal, under_way): (&[Sum], _, _) = match explored {
        Explored::Sums(sums) => (sums, None, false),
        Explored::UnderWay => (&[], None, true),
        Explored::Refused(reason) => (&[], Some(*reason), false),
    };
    let ledgers = Ledger::of(sums);
    let left_out = ledgers.len().saturating_sub(MAX_CURRENCIES);
    let shown = ledgers.iter().take(MAX_CURRENCIES);
    let sections = shown.enumerate().map(|(position, ledger)| section(position, ledger, explorer)).collect::<Result<_, PlotError>>()?;
    let details_cut = sums.len() > MAX_DETAILS;
    let details =
        if explorer.has_periods() { sums.iter().take(MAX_DETAILS).map(|sum| detail(sum, explorer)).collect() } else { Vec::new() };
    let page = CostsPage {
        frame: Frame { refresh: under_way.then(|| LOOK_AGAIN.to_owned()), ..Frame::served("Costs", Some(SitePart::Costs), visitor) },
        filters: explorer.filters.iter().map(|filter| filter_of(explorer, filter)).collect(),
        periods: choices(explorer::PERIODS, &explorer.period, |period| Explorer { period, ..explorer.clone() }),
        groupings: choices(explorer::GROUPINGS, &explorer.group_by, |group_by| Explorer { group_by, ..explorer.clone() }),
        metrics: choices(explorer::METRICS, &explorer.metric, |metric| Explorer { metric, ..explorer.clone() }),
        csv: explorer.csv_address(),
        explorer,
        sections,
        left_out,
        details,
        details_cut,
        under_way,
        refusal,
    };
    Ok(page.render()?)
}

fn filter_of(explorer: &Explorer, (name, value): &(String, String)) -> Filter {
    let filters = explorer.filters.iter().filter(|(other, _)| other != name).cloned().collect();
    let without = Explorer { filters, ..explorer.clone() }.address();
    Filter { name: explorer::title_of(name), value: value.clone(), without, raw_name: name.clone() }
}

/// What may be chosen; a choice of the address that is none of them comes last.
fn choices(all: &[(&'static str, &'static str)], current: &str, with: impl Fn(String) -> Explorer) -> Vec<Choice> {
    let choice = |(value, title): &(&'static str, &'static str)| Choice {
        value: (*value).to_owned(),
        title,
        address: with((*value).to_owned()).address(),
        current: *value == current,
    };
    let mut choices: Vec<Choice> = all.iter().map(choice).collect();
    if !choices.iter().any(|choice| choice.current) {
        choices.push(Choice {
            value: current.to_owned(),
            title: "as in the address",
            address: with(current.to_owned()).address(),
            current: true,
        });
    }
    choices
}

fn section(position: usize, ledger: &Ledger<'_>, explorer: &Explorer) -> Result<Section, PlotError> {
    let figure = if explorer.has_periods() && !ledger.periods.is_empty() { Some(figure(position, ledger, explorer)?) } else { None };
    let row = |(series, group): (usize, &CostGroup)| Row {
        colour: stacked::colour(group.series(series)),
        title: group.title(),
        address: group.value().and_then(|value| explorer.within(value)).map(|explorer| explorer.address()),
        charges: count(u64::try_from(group.charges).unwrap_or(0)),
        amount: group.amount.as_ref().map_or_else(|| "none".to_owned(), |amount| money(amount, ledger.currency)),
        exact: group.amount.as_ref().map_or_else(String::new, ToString::to_string),
        share: ledger.share_of(group).map(share).unwrap_or_default(),
    };
    Ok(Section {
        currency: ledger.currency.to_owned(),
        total: money(&ledger.total, ledger.currency),
        charges: count(u64::try_from(ledger.charges).unwrap_or(0)),
        figure,
        rows: ledger.groups.iter().enumerate().map(row).collect(),
    })
}

const IDS: [&str; MAX_CURRENCIES] = ["costs-1", "costs-2", "costs-3", "costs-4"];

fn figure(position: usize, ledger: &Ledger<'_>, explorer: &Explorer) -> Result<Figure, PlotError> {
    let (currency, period) = (ledger.currency, explorer.period_title());
    let label = |moment: OffsetDateTime| explorer.label(moment);
    let stacks: Vec<Stack> = ledger
        .timeline(explorer.is_by_day())
        .into_iter()
        .map(|moment| Stack {
            label: label(moment),
            parts: ledger
                .parts_at(moment)
                .map(|(series, group, amount, value)| StackPart {
                    series: group.series(series),
                    value,
                    title: format!("{}, {}: {}", label(moment), group.title(), money(amount, currency)),
                })
                .collect(),
        })
        .collect();
    let (first, last) = (stacks.first().map_or("", |stack| &stack.label), stacks.last().map_or("", |stack| &stack.label));
    let greatest = ledger.groups.first().map_or_else(String::new, |group| format!("; the greatest part is {}", group.title()));
    let described = format!(
        "{} {currency} from {first} to {last}, {} bars{greatest}. The table below has the figures.",
        money(&ledger.total, currency),
        stacks.len()
    );
    Ok(Figure {
        id: IDS.get(position).copied().unwrap_or("costs"),
        title: format!("{currency} {period}"),
        description: described,
        plot: stacked::plot(&stacks)?,
    })
}

fn detail(sum: &Sum, explorer: &Explorer) -> Detail {
    Detail {
        period: sum.period_start.map(|moment| explorer.label(moment)).unwrap_or_default(),
        group: groups::title(&sum.group, sum.is_rest),
        charges: sum.charges,
        amount: sum.amount.as_ref().map_or_else(|| "none".to_owned(), |amount| money(amount, &sum.currency)),
    }
}

impl Explorer {
    /// A moment as the axis names its period.
    fn label(&self, moment: OffsetDateTime) -> String {
        let day = at_day(moment);
        if self.is_by_day() { day } else { day.chars().take("2026-11".len()).collect() }
    }
}

#[cfg(test)]
mod tests;
