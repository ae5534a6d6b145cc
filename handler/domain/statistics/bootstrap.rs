//! Bootstrap of quantile differences: blocks of consecutive pairs are drawn again and again, and each draw's merged histograms give one
//! difference. What influence series are held against; no part of the program. Must not know what was measured.
//!
//! A draw never merges histograms: blocks keep cumulative counts, and a draw's quantile is found by bisection over buckets, each step one
//! weighted sum over blocks.

use super::CONFIDENCE;
use super::distribution::t_quantile;
use super::random::Random;
use crate::domain::histogram::{BUCKETS, bucket_bounds, interpolate};

/// Number of draws.
pub const DRAWS: usize = 2_000;

/// One arm's histograms, one for each block of consecutive pairs, ready for drawing.
#[derive(Debug, Clone)]
pub struct Blocks {
    blocks: usize,
    /// Buckets that hold a call in any block, lowest first.
    buckets: Vec<usize>,
    /// For each of `buckets`, for each block: calls in it and in all lower ones.
    cumulative: Vec<u64>,
}

impl Blocks {
    /// Prepares histograms, given for each block as its occupied (bucket, count), ordered by bucket.
    #[must_use]
    pub fn new(histograms: &[Vec<(u16, u32)>]) -> Self {
        let mut occupied = [false; BUCKETS];
        for (bucket, _) in histograms.iter().flatten() {
            occupied[usize::from(*bucket).min(BUCKETS - 1)] = true;
        }
        let buckets: Vec<usize> = (0..BUCKETS).filter(|bucket| occupied[*bucket]).collect();
        let blocks = histograms.len();
        let mut cumulative = vec![0; buckets.len() * blocks];
        for (block, histogram) in histograms.iter().enumerate() {
            let mut sum = 0;
            let mut entries = histogram.iter().peekable();
            for (position, bucket) in buckets.iter().enumerate() {
                while let Some((_, count)) = entries.next_if(|(occupied, _)| usize::from(*occupied) <= *bucket) {
                    sum += u64::from(*count);
                }
                cumulative[position * blocks + block] = sum;
            }
        }
        Blocks { blocks, buckets, cumulative }
    }

    /// Number of blocks.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.blocks
    }

    /// Whether there is no block.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    /// Calls in all blocks, each once.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.count(self.buckets.len(), &vec![1; self.blocks])
    }

    /// Calls in the first `positions` of the buckets, when block k was drawn `weights[k]` times.
    fn count(&self, positions: usize, weights: &[u64]) -> u64 {
        let Some(position) = positions.checked_sub(1) else { return 0 };
        let row = &self.cumulative[position * self.blocks..(position + 1) * self.blocks];
        row.iter().zip(weights).map(|(count, weight)| count * weight).sum()
    }

    /// The quantile of the merged blocks, each drawn as often as `weights` says, and how wide the bucket is in which it lies; `None` where
    /// nothing was drawn.
    fn located(&self, q: f64, weights: &[u64]) -> Option<(f64, f64)> {
        let total = self.count(self.buckets.len(), weights);
        if total == 0 {
            return None;
        }
        // Above 0, so that buckets outside the draw are never its lowest.
        let rank = (q.clamp(0.0, 1.0) * total as f64).max(f64::MIN_POSITIVE);
        // The first position whose cumulative count reaches the rank.
        let (mut low, mut high) = (0, self.buckets.len() - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.count(middle + 1, weights) as f64 >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let before = self.count(low, weights);
        let through = self.count(low + 1, weights);
        let bucket = self.buckets[low];
        let (_, width) = bucket_bounds(bucket);
        Some((interpolate(bucket, before as f64, through.saturating_sub(before) as f64, rank), width as f64))
    }
}

/// A quantile of both arms and how it differs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileDifference {
    /// The quantile of arm A.
    pub a: f64,
    /// The quantile of arm B.
    pub b: f64,
    /// Lower end of the 95 % percentile interval of b − a, with the histograms' resolution.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Standard deviation of the drawn differences, with the histograms' resolution.
    pub standard_error: f64,
    /// The 95 % percentile interval of b / a − 1, likewise; `None` where a draw's quantile of A was 0.
    pub relative: Option<(f64, f64)>,
    /// Two-sided p-value of no difference: below .05 where the interval of the draws alone excludes 0.
    pub p_value: f64,
}

