//! A metric as the report shows it: compared and judged. Must not know how it was estimated.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::arm::{ByArm, even_first};
use crate::domain::figures::Unit;
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::Validity;

/// How an interval was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Method {
    /// From pairs' influence on the difference, with the equal-weighted-cosine standard error of their mean.
    #[serde(rename = "ewc")]
    EqualWeightedCosines,
    /// Miettinen and Nurminen's score interval on counts divided by their design effect: an arm has fewer than ten failures.
    #[serde(rename = "score")]
    Score,
}

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<(f64, f64)> for Interval {
    fn from((low, high): (f64, f64)) -> Self {
        Interval { low, high }
    }
}

/// How the odd arm compares with the even arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The interval lies below 0, also after allowing for several comparisons.
    Better,
    /// The interval lies above 0, also after allowing for several comparisons.
    Worse,
    /// No difference is shown, and the interval lies within the margin on both sides.
    Equivalent,
    /// No difference is shown, and the interval reaches past the margin, or there is no margin.
    Inconclusive,
}

impl Finding {
    /// `shown`: whether an interval that excludes 0 counts as a difference.
    #[must_use]
    pub fn of(interval: Interval, margin: Option<f64>, shown: bool) -> Self {
        match (interval.low, interval.high) {
            (_, high) if shown && high < 0.0 => Finding::Better,
            (low, _) if shown && low > 0.0 => Finding::Worse,
            (low, high) if margin.is_some_and(|margin| low > -margin && high < margin) => Finding::Equivalent,
            _ => Finding::Inconclusive,
        }
    }
}

/// What a mirrored schedule shows of effects that follow the minute's parity rather than the arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Confound {
    /// Half the difference between the two mappings' estimates, in the metric's unit.
    pub difference: f64,
    /// The mappings' difference over its standard error.
    pub z: f64,
    /// Whether |z| > 2.
    pub flagged: bool,
}

/// One metric, compared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Metric {
    /// Which metric.
    pub name: MetricName,
    /// Unit of every figure that is no percentage.
    pub unit: Unit,
    /// The even arm's value.
    pub even: f64,
    /// The odd arm's value.
    pub odd: f64,
    /// Estimated difference, odd less even.
    pub difference: f64,
    /// The difference in percent of the even arm's value.
    pub difference_percent: Option<f64>,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// 95 % interval of the difference in percent.
    pub interval_percent: Option<Interval>,
    /// For how many looks the intervals keep their confidence.
    pub validity: Validity,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// Degrees of freedom of its t.
    pub degrees_of_freedom: f64,
    /// How the interval was computed.
    pub method: Method,
    /// Pairs it rests on.
    pub pairs: usize,
    /// Lag-1 autocorrelation of what pairs contribute to the difference.
    pub lag1_autocorrelation: Option<f64>,
    /// Whether that exceeds .8: slow drift dominates, intervals may be too narrow, and only a longer run helps.
    pub dominated_by_drift: bool,
    /// Two-sided p-value of no difference at the one look of a fixed horizon; model-based, since a fixed schedule randomises nothing.
    pub p_value_model_based: Option<f64>,
    /// Two-sided p-value of no effect at all by the randomisation test, for one look; design-based, and under a random schedule alone.
    pub p_value_randomisation: Option<f64>,
    /// The p-value adjusted for the other behaviours compared beside it (Holm), at a fixed horizon; none where it was compared alone, as
    /// costs are.
    pub p_value_adjusted: Option<f64>,
    /// How the odd arm compares with the even arm.
    pub finding: Finding,
    /// The margin declared for it.
    pub margin: Option<f64>,
    /// Smallest true difference this run would find with a power of .80; none where nothing varies.
    pub minimal_detectable_effect: Option<f64>,
    /// Pairs a run needs to find a difference as large as the margin.
    pub pairs_needed_for_margin: Option<f64>,
    /// Under a mirrored schedule: what follows the minute's parity.
    pub confound: Option<Confound>,
    /// Welch's interval on the windows' means, as a second opinion.
    pub welch: Option<Interval>,
    /// Upper bounds of the arms' shares where no failure was seen at all.
    #[serde(rename = "unseen_upper_bounds", serialize_with = "even_first")]
    #[schema(value_type = Option<[f64; 2]>)]
    pub zero_event_upper_bounds: Option<ByArm<f64>>,
}

/// A metric that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Withheld {
    /// Which metric.
    pub name: MetricName,
    /// Why.
    pub reason: String,
}

/// The metrics at another burn-in.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Sensitivity {
    /// What was trimmed from each edge of a window.
    pub burn_in_seconds: f64,
    /// The metrics.
    pub metrics: Vec<Metric>,
}
