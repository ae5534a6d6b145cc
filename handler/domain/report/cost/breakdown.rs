//! Cost as the report shows it. Must not know how a figure is computed.

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_price::InstanceBasis;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::MeterCost;
use crate::domain::plan::Plan;
use crate::domain::price::PriceUsed;
use crate::domain::report::audit::{Audit, CategorySum};

/// Observed and projected cost.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CostReport {
    /// Currency of every list-price figure.
    pub currency: &'static str,
    /// Region whose prices were asked for.
    pub region: String,
    /// How long the run lasted, from its first to its last window.
    #[schema(value_type = String)]
    pub hours: BigDecimal,
    /// Each arm's own cost.
    pub arms: ByArm<ArmCost>,
    /// What a month of each plan alone would cost under every assumption that a verdict must hold under.
    pub scenarios: Vec<CostScenario>,
    /// What both arms use, listed apart and split evenly.
    pub shared: SharedCost,
    /// Said above the verdict where a price used is too old to rest on.
    pub stale_prices: Option<String>,
    /// What the figures leave out, and in which direction they err.
    pub notes: Vec<String>,
}

/// How a plan is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum BillingKind {
    /// No price is known.
    #[serde(rename = "unpriced")]
    Unpriced,
    /// By the hour, whatever it serves.
    #[serde(rename = "per hour")]
    PerHour,
    /// By use.
    #[serde(rename = "per use")]
    PerUse,
}

/// What a figure rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum CostSource {
    /// The provider's price list.
    #[serde(rename = "list prices")]
    ListPrices,
    /// There is no figure.
    #[serde(rename = "none")]
    Unknown,
}

impl CostSource {
    /// The source where list prices are known or not.
    #[must_use]
    pub const fn of(listed: bool) -> Self {
        if listed { CostSource::ListPrices } else { CostSource::Unknown }
    }

    /// The source's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CostSource::ListPrices => "list prices",
            CostSource::Unknown => "none",
        }
    }
}

/// One arm's cost.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ArmCost {
    /// What it runs on.
    pub plan: Plan,
    /// How the plan is paid.
    pub billing: BillingKind,
    /// What the observed figures rest on.
    pub observed_from: CostSource,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Instances in the mean of its own minutes: workers that were alive.
    #[schema(value_type = Option<String>)]
    pub instances_measured: Option<BigDecimal>,
    /// The same within the bounds that are declared for the plan.
    #[schema(value_type = Option<String>)]
    pub instances_declared: Option<BigDecimal>,
    /// Share of its own minutes in which an instance would be metered by Flex Consumption; absent where workers did not meter.
    #[schema(value_type = Option<String>)]
    pub metered_share: Option<BigDecimal>,
    /// As billed over the run: at list price, without free grants.
    pub observed: Option<Figures>,
    /// The same with each month's free grants taken off.
    pub observed_with_grants: Option<Figures>,
    /// What the provider's bills say, beside the model; null where none were imported.
    pub audit: Option<Audit>,
    /// This plan alone, taking all the traffic.
    pub projected: Option<Projection>,
    /// Ends of the 95 % interval of the projected month, without free grants; null where the run does not tell.
    pub month_interval: Option<[f64; 2]>,
    /// A month if every call were billed by itself, where the plan bills activity: what its price page is read to say. It decides nothing.
    #[schema(value_type = Option<String>)]
    pub per_month_call_by_call: Option<BigDecimal>,
    /// What the supervision's calls cost on this arm, without free grants.
    #[schema(value_type = Option<String>)]
    pub probes: Option<BigDecimal>,
}

/// A cost and what it comes to per 1,000 calls served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Figures {
    /// Over the run.
    #[schema(value_type = String)]
    pub total: BigDecimal,
    /// Per 1,000 calls; absent where none was served.
    #[schema(value_type = Option<String>)]
    pub per_1000_calls: Option<BigDecimal>,
}

/// What a plan alone would cost with the traffic seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Projection {
    /// Calls in a month of 730 hours.
    #[schema(value_type = String)]
    pub calls_per_month: BigDecimal,
    /// A month, without free grants.
    #[schema(value_type = String)]
    pub per_month: BigDecimal,
    /// A month, with the free grants.
    #[schema(value_type = String)]
    pub per_month_with_grants: BigDecimal,
    /// Per 1,000 calls, without free grants.
    #[schema(value_type = Option<String>)]
    pub per_1000_calls: Option<BigDecimal>,
    /// Per 1,000 calls, with the free grants.
    #[schema(value_type = Option<String>)]
    pub per_1000_calls_with_grants: Option<BigDecimal>,
    /// The month meter by meter, without free grants.
    pub meters: Vec<MeterUse>,
}

/// One meter's part of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MeterUse {
    /// The meter's name.
    #[schema(example = "functions/flex/gb-second")]
    pub meter: String,
    /// Units used.
    #[schema(value_type = String)]
    pub quantity: BigDecimal,
    /// What they cost.
    #[schema(value_type = String)]
    pub cost: BigDecimal,
}

impl From<&MeterCost> for MeterUse {
    fn from(line: &MeterCost) -> Self {
        MeterUse { meter: line.meter.clone(), quantity: line.quantity.with_scale_round(3, RoundingMode::HalfUp), cost: rounded(&line.cost) }
    }
}

/// A month of each plan alone under one set of assumptions.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CostScenario {
    /// Where the number of instances comes from.
    pub instances: InstanceBasis,
    /// Whether the subscription's free grants are all this service's.
    pub free_grants: bool,
    /// What a month costs; null where no price is known.
    #[schema(value_type = ByArm<Option<String>>)]
    pub per_month: ByArm<Option<BigDecimal>>,
    /// Ends of the 95 % interval of the difference per 1,000 calls, odd less even; null where the run does not tell.
    pub difference_per_1000_calls: Option<[f64; 2]>,
}

impl CostScenario {
    /// What it assumes, in words.
    #[must_use]
    pub fn in_words(&self) -> String {
        let grants = if self.free_grants { "with free grants" } else { "without grants" };
        format!("instances as {}, {grants}", self.instances.as_str())
    }

    /// The arm whose plan is shown to cost less: the whole interval lies on its side of 0.
    #[must_use]
    pub fn cheaper(&self) -> Option<Arm> {
        match self.difference_per_1000_calls? {
            [_, high] if high < 0.0 => Some(Arm::Odd),
            [low, _] if low > 0.0 => Some(Arm::Even),
            _ => None,
        }
    }
}

/// What both arms use.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SharedCost {
    /// What the figures rest on.
    pub from: CostSource,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Over the run, at list price.
    #[schema(value_type = Option<String>)]
    pub total: Option<BigDecimal>,
    /// Each arm's even half of it.
    #[schema(value_type = Option<String>)]
    pub each_arm: Option<BigDecimal>,
    /// What the provider's bills say, a row for each currency and category.
    pub charged: Vec<CategorySum>,
}

/// An amount as the report holds it: six places keep a thousandth of a cent per 1,000 calls apart.
#[must_use]
pub fn rounded(amount: &BigDecimal) -> BigDecimal {
    amount.with_scale_round(6, RoundingMode::HalfUp)
}

/// What `total` comes to per 1,000 of `calls`; none where there was no call.
#[must_use]
pub fn per_1000(total: &BigDecimal, calls: &BigDecimal) -> Option<BigDecimal> {
    (!calls.is_zero()).then(|| rounded(&(total * BigDecimal::from(1_000) / calls)))
}
