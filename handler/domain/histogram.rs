//! Mergeable latency histograms. Owns the bucket layout, which every process and every stored window shares: a merge is an addition.
//! Must not know who records a latency or where counts are kept.
//!
//! The layout is log-linear: one bucket a microsecond below 128 µs, then 64 equal buckets to each power of two, up to about 18
//! minutes. A bucket is at most 1/64 of its lower end wide, so a quantile is off by less than 1.6 %.

use super::varint;

/// Number of buckets in the layout.
pub const BUCKETS: usize = 1_600;

/// Longest latency told apart, µs (about 18 minutes); longer ones count as this.
pub const MAX_LATENCY_US: u32 = (1 << 30) - 1;

const SUB_BITS: u32 = 6;
const PER_OCTAVE: u32 = 1 << SUB_BITS;
const LINEAR: u32 = 2 * PER_OCTAVE;

/// The bucket that counts `latency_us`.
#[must_use]
#[inline]
pub fn bucket_of(latency_us: u64) -> usize {
    let value = u32::try_from(latency_us).unwrap_or(MAX_LATENCY_US).min(MAX_LATENCY_US);
    let index = if value < LINEAR {
        value
    } else {
        let octave = value.ilog2();
        LINEAR + (octave - SUB_BITS - 1) * PER_OCTAVE + ((value >> (octave - SUB_BITS)) & (PER_OCTAVE - 1))
    };
    index as usize
}

/// The smallest latency `bucket` counts, and how many µs wide it is; a bucket past the last is read as the last.
#[must_use]
pub fn bucket_bounds(bucket: usize) -> (u64, u64) {
    let index = u32::try_from(bucket.min(BUCKETS - 1)).unwrap_or(0);
    if index < LINEAR {
        return (u64::from(index), 1);
    }
    let past = index - LINEAR;
    let shift = past / PER_OCTAVE + 1;
    let lower = u64::from(PER_OCTAVE + past % PER_OCTAVE) << shift;
    (lower, 1 << shift)
}

/// The longest latency `bucket` counts, µs.
#[must_use]
pub fn bucket_longest(bucket: usize) -> u64 {
    let (lower, width) = bucket_bounds(bucket);
    lower + width - 1
}

/// Where the value of rank `rank` lies, when `before` calls lie in lower buckets and `count` in `bucket`: linear within it. µs.
#[must_use]
pub fn interpolate(bucket: usize, before: f64, count: f64, rank: f64) -> f64 {
    let (lower, width) = bucket_bounds(bucket);
    let share = if count > 0.0 { ((rank - before) / count).clamp(0.0, 1.0) } else { 0.0 };
    lower as f64 + width as f64 * share
}

/// Counts by bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Counts one call that took `latency_us`.
    pub fn record(&mut self, latency_us: u64) {
        self.add(bucket_of(latency_us), 1);
    }

    /// Adds `count` calls to `bucket`; buckets outside the layout are ignored.
    #[inline]
    pub fn add(&mut self, bucket: usize, count: u64) {
        if let Some(cell) = self.counts.get_mut(bucket) {
            *cell += count;
            self.total += count;
        }
    }

    /// Adds everything `other` counted.
    pub fn merge(&mut self, other: &Histogram) {
        for (cell, count) in self.counts.iter_mut().zip(&other.counts) {
            *cell += count;
        }
        self.total += other.total;
    }

    /// Number of calls counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The buckets that hold calls, lowest first.
    pub fn occupied(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    /// The latency below which a share `q` of the calls lies, µs; `None` when nothing was counted. `q` is clamped to 0..=1.
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * self.total as f64;
        let mut before = 0.0;
        let mut last = 0;
        for (bucket, count) in self.occupied() {
            let count = count as f64;
            if before + count >= rank {
                return Some(interpolate(bucket, before, count, rank));
            }
            before += count;
            last = bucket;
        }
        Some(bucket_longest(last) as f64)
    }

    /// Empties the histogram and keeps its memory.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }
}

/// Appends a sparse list of (bucket, count): how many there are, then for each the step from the bucket before and its count.
/// `entries` must be ordered by bucket, without repeats and without zero counts.
pub fn write_sparse(bytes: &mut Vec<u8>, entries: &[(u16, u32)]) {
    varint::write(bytes, entries.len() as u64);
    let mut next = 0_u64;
    for &(bucket, count) in entries {
        varint::write(bytes, u64::from(bucket).saturating_sub(next));
        varint::write(bytes, u64::from(count));
        next = u64::from(bucket) + 1;
    }
}

