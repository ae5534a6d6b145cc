//! A window: what one worker of one arm served in one minute, cut into slices so that a burn-in can be trimmed afterwards.
//! Must not know how calls are counted while they happen (the ledger) or where windows are stored.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::arm::Arm;
use super::histogram::{self, Histogram};
use super::schedule::Minute;
use super::varint;

/// Where slices begin and end, in sixtieths of the minute: seconds, unless a development system shortens the minute.
pub const EDGES_SIXTIETHS: [u8; SLICES + 1] = [0, 5, 10, 20, 40, 50, 55, 60];

/// Number of slices of a window.
pub const SLICES: usize = 7;

/// How much is trimmed from both edges of a window, in sixtieths of the minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum BurnIn {
    /// Nothing is trimmed.
    #[default]
    None,
    /// 5 s of a real minute.
    Five,
    /// 10 s of a real minute.
    Ten,
    /// 20 s of a real minute.
    Twenty,
}

impl BurnIn {
    /// Every burn-in, shortest first.
    pub const ALL: [BurnIn; 4] = [BurnIn::None, BurnIn::Five, BurnIn::Ten, BurnIn::Twenty];

    /// What is trimmed from each edge, in sixtieths of the minute.
    #[must_use]
    pub const fn sixtieths(self) -> u8 {
        EDGES_SIXTIETHS[self.index()]
    }

    /// Position in [`BurnIn::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Slices as far from the nearer edge as each other; burn-in `b` keeps the rings from `b.index()` on.
pub const RINGS: usize = 4;

/// The ring `slice` belongs to: 0 for the two outermost slices, 3 for the one in the middle.
#[must_use]
pub const fn ring_of(slice: usize) -> usize {
    let from_end = SLICES.saturating_sub(1).saturating_sub(slice);
    if slice < from_end { slice } else { from_end }
}

/// The slice of a moment `elapsed` after its window's start; later than the window's end (a call routed in its last instant that
/// arrived in the next minute) is its last slice.
#[must_use]
pub fn slice_at(elapsed: Duration, minute_length: Duration) -> usize {
    let sixtieth = elapsed.as_nanos() * 60 / minute_length.as_nanos().max(1);
    EDGES_SIXTIETHS[1..].iter().position(|edge| sixtieth < u128::from(*edge)).unwrap_or(SLICES - 1)
}

/// The status of a call whose caller left before the answer, as in nginx.
pub const CALLER_LEFT: u16 = 499;
/// The status of a call that took too long to arrive.
pub const TIMED_OUT: u16 = 408;

/// Classes of HTTP status, 1xx to 5xx, in the order they are counted.
pub const STATUS_CLASSES: usize = 5;

/// The position of `status` among the status classes; anything no HTTP status begins with is a server's error.
#[must_use]
pub const fn status_class(status: u16) -> usize {
    match status {
        100..=199 => 0,
        200..=299 => 1,
        300..=399 => 2,
        400..=499 => 3,
        _ => 4,
    }
}

/// What happened in one slice of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slice {
    /// Calls that arrived in it.
    pub calls: u64,
    /// Those answered 5xx.
    pub server_errors: u64,
    /// Sum of their latencies, µs.
    pub latency_sum_us: u64,
    /// Their latencies by bucket of [`histogram`], ordered by bucket, without zero counts.
    pub buckets: Vec<(u16, u32)>,
}

/// A window's slices, in time order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slices(pub [Slice; SLICES]);

const VERSION: u8 = 1;
/// Bound of one slice's latencies together, µs: 285 years, which no traffic reaches. A damaged row past it would overflow the sums it is added to.
const MAX_LATENCY_SUM_US: u64 = 1 << 53;

