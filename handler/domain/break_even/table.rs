//! Every plan under one traffic: a month of each, how it grows with the calls a day, and where the cheapest changes. Must not know where traffic
//! was measured, nor how a table is shown.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use serde::Serialize;
use time::Date;
use utoipa::ToSchema;

use super::crossing::{Crossing, break_even, crossings};
use super::month::{Terms, month};
use super::shape::TrafficShape;
use crate::domain::catalogue::{Catalogue, CataloguePlan};
use crate::domain::plan::Plan;
use crate::domain::price::{LOCAL_REGION, Meter, PriceBook, PriceUsed, REFERENCE_REGION, stale_prices};

/// Calls a day beyond this many times those that were measured, or below that fraction of them, are extrapolated.
const SEEN_FACTOR: f64 = 10.0;
/// Points of a curve in each of its four decades.
const POINTS_PER_DECADE: i32 = 10;

/// What is asked.
#[derive(Debug, Clone)]
pub struct PlanQuestion {
    /// The traffic.
    pub traffic: TrafficShape,
    /// Where it comes from.
    pub basis: TrafficBasis,
    /// Calls a day that were measured; none where nothing was.
    pub measured_calls_per_day: Option<f64>,
    /// Unit prices.
    pub prices: PriceBook,
    /// Azure region.
    pub region: String,
    /// The plans compared; all of the catalogue where none is named.
    pub plans: Vec<Plan>,
    /// The plans that two arms run on, where they are two.
    pub arms: Option<[Plan; 2]>,
}

impl PlanQuestion {
    /// The region whose prices hold: a machine of one's own has none.
    fn region_priced(&self) -> &str {
        if self.region == LOCAL_REGION { REFERENCE_REGION } else { &self.region }
    }
}

/// Where traffic comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrafficBasis {
    /// A run's own minutes.
    Measured,
    /// A run's own minutes, scaled to another number of calls a day.
    Scaled,
    /// Given: evenly over the day, from callers who know nothing of each other.
    Declared,
}

/// Every plan under one traffic. Money is in US dollars, a month has 730 hours.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlansDocument {
    /// The traffic.
    pub traffic: TrafficDocument,
    /// Region whose prices were asked for.
    pub region: String,
    /// Every plan, the cheapest first.
    pub plans: Vec<PlanCost>,
    /// Where the cheapest of them changes, before free grants, from a hundredth of the traffic to a hundredfold.
    pub crossings: Vec<Crossing>,
    /// The same with the subscription's free grants.
    pub crossings_with_grants: Vec<Crossing>,
    /// Where the plans of the two arms whose traffic it is cross, before free grants.
    pub crossings_of_arms: Vec<Crossing>,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Said first, where a price is too old to rest on.
    pub stale_prices: Option<String>,
    /// Where certainty ends.
    pub notes: Vec<String>,
}

/// The traffic a month is costed for.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TrafficDocument {
    /// Where it comes from.
    pub basis: TrafficBasis,
    /// Calls a day.
    #[schema(example = 200_000.0)]
    pub calls_per_day: f64,
    /// Mean duration of a call.
    #[schema(example = 40.0)]
    pub duration_ms: f64,
    /// Memory of an execution on Functions Consumption, MB.
    pub memory_mb: u32,
    /// Share of the time in which one instance with all of it is metered by Flex Consumption.
    #[schema(example = 0.7)]
    pub metered_share: f64,
    /// Fewest and most calls a day that are within a factor of ten of what was measured; null where nothing was. Beyond them a curve is extrapolated.
    pub seen_calls_per_day: Option<[f64; 2]>,
}

/// One plan's month.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PlanCost {
    /// The plan.
    pub plan: Plan,
    /// A month, before free grants; null where it has no cost.
    #[schema(value_type = Option<String>, example = "69.35")]
    pub per_month: Option<BigDecimal>,
    /// A month, with the subscription's free grants.
    #[schema(value_type = Option<String>)]
    pub per_month_with_grants: Option<BigDecimal>,
    /// Instances in the mean; null on a plan that has none of one's own.
    pub instances: Option<f64>,
    /// Why there is no cost.
    pub reason: Option<String>,
    /// Calls a day and the month's cost before free grants, from a hundredth of the traffic to a hundredfold.
    pub curve: Vec<[f64; 2]>,
}

