//! Cost as the report shows it. Must not know how a figure is computed.

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use serde::Serialize;
use time::Date;
use utoipa::ToSchema;

use crate::domain::arm::ByArm;
use crate::domain::plan::Plan;
use crate::domain::price::{Meter, Price};
use crate::domain::report::inputs::Charged;

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
    /// What both arms use, listed apart and split evenly.
    pub shared: SharedCost,
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
    /// The provider's bills.
    #[serde(rename = "imported charges")]
    ImportedCharges,
    /// The provider's price list.
    #[serde(rename = "list prices")]
    ListPrices,
    /// There is no figure.
    #[serde(rename = "none")]
    Unknown,
}

impl CostSource {
    /// The source where charges are known or not, and list prices are.
    #[must_use]
    pub const fn of(charged: bool, listed: bool) -> Self {
        match (charged, listed) {
            (true, _) => CostSource::ImportedCharges,
            (false, true) => CostSource::ListPrices,
            (false, false) => CostSource::Unknown,
        }
    }

    /// The source's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            CostSource::ImportedCharges => "imported charges",
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
    /// What the observed figures rest on: imported charges where the provider's bills hold some for the arm's resources.
    pub observed_from: CostSource,
    /// Unit prices used.
    pub prices: Vec<PriceUsed>,
    /// Gigabyte-seconds billed, where it is paid by use.
    #[schema(value_type = Option<String>)]
    pub gb_seconds: Option<BigDecimal>,
    /// As billed over the run: at list price, without free grants.
    pub observed: Option<Figures>,
    /// The same with each month's free grants taken off.
    pub observed_with_grants: Option<Figures>,
    /// What the provider's bills say, in their own currency.
    pub charged: Option<Charged>,
    /// The charges per 1,000 calls the arm served.
    #[schema(value_type = Option<String>)]
    pub charged_per_1000_calls: Option<BigDecimal>,
    /// This plan alone, taking all the traffic.
    pub projected: Option<Projection>,
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
}

/// A unit price with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PriceUsed {
    /// What is charged for.
    pub meter: Meter,
    /// USD a unit.
    #[schema(value_type = String)]
    pub amount: BigDecimal,
    /// Region it holds in; may be the reference region.
    pub region: String,
    /// The day it was known to hold, as its year and its day of the year.
    #[schema(value_type = (i32, u16))]
    pub as_of: Date,
    /// Where it was read.
    pub source: String,
}

impl From<&Price> for PriceUsed {
    fn from(price: &Price) -> Self {
        PriceUsed {
            meter: price.meter,
            amount: price.amount.clone(),
            region: price.region.clone(),
            as_of: price.as_of,
            source: price.source.clone(),
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
    /// What the provider's bills say, in their own currency.
    pub charged: Option<Charged>,
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
