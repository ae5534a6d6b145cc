//! Costs: exact sums over charges, by group and period.

use std::collections::BTreeMap;
use std::io::{self, Write};

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use warp::reply::Response;

use crate::domain::moment;
use crate::domain::running_sum::RunningSum;
use crate::http::problem::Problem;
use crate::http::query::{Query, refusal};
use crate::http::rows::{RowFormat, Spool};
use crate::json;
use crate::store::{CostMetric, CostQuery, CostRow, Dimension, Period, Store};

/// Most groups that `top` may tell apart.
const MAX_TOP: u32 = 10_000;
/// What stands for the groups that `top` leaves over.
const REST: &str = "other";
/// Most dimensions of one grouping.
const MAX_DIMENSIONS: usize = 8;
const TAG_PREFIX: &str = "tag.";

/// Sums of one kind of cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostsDocument<'a> {
    /// Which cost was added up: billed, effective, list or contracted.
    #[schema(example = "billed")]
    metric: String,
    /// What it was grouped by.
    #[schema(example = json!(["provider"]))]
    group_by: Vec<String>,
    /// Length of the periods: none, day, month or billing_period, UTC.
    #[schema(example = "none")]
    period: String,
    /// One sum per period, group and currency: periods in order, greatest amount first.
    costs: Vec<CostDocument<'a>>,
    /// One sum per currency over all of them.
    totals: Vec<TotalDocument>,
}

/// One sum.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostDocument<'a> {
    /// First moment of the period; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    period_start: Option<String>,
    /// A value for each of group_by; null for charges that have none.
    #[schema(value_type = BTreeMap<String, Option<String>>, example = json!({"provider": "AWS"}))]
    group: Group<'a>,
    /// Whether it is what the top groups leave over; absent where it is a group of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other: bool,
    /// Currency of the amount.
    #[schema(example = "USD")]
    currency: &'a str,
    /// The exact sum; null where no charge of the group has this cost.
    #[schema(format = "decimal", example = "18.00663861840")]
    amount: Option<&'a str>,
    /// Charges in the group.
    charges: i64,
}

/// What charges were grouped by, and their values.
#[derive(Debug)]
struct Group<'a> {
    names: &'a [String],
    values: &'a [Option<String>],
    is_rest: bool,
}

impl Group<'_> {
    fn values(&self) -> impl Iterator<Item = Option<&str>> {
        self.values.iter().map(|value| if self.is_rest { Some(REST) } else { value.as_deref() })
    }
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.values()))
    }
}

/// One currency's sum.
#[derive(Debug, Serialize, ToSchema)]
pub struct TotalDocument {
    /// The currency.
    #[schema(example = "USD")]
    currency: String,
    /// The exact sum.
    #[schema(format = "decimal", example = "20.52022672899")]
    amount: String,
    /// Charges in it.
    charges: i64,
}

