//! Histograms of consecutive pairs: of a day's pairs one by one, of a longer run's merged into few enough blocks that a year of them fits in
//! memory. Must not know quantiles.

use std::ops::Range;

use crate::domain::arm::{Arm, ByArm};
use crate::domain::histogram::BUCKETS;
use crate::domain::pairs::Mapping;
use crate::domain::window::RINGS;

/// Maximum number of blocks kept for a run.
pub const MAX_BLOCKS: usize = 1_024;

/// One histogram: its occupied buckets and their counts, by bucket.
pub type Sparse = Vec<(u16, u32)>;

/// Histograms of one block, by arm and ring.
#[derive(Debug, Clone)]
struct Block {
    first_pair: u32,
    rings: ByArm<[Sparse; RINGS]>,
}

/// The histograms of some consecutive pairs of one mapping, trimmed.
#[derive(Debug, Clone)]
pub struct TimedBlock {
    /// Which pair was its first.
    pub first_pair: u32,
    /// Which arm came first in its pairs.
    pub mapping: Mapping,
    /// Each arm's.
    pub histograms: ByArm<Sparse>,
}

/// One occupied bucket of a window: its ring, bucket and count.
pub type Entry = (u8, u16, u32);

/// Blocks of equally many consecutive pairs (the last may hold fewer).
#[derive(Debug, Clone)]
pub struct BlockHistograms {
    /// Most blocks kept; when they are full, neighbours merge and a block holds twice the pairs.
    max_blocks: usize,
    pairs_per_block: usize,
    done: Vec<Block>,
    /// The block being filled.
    filling: ByArm<[Dense; RINGS]>,
    first_pair: u32,
    pairs_in_filling: usize,
}

/// A histogram while it is added to: every bucket, and between which of them it has been touched, since latencies lie close together.
#[derive(Debug, Clone)]
struct Dense {
    counts: Vec<u32>,
    touched: Range<usize>,
}

impl Dense {
    fn new() -> Self {
        Dense { counts: vec![0; BUCKETS], touched: 0..0 }
    }

    fn add(&mut self, bucket: u16, count: u32) {
        let bucket = usize::from(bucket).min(BUCKETS - 1);
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
        let Range { start, end } = self.touched;
        self.touched = if start == end { bucket..bucket + 1 } else { start.min(bucket)..end.max(bucket + 1) };
    }

    /// Takes out what was added.
    fn take(&mut self) -> Sparse {
        let touched = std::mem::take(&mut self.touched);
        let cells = &mut self.counts[touched.clone()];
        let buckets = touched.map(|bucket| u16::try_from(bucket).unwrap_or(u16::MAX));
        let sparse = buckets.zip(cells.iter().copied()).filter(|(_, count)| *count > 0).collect();
        cells.fill(0);
        sparse
    }
}

impl BlockHistograms {
    /// No pair yet; at most `max_blocks` blocks are kept.
    #[must_use]
    pub fn new(max_blocks: usize) -> Self {
        let filling = ByArm::build(|_| std::array::from_fn(|_| Dense::new()));
        BlockHistograms { max_blocks, pairs_per_block: 1, done: Vec::new(), filling, first_pair: 0, pairs_in_filling: 0 }
    }

    /// Adds the histograms of the run's pair number `number`.
    pub fn push(&mut self, number: u32, pair: ByArm<&[Entry]>) {
        if self.pairs_in_filling == 0 {
            self.first_pair = number;
        }
        for arm in Arm::BOTH {
            for &(ring, bucket, count) in pair[arm] {
                self.filling[arm][usize::from(ring).min(RINGS - 1)].add(bucket, count);
            }
        }
        self.pairs_in_filling += 1;
        if self.pairs_in_filling == self.pairs_per_block {
            self.close();
        }
    }

    fn close(&mut self) {
        self.pairs_in_filling = 0;
        let first_pair = self.first_pair;
        let ByArm { even, odd } = &mut self.filling;
        let rings = ByArm { even, odd }.map(|rings| rings.each_mut().map(Dense::take));
        self.done.push(Block { first_pair, rings });
        if self.done.len() == self.max_blocks {
            let mut merged = Vec::with_capacity(self.max_blocks);
            let mut blocks = std::mem::take(&mut self.done).into_iter();
            while let (Some(first), second) = (blocks.next(), blocks.next()) {
                let Some(second) = second else {
                    merged.push(first);
                    break;
                };
                let rings = ByArm::build(|arm| std::array::from_fn(|ring| merge(&first.rings[arm][ring], &second.rings[arm][ring])));
                merged.push(Block { first_pair: first.first_pair, rings });
            }
            self.done = merged;
            self.pairs_per_block *= 2;
        }
    }

    /// Ends the filling.
    pub fn finish(&mut self) {
        if self.pairs_in_filling > 0 {
            self.close();
        }
    }

    /// The blocks in time order, of the rings from `first_ring` on; all of them are of `mapping`.
    pub fn trimmed(&self, first_ring: usize, mapping: Mapping) -> impl Iterator<Item = TimedBlock> {
        self.done.iter().map(move |block| {
            let kept = |arm: Arm| block.rings[arm][first_ring.min(RINGS)..].iter().fold(Sparse::new(), |sum, ring| merge(&sum, ring));
            TimedBlock { first_pair: block.first_pair, mapping, histograms: ByArm::build(kept) }
        })
    }
}

fn merge(one: &Sparse, other: &Sparse) -> Sparse {
    if one.is_empty() {
        return other.clone();
    }
    let mut merged = Sparse::with_capacity(one.len() + other.len());
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(&&(a, of_a)), Some(&&(b, of_b))) = (left.peek(), right.peek()) {
        let count = if a == b {
            of_a.saturating_add(of_b)
        } else if a < b {
            of_a
        } else {
            of_b
        };
        merged.push((a.min(b), count));
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_runs_fold_into_few_blocks_and_lose_nothing() {
        let mut blocks = BlockHistograms::new(MAX_BLOCKS);
        for pair in 0..5_000_u16 {
            blocks.push(pair.into(), ByArm { even: &[(0, pair % 700, 2), (3, 5, 1)], odd: &[(1, 9, 3)] });
        }
        blocks.finish();
        let trimmed = |ring| blocks.trimmed(ring, Mapping::EvenFirst).collect::<Vec<_>>();
        let whole = trimmed(0);
        assert_eq!((whole.len(), whole[0].first_pair, whole[1].first_pair, whole[624].first_pair), (625, 0, 8, 4_992));
        let calls = |arm: Arm, ring| trimmed(ring).iter().flat_map(|block| &block.histograms[arm]).map(|(_, count)| count).sum::<u32>();
        assert_eq!([calls(Arm::Even, 0), calls(Arm::Even, 1), calls(Arm::Odd, 1), calls(Arm::Odd, 2)], [15_000, 5_000, 15_000, 0]);
    }

    #[test]
    fn short_runs_keep_their_pairs_apart() {
        let mut blocks = BlockHistograms::new(MAX_BLOCKS);
        for pair in 0..100 {
            blocks.push(pair, ByArm { even: &[(0, 1, 1)], odd: &[] });
        }
        blocks.finish();
        let first: Vec<u32> = blocks.trimmed(0, Mapping::EvenFirst).map(|block| block.first_pair).collect();
        assert_eq!(first, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn sparse_merge_keeps_order() {
        assert_eq!(merge(&vec![(1, 1), (4, 2)], &vec![(0, 5), (4, 1), (9, 1)]), vec![(0, 5), (1, 1), (4, 3), (9, 1)]);
    }
}