/// Pairs that are drawn among themselves: all of them, or those of one mapping of a mirrored schedule.
#[derive(Debug, Clone)]
pub struct Stratum {
    /// Arm A's blocks.
    pub a: Blocks,
    /// Arm B's blocks of the same pairs.
    pub b: Blocks,
    /// Blocks in a row that are drawn at a time: 1 draws independent blocks.
    pub run: usize,
}

impl Stratum {
    fn len(&self) -> usize {
        self.a.len().min(self.b.len())
    }
}

/// Quantile differences b − a for each of `quantiles`, an arm's quantile being the mean of the strata's. `None` in place of a quantile that no
/// call supports, or where a stratum has fewer than two blocks.
#[must_use]
pub fn quantile_differences(strata: &[Stratum], quantiles: &[f64], draws: usize, seed: u64) -> Vec<Option<QuantileDifference>> {
    if strata.is_empty() || strata.iter().any(|stratum| stratum.len() < 2) {
        return vec![None; quantiles.len()];
    }
    let mut random = Random::new(seed);
    let mut weights: Vec<Vec<u64>> = strata.iter().map(|stratum| vec![0; stratum.len()]).collect();
    let mut drawn: Vec<(Vec<f64>, Vec<f64>)> = vec![(Vec::with_capacity(draws), Vec::with_capacity(draws)); quantiles.len()];
    for _ in 0..draws {
        for (stratum, weights) in strata.iter().zip(&mut weights) {
            draw(weights, stratum.run.clamp(1, stratum.len()), &mut random);
        }
        for (quantile, (differences, ratios)) in quantiles.iter().zip(&mut drawn) {
            if let Some([of_a, of_b]) = located(strata, *quantile, &weights) {
                differences.push(of_b.value - of_a.value);
                if of_a.value > 0.0 {
                    ratios.push(of_b.value / of_a.value - 1.0);
                }
            }
        }
    }
    let once: Vec<Vec<u64>> = strata.iter().map(|stratum| vec![1; stratum.len()]).collect();
    let summarise = |(quantile, (mut differences, mut ratios)): (&f64, (Vec<f64>, Vec<f64>))| {
        let [Located { value: a, resolution_error: resolution_a }, Located { value: b, resolution_error: resolution_b }] =
            located(strata, *quantile, &once)?;
        let resolution_error = resolution_a.hypot(resolution_b);
        let standard_error = super::Moments::of(&differences)?.standard_deviation.hypot(resolution_error);
        let p_value = two_sided_p(&differences);
        let (low, high) = widened(b - a, percentile_interval(&mut differences)?, resolution_error);
        let relative = if a > 0.0 && ratios.len() == differences.len() {
            let relative_error = (resolution_a * b / a).hypot(resolution_b) / a;
            percentile_interval(&mut ratios).map(|drawn| widened(b / a - 1.0, drawn, relative_error))
        } else {
            None
        };
        Some(QuantileDifference { a, b, low, high, standard_error, relative, p_value })
    };
    quantiles.iter().zip(drawn).map(summarise).collect()
}

/// A quantile, and the standard uncertainty that its bucket leaves.
#[derive(Debug, Clone, Copy, Default)]
struct Located {
    value: f64,
    resolution_error: f64,
}

/// The arms' quantiles, means of the strata's; `None` where a stratum has no call of an arm.
fn located(strata: &[Stratum], quantile: f64, weights: &[Vec<u64>]) -> Option<[Located; 2]> {
    let mut arms = [Located::default(); 2];
    for (stratum, weights) in strata.iter().zip(weights) {
        for (sum, blocks) in arms.iter_mut().zip([&stratum.a, &stratum.b]) {
            let (value, width) = blocks.located(quantile, weights)?;
            sum.value += value;
            sum.resolution_error = sum.resolution_error.hypot(resolution(width));
        }
    }
    let count = strata.len() as f64;
    Some(arms.map(|sum| Located { value: sum.value / count, resolution_error: sum.resolution_error / count }))
}

