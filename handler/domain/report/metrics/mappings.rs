//! One estimate from all pairs, or one from each mapping of a schedule that swaps it. Must not know what is estimated.

use super::metric::Confound;
use crate::domain::pairs::Mapping;
use crate::domain::schedule::Rule;
use crate::domain::statistics::Estimate;

/// Minimum number of pairs in each mapping before a mirrored schedule's two estimates are averaged.
const MIN_PAIRS_PER_MAPPING: usize = 10;

/// How pairs of both mappings are combined into one estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// As one sample.
    AllPairs,
    /// As two, whose mean is free of what follows the minute's parity.
    ByMapping,
}

impl Pooling {
    /// How pairs of a schedule are pooled.
    #[must_use]
    pub const fn of(rule: Rule) -> Self {
        match rule {
            // The draw leaves nothing for the minutes' parity to explain.
            Rule::Parity | Rule::Random(_) => Pooling::AllPairs,
            Rule::Mirrored => Pooling::ByMapping,
        }
    }
}

/// Fits an estimator to all items; or, pooling by mapping, to each mapping's, and averages the two, with what differs between them. While
/// a mapping has too few items, all are fitted together.
#[must_use]
pub fn by_mapping<T: Copy>(
    pooling: Pooling,
    items: &[(Mapping, T)],
    fit: impl Fn(&[T]) -> Option<Estimate>,
) -> Option<(Estimate, Option<Confound>)> {
    let of = |mapping| -> Vec<T> { items.iter().filter(|(own, _)| *own == mapping).map(|(_, item)| *item).collect() };
    if pooling == Pooling::ByMapping {
        let (even_first, odd_first) = (of(Mapping::EvenFirst), of(Mapping::OddFirst));
        if even_first.len().min(odd_first.len()) >= MIN_PAIRS_PER_MAPPING
            && let (Some(one), Some(other)) = (fit(&even_first), fit(&odd_first))
        {
            let error = one.standard_error.hypot(other.standard_error);
            let apart = one.delta - other.delta;
            let z = if error > 0.0 { apart / error } else { 0.0 };
            let confound = Confound { difference: apart / 2.0, z, flagged: z.abs() > 2.0 };
            return Some((Estimate::mirrored(&one, &other), Some(confound)));
        }
    }
    let all: Vec<T> = items.iter().map(|(_, item)| *item).collect();
    Some((fit(&all)?, None))
}
