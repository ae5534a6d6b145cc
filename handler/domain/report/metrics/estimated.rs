//! From an estimate to a judged metric: metrics compared together are judged together, once all of them are estimated. Must not know what
//! an estimate was made from.

use super::metric::{Confound, Finding, Interval, Method, Metric, Withheld};
use crate::domain::arm::ByArm;
use crate::domain::report::metric_name::MetricName;
use crate::domain::schedule::Rule;
use crate::domain::statistics::distribution::z_quantile;
use crate::domain::statistics::family::holm;
use crate::domain::statistics::randomisation::randomisation_p;
use crate::domain::statistics::{CONFIDENCE, Influence, ProportionTable, SeriesMean, Validity};

/// Minimum number of pairs with calls on both arms before anything is found or decided.
pub const MIN_PAIRS: usize = 10;

/// Probability that an interval misses the truth.
pub const ALPHA: f64 = 1.0 - CONFIDENCE;

/// What the interval of a difference is made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// The standard error of a series of pairs, and what no pair shows since all have it in common, in the metric's unit.
    Series {
        /// Standard uncertainty that the histograms' buckets leave.
        resolution_error: f64,
    },
    /// Counts too few for a standard error, as independent calls.
    Score(ProportionTable),
}

/// A metric that is not judged yet.
#[derive(Debug, Clone)]
pub struct Estimated {
    /// Which metric.
    pub name: MetricName,
    /// Each arm's value.
    pub values: ByArm<f64>,
    /// The difference, odd less even, with its standard error over pairs.
    pub estimate: SeriesMean,
    /// What its interval is made from.
    pub spread: Spread,
    /// ln(odd / even), where neither is 0.
    pub log_ratio: Option<SeriesMean>,
    /// The margin declared for it.
    pub margin: Option<f64>,
    /// Under a mirrored schedule: what follows the minute's parity.
    pub confound: Option<Confound>,
    /// Under a random schedule: the p-value of the draw itself.
    pub randomisation_p: Option<f64>,
    /// Welch's interval on the windows' means, as a second opinion.
    pub welch: Option<Interval>,
    /// Upper bounds of the arms' rates where no event was seen at all.
    pub zero_event_upper_bounds: Option<ByArm<f64>>,
}

/// How much is said of a metric: what takes a while to compute is said of headline figures alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Headline,
    /// Neither the p-value of the draw nor how long a run must be for its margin.
    Sensitivity,
}

/// A metric beside what each pair contributed to it.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The difference's influence series, in time order.
    pub effect: Influence,
    /// The metric.
    pub estimated: Estimated,
}

impl Fitted {
    /// The metric, with the p-value of the draw where the schedule is random: what a difference is worth whatever pairs have in common.
    #[must_use]
    pub fn drawn(self, rule: Rule, seed: u64) -> Estimated {
        let Rule::Random(_) = rule else { return self.estimated };
        let differences: Vec<f64> = self.effect.pair_values().collect();
        Estimated { randomisation_p: randomisation_p(&differences, seed), ..self.estimated }
    }
}

impl Estimated {
    /// A metric whose interval rests on its pairs alone.
    #[must_use]
    pub const fn new(name: MetricName, values: ByArm<f64>, estimate: SeriesMean, margin: Option<f64>) -> Self {
        Estimated {
            name,
            values,
            estimate,
            spread: Spread::Series { resolution_error: 0.0 },
            log_ratio: None,
            margin,
            confound: None,
            randomisation_p: None,
            welch: None,
            zero_event_upper_bounds: None,
        }
    }

    /// The interval of the difference that misses the truth with a probability of `alpha`; `None` where there are too few pairs.
    #[must_use]
    pub fn interval(&self, validity: Validity, alpha: f64) -> Option<Interval> {
        let mean = self.estimate.mean;
        match self.spread {
            Spread::Series { resolution_error } => {
                let reach = self.estimate.half_width(validity, alpha)?.hypot(z_quantile(alpha) * resolution_error);
                Some(Interval { low: mean - reach, high: mean + reach })
            }
            Spread::Score(table) => table.score_interval(validity.multiplier(self.estimate.pairs, alpha)?).map(Interval::from),
        }
    }

    /// Two-sided p-value of no difference, for one look.
    fn model_based_p(&self) -> f64 {
        match self.spread {
            Spread::Series { resolution_error } => {
                let standard_error = self.estimate.standard_error.hypot(resolution_error);
                SeriesMean { standard_error, ..self.estimate }.p_value()
            }
            Spread::Score(table) => table.p_value(),
        }
    }

