//! Latencies: the mean from pairs of windows, quantiles from their merged histograms. Must not know which quantiles are wanted.

use super::estimated::Estimated;
use super::mappings::{Pooling, by_mapping};
use super::metric::{Interval, Withheld};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::pairs::Mapping;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::report::series::PairRow;
use crate::domain::statistics::bootstrap::{Stratum, quantile_differences};
use crate::domain::statistics::moments::is_autocorrelated;
use crate::domain::statistics::welch::welch;
use crate::domain::statistics::{Blocks, Estimate, Method, Moments, cube_root};
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

fn busy_pairs(gathered: &Gathered, burn_in: BurnIn) -> impl Iterator<Item = (Mapping, &PairRow)> {
    gathered.series.pairs(burn_in).filter(|(_, row)| row.is_busy())
}

/// The mean of the windows' means; none for fewer than two pairs with calls.
#[must_use]
pub fn mean(gathered: &Gathered, burn_in: BurnIn, name: MetricName) -> Option<Estimated> {
    let differences: Vec<(Mapping, f64)> =
        busy_pairs(gathered, burn_in).map(|(mapping, row)| (mapping, row.mean_ms.odd - row.mean_ms.even)).collect();
    let (estimate, confound) = by_mapping(Pooling::of(gathered.schedule().rule()), &differences, Estimate::of)?;
    let means = ByArm::build(|arm| busy_pairs(gathered, burn_in).map(|(_, row)| row.mean_ms[arm]).collect::<Vec<f64>>());
    let values = ByArm { even: Moments::of(&means.even)?.mean, odd: Moments::of(&means.odd)?.mean };
    let welch = welch(&means.even, &means.odd).map(|welch| Interval::from(welch.interval()));
    Some(Estimated { confound, welch, ..Estimated::new(name, values, estimate, gathered.inputs.margins.of(name)) })
}

/// The quantiles `levels` names, and those withheld. `mean` is the mean's estimate over the same pairs: quantiles are drawn by mapping
/// where it was averaged by mapping, and in runs of blocks where its differences depend on each other.
#[must_use]
pub fn quantiles(gathered: &Gathered, burn_in: BurnIn, levels: &[Level], mean: &Estimate) -> (Vec<Estimated>, Vec<Withheld>) {
    let strata = strata(gathered, burn_in, mean);
    let calls = |of: fn(&Stratum) -> &Blocks| strata.iter().map(|stratum| of(stratum).calls()).sum::<u64>();
    let fewest_calls = calls(|stratum| &stratum.a).min(calls(|stratum| &stratum.b));
    let (shown, short): (Vec<&Level>, Vec<&Level>) = levels.iter().partition(|level| fewest_calls >= level.min_calls);
    let withheld = short.into_iter().map(|level| Withheld {
        name: level.name,
        reason: format!("an arm has {fewest_calls} calls; a {} needs {}", ordinal_percentile(level.level), level.min_calls),
    });
    let inputs = &gathered.inputs;
    let shares: Vec<f64> = shown.iter().map(|level| level.level).collect();
    let found = quantile_differences(&strata, &shares, inputs.draws, inputs.seed);
    let estimated = shown.into_iter().zip(found).filter_map(|(level, found)| {
        let found = found?;
        let ms = |us: f64| us / 1_000.0;
        let estimate = Estimate {
            pairs: mean.pairs,
            delta: ms(found.b - found.a),
            standard_error: ms(found.standard_error),
            degrees_of_freedom: mean.pairs as f64 - 1.0,
            method: Method::Bootstrap,
            lag1: 0.0,
        };
        Some(Estimated {
            interval: Interval { low: ms(found.low), high: ms(found.high) },
            interval_percent: found.relative.map(|(low, high)| Interval { low: low * 100.0, high: high * 100.0 }),
            lag1: None,
            p_value: Some(found.p_value),
            ..Estimated::new(level.name, ByArm { even: ms(found.a), odd: ms(found.b) }, estimate, inputs.margins.of(level.name))
        })
    });
    (estimated.collect(), withheld.collect())
}

fn ordinal_percentile(level: f64) -> String {
    format!("{}th percentile", (level * 100.0).round())
}

/// Pairs that are drawn among themselves. As the mean is: where each mapping has enough pairs, what follows the minute's parity cancels.
fn strata(gathered: &Gathered, burn_in: BurnIn, mean: &Estimate) -> Vec<Stratum> {
    let series = &gathered.series;
    let stratum = |mappings: &[Mapping]| {
        let blocks = |arm| {
            let of_all = mappings.iter().flat_map(|mapping| series.blocks_of(*mapping).of(arm, burn_in.index()));
            Blocks::new(&of_all.collect::<Vec<_>>())
        };
        let pairs = series.mappings.iter().filter(|mapping| mappings.contains(mapping)).count();
        let per_block = mappings.iter().map(|mapping| series.blocks_of(*mapping).pairs_per_block()).max().unwrap_or(1);
        // Blocks already hold several pairs in a long run: then they are as long as moving blocks need to be.
        let run = if is_autocorrelated(mean.lag1, mean.pairs) { cube_root(pairs).div_ceil(per_block) } else { 1 };
        Stratum { a: blocks(Arm::Even), b: blocks(Arm::Odd), run }
    };
    if mean.method == Method::Mirrored {
        Mapping::ALL.iter().map(|mapping| stratum(std::slice::from_ref(mapping))).collect()
    } else {
        vec![stratum(&Mapping::ALL)]
    }
}
