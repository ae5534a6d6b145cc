//! Counts of this process's calls: by status class and by time taken, in cells that calls on different cores do not share.
//!
//! Windows hold the experiment's figures; these are an operator's, for every call and since the process started. Must not know what a call
//! was about.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::metrics::Sample;
use crate::shard;

/// Upper bounds of the histogram's buckets, µs; one more bucket takes the rest.
const BOUNDS_US: [u64; 14] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];
const BUCKETS: usize = BOUNDS_US.len() + 1;
/// Status classes in their order; statuses outside of them count as server errors.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const SHARDS: usize = 8;

/// Counts calls.
#[derive(Debug, Default)]
pub struct Calls {
    shards: [Shard; SHARDS],
    /// Calls of supervision, which are in no other number.
    probes: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard {
    /// By class and bucket.
    cells: [[AtomicU64; BUCKETS]; CLASSES.len()],
    sum_us: AtomicU64,
}

impl Calls {
    /// Counts a call answered with `status` after `took`.
    pub fn count(&self, status: u16, took: Duration) {
        let shard = &self.shards[shard::own(SHARDS)];
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = usize::from((status / 100).clamp(1, 5)) - 1;
        shard.cells[class][BOUNDS_US.partition_point(|bound| *bound < took_us)].fetch_add(1, Ordering::Relaxed);
        shard.sum_us.fetch_add(took_us, Ordering::Relaxed);
    }

    /// Counts a call of supervision.
    pub fn count_probe(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls of supervision so far.
    #[must_use]
    pub fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }

    fn sum(&self, cells: impl Fn(&Shard) -> u64) -> u64 {
        self.shards.iter().map(cells).sum()
    }

    /// Calls so far, by status class.
    #[must_use]
    pub fn by_class(&self) -> Vec<Sample> {
        let of = |class: usize| self.sum(|shard| shard.cells[class].iter().map(|cell| cell.load(Ordering::Relaxed)).sum());
        (0..CLASSES.len()).map(|class| Sample::labelled("status_class", CLASSES[class], of(class) as f64)).collect()
    }

    /// The histogram of times taken, in seconds.
    #[must_use]
    pub fn durations(&self) -> Vec<Sample> {
        let mut total = 0;
        let mut samples = Vec::with_capacity(BUCKETS + 2);
        for bucket in 0..BUCKETS {
            total += self.sum(|shard| shard.cells.iter().map(|class| class[bucket].load(Ordering::Relaxed)).sum());
            let bound = BOUNDS_US.get(bucket).map_or_else(|| "+Inf".to_owned(), |bound_us| (*bound_us as f64 / 1e6).to_string());
            samples.push(Sample { suffix: "_bucket", ..Sample::labelled("le", bound, total as f64) });
        }
        let sum_us = self.sum(|shard| shard.sum_us.load(Ordering::Relaxed));
        samples.push(Sample { suffix: "_sum", ..Sample::plain(sum_us as f64 / 1e6) });
        samples.push(Sample { suffix: "_count", ..Sample::plain(total as f64) });
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_class_and_time() {
        let calls = Calls::default();
        for (status, took_us) in [(307, 500), (200, 501), (503, 3_000_000), (999, 60_000_000)] {
            calls.count(status, Duration::from_micros(took_us));
        }
        let classes: Vec<f64> = calls.by_class().iter().map(|sample| sample.value).collect();
        assert_eq!(classes, [0.0, 1.0, 1.0, 0.0, 2.0]);
        let durations = calls.durations();
        let value = |suffix: &str, bound: &str| {
            let named = |sample: &&Sample| sample.suffix == suffix && (bound.is_empty() || sample.labels[0].1 == bound);
            durations.iter().find(named).unwrap().value
        };
        assert_eq!(["0.0005", "0.001", "2.5", "5", "10", "+Inf"].map(|bound| value("_bucket", bound)), [1.0, 2.0, 2.0, 3.0, 3.0, 4.0]);
        assert_eq!((value("_sum", ""), value("_count", "")), (63.001_001, 4.0));
    }
}