/// Every plan asked for under the traffic asked for, with prices as they are seen on `today`.
#[must_use]
pub fn compare_plans(question: &PlanQuestion, today: Date) -> PlansDocument {
    let PlanQuestion { traffic, prices, .. } = question;
    let region = question.region_priced();
    // Looked up some ten thousand times.
    let amounts: BTreeMap<&str, &BigDecimal> =
        Meter::all().filter_map(|meter| Some((meter.as_str(), &prices.find(meter, region)?.amount))).collect();
    let price = |meter: &str| amounts.get(meter).map(|amount| (*amount).clone());
    let listed: Vec<&'static CataloguePlan> = if question.plans.is_empty() {
        Catalogue::embedded().plans.iter().collect()
    } else {
        question.plans.iter().filter_map(|plan| plan.listed()).collect()
    };
    let turns = |free_grants| {
        let terms = Terms { free_grants, min_instances: None };
        match listed[..] {
            // Two plans cross as often as one of them steps.
            [one, other] => between(one, other, traffic, terms, &price),
            _ => crossings(&listed, traffic, terms, price),
        }
    };
    let of_arms = question.arms.and_then(|[one, other]| one.listed().zip(other.listed())).map(|(one, other)| {
        let terms = Terms { free_grants: false, min_instances: None };
        between(one, other, traffic, terms, &price)
    });
    let mut plans: Vec<PlanCost> = listed.iter().map(|plan| plan_cost(plan, traffic, &price)).collect();
    plans.sort_by(|a, b| (a.per_month.is_none(), &a.per_month).cmp(&(b.per_month.is_none(), &b.per_month)));
    let mut meters: Vec<&str> = listed.iter().flat_map(|plan| plan.meters()).collect();
    meters.sort_unstable();
    meters.dedup();
    let used: Vec<PriceUsed> = meters.into_iter().filter_map(|meter| prices.named(meter, region)).map(PriceUsed::from).collect();
    PlansDocument {
        traffic: TrafficDocument::of(question),
        region: region.to_owned(),
        plans,
        crossings: turns(false),
        crossings_with_grants: turns(true),
        crossings_of_arms: of_arms.unwrap_or_default(),
        stale_prices: stale_prices(&used, today),
        notes: notes(question, &used),
        prices: used,
    }
}

fn plan_cost(plan: &'static CataloguePlan, traffic: &TrafficShape, price: &impl Fn(&str) -> Option<BigDecimal>) -> PlanCost {
    let of = |traffic: &TrafficShape, free_grants| month(plan, traffic, Terms { free_grants, min_instances: None }, price);
    let cents = |amount: &BigDecimal| amount.with_scale_round(2, RoundingMode::HalfUp);
    let (alone, with_grants) = (of(traffic, false), of(traffic, true));
    let point = |step: i32| {
        let scaled = traffic.scaled(10_f64.powf(f64::from(step) / f64::from(POINTS_PER_DECADE)));
        Some([scaled.calls_per_day(), of(&scaled, false).ok()?.total.to_f64()?])
    };
    PlanCost {
        plan: Plan::of(plan),
        per_month: alone.as_ref().ok().map(|month| cents(&month.total)),
        per_month_with_grants: with_grants.ok().map(|month| cents(&month.total)),
        instances: alone.as_ref().ok().and_then(|month| month.instances),
        curve: (-2 * POINTS_PER_DECADE..=2 * POINTS_PER_DECADE).filter_map(point).collect(),
        reason: alone.err().map(|reason| reason.to_string()),
    }
}

/// The points at which the cheaper of two plans changes.
fn between(
    one: &CataloguePlan,
    other: &CataloguePlan,
    traffic: &TrafficShape,
    terms: Terms,
    price: &impl Fn(&str) -> Option<BigDecimal>,
) -> Vec<Crossing> {
    let is_cheaper_at = |calls_per_day: f64| {
        let traffic = traffic.scaled(calls_per_day / traffic.calls_per_day());
        let total = |plan| month(plan, &traffic, terms, price).ok().map(|month| month.total);
        total(one) < total(other)
    };
    let turn = |calls_per_day| {
        // A hair above the turn.
        let (cheaper, dearer) = if is_cheaper_at(calls_per_day * 1.000_1) { (one, other) } else { (other, one) };
        Crossing { calls_per_day, dearer: dearer.name.clone(), cheaper: cheaper.name.clone() }
    };
    break_even([one, other], traffic, terms, price).into_iter().map(turn).collect()
}

impl TrafficDocument {
    fn of(question: &PlanQuestion) -> Self {
        let PlanQuestion { traffic, basis, measured_calls_per_day, .. } = question;
        TrafficDocument {
            basis: *basis,
            calls_per_day: traffic.calls_per_day(),
            duration_ms: traffic.duration_s() * 1_000.0,
            memory_mb: traffic.memory_mb(),
            metered_share: traffic.activity_share(1),
            seen_calls_per_day: measured_calls_per_day.map(|calls| [calls / SEEN_FACTOR, calls * SEEN_FACTOR]),
        }
    }
}

fn notes(question: &PlanQuestion, prices: &[PriceUsed]) -> Vec<String> {
    let mut notes = vec![
        "a month has 730 hours; database, registry, telemetry and data transfer are not in it".to_owned(),
        "metered time on Flex Consumption is modelled for callers who know nothing of each other, within .03 of a simulated meter"
            .to_owned(),
    ];
    match question.basis {
        TrafficBasis::Declared => {
            notes.push("nothing was measured: dedicated plans are costed at one instance, however busy it would be".to_owned());
        }
        TrafficBasis::Measured | TrafficBasis::Scaled => notes.push(
            "dedicated plans are costed at one instance until a run shows how many calls in flight one serves; the shape of traffic is the run's"
                .to_owned(),
        ),
    }
    if prices.iter().any(|price| price.is_elsewhere(question.region_priced())) {
        notes.push(format!(
            "no price is known for some meters in region {}: another region's list price stands in",
            question.region_priced()
        ));
    }
    notes
}