    /// The 95 % interval of the difference in percent of the even arm's value.
    fn interval_percent(&self, validity: Validity) -> Option<Interval> {
        let Spread::Series { resolution_error } = self.spread else { return None };
        let lift = self.log_ratio?;
        let relative_error = resolution_error / self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let reach = lift.half_width(validity, ALPHA)?.hypot(z_quantile(ALPHA) * relative_error);
        Some(Interval { low: (lift.mean - reach).exp_m1() * 100.0, high: (lift.mean + reach).exp_m1() * 100.0 })
    }

    /// The metric judged by its own interval alone, or held back.
    ///
    /// # Errors
    /// [`Withheld`] where there are too few pairs for an interval.
    pub fn judged_alone(&self, validity: Validity) -> Result<Metric, Withheld> {
        self.judged(validity, true, None, Detail::Headline)
    }

    /// `shown`: whether an interval that excludes 0 counts as a difference.
    fn judged(&self, validity: Validity, shown: bool, p_value_adjusted: Option<f64>, detail: Detail) -> Result<Metric, Withheld> {
        let estimate = self.estimate;
        let Some(interval) = self.interval(validity, ALPHA) else {
            let reason =
                format!("an interval that may be looked at at any time needs {MIN_PAIRS} pairs with calls; there are {}", estimate.pairs);
            return Err(Withheld { name: self.name, reason });
        };
        let (method, resolution_error) = match self.spread {
            Spread::Series { resolution_error } => (Method::EqualWeightedCosines, resolution_error),
            Spread::Score(_) => (Method::Score, 0.0),
        };
        let standard_error = estimate.standard_error.hypot(resolution_error);
        let with_resolution = SeriesMean { standard_error, ..estimate };
        let one_look = validity == Validity::FixedHorizon && self.randomisation_p.is_none();
        Ok(Metric {
            name: self.name,
            unit: self.name.unit(),
            even: self.values.even,
            odd: self.values.odd,
            difference: estimate.mean,
            difference_percent: (self.values.even > 0.0).then(|| estimate.mean / self.values.even * 100.0),
            interval,
            interval_percent: self.interval_percent(validity),
            validity,
            standard_error,
            degrees_of_freedom: estimate.degrees_of_freedom,
            method,
            pairs: estimate.pairs,
            lag1_autocorrelation: Some(estimate.lag1),
            dominated_by_drift: estimate.is_dominated_by_drift(),
            p_value_model_based: one_look.then(|| self.model_based_p()),
            p_value_randomisation: self.randomisation_p,
            p_value_adjusted,
            finding: Finding::of(interval, self.margin, shown),
            margin: self.margin,
            minimal_detectable_effect: (standard_error > 0.0).then(|| with_resolution.minimal_detectable_effect()),
            pairs_needed_for_margin: self
                .margin
                .filter(|_| detail == Detail::Headline)
                .and_then(|margin| estimate.pairs_needed(margin))
                .map(|pairs| pairs as f64),
            confound: self.confound,
            welch: self.welch,
            zero_event_upper_bounds: self.zero_event_upper_bounds,
        })
    }
}

/// Judges metrics so that all of them together show a difference where there is none in one run of twenty, as one alone would: by Holm's
/// adjustment at a fixed horizon, by intervals of α/m each where anyone may look at any time. Few pairs show nothing.
#[must_use]
pub fn judge_together(estimated: &[Estimated], validity: Validity, detail: Detail) -> Vec<Result<Metric, Withheld>> {
    let family = estimated.len().max(1) as f64;
    let own: Vec<f64> = estimated.iter().map(|metric| metric.randomisation_p.unwrap_or_else(|| metric.model_based_p())).collect();
    let adjusted = holm(&own);
    let judge = |(metric, p_value): (&Estimated, f64)| {
        let enough = metric.estimate.pairs >= MIN_PAIRS;
        match validity {
            Validity::FixedHorizon => metric.judged(validity, enough && p_value < ALPHA, Some(p_value), detail),
            Validity::AnyTime => {
                let shown = metric.interval(validity, ALPHA / family).is_some_and(Interval::excludes_zero);
                metric.judged(validity, enough && shown, None, detail)
            }
        }
    };
    estimated.iter().zip(adjusted).map(judge).collect()
}