/// Reads what [`write_sparse`] wrote, handing each (bucket, count) to `visit`; returns the sum of the counts.
///
/// # Errors
/// [`MalformedHistogram`] for anything [`write_sparse`] could not have written.
#[inline]
pub fn read_sparse(bytes: &mut &[u8], mut visit: impl FnMut(u16, u32)) -> Result<u64, MalformedHistogram> {
    let entries = varint::read(bytes).map_err(|_| MalformedHistogram)?;
    let (mut rest, mut next, mut total) = (*bytes, 0_u64, 0_u64);
    for _ in 0..entries {
        let (step, count) = match rest {
            // Nearly all of both are one byte.
            [step, count, after @ ..] if (step | count) < 0x80 => {
                rest = after;
                (u64::from(*step), u64::from(*count))
            }
            _ => {
                let step = varint::read(&mut rest).map_err(|_| MalformedHistogram)?;
                (step, varint::read(&mut rest).map_err(|_| MalformedHistogram)?)
            }
        };
        let bucket = next.checked_add(step).filter(|bucket| *bucket < BUCKETS as u64).ok_or(MalformedHistogram)?;
        let count = u32::try_from(count).ok().filter(|count| *count > 0).ok_or(MalformedHistogram)?;
        visit(u16::try_from(bucket).map_err(|_| MalformedHistogram)?, count);
        total += u64::from(count);
        next = bucket + 1;
    }
    *bytes = rest;
    Ok(total)
}

/// The bytes are no histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed histogram")]
pub struct MalformedHistogram;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(latencies: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        for latency in latencies {
            histogram.record(*latency);
        }
        histogram
    }

    #[test]
    fn the_layout_has_no_gaps_and_no_overlaps() {
        let mut expected = 0;
        for bucket in 0..BUCKETS {
            let (lower, width) = bucket_bounds(bucket);
            assert_eq!(lower, expected, "bucket {bucket}");
            assert_eq!(bucket_of(lower), bucket);
            assert_eq!(bucket_of(lower + width - 1), bucket);
            expected = lower + width;
        }
        assert_eq!(expected, u64::from(MAX_LATENCY_US) + 1);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(Histogram::default().quantile_us(0.5), None);
    }

    #[test]
    fn hostile_sparse_bytes_are_refused() {
        for bytes in [&[][..], &[1], &[1, 0], &[1, 0, 0], &[1, 0x80, 0x80, 0x01, 1], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1]] {
            assert_eq!(read_sparse(&mut &*bytes, |_, _| ()), Err(MalformedHistogram), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_one_bucket_of_the_true_one(
            mut latencies in prop::collection::vec(0_u64..2_000_000_000, 1..400),
            q in 0.001_f64..1.0,
        ) {
            let estimate = of(&latencies).quantile_us(q).expect("not empty");
            latencies.sort_unstable();
            let rank = (1..=latencies.len()).find(|rank| *rank as f64 >= q * latencies.len() as f64).expect("q is at most 1");
            let truth = latencies[rank - 1].min(u64::from(MAX_LATENCY_US)) as f64;
            prop_assert!((estimate - truth).abs() <= (truth / 64.0).max(1.0), "{estimate} for {truth}");
        }

        #[test]
        fn merging_is_associative_commutative_and_the_same_as_counting_together(
            a in prop::collection::vec(any::<u64>(), 0..50),
            b in prop::collection::vec(0_u64..10_000_000, 0..50),
            c in prop::collection::vec(0_u64..1_000, 0..50),
        ) {
            let (ha, hb, hc) = (of(&a), of(&b), of(&c));
            let mut left = ha.clone();
            left.merge(&hb);
            left.merge(&hc);
            let mut right = hc;
            right.merge(&hb);
            right.merge(&ha);
            prop_assert_eq!(&left, &right);
            prop_assert_eq!(left, of(&[a, b, c].concat()));
        }

        #[test]
        fn sparse_bytes_round_trip(latencies in prop::collection::vec(0_u64..2_000_000_000, 0..200)) {
            let histogram = of(&latencies);
            let entries: Vec<(u16, u32)> = histogram.occupied()
                .map(|(bucket, count)| (u16::try_from(bucket).expect("layout"), u32::try_from(count).expect("few")))
                .collect();
            let mut bytes = Vec::new();
            write_sparse(&mut bytes, &entries);
            let mut read = Histogram::default();
            let mut rest = bytes.as_slice();
            let total = read_sparse(&mut rest, |bucket, count| read.add(usize::from(bucket), u64::from(count)))?;
            prop_assert!(rest.is_empty());
            prop_assert_eq!(total, histogram.total());
            prop_assert_eq!(read, histogram);
        }

        #[test]
        fn noise_never_panics(bytes: Vec<u8>) {
            let _ = read_sparse(&mut bytes.as_slice(), |_, _| ());
        }
    }
}
