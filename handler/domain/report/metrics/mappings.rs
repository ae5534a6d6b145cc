//! One estimate from all pairs, or one from each mapping of a schedule that swaps it. Must not know what is estimated.

use super::metric::Confound;
use crate::domain::pairs::Mapping;
use crate::domain::schedule::Rule;
use crate::domain::statistics::{Influence, SeriesEstimator};

/// Minimum number of pairs in each mapping before a mirrored schedule's two estimates are averaged.
const MIN_PAIRS_PER_MAPPING: usize = 10;

/// |z| above which the two mappings are said to differ.
const CONFOUND_Z: f64 = 2.0;

/// How pairs of both mappings are combined into one estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// As one sample.
    AllPairs,
    /// As two, whose mean is free of what follows the minute's parity.
    ByMapping,
}

/// An estimate from all pairs.
#[derive(Debug, Clone)]
pub struct Pooled {
    /// The statistic, with its influence series over all pairs in time order.
    pub effect: Influence,
    /// Half of what the two mappings' statistics differ by, where they were estimated apart.
    pub confound: Option<Influence>,
}

impl Pooling {
    /// How pairs of these mappings are pooled under `rule`.
    #[must_use]
    pub fn of(rule: Rule, mappings: impl Iterator<Item = Mapping>) -> Self {
        let Rule::Mirrored = rule else {
            // The draw of a random schedule leaves nothing for the minutes' parity to explain; under parity there is one mapping.
            return Pooling::AllPairs;
        };
        let mut pairs = [0; Mapping::ALL.len()];
        mappings.for_each(|mapping| pairs[mapping.index()] += 1);
        if pairs.iter().all(|pairs| *pairs >= MIN_PAIRS_PER_MAPPING) { Pooling::ByMapping } else { Pooling::AllPairs }
    }

    /// Fits a statistic to all pairs, or to each mapping's and averages the two; where a mapping alone does not support it, to all pairs.
    /// `mapping_of` is each pair's in time order; `fit` gives the statistic of one mapping's pairs, or, without a mapping, of all.
    #[must_use]
    pub fn fit(self, mapping_of: &[Mapping], mut fit: impl FnMut(Option<Mapping>) -> Option<Influence>) -> Option<Pooled> {
        if self == Pooling::ByMapping
            && let (Some(even_first), Some(odd_first)) = (fit(Some(Mapping::EvenFirst)), fit(Some(Mapping::OddFirst)))
        {
            let part_of: Vec<usize> = mapping_of.iter().map(|mapping| mapping.index()).collect();
            let [even_first, odd_first, other] = [(0.5, even_first), (0.5, odd_first.clone()), (-0.5, odd_first)];
            let effect = Influence::combined(&[even_first.clone(), odd_first], &part_of)?;
            return Some(Pooled { effect, confound: Influence::combined(&[even_first, other], &part_of) });
        }
        Some(Pooled { effect: fit(None)?, confound: None })
    }
}

impl Pooled {
    /// What the mappings differ by, in the statistic's own unit.
    pub fn confound(&self, estimator: &mut SeriesEstimator) -> Option<Confound> {
        let found = self.confound.as_ref()?.estimate(estimator)?;
        let z = if found.standard_error > 0.0 { found.mean / found.standard_error } else { 0.0 };
        Some(Confound { difference: found.mean, z, flagged: z.abs() > CONFOUND_Z })
    }
}
