//! Costs: exact sums over charges, by group and period.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Map;
use utoipa::ToSchema;
use warp::reply::Response;

use crate::domain::moment;
use crate::domain::money::Amount;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::query::{Query, refusal};
use crate::http::reply::json;
use crate::store::{CostMetric, CostRow, Dimension, Period, Store};

/// Most sums of one answer.
const MAX_GROUPS: usize = 10_000;
/// Most dimensions of one grouping.
const MAX_DIMENSIONS: usize = 8;
const TAG_PREFIX: &str = "tag.";

/// Sums of one kind of cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostsDocument {
    /// Which cost was added up: billed, effective, list or contracted.
    #[schema(example = "billed")]
    metric: String,
    /// What it was grouped by.
    #[schema(example = json!(["provider"]))]
    group_by: Vec<String>,
    /// Length of the periods: none, day or month, UTC.
    #[schema(example = "none")]
    period: String,
    /// One sum per period, group and currency: periods in order, greatest amount first.
    costs: Vec<CostDocument>,
    /// One sum per currency over all of them.
    totals: Vec<TotalDocument>,
}

/// One sum.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostDocument {
    /// First moment of the period; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    period_start: Option<String>,
    /// A value for each of group_by; null for charges that have none.
    #[schema(value_type = BTreeMap<String, Option<String>>, example = json!({"provider": "AWS"}))]
    group: Map<String, serde_json::Value>,
    /// Currency of the amount.
    #[schema(example = "USD")]
    currency: String,
    /// The exact sum; null where no charge of the group has this cost.
    #[schema(format = "decimal", example = "18.00663861840")]
    amount: Option<String>,
    /// Charges in the group.
    charges: i64,
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
/// 400 for a wrong parameter, or for more groups than one answer holds.
#[utoipa::path(
    get,
    path = "/api/costs",
    tag = "costs",
    summary = "Sum costs up",
    description = "Exact sums of one kind of cost over the charges that match every filter given, never mixing currencies.",
    params(
        ("metric" = Option<String>, Query, description = "billed (the default), effective, list or contracted"),
        ("group_by" = Option<String>, Query, description = "Comma-separated: provider, service, resource, region, sub_account, charge_category, tag.KEY"),
        ("period" = Option<String>, Query, description = "none (the default), day or month, UTC"),
        ("from" = Option<String>, Query, description = "Charges whose period starts at this date or RFC 3339 time, or later"),
        ("to" = Option<String>, Query, description = "Charges whose period starts before it"),
        ("provider" = Option<String>, Query, description = "ProviderName"),
        ("service" = Option<String>, Query, description = "ServiceName"),
        ("resource_id" = Option<String>, Query, description = "ResourceId, whatever its case"),
        ("region" = Option<String>, Query, description = "RegionId"),
        ("tag.KEY" = Option<String>, Query, description = "Value of the tag KEY; once per key"),
    ),
    responses(
        (status = 200, description = "The sums", body = CostsDocument),
        (status = 400, description = "A parameter is wrong, or there would be more than 10,000 sums"),
    )
)]
pub async fn costs(store: &Store, raw_query: Option<&str>) -> Result<Response, Problem> {
    let mut query = Query::parse(raw_query)?;
    let metric = choice(&mut query, "metric", METRICS)?;
    let dimensions = dimensions(query.text("group_by")?.as_deref().unwrap_or_default())?;
    let period = choice(&mut query, "period", PERIODS)?;
    let filter = query.charge_filter()?;
    query.finish()?;
    let names: Vec<String> = dimensions.iter().map(|(name, _)| name.clone()).collect();
    let dimensions: Vec<Dimension> = dimensions.into_iter().map(|(_, dimension)| dimension).collect();
    let limit = i64::try_from(MAX_GROUPS).unwrap_or(i64::MAX) + 1;
    let costs = store.costs(metric.1, &dimensions, period.1, &filter, limit).await?;
    if costs.len() > MAX_GROUPS {
        let detail = format!("this makes more than {MAX_GROUPS} sums: choose a shorter time with from and to, or group by less");
        return Err(Problem::new(ProblemKind::BadRequest, detail));
    }
    let totals = totals(&costs)?;
    let costs = costs.into_iter().map(|cost| CostDocument::of(&names, cost)).collect();
    Ok(json(&CostsDocument { metric: metric.0.to_owned(), group_by: names, period: period.0.to_owned(), costs, totals }))
}