/// Standard uncertainty of a value of which only its bucket is known: no draw shows it, since all draws share the buckets (JCGM 100:2008,
/// F.2.2.1).
fn resolution(width: f64) -> f64 {
    width / 12.0_f64.sqrt()
}

/// An interval about `value`, wider by a further uncertainty that is independent of it.
fn widened(value: f64, (low, high): (f64, f64), standard_uncertainty: f64) -> (f64, f64) {
    let further = t_quantile(CONFIDENCE, f64::INFINITY) * standard_uncertainty;
    // A skewed interval may lie to one side of its value.
    let reach = |end: f64| end.max(0.0).hypot(further);
    (value - reach(value - low), value + reach(high - value))
}

/// Sets `weights` to how often each block is in one draw of as many blocks as there are, `run` in a row at a time (Künsch, 1989).
fn draw(weights: &mut [u64], run: usize, random: &mut Random) {
    let blocks = weights.len();
    weights.fill(0);
    let mut left = blocks;
    while left > 0 {
        let start = random.below(blocks - run + 1);
        let taken = run.min(left);
        for weight in &mut weights[start..start + taken] {
            *weight += 1;
        }
        left -= taken;
    }
}

/// The 2.5 and 97.5 percentiles of `values`, which are sorted on the way.
fn percentile_interval(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let tail = last / 40;
    Some((values[tail], values[last - tail]))
}

