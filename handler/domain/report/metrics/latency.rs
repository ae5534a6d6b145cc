//! Latencies: the mean from pairs of windows, quantiles from their merged histograms. Must not know which quantiles are wanted.

use super::estimated::{Estimated, Fitted, Spread};
use super::mappings::{Pooled, Pooling};
use super::metric::{Interval, Withheld};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::histogram::Histogram;
use crate::domain::pairs::Mapping;
use crate::domain::report::blocks::{Sparse, TimedBlock};
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::series::PairRow;
use crate::domain::statistics::moments::mean as mean_of;
use crate::domain::statistics::welch::welch;
use crate::domain::statistics::{CutCounts, Influence, QuantileCut, SeriesEstimator, SeriesMean};
use crate::domain::window::BurnIn;

/// A quantile that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// As which metric.
    pub name: MetricName,
    /// The share of calls at or below it.
    pub level: f64,
    /// Minimum number of calls an arm needs for it.
    pub min_calls: u64,
}

/// The pairs in which both arms served a call, trimmed.
#[derive(Debug)]
pub struct BusyPairs<'a> {
    gathered: &'a Gathered,
    burn_in: BurnIn,
    rows: Vec<(Mapping, &'a PairRow)>,
    pooling: Pooling,
}

impl<'a> BusyPairs<'a> {
    /// Those gathered.
    #[must_use]
    pub fn of(gathered: &'a Gathered, burn_in: BurnIn) -> Self {
        let rows: Vec<_> = gathered.series.pairs(burn_in).filter(|(_, row)| row.is_busy()).collect();
        let pooling = Pooling::of(gathered.schedule().rule(), rows.iter().map(|(mapping, _)| *mapping));
        BusyPairs { gathered, burn_in, rows, pooling }
    }

    fn means(&self, mapping: Option<Mapping>, arm: Arm) -> Vec<f64> {
        let own = self.rows.iter().filter(|(own, _)| mapping.is_none_or(|mapping| mapping == *own));
        own.map(|(_, row)| row.mean_ms[arm]).collect()
    }

    /// Each pair's difference of means, odd less even, ms, in time order, with its influence on their mean.
    #[must_use]
    pub fn mean_difference(&self) -> Option<Pooled> {
        let mapping_of: Vec<Mapping> = self.rows.iter().map(|(mapping, _)| *mapping).collect();
        self.pooling.fit(&mapping_of, |mapping| {
            let own = self.rows.iter().filter(|(own, _)| mapping.is_none_or(|mapping| mapping == *own));
            Influence::of_mean(&own.map(|(_, row)| row.mean_ms.odd - row.mean_ms.even).collect::<Vec<_>>())
        })
    }

    /// The mean of the windows' means; none for fewer than three pairs.
    #[must_use]
    pub fn mean(&self, name: MetricName, estimator: &mut SeriesEstimator) -> Option<Fitted> {
        let pooled = self.mean_difference()?;
        let estimate = pooled.effect.estimate(estimator)?;
        let means = ByArm::build(|arm| self.means(None, arm));
        let values = means.as_ref().map(|means| mean_of(means));
        // To first order, which the percentage of a mean needs no more than.
        let even = values.even.max(f64::MIN_POSITIVE);
        let log_ratio = (values.even > 0.0 && values.odd > 0.0).then(|| SeriesMean {
            mean: (values.odd / values.even).ln(),
            standard_error: estimate.standard_error / even,
            ..estimate
        });
        let welch = welch(&means.even, &means.odd).map(Interval::from);
        let confound = pooled.confound(estimator);
        let margin = self.gathered.inputs.margins.of(name);
        let estimated = Estimated { confound, welch, log_ratio, ..Estimated::new(name, values, estimate, margin) };
        Some(Fitted { effect: pooled.effect, estimated })
    }