type Choice<T> = (&'static str, T);

/// The first of each is what is meant where nothing is said.
const METRICS: &[Choice<CostMetric>] = &[
    ("billed", CostMetric::Billed),
    ("effective", CostMetric::Effective),
    ("list", CostMetric::List),
    ("contracted", CostMetric::Contracted),
];
const PERIODS: &[Choice<Period>] = &[("none", Period::None), ("day", Period::Day), ("month", Period::Month)];

fn choice<T: Copy>(query: &mut Query, name: &'static str, choices: &'static [Choice<T>]) -> Result<Choice<T>, Problem> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let expected = format!("one of {}", names.join(", "));
    let chosen = query.parsed(name, &expected, |text| choices.iter().find(|(name, _)| *name == text).copied())?;
    Ok(chosen.unwrap_or(choices[0]))
}

fn dimensions(text: &str) -> Result<Vec<(String, Dimension)>, Problem> {
    let mut dimensions: Vec<(String, Dimension)> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if dimensions.iter().any(|(earlier, _)| earlier == name) {
            return Err(refusal("group_by", &format!("names {name} twice")));
        }
        dimensions.push((name.to_owned(), dimension(name)?));
    }
    if dimensions.len() > MAX_DIMENSIONS {
        return Err(refusal("group_by", &format!("names more than {MAX_DIMENSIONS} dimensions")));
    }
    Ok(dimensions)
}

fn dimension(name: &str) -> Result<Dimension, Problem> {
    match name {
        "provider" => Ok(Dimension::Provider),
        "service" => Ok(Dimension::Service),
        "resource" => Ok(Dimension::Resource),
        "region" => Ok(Dimension::Region),
        "sub_account" => Ok(Dimension::SubAccount),
        "charge_category" => Ok(Dimension::ChargeCategory),
        _ => match name.strip_prefix(TAG_PREFIX).filter(|key| !key.is_empty()) {
            Some(key) => Ok(Dimension::Tag(key.to_owned())),
            None => {
                let name: String = name.chars().take(100).collect();
                let known = "provider, service, resource, region, sub_account, charge_category or tag.KEY";
                Err(refusal("group_by", &format!("names '{name}': expected {known}")))
            }
        },
    }
}

impl CostDocument {
    fn of(names: &[String], cost: CostRow) -> CostDocument {
        CostDocument {
            period_start: cost.period_start.map(moment::format),
            group: names.iter().cloned().zip(cost.group.into_iter().map(serde_json::Value::from)).collect(),
            currency: cost.currency,
            amount: cost.amount,
            charges: cost.charges,
        }
    }
}

/// Adds the sums up once more, per currency, as exactly.
fn totals(costs: &[CostRow]) -> Result<Vec<TotalDocument>, Problem> {
    let mut totals: BTreeMap<&str, (Amount, i64)> = BTreeMap::new();
    for cost in costs {
        let (total, charges) = totals.entry(&cost.currency).or_insert_with(|| (Amount::zero(), 0));
        if let Some(amount) = &cost.amount {
            *total += &amount.parse().map_err(Problem::internal)?;
        }
        *charges += cost.charges;
    }
    let document = |(currency, (amount, charges)): (&str, (Amount, i64))| TotalDocument {
        currency: currency.to_owned(),
        amount: amount.to_string(),
        charges,
    };
    Ok(totals.into_iter().map(document).collect())
}

#[cfg(test)]
#[path = "costs_tests.rs"]
mod tests;