impl Slices {
    /// The slices as one byte string: a version, then for each slice its sums and its sparse histogram.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for slice in &self.0 {
            varint::write(&mut bytes, slice.calls);
            varint::write(&mut bytes, slice.server_errors);
            varint::write(&mut bytes, slice.latency_sum_us);
            histogram::write_sparse(&mut bytes, &slice.buckets);
        }
        bytes
    }

    /// Reads what [`Slices::encode`] wrote.
    ///
    /// # Errors
    /// [`MalformedSlices`] for an unknown version, and for bytes that [`Slices::encode`] cannot have written.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedSlices> {
        let mut slices = Slices::default();
        let mut buckets: [Vec<(u16, u32)>; SLICES] = Default::default();
        visit_slices(
            bytes,
            |index, calls, server_errors, latency_sum_us| {
                slices.0[index] = Slice { calls, server_errors, latency_sum_us, buckets: Vec::new() };
            },
            |index, bucket, count| buckets[index].push((bucket, count)),
        )?;
        for (slice, buckets) in slices.0.iter_mut().zip(buckets) {
            slice.buckets = buckets;
        }
        Ok(slices)
    }
}

/// Reads encoded slices without building them: `sums` gets each slice's index, calls, server errors and latency sum (µs), `bucket`
/// each occupied bucket of it. `bucket` may be called before the bytes turn out malformed.
///
/// # Errors
/// As [`Slices::decode`].
#[inline]
pub fn visit_slices(
    bytes: &[u8],
    mut sums: impl FnMut(usize, u64, u64, u64),
    mut bucket: impl FnMut(usize, u16, u32),
) -> Result<(), MalformedSlices> {
    let (&version, mut rest) = bytes.split_first().ok_or(MalformedSlices::Empty)?;
    if version != VERSION {
        return Err(MalformedSlices::Version(version));
    }
    for index in 0..SLICES {
        let calls = varint::read(&mut rest).map_err(|_| MalformedSlices::Slice(index))?;
        let server_errors = varint::read(&mut rest).map_err(|_| MalformedSlices::Slice(index))?;
        let latency_sum_us = varint::read(&mut rest).map_err(|_| MalformedSlices::Slice(index))?;
        let counted = histogram::read_sparse(&mut rest, |position, count| bucket(index, position, count))
            .map_err(|_| MalformedSlices::Slice(index))?;
        if counted != calls || server_errors > calls || latency_sum_us > MAX_LATENCY_SUM_US {
            return Err(MalformedSlices::Slice(index));
        }
        sums(index, calls, server_errors, latency_sum_us);
    }
    if rest.is_empty() { Ok(()) } else { Err(MalformedSlices::Trailing(rest.len())) }
}

/// Why bytes are no slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSlices {
    /// No byte at all.
    #[error("slices are empty")]
    Empty,
    /// Written by a version of the program that this one does not know.
    #[error("slices have version {0}, expected {VERSION}")]
    Version(u8),
    /// A slice that is cut short or contradicts itself.
    #[error("slice {0} is malformed")]
    Slice(usize),
    /// Bytes after the last slice.
    #[error("{0} bytes follow the last slice")]
    Trailing(usize),
}

/// Calls by route and status class; routes are the API's own templates, so there are few.
pub type RouteCounts = BTreeMap<String, [u64; STATUS_CLASSES]>;

/// Sum of latencies by route, µs.
pub type RouteLatencies = BTreeMap<String, u64>;

/// Most routes a window tells apart; further ones are counted as [`OTHER_ROUTES`].
pub const MAX_ROUTES: usize = 64;

/// The name under which routes past [`MAX_ROUTES`] are counted.
pub const OTHER_ROUTES: &str = "other";

/// What one worker of one arm served in one minute. Values are absolute, so writing a window twice changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Calls by status class, 1xx to 5xx.
    pub status_classes: [u64; STATUS_CLASSES],
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies.
    pub response_bytes: u64,
    /// Times the worker began to serve in this window.
    pub cold_starts: u64,
    /// Calls marked as probes; they are in no other number.
    pub probes: u64,
    /// Calls without a valid ticket where tickets are in use; they are in no other number.
    pub unrouted: u64,
    /// Calls whose caller left before the answer; among the 4xx.
    pub callers_left: u64,
    /// Calls that took too long to arrive, answered 408; among the 4xx.
    pub timed_out: u64,
    /// Time that Flex Consumption would have metered for these calls, ms; none where the worker did not meter.
    pub metered_ms: Option<u64>,
    /// Calls, errors and latencies by part of the minute.
    pub slices: Slices,
    /// Calls by route and status class.
    pub routes: RouteCounts,
    /// Latencies by route.
    pub route_latency_us: RouteLatencies,
}

