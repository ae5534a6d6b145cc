//! Statistics of one arm with what each pair's window contributed to them: ratios, quantiles and means as series whose mean has a standard
//! error. Must not know what the numbers measure, nor which arm is which.
//!
//! A smooth statistic of many windows is, but for terms that vanish, its true value plus the mean of its *influence series* (Hampel, 1974):
//! for a ratio the delta method, for a quantile Woodruff's (1952, *Confidence intervals for medians and other position measures*). So differences
//! and logarithms of such statistics are differences and multiples of series, and one estimator of standard errors serves them all.

use super::distribution::z_quantile;
use super::moments::mean;
use super::{CONFIDENCE, SeriesEstimator, SeriesMean};
use crate::domain::histogram::{Histogram, bucket_bounds};

/// A statistic and its influence series.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// The statistic.
    pub value: f64,
    /// For each pair in time order, how far its window moved the statistic, times the number of pairs. The mean is 0.
    pub series: Vec<f64>,
}

/// A window's part of a ratio of sums.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RatioTerm {
    /// What is summed above the line: failures, or what calls cost.
    pub numerator: f64,
    /// What is summed below it: calls.
    pub denominator: f64,
}

impl Influence {
    /// The mean of windows' `values`; `None` for none.
    #[must_use]
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let value = mean(values);
        (!values.is_empty()).then(|| Influence { value, series: values.iter().map(|own| own - value).collect() })
    }

    /// The ratio Σy/Σn of windows' `terms`; `None` where the denominators sum to nothing.
    #[must_use]
    pub fn of_ratio(terms: &[RatioTerm]) -> Option<Self> {
        let numerator: f64 = terms.iter().map(|term| term.numerator).sum();
        let denominator: f64 = terms.iter().map(|term| term.denominator).sum();
        if denominator <= 0.0 {
            return None;
        }
        let value = numerator / denominator;
        let mean_denominator = denominator / terms.len() as f64;
        let series = terms.iter().map(|term| (term.numerator - value * term.denominator) / mean_denominator);
        Some(Influence { value, series: series.collect() })
    }

    /// How far this statistic exceeds `other`, which rests on the other arm's windows of the same pairs, or on the same windows otherwise trimmed.
    #[must_use]
    pub fn less(&self, other: &Influence) -> Self {
        let series = self.series.iter().zip(&other.series).map(|(own, theirs)| own - theirs);
        Influence { value: self.value - other.value, series: series.collect() }
    }

    /// The natural logarithm of the statistic: the difference of two is that of a ratio, for differences in percent. `None` where the statistic is
    /// not above 0.
    #[must_use]
    pub fn logarithm(&self) -> Option<Self> {
        let series = || self.series.iter().map(|own| own / self.value).collect();
        (self.value > 0.0).then(|| Influence { value: self.value.ln(), series: series() })
    }

    /// Σ weight × statistic over statistics that each rest on their own part of the pairs: `parts[k]` are weight and statistic of the pairs that
    /// `part_of` gives as k, in time order. Averages the two mappings of a mirrored schedule, or takes their difference, and keeps what
    /// pairs of different parts have in common. `None` where a part has other pairs than `part_of` says.
    #[must_use]
    pub fn combined(parts: &[(f64, Influence)], part_of: &[usize]) -> Option<Self> {
        let pairs = part_of.len() as f64;
        let mut left: Vec<_> = parts.iter().map(|(weight, part)| (weight * pairs / part.series.len() as f64, part.series.iter())).collect();
        let mut next = |part: &usize| left.get_mut(*part).and_then(|(scale, series)| Some(*scale * series.next()?));
        let series = part_of.iter().map(&mut next).collect::<Option<Vec<f64>>>()?;
        let complete = left.iter().all(|(_, series)| series.len() == 0);
        complete.then(|| Influence { value: parts.iter().map(|(weight, part)| weight * part.value).sum(), series })
    }

    /// The statistic with its standard error; `None` for fewer than three pairs.
    #[must_use]
    pub fn estimate(&self, estimator: &mut SeriesEstimator) -> Option<SeriesMean> {
        Some(SeriesMean { mean: self.value, ..estimator.mean(&self.series)? })
    }

    /// Each pair's own value of the statistic, to first order: their mean is the statistic, and a pair whose windows swapped arms would have
    /// the opposite of its difference. What the randomisation test flips.
    pub fn pair_values(&self) -> impl Iterator<Item = f64> {
        self.series.iter().map(|own| self.value + own)
    }
}