/// How often draws fall on the rarer side of 0, twice; the estimate itself counts as one more draw, so that it is never 0 (Davison and
/// Hinkley, Bootstrap Methods, 1997, 4.2).
fn two_sided_p(differences: &[f64]) -> f64 {
    let below = differences.iter().filter(|difference| **difference <= 0.0).count();
    let above = differences.iter().filter(|difference| **difference >= 0.0).count();
    (2.0 * (below.min(above) + 1) as f64 / (differences.len() + 1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::histogram::Histogram;

    fn sparse(histogram: &Histogram) -> Vec<(u16, u32)> {
        let narrow = |(bucket, count)| (u16::try_from(bucket).expect("layout"), u32::try_from(count).expect("few"));
        histogram.occupied().map(narrow).collect()
    }

    fn sample(random: &mut Random, calls: usize, shift_us: f64) -> Histogram {
        let mut histogram = Histogram::default();
        for _ in 0..calls {
            let latency = (20_000.0 + shift_us + 4_000.0 * random.normal()).clamp(1.0, 1e6);
            let whole = (0..20).rev().fold(0_u64, |sum, bit| if (sum | 1 << bit) as f64 <= latency { sum | 1 << bit } else { sum });
            histogram.record(whole);
        }
        histogram
    }

    fn alone(a: &Blocks, b: &Blocks) -> [Stratum; 1] {
        [Stratum { a: a.clone(), b: b.clone(), run: 1 }]
    }

    #[test]
    fn what_turns_over_between_strata_cancels() {
        let mut random = Random::new(13);
        let mut side = |shift_us| Blocks::new(&(0..40).map(|_| sparse(&sample(&mut random, 50, shift_us))).collect::<Vec<_>>());
        // Something adds 3 ms to A in one stratum and to B in the other.
        let (quiet, slow) = (side(0.0), side(3_000.0));
        let strata = [Stratum { a: slow.clone(), b: quiet.clone(), run: 1 }, Stratum { a: quiet, b: slow, run: 1 }];
        let found = quantile_differences(&strata, &[0.5, 0.95], 200, 1);
        for difference in found {
            let difference = difference.expect("calls");
            assert!((difference.b - difference.a).abs() < 1e-9 && difference.low < 0.0 && 0.0 < difference.high, "{difference:?}");
        }
        assert_eq!(quantile_differences(&[], &[0.5], 10, 1), vec![None]);
    }

    #[test]
    fn a_draw_is_the_merge_it_stands_for() {
        let mut random = Random::new(3);
        let histograms: Vec<Histogram> = (0..6).map(|_| sample(&mut random, 50, 0.0)).collect();
        let blocks = Blocks::new(&histograms.iter().map(sparse).collect::<Vec<_>>());
        let weights = [0, 2, 1, 0, 3, 0];
        let mut merged = Histogram::default();
        for (histogram, weight) in histograms.iter().zip(weights) {
            for _ in 0..weight {
                merged.merge(histogram);
            }
        }
        for q in [0.0, 0.01, 0.5, 0.95, 0.99, 1.0] {
            let (one, other) = (blocks.located(q, &weights).expect("calls").0, merged.quantile_us(q).expect("calls"));
            assert!((one - other).abs() < 1e-9, "{q}: {one} {other}");
        }
        assert_eq!(blocks.calls(), 300);
    }

    #[test]
    fn draws_have_as_many_blocks_as_there_are() {
        let mut random = Random::new(5);
        for (blocks, run) in [(2, 1), (10, 2), (10, 3), (7, 7), (1_000, 10)] {
            let mut weights = vec![0; blocks];
            draw(&mut weights, run, &mut random);
            assert_eq!(weights.iter().sum::<u64>(), blocks as u64);
        }
    }

    #[test]
    fn a_p_value_is_of_one_with_its_interval() {
        // Draws −below+1..=0 and then positive ones: the interval's lower end is the 50th of 2,000.
        for below in [0, 1, 49, 50, 51, 1_000] {
            let mut draws: Vec<f64> = (0..2_000).map(|draw| f64::from(draw - below + 1)).collect();
            let p = two_sided_p(&draws);
            let (low, _) = percentile_interval(&mut draws).expect("draws");
            assert_eq!(p < 0.05, low > 0.0, "{below} draws at or below 0: p {p}, interval from {low}");
        }
        assert_eq!(two_sided_p(&[0.0; 10]), 1.0);
    }

    #[test]
    fn an_interval_is_no_finer_than_the_histograms() {
        // Every call of an arm took as long as the others: draws do not differ, but 21 ms is known to 256 µs only, 1 ms to 8.
        let of = |latency_us| {
            let mut histogram = Histogram::default();
            (0..50).for_each(|_| histogram.record(latency_us));
            Blocks::new(&vec![sparse(&histogram); 20])
        };
        let difference = quantile_differences(&alone(&of(1_000), &of(21_000)), &[0.5], 100, 1)[0].expect("calls");
        assert!(difference.low <= 20_000.0 && 20_000.0 <= difference.high, "{difference:?}");
        let known_to = (256.0_f64.powi(2) + 8.0_f64.powi(2)).sqrt() / 12.0_f64.sqrt();
        assert!((difference.high - difference.low - 2.0 * 1.959_964 * known_to).abs() < 1e-3, "{difference:?}");
        assert!((difference.standard_error - known_to).abs() < 1e-9, "{difference:?}");
        let (low, high) = difference.relative.expect("not 0");
        assert!(low <= 20.0 && 20.0 <= high && low > 19.0, "{difference:?}");
    }

    #[test]
    fn nothing_to_draw_from() {
        let empty = Blocks::new(&vec![Vec::new(); 5]);
        assert_eq!(quantile_differences(&alone(&empty, &empty), &[0.5], 10, 1), vec![None]);
        assert_eq!(quantile_differences(&alone(&Blocks::new(&[]), &empty), &[0.5], 10, 1), vec![None]);
        assert_eq!(empty.calls(), 0);
    }

    #[test]
    fn the_interval_covers_the_true_difference() {
        let mut random = Random::new(11);
        let runs = 200;
        let mut covered = 0;
        for seed in 0..runs {
            let side = |random: &mut Random, shift| Blocks::new(&(0..40).map(|_| sparse(&sample(random, 25, shift))).collect::<Vec<_>>());
            let (a, b) = (side(&mut random, 0.0), side(&mut random, 1_000.0));
            let difference = quantile_differences(&alone(&a, &b), &[0.95], 300, seed)[0].expect("calls");
            covered += u32::from(difference.low <= 1_000.0 && 1_000.0 <= difference.high);
        }
        assert!((178..=199).contains(&covered), "{covered} of {runs}");
    }
}