/// Sums of one cost over the charges that match every filter given.
///
/// # Errors
/// 400 for a wrong parameter.
#[utoipa::path(
    get,
    path = "/api/costs",
    tag = "costs",
    summary = "Sum costs up",
    description = "Exact sums of one kind of cost over the charges that match every filter given, never mixing currencies.",
    params(
        ("metric" = Option<String>, Query, description = "billed (the default), effective, list or contracted"),
        ("group_by" = Option<String>, Query, description = "Comma-separated: provider, service, resource, region, account, sub_account, invoice, charge_category, charge_class, currency, billing_period, import, dataset, tag.KEY; a key with a comma stands in quotes, as in tag.\"a, b\""),
        ("period" = Option<String>, Query, description = "none (the default), day, month or billing_period, UTC"),
        ("top" = Option<u32>, Query, description = "Only the greatest groups of each currency, at most so many; the rest is one group, other"),
        ("from" = Option<String>, Query, description = "Charges whose period starts at this date or RFC 3339 time, or later"),
        ("to" = Option<String>, Query, description = "Charges whose period starts before it"),
        ("billing_period" = Option<String>, Query, description = "The month they are billed in, as in 2026-09"),
        ("import" = Option<String>, Query, description = "The import they came with"),
        ("dataset" = Option<String>, Query, description = "The dataset they came with"),
        ("invoice" = Option<String>, Query, description = "InvoiceId"),
        ("account" = Option<String>, Query, description = "BillingAccountId"),
        ("sub_account" = Option<String>, Query, description = "SubAccountId"),
        ("category" = Option<String>, Query, description = "ChargeCategory"),
        ("charge_class" = Option<String>, Query, description = "ChargeClass"),
        ("currency" = Option<String>, Query, description = "BillingCurrency"),
        ("provider" = Option<String>, Query, description = "ProviderName"),
        ("service" = Option<String>, Query, description = "ServiceName"),
        ("resource_id" = Option<String>, Query, description = "ResourceId, whatever its case"),
        ("region" = Option<String>, Query, description = "RegionId"),
        ("tag.KEY" = Option<String>, Query, description = "Value of the tag KEY; once per key"),
    ),
    responses(
        (status = 200, description = "The sums; text/csv and application/jsonl have a row for each. Server-Timing says which table answered", content(
            (CostsDocument = "application/json"), (String = "text/csv"), (CostDocument = "application/jsonl")
        )),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn costs(store: &Store, headers: &HeaderMap, raw_query: Option<&str>) -> Result<Response, Problem> {
    let CostQuestion { metric, names, period, query: question } = read_question(raw_query)?;
    let format = RowFormat::accepted(headers);
    let mut answer = Answer::begin(format, metric, names, period).map_err(Problem::internal)?;
    let mut written = Ok(());
    let observe = |row| {
        if written.is_ok() {
            written = answer.row(row);
        }
    };
    let table = store.observe_costs(&question, observe).await?;
    written.map_err(Problem::internal)?;
    let mut response = answer.finish().map_err(Problem::internal)?;
    let timing = HeaderValue::try_from(format!("ledger;desc=\"{table}\"")).map_err(Problem::internal)?;
    response.headers_mut().insert(HeaderName::from_static("server-timing"), timing);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A question with the words it was put in.
struct CostQuestion {
    metric: &'static str,
    /// What to group by, as it was named.
    names: Vec<String>,
    period: Choice<Period>,
    query: CostQuery,
}

fn read_question(raw_query: Option<&str>) -> Result<CostQuestion, Problem> {
    let mut query = Query::parse(raw_query)?;
    let metric = choice(&mut query, "metric", METRICS)?;
    let dimensions = dimensions(query.text("group_by")?.as_deref().unwrap_or_default())?;
    let period = choice(&mut query, "period", PERIODS)?;
    let in_bounds = |text: &str| text.parse().ok().filter(|top| (1..=MAX_TOP).contains(top));
    let top = query.parsed("top", "a whole number from 1 to 10000", in_bounds)?;
    let filter = query.charge_filter()?;
    query.finish()?;
    let (names, group_by): (Vec<String>, Vec<Dimension>) = dimensions.into_iter().unzip();
    let query = CostQuery { metric: metric.1, group_by, period: period.1, filter, top };
    Ok(CostQuestion { metric: metric.0, names, period, query })
}

/// The question that a query puts.
///
/// # Errors
/// 400 for a wrong parameter.
pub fn question(raw_query: &str) -> Result<CostQuery, Problem> {
    Ok(read_question(Some(raw_query))?.query)
}

/// An answer being written, sum by sum.
struct Answer {
    format: RowFormat,
    names: Vec<String>,
    labels: Vec<String>,
    with_period: bool,
    spool: Spool,
    rows: u64,
    totals: BTreeMap<String, (RunningSum, i64)>,
}

impl Answer {
    fn begin(format: RowFormat, metric: &str, names: Vec<String>, period: Choice<Period>) -> io::Result<Answer> {
        let mut spool = Spool::default();
        let with_period = period.1 != Period::None;
        match format {
            RowFormat::Json => {
                let names = serde_json::to_string(&names)?;
                write!(spool, "{{\"metric\":\"{metric}\",\"group_by\":{names},\"period\":\"{}\",\"costs\":[", period.0)?;
            }
            RowFormat::Csv => {
                let period = with_period.then_some("period_start");
                let columns = period.into_iter().chain(names.iter().map(String::as_str)).chain(["currency", "amount", "charges"]);
                csv::Writer::from_writer(&mut spool).write_record(columns)?;
            }
            RowFormat::JsonLines => {}
        }
        let labels = CostDocument::labels(&names)?;
        Ok(Answer { format, names, labels, with_period, spool, rows: 0, totals: BTreeMap::new() })
    }

    fn row(&mut self, row: CostRow) -> io::Result<()> {
        self.add(&row)?;
        if self.format == RowFormat::Csv {
            return self.line(row);
        }
        if self.format == RowFormat::Json && self.rows > 0 {
            self.spool.write_all(b",")?;
        }
        CostDocument::of(&self.names, &row).write(&self.labels, &mut self.spool)?;
        if self.format == RowFormat::JsonLines {
            self.spool.write_all(b"\n")?;
        }
        self.rows += 1;
        Ok(())
    }

    fn add(&mut self, row: &CostRow) -> io::Result<()> {
        let (total, charges) = match self.totals.get_mut(&row.currency) {
            Some(total) => total,
            None => self.totals.entry(row.currency.clone()).or_insert((RunningSum::zero(), 0)),
        };
        if let Some(text) = &row.amount {
            total.add(text).ok_or_else(|| io::Error::other(format!("a sum is '{text}'")))?;
        }
        *charges += row.charges;
        Ok(())
    }

    fn line(&mut self, row: CostRow) -> io::Result<()> {
        let rest = row.is_rest;
        let period = self.with_period.then(|| row.period_start.map(moment::format).unwrap_or_default());
        let group = row.group.into_iter().map(|value| if rest { REST.to_owned() } else { value.unwrap_or_default() });
        let values = [row.currency, row.amount.unwrap_or_default(), row.charges.to_string()];
        csv::Writer::from_writer(&mut self.spool).write_record(period.into_iter().chain(group).chain(values))?;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Response> {
        if self.format == RowFormat::Json {
            let document = |(currency, (sum, charges)): (String, (RunningSum, i64))| TotalDocument {
                currency,
                amount: sum.total().to_string(),
                charges,
            };
            let totals: Vec<TotalDocument> = std::mem::take(&mut self.totals).into_iter().map(document).collect();
            self.spool.write_all(b"],\"totals\":")?;
            serde_json::to_writer(&mut self.spool, &totals)?;
            self.spool.write_all(b"}")?;
        }
        self.spool.into_response(self.format)
    }
}

type Choice<T> = (&'static str, T);

/// The first of each is what is meant where nothing is said.
const METRICS: &[Choice<CostMetric>] = &[
    ("billed", CostMetric::Billed),
    ("effective", CostMetric::Effective),
    ("list", CostMetric::List),
    ("contracted", CostMetric::Contracted),
];
const PERIODS: &[Choice<Period>] =
    &[("none", Period::None), ("day", Period::Day), ("month", Period::Month), ("billing_period", Period::BillingPeriod)];
/// What charges can be grouped by, beside tags.
const DIMENSIONS: &[Choice<Dimension>] = &[
    ("provider", Dimension::Provider),
    ("service", Dimension::Service),
    ("resource", Dimension::Resource),
    ("region", Dimension::Region),
    ("account", Dimension::Account),
    ("sub_account", Dimension::SubAccount),
    ("invoice", Dimension::Invoice),
    ("charge_category", Dimension::ChargeCategory),
    ("charge_class", Dimension::ChargeClass),
    ("currency", Dimension::Currency),
    ("billing_period", Dimension::BillingPeriod),
    ("import", Dimension::Import),
    ("dataset", Dimension::Dataset),
];

fn choice<T: Copy>(query: &mut Query, name: &'static str, choices: &'static [Choice<T>]) -> Result<Choice<T>, Problem> {
    let find = |text: &str| choices.iter().find(|(name, _)| *name == text).copied();
    Ok(query.one_of(name, choices.iter().map(|(name, _)| *name), find)?.unwrap_or(choices[0]))
}

fn dimensions(text: &str) -> Result<Vec<(String, Dimension)>, Problem> {
    let mut dimensions: Vec<(String, Dimension)> = Vec::new();
    for name in names(text)? {
        if dimensions.iter().any(|(earlier, _)| *earlier == name) {
            return Err(refusal("group_by", &format!("names {name} twice")));
        }
        let dimension = dimension(&name)?;
        dimensions.push((name, dimension));
    }
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(refusal("group_by", &format!("names more than {MAX_DIMENSIONS} dimensions")));
    }
    Ok(dimensions)
}

/// The names between commas; a comma, or spaces at an end, stand in double quotes or behind a backslash.
fn names(text: &str) -> Result<Vec<String>, Problem> {
    let (mut names, mut name, mut kept, mut quoted) = (Vec::new(), String::new(), 0, false);
    let mut letters = text.chars().chain([',']).peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                name.extend(letters.next());
                kept = name.len();
            }
            '"' => {
                quoted = !quoted;
                kept = name.len();
            }
            ',' if letters.peek().is_none() && quoted => return Err(refusal("group_by", "has a quote that is not closed")),
            ',' if !quoted => {
                let end = kept.max(name.trim_end().len());
                name.truncate(end);
                names.push(std::mem::take(&mut name));
                kept = 0;
            }
            ' ' if name.is_empty() && !quoted => {}
            other => {
                name.push(other);
                if quoted {
                    kept = name.len();
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    Ok(names)
}

fn dimension(name: &str) -> Result<Dimension, Problem> {
    let known = DIMENSIONS.iter().find(|(known, _)| *known == name).map(|(_, dimension)| dimension.clone());
    let tag = || name.strip_prefix(TAG_PREFIX).filter(|key| !key.is_empty()).map(|key| Dimension::Tag(key.to_owned()));
    known.or_else(tag).ok_or_else(|| {
        let known: Vec<&str> = DIMENSIONS.iter().map(|(name, _)| *name).collect();
        let name: String = name.chars().take(100).collect();
        refusal("group_by", &format!("names '{name}': expected {} or tag.KEY", known.join(", ")))
    })
}

impl<'a> CostDocument<'a> {
    fn of(names: &'a [String], cost: &'a CostRow) -> CostDocument<'a> {
        CostDocument {
            period_start: cost.period_start.map(moment::format),
            group: Group { names, values: &cost.group, is_rest: cost.is_rest },
            other: cost.is_rest,
            currency: &cost.currency,
            amount: cost.amount.as_deref(),
            charges: cost.charges,
        }
    }

    /// Writes what [`Serialize`] would: an answer has thousands of them, and their names, which are `labels` as JSON, need no second look.
    fn write(&self, labels: &[String], writer: &mut impl Write) -> io::Result<()> {
        let CostDocument { period_start, group, other, currency, amount, charges } = self;
        match period_start {
            Some(start) => write!(writer, "{{\"period_start\":\"{start}\",\"group\":{{")?,
            None => writer.write_all(b"{\"group\":{")?,
        }
        for (label, value) in labels.iter().zip(group.values()) {
            writer.write_all(label.as_bytes())?;
            match value {
                Some(value) => json::write_text(writer, value)?,
                None => writer.write_all(b"null")?,
            }
        }
        writer.write_all(if *other { b"},\"other\":true,\"currency\":" } else { b"},\"currency\":" })?;
        json::write_text(writer, currency)?;
        match amount {
            // A number's text needs no escape.
            Some(amount) => {
                writer.write_all(b",\"amount\":\"")?;
                writer.write_all(amount.as_bytes())?;
                writer.write_all(b"\",\"charges\":")?;
            }
            None => writer.write_all(b",\"amount\":null,\"charges\":")?,
        }
        serde_json::to_writer(&mut *writer, charges)?;
        writer.write_all(b"}")
    }

    /// What stands before each value of a group as JSON: its name, behind a comma but for the first.
    fn labels(names: &[String]) -> serde_json::Result<Vec<String>> {
        let label = |(position, name): (usize, &String)| {
            let comma = if position == 0 { "" } else { "," };
            Ok(format!("{comma}{}:", serde_json::to_string(name)?))
        };
        names.iter().enumerate().map(label).collect()
    }
}

#[cfg(test)]
#[path = "costs_tests.rs"]
mod tests;
