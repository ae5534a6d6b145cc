//! Windows: slices, their encoding, merging, bounds.

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn slice_of_latencies(latencies: &[u64], server_errors: u64) -> Slice {
    let mut histogram = Histogram::default();
    for latency in latencies {
        histogram.record(*latency);
    }
    Slice {
        calls: histogram.total(),
        server_errors: server_errors.min(histogram.total()),
        latency_sum_us: latencies.iter().sum(),
        buckets: histogram
            .occupied()
            .map(|(bucket, count)| (u16::try_from(bucket).expect("layout"), u32::try_from(count).expect("few")))
            .collect(),
    }
}

#[test]
fn slices_follow_the_edges() {
    let at = |millis| slice_at(Duration::from_millis(millis), MINUTE);
    assert_eq!([at(0), at(4_999), at(5_000), at(10_000), at(20_000)], [0, 0, 1, 2, 3]);
    assert_eq!([at(39_999), at(40_000), at(50_000), at(55_000), at(59_999)], [3, 4, 5, 6, 6]);
    assert_eq!(at(60_000), SLICES - 1, "a call of the last instant that arrives late");
    assert_eq!(slice_at(Duration::from_millis(170), Duration::from_secs(2)), 1);
}

#[test]
fn a_burn_in_keeps_what_is_far_enough_from_both_edges() {
    for burn_in in BurnIn::ALL {
        for slice in 0..SLICES {
            let inside = EDGES_SIXTIETHS[slice] >= burn_in.sixtieths() && EDGES_SIXTIETHS[slice + 1] <= 60 - burn_in.sixtieths();
            assert_eq!(ring_of(slice) >= burn_in.index(), inside, "slice {slice}, {burn_in:?}");
        }
    }
}

#[test]
fn merging_two_workers_adds_everything() {
    let mut one = WindowCounts { status_classes: [0, 3, 0, 1, 1], cold_starts: 1, ..WindowCounts::default() };
    one.slices.0[0] = slice_of_latencies(&[10, 20, 20, 900, 70_000], 1);
    one.routes.insert("/api/costs".into(), [0, 3, 0, 1, 1]);
    let mut other = WindowCounts { status_classes: [0, 2, 0, 0, 0], request_bytes: 7, ..WindowCounts::default() };
    other.slices.0[0] = slice_of_latencies(&[20, 5_000], 0);
    other.routes.insert("/api/costs".into(), [0, 2, 0, 0, 0]);
    one.merge(&other);
    assert_eq!((one.calls(), one.server_errors(), one.client_errors()), (7, 1, 1));
    assert_eq!(one.slices.0[0], slice_of_latencies(&[10, 20, 20, 900, 70_000, 20, 5_000], 1));
    assert_eq!(one.routes["/api/costs"], [0, 5, 0, 1, 1]);
    assert_eq!(one.histogram().total(), 7);
}

#[test]
fn routes_are_bounded() {
    let mut counts = WindowCounts::default();
    for route in 0..1_000 {
        let mut one = WindowCounts::default();
        one.routes.insert(format!("/{route}"), [0, 1, 0, 0, 0]);
        counts.merge(&one);
    }
    assert_eq!(counts.routes.len(), MAX_ROUTES + 1);
    assert_eq!(counts.routes.values().map(|classes| classes[1]).sum::<u64>(), 1_000);
}

#[test]
fn bytes_that_contradict_themselves_are_refused() {
    let mut bytes = Slices::default().encode();
    assert_eq!(Slices::decode(&bytes), Ok(Slices::default()));
    bytes.push(0);
    assert_eq!(Slices::decode(&bytes), Err(MalformedSlices::Trailing(1)));
    bytes[0] = 9;
    assert_eq!(Slices::decode(&bytes), Err(MalformedSlices::Version(9)));
    assert_eq!(Slices::decode(&[]), Err(MalformedSlices::Empty));
    // One call is claimed, none is in the histogram.
    assert_eq!(Slices::decode(&[1, 1, 0, 0, 0]), Err(MalformedSlices::Slice(0)));
    let mut latencies = Slices::default();
    latencies.0[1].latency_sum_us = u64::MAX;
    assert_eq!(Slices::decode(&latencies.encode()), Err(MalformedSlices::Slice(1)), "longer than any window");
}

proptest! {
    #[test]
    fn encoding_round_trips(latencies in prop::collection::vec(prop::collection::vec(0_u64..3_000_000_000, 0..60), SLICES), errors in 0_u64..5) {
        let mut slices = Slices::default();
        for (slice, latencies) in slices.0.iter_mut().zip(&latencies) {
            *slice = slice_of_latencies(latencies, errors);
        }
        prop_assert_eq!(Slices::decode(&slices.encode()), Ok(slices));
    }

    #[test]
    fn noise_never_panics(mut bytes: Vec<u8>) {
        let _ = Slices::decode(&bytes);
        bytes.insert(0, VERSION);
        let _ = Slices::decode(&bytes);
    }
}