impl WindowCounts {
    /// Calls of the experiment.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.status_classes.iter().sum()
    }

    /// Calls answered 4xx.
    #[must_use]
    pub const fn client_errors(&self) -> u64 {
        self.status_classes[3]
    }

    /// Calls answered 5xx.
    #[must_use]
    pub const fn server_errors(&self) -> u64 {
        self.status_classes[4]
    }

    /// Sum of latencies, µs.
    #[must_use]
    pub fn latency_sum_us(&self) -> u64 {
        self.slices.0.iter().map(|slice| slice.latency_sum_us).sum()
    }

    /// All slices' latencies as one histogram.
    #[must_use]
    pub fn histogram(&self) -> Histogram {
        let mut histogram = Histogram::default();
        for (bucket, count) in self.slices.0.iter().flat_map(|slice| &slice.buckets) {
            histogram.add(usize::from(*bucket), u64::from(*count));
        }
        histogram
    }

    /// Adds another worker's counts of the same minute and arm.
    pub fn merge(&mut self, other: &WindowCounts) {
        for (own, others) in self.status_classes.iter_mut().zip(other.status_classes) {
            *own += others;
        }
        self.request_bytes += other.request_bytes;
        self.response_bytes += other.response_bytes;
        self.cold_starts += other.cold_starts;
        self.probes += other.probes;
        self.unrouted += other.unrouted;
        self.callers_left += other.callers_left;
        self.timed_out += other.timed_out;
        // Each worker is an instance with a meter of its own. Of workers that did not meter nothing is known.
        self.metered_ms = self.metered_ms.into_iter().chain(other.metered_ms).reduce(|own, others| own + others);
        for (own, others) in self.slices.0.iter_mut().zip(&other.slices.0) {
            own.merge(others);
        }
        for (route, counts) in &other.routes {
            let known = self.routes.len() < MAX_ROUTES || self.routes.contains_key(route);
            let name = if known { route.clone() } else { OTHER_ROUTES.to_owned() };
            if let Some(latency_us) = other.route_latency_us.get(route) {
                *self.route_latency_us.entry(name.clone()).or_default() += latency_us;
            }
            let own = self.routes.entry(name).or_default();
            for (own, others) in own.iter_mut().zip(counts) {
                *own += others;
            }
        }
    }
}

impl Slice {
    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Slice) {
        self.calls += other.calls;
        self.server_errors += other.server_errors;
        self.latency_sum_us += other.latency_sum_us;
        let mut merged: BTreeMap<u16, u32> = self.buckets.iter().copied().collect();
        for (bucket, count) in &other.buckets {
            let cell = merged.entry(*bucket).or_default();
            *cell = cell.saturating_add(*count);
        }
        self.buckets = merged.into_iter().collect();
    }
}

/// One stored row: a window as one worker saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The minute the calls were routed in.
    pub minute: Minute,
    /// The arm that served them.
    pub arm: Arm,
    /// The process that served them: an id it draws when it starts.
    pub worker: Uuid,
    /// Whether the worker wrote it after the minute's end or while draining: nothing it counted is missing.
    pub closed: bool,
    /// What was counted.
    pub counts: WindowCounts,
}

/// What a report needs of a stored window; borrowed, so that a year of them can stream through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWindow<'a> {
    /// The minute the calls were routed in.
    pub minute: Minute,
    /// The arm that served them.
    pub arm: Arm,
    /// As [`Window::closed`].
    pub closed: bool,
    /// As [`WindowCounts::cold_starts`].
    pub cold_starts: u64,
    /// As [`WindowCounts::probes`].
    pub probes: u64,
    /// As [`WindowCounts::unrouted`].
    pub unrouted: u64,
    /// As [`WindowCounts::callers_left`].
    pub callers_left: u64,
    /// As [`WindowCounts::timed_out`].
    pub timed_out: u64,
    /// As [`WindowCounts::metered_ms`].
    pub metered_ms: Option<u64>,
    /// Encoded [`Slices`].
    pub slices: &'a [u8],
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
