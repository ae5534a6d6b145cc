//! What is kept of every pair: a few numbers at each burn-in, and its histograms in blocks. Must not know estimators.

use super::arm_use::MinuteUse;
use super::blocks::{BlockHistograms, Entry, MAX_BLOCKS, TimedBlock};
use crate::domain::arm::ByArm;
use crate::domain::pairs::{Mapping, Pair};
use crate::domain::schedule::Rule;
use crate::domain::window::{BurnIn, MalformedSlices, RINGS, ring_of, visit_slices};

/// Pairs that room is made for at once: those of a year.
const MAX_RESERVED_PAIRS: usize = 366 * 720;

/// Sums over one ring of a window's slices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RingSums {
    /// Calls.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Sum of latencies, µs.
    pub latency_us: u64,
}

/// One arm's window, all its workers together.
#[derive(Debug, Clone, Default)]
pub struct WindowSums {
    rings: [RingSums; RINGS],
    entries: Vec<Entry>,
    /// What it adds to the arm's bill.
    pub used: MinuteUse,
}

impl WindowSums {
    /// Adds a worker's encoded slices; `billed_ms` is what a call of each bucket is billed, or empty.
    ///
    /// # Errors
    /// [`MalformedSlices`]; the sums are then of no use.
    pub fn add(&mut self, slices: &[u8], billed_ms: &[u64]) -> Result<(), MalformedSlices> {
        let WindowSums { rings, entries, used } = self;
        // A bucket takes two bytes at least.
        entries.reserve(slices.len() / 2);
        visit_slices(
            slices,
            |slice, calls, server_errors, latency_us| {
                let ring = &mut rings[ring_of(slice)];
                ring.calls += calls;
                ring.server_errors += server_errors;
                ring.latency_us = ring.latency_us.saturating_add(latency_us);
            },
            |slice, bucket, count| {
                // There are four rings.
                entries.push((u8::try_from(ring_of(slice)).unwrap_or(0), bucket, count));
                if let Some(each) = billed_ms.get(usize::from(bucket)) {
                    used.billed_ms = used.billed_ms.saturating_add(each * u64::from(count));
                }
            },
        )
    }

    /// Sums over what `burn_in` keeps.
    #[must_use]
    pub fn kept(&self, burn_in: BurnIn) -> RingSums {
        let mut sums = RingSums::default();
        for ring in &self.rings[burn_in.index()..] {
            sums.calls += ring.calls;
            sums.server_errors += ring.server_errors;
            sums.latency_us = sums.latency_us.saturating_add(ring.latency_us);
        }
        sums
    }
}

/// A pair's numbers at one burn-in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairRow {
    /// Mean latency, ms; not a number where there was no call.
    pub mean_ms: ByArm<f64>,
    /// Calls.
    pub calls: ByArm<u32>,
    /// Calls answered 5xx.
    pub server_errors: ByArm<u32>,
}

impl PairRow {
    /// Whether both arms served a call.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.calls.even > 0 && self.calls.odd > 0
    }
}

/// What is kept of a pair.
#[derive(Debug, Clone, Copy)]
struct PairSums {
    mapping: Mapping,
    /// By burn-in.
    rows: [PairRow; RINGS],
    /// What its windows add to the arms' bills.
    used: ByArm<MinuteUse>,
}

/// Every pair of the run, in time order.
#[derive(Debug, Clone)]
pub struct Series {
    pairs: Vec<PairSums>,
    /// Histograms of the pairs in which both arms served a call; those of each mapping apart where a schedule swaps it for hours.
    blocks: Vec<BlockHistograms>,
}

impl Series {
    /// No pair yet of a run under `rule`, of which `pairs` are expected. Two mappings share what one alone may take.
    #[must_use]
    pub fn new(rule: Rule, pairs: usize) -> Self {
        let apart = match rule {
            Rule::Parity | Rule::Random(_) => 1,
            Rule::Mirrored => Mapping::ALL.len(),
        };
        let blocks = (0..apart).map(|_| BlockHistograms::new(MAX_BLOCKS / apart)).collect();
        // A year's are some 50 MB: in one piece from the start, they go back to the system when the report is made, where growing step by step
        // leaves holes in the heap that the next report does not fit into.
        Series { pairs: Vec::with_capacity(pairs.min(MAX_RESERVED_PAIRS)), blocks }
    }

    /// Adds a pair.
    pub fn push(&mut self, pair: &Pair<WindowSums>) {
        let row = |burn_in| {
            let kept = pair.windows.as_ref().map(|window| window.kept(burn_in));
            PairRow {
                mean_ms: kept.map(|sums| sums.latency_us as f64 / sums.calls as f64 / 1_000.0),
                calls: kept.map(|sums| u32::try_from(sums.calls).unwrap_or(u32::MAX)),
                server_errors: kept.map(|sums| u32::try_from(sums.server_errors).unwrap_or(u32::MAX)),
            }
        };
        let number = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        self.pairs.push(PairSums {
            mapping: pair.mapping,
            rows: BurnIn::ALL.map(row),
            used: pair.windows.as_ref().map(|window| window.used),
        });
        if pair.windows.iter().all(|window| !window.entries.is_empty()) {
            let of_mapping = pair.mapping.index().min(self.blocks.len() - 1);
            self.blocks[of_mapping].push(number, pair.windows.as_ref().map(|window| window.entries.as_slice()));
        }
    }

    /// Ends the filling.
    pub fn finish(&mut self) {
        self.blocks.iter_mut().for_each(BlockHistograms::finish);
    }

    /// The histograms in blocks of pairs, in time order, without what `burn_in` trims.
    #[must_use]
    pub fn blocks(&self, burn_in: BurnIn) -> Vec<TimedBlock> {
        let of_mapping = Mapping::ALL.iter().zip(&self.blocks);
        let mut blocks: Vec<TimedBlock> = of_mapping.flat_map(|(mapping, blocks)| blocks.trimmed(burn_in.index(), *mapping)).collect();
        blocks.sort_by_key(|block| block.first_pair);
        blocks
    }

    /// Each pair's numbers at `burn_in`, with its mapping.
    pub fn pairs(&self, burn_in: BurnIn) -> impl Iterator<Item = (Mapping, &PairRow)> {
        self.pairs.iter().map(move |pair| (pair.mapping, &pair.rows[burn_in.index()]))
    }

    /// Each pair's numbers, untrimmed, with its mapping and what its windows add to the arms' bills.
    pub fn used(&self) -> impl Iterator<Item = (Mapping, &PairRow, &ByArm<MinuteUse>)> {
        self.pairs.iter().map(|pair| (pair.mapping, &pair.rows[BurnIn::None.index()], &pair.used))
    }

    /// How many pairs there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.pairs.len()
    }

    /// Pairs in which both arms served a call.
    #[must_use]
    pub fn busy_pairs(&self) -> usize {
        self.pairs(BurnIn::None).filter(|(_, row)| row.is_busy()).count()
    }
}