    /// The quantiles `levels` names, and those withheld.
    #[must_use]
    pub fn quantiles(&self, levels: &[Level], estimator: &mut SeriesEstimator) -> (Vec<Fitted>, Vec<Withheld>) {
        let blocks = self.gathered.series.blocks(self.burn_in);
        let fewest_calls = Arm::BOTH.map(|arm| self.rows.iter().map(|(_, row)| u64::from(row.calls[arm])).sum::<u64>()).into_iter().min();
        let fewest_calls = fewest_calls.unwrap_or(0);
        let (shown, short): (Vec<&Level>, Vec<&Level>) = levels.iter().partition(|level| fewest_calls >= level.min_calls);
        let withheld = short.into_iter().map(|level| Withheld {
            name: level.name,
            reason: format!("an arm has {fewest_calls} calls; a {} needs {}", ordinal_percentile(level.level), level.min_calls),
        });
        let found = shown.into_iter().filter_map(|level| self.quantile(level, &blocks, estimator));
        (found.collect(), withheld.collect())
    }

    fn quantile(&self, level: &Level, blocks: &[TimedBlock], estimator: &mut SeriesEstimator) -> Option<Fitted> {
        let mapping_of: Vec<Mapping> = blocks.iter().map(|block| block.mapping).collect();
        let mut parts: Vec<(Option<Mapping>, ByArm<ArmQuantile>)> = Vec::new();
        let pooled = self.pooling.fit(&mapping_of, |mapping| {
            let own = blocks.iter().filter(|block| mapping.is_none_or(|mapping| mapping == block.mapping));
            let arms = ByArm::build(|arm| quantile(own.clone().map(|block| &block.histograms[arm]), level.level, estimator)).both()?;
            let difference = arms.odd.influence.less(&arms.even.influence);
            parts.push((mapping, arms));
            Some(difference)
        })?;
        // By mapping, or, where a mapping alone does not support it, of all pairs.
        parts.retain(|(mapping, _)| mapping.is_some() == pooled.confound.is_some());
        let count = parts.len() as f64;
        let values = ByArm::build(|arm| parts.iter().map(|(_, arms)| arms[arm].influence.value).sum::<f64>() / count);
        let resolution = |sum: f64, (_, arms): &(_, ByArm<ArmQuantile>)| arms.iter().fold(sum, |sum, arm| sum.hypot(arm.resolution_error));
        let resolution_error = parts.iter().fold(0.0, resolution) / count;
        let log_ratio = self.pooling.fit(&mapping_of, |mapping| {
            let (_, arms) = parts.iter().find(|(own, _)| *own == mapping)?;
            Some(arms.odd.influence.logarithm()?.less(&arms.even.influence.logarithm()?))
        });
        // Where a long run's pairs are kept in blocks, a block counts for the degrees of freedom, and its pairs for how long the run is.
        let of_pairs = |estimate: SeriesMean| SeriesMean { pairs: self.rows.len(), ..estimate };
        let estimate = of_pairs(pooled.effect.estimate(estimator)?);
        let estimated = Estimated {
            spread: Spread::Series { resolution_error },
            log_ratio: log_ratio.and_then(|pooled| pooled.effect.estimate(estimator)).map(of_pairs),
            ..Estimated::new(level.name, values, estimate, self.gathered.inputs.margins.of(level.name))
        };
        Some(Fitted { effect: pooled.effect, estimated })
    }
}

/// A quantile of one arm, ms.
#[derive(Debug, Clone)]
struct ArmQuantile {
    influence: Influence,
    /// Standard uncertainty that the histograms' buckets leave.
    resolution_error: f64,
}

fn quantile<'a>(histograms: impl Iterator<Item = &'a Sparse> + Clone, q: f64, estimator: &mut SeriesEstimator) -> Option<ArmQuantile> {
    let wide = |(bucket, count): &(u16, u32)| (usize::from(*bucket), u64::from(*count));
    let mut merged = Histogram::default();
    for (bucket, count) in histograms.clone().flatten().map(wide) {
        merged.add(bucket, count);
    }
    let cut = QuantileCut::of(&merged, q)?;
    let windows: Vec<CutCounts> = histograms.map(|histogram| cut.count(histogram.iter().map(wide))).collect();
    let found = cut.influence(&merged, &windows, estimator)?;
    let influence = Influence { value: found.value / 1_000.0, series: found.series.into_iter().map(|us| us / 1_000.0).collect() };
    Some(ArmQuantile { influence, resolution_error: cut.resolution_error_us / 1_000.0 })
}

fn ordinal_percentile(level: f64) -> String {
    format!("{}th percentile", (level * 100.0).round())
}
