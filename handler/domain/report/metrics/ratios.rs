//! Ratios of sums over pairs: shares of calls that failed, and the estimator costs share with them. Must not know what a cost is.

use super::estimated::{ALPHA, Estimated, Fitted, Spread};
use super::mappings::Pooling;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::pairs::Mapping;
use crate::domain::report::metric_name::MetricName;
use crate::domain::schedule::Rule;
use crate::domain::statistics::{Influence, ProportionTable, RatioTerm, SeriesEstimator, Validity};

/// Fewer failures than this on an arm are too few for a standard error of their own.
const MIN_FAILURES: f64 = 10.0;

/// Each pair's terms of both arms' ratios, in time order.
#[derive(Debug, Clone)]
pub struct RatioPairs {
    mappings: Vec<Mapping>,
    terms: ByArm<Vec<RatioTerm>>,
}

impl RatioPairs {
    /// The pairs of `items`.
    #[must_use]
    pub fn new(items: impl Iterator<Item = (Mapping, ByArm<RatioTerm>)>) -> Self {
        let mut pairs = RatioPairs { mappings: Vec::new(), terms: ByArm::default() };
        for (mapping, terms) in items {
            pairs.mappings.push(mapping);
            Arm::BOTH.into_iter().for_each(|arm| pairs.terms[arm].push(terms[arm]));
        }
        pairs
    }

    /// How they are pooled under `rule`.
    #[must_use]
    pub fn pooling(&self, rule: Rule) -> Pooling {
        Pooling::of(rule, self.mappings.iter().copied())
    }

    fn of(&self, mapping: Option<Mapping>) -> Option<ByArm<Influence>> {
        let all = mapping.is_none();
        ByArm::build(|arm| {
            if all {
                return Influence::of_ratio(&self.terms[arm]);
            }
            let own = self.mappings.iter().zip(&self.terms[arm]).filter(|(own, _)| Some(**own) == mapping);
            Influence::of_ratio(&own.map(|(_, term)| *term).collect::<Vec<_>>())
        })
        .both()
    }

    fn sums(&self) -> ByArm<RatioTerm> {
        self.terms.as_ref().map(|terms| {
            terms.iter().fold(RatioTerm::default(), |sum, term| RatioTerm {
                numerator: sum.numerator + term.numerator,
                denominator: sum.denominator + term.denominator,
            })
        })
    }

    /// The ratios compared; none for fewer than three pairs, or where an arm's denominators sum to nothing.
    #[must_use]
    pub fn compare(&self, pooling: Pooling, name: MetricName, margin: Option<f64>, estimator: &mut SeriesEstimator) -> Option<Fitted> {
        let pooled = pooling.fit(&self.mappings, |mapping| self.of(mapping).map(|arms| arms.odd.less(&arms.even)))?;
        let logarithms = |mapping| {
            let arms = self.of(mapping)?;
            Some(arms.odd.logarithm()?.less(&arms.even.logarithm()?))
        };
        let log_ratio = pooling.fit(&self.mappings, logarithms).and_then(|pooled| pooled.effect.estimate(estimator));
        let values = self.sums().map(|sum| sum.numerator / sum.denominator);
        let estimate = pooled.effect.estimate(estimator)?;
        let confound = pooled.confound(estimator);
        Some(Fitted {
            effect: pooled.effect,
            estimated: Estimated { log_ratio, confound, ..Estimated::new(name, values, estimate, margin) },
        })
    }

    /// The shares of calls that failed, compared; by the score interval where an arm has too few failures. Numerators are failures,
    /// denominators calls.
    #[must_use]
    pub fn compare_shares(
        &self,
        rule: Rule,
        name: MetricName,
        margin: Option<f64>,
        validity: Validity,
        estimator: &mut SeriesEstimator,
    ) -> Option<Fitted> {
        let Fitted { effect, estimated } = self.compare(self.pooling(rule), name, margin, estimator)?;
        let sums = self.sums();
        // More calls may arrive than were sent, where some go to an arm directly.
        let failures = sums.map(|sum| sum.numerator.clamp(0.0, sum.denominator));
        if failures.iter().all(|failures| *failures >= MIN_FAILURES) {
            return Some(Fitted { effect, estimated });
        }
        let counted = ProportionTable {
            events_a: failures.even,
            trials_a: sums.even.denominator,
            events_b: failures.odd,
            trials_b: sums.odd.denominator,
        };
        let table = counted.divided_by(counted.design_effect(estimated.estimate.standard_error.powi(2)));
        let none = failures.iter().all(|failures| *failures == 0.0);
        let multiplier = validity.multiplier(estimated.estimate.pairs, ALPHA).filter(|_| none);
        let zero_event_upper_bounds = multiplier.map(|multiplier| sums.map(|sum| bound_of_none(sum.denominator, multiplier)));
        Some(Fitted { effect, estimated: Estimated { spread: Spread::Score(table), zero_event_upper_bounds, ..estimated } })
    }
}

/// Upper end of Wilson's score interval of a rate of which no event was seen in `trials`.
fn bound_of_none(trials: f64, multiplier: f64) -> f64 {
    let squared = multiplier * multiplier;
    squared / (trials + squared)
}
