//! Histograms of consecutive pairs: of a day's pairs one by one, of a longer run's merged into few enough blocks that a year of them fits in
//! memory. Must not know quantiles.

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

/// A histogram while it is added to: every bucket, and which of them hold calls.
#[derive(Debug, Clone)]
struct Dense {
    counts: Vec<u32>,
    occupied: [u64; BUCKETS.div_ceil(WORD)],
}

/// Buckets that one word of [`Dense::occupied`] tells of.
const WORD: usize = u64::BITS as usize;

impl Dense {
    fn new() -> Self {
        Dense { counts: vec![0; BUCKETS], occupied: [0; BUCKETS.div_ceil(WORD)] }
    }

    fn add(&mut self, bucket: u16, count: u32) {
        let bucket = usize::from(bucket).min(BUCKETS - 1);
        self.counts[bucket] = self.counts[bucket].saturating_add(count);
        self.occupied[bucket / WORD] |= 1 << (bucket % WORD);
    }

    fn add_all(&mut self, histogram: &Sparse) {
        histogram.iter().for_each(|(bucket, count)| self.add(*bucket, *count));
    }

    /// Takes out what was added.
    fn take(&mut self) -> Sparse {
        let occupied = self.occupied.iter().map(|word| word.count_ones() as usize).sum();
        let mut sparse = Sparse::with_capacity(occupied);
        for (word, first) in self.occupied.iter_mut().zip((0..).step_by(WORD)) {
            while *word != 0 {
                let bucket = first + word.trailing_zeros() as usize;
                *word &= *word - 1;
                sparse.push((u16::try_from(bucket).unwrap_or(u16::MAX), std::mem::take(&mut self.counts[bucket])));
            }
        }
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
            self.fold();
        }
    }

    /// Merges neighbours, so that a block holds twice the pairs.
    fn fold(&mut self) {
        let filling = &mut self.filling;
        let merged = self.done.chunks(2).map(|blocks| {
            let rings = ByArm::build(|arm| {
                std::array::from_fn(|ring| {
                    blocks.iter().for_each(|block| filling[arm][ring].add_all(&block.rings[arm][ring]));
                    filling[arm][ring].take()
                })
            });
            Block { first_pair: blocks[0].first_pair, rings }
        });
        self.done = merged.collect();
        self.pairs_per_block *= 2;
    }

    /// Ends the filling.
    pub fn finish(&mut self) {
        if self.pairs_in_filling > 0 {
            self.close();
        }
    }

    /// The blocks in time order, of the rings from `first_ring` on; all of them are of `mapping`.
    pub fn trimmed(&self, first_ring: usize, mapping: Mapping) -> impl Iterator<Item = TimedBlock> {
        let mut kept = Dense::new();
        self.done.iter().map(move |block| {
            let histograms = block.rings.as_ref().map(|rings| {
                rings[first_ring.min(RINGS)..].iter().for_each(|ring| kept.add_all(ring));
                kept.take()
            });
            TimedBlock { first_pair: block.first_pair, mapping, histograms }
        })
    }
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
    fn a_histogram_comes_out_in_order_and_leaves_none_behind() {
        let mut dense = Dense::new();
        dense.add_all(&vec![(1, 1), (64, 2), (1_599, u32::MAX)]);
        dense.add_all(&vec![(0, 5), (63, 3), (64, 1), (1_599, 1)]);
        assert_eq!(dense.take(), [(0, 5), (1, 1), (63, 3), (64, 3), (1_599, u32::MAX)]);
        assert_eq!(dense.take(), []);
    }
}