/// Where a quantile cuts merged histograms: it lies in one bucket, some of whose calls are below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileCut {
    q: f64,
    /// The quantile, µs.
    pub value_us: f64,
    bucket: usize,
    /// Share of the bucket's calls that count as at or below the quantile.
    share: f64,
    /// Standard uncertainty that the bucket's width leaves, µs: no window shows it, since all share the buckets (JCGM 100:2008, F.2.2.1).
    pub resolution_error_us: f64,
}

/// A window's calls, and those of them at or below a cut.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CutCounts {
    /// All calls.
    pub calls: f64,
    /// Calls at or below the cut.
    pub at_or_below: f64,
}

impl QuantileCut {
    /// The cut below which a share `q` of `merged`'s calls lies; `None` where it holds none.
    #[must_use]
    pub fn of(merged: &Histogram, q: f64) -> Option<Self> {
        let value_us = merged.quantile_us(q)?;
        let holds = |(bucket, _): &(usize, u64)| {
            let (lower, width) = bucket_bounds(*bucket);
            value_us <= (lower + width) as f64
        };
        let (bucket, _) = merged.occupied().find(holds)?;
        let (lower, width) = bucket_bounds(bucket);
        let share = ((value_us - lower as f64) / width as f64).clamp(0.0, 1.0);
        Some(QuantileCut { q, value_us, bucket, share, resolution_error_us: width as f64 / 12.0_f64.sqrt() })
    }

    /// A window's calls, given by bucket, on either side of the cut.
    #[must_use]
    pub fn count(&self, buckets: impl IntoIterator<Item = (usize, u64)>) -> CutCounts {
        let mut counts = CutCounts::default();
        for (bucket, calls) in buckets {
            let below = match bucket.cmp(&self.bucket) {
                std::cmp::Ordering::Less => 1.0,
                std::cmp::Ordering::Equal => self.share,
                std::cmp::Ordering::Greater => 0.0,
            };
            counts.calls += calls as f64;
            counts.at_or_below += below * calls as f64;
        }
        counts
    }

    /// The quantile with its influence series, from what the cut counted in each pair's window of `merged`; `None` for fewer than three pairs or
    /// no call.
    ///
    /// The distance between quantiles h above and below turns shares of calls into latencies, h being what the 95 % interval of the share below
    /// the cut reaches to either side.
    #[must_use]
    pub fn influence(&self, merged: &Histogram, windows: &[CutCounts], estimator: &mut SeriesEstimator) -> Option<Influence> {
        // Of the share at or below the cut: calls too few below it move the quantile up.
        let terms = windows.iter().map(|window| RatioTerm { numerator: -window.at_or_below, denominator: window.calls });
        let share = Influence::of_ratio(&terms.collect::<Vec<_>>())?;
        let h = z_quantile(1.0 - CONFIDENCE) * share.estimate(estimator)?.standard_error;
        let (low, high) = ((self.q - h).max(0.0), (self.q + h).min(1.0));
        let us_per_share = if high > low { (merged.quantile_us(high)? - merged.quantile_us(low)?) / (high - low) } else { 0.0 };
        let series = share.series.iter().map(|own| us_per_share * own).collect();
        Some(Influence { value: self.value_us, series })
    }
}

#[cfg(test)]
#[path = "influence_tests.rs"]
mod tests;
