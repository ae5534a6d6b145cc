//! Influence series against what they must reduce to, against the bootstrap, and against the truth.

use proptest::prelude::*;

use super::*;
use crate::domain::histogram::Histogram;
use crate::domain::statistics::bootstrap::{Blocks, Stratum, quantile_differences};
use crate::domain::statistics::random::Random;
use crate::domain::statistics::{Moments, Validity};

fn ratio(terms: &[(f64, f64)]) -> Option<Influence> {
    let terms: Vec<RatioTerm> =
        terms.iter().map(|(numerator, denominator)| RatioTerm { numerator: *numerator, denominator: *denominator }).collect();
    Influence::of_ratio(&terms)
}

fn estimate(influence: &Influence) -> SeriesMean {
    influence.estimate(&mut SeriesEstimator::default()).expect("enough pairs")
}

/// A window's calls: about 20 ms each, with what the whole window has in common.
fn window(random: &mut Random, calls: usize, level_us: f64) -> Histogram {
    let mut histogram = Histogram::default();
    for _ in 0..calls {
        let latency = (level_us + 4_000.0 * random.normal()).clamp(1.0, 1e6);
        histogram.record(std::time::Duration::from_secs_f64(latency / 1e6).as_micros().try_into().expect("short"));
    }
    histogram
}

/// An arm's windows, whose levels follow an AR(1) with coefficient `rho` and a standard deviation of 1 ms.
fn windows(random: &mut Random, pairs: usize, calls: usize, rho: f64, level_us: f64) -> Vec<Histogram> {
    let mut drift = random.normal();
    (0..pairs)
        .map(|_| {
            drift = rho * drift + (1.0 - rho * rho).sqrt() * random.normal();
            window(random, calls, level_us + 1_000.0 * drift)
        })
        .collect()
}

fn merged(windows: &[Histogram]) -> Histogram {
    let mut all = Histogram::default();
    windows.iter().for_each(|window| all.merge(window));
    all
}

fn quantile(windows: &[Histogram], q: f64, estimator: &mut SeriesEstimator) -> Option<Influence> {
    let all = merged(windows);
    let cut = QuantileCut::of(&all, q)?;
    let counts: Vec<CutCounts> = windows.iter().map(|window| cut.count(window.occupied())).collect();
    cut.influence(&all, &counts, estimator)
}

fn blocks(windows: &[Histogram]) -> Blocks {
    let narrow = |(bucket, count)| (u16::try_from(bucket).expect("layout"), u32::try_from(count).expect("few"));
    Blocks::new(&windows.iter().map(|window| window.occupied().map(narrow).collect()).collect::<Vec<_>>())
}

#[test]
fn equal_denominators_reduce_to_the_mean_of_differences() {
    let (a, b) = ([1.0, 2.0, 0.0, 1.0, 5.0], [3.0, 2.0, 4.0, 1.0, 0.0]);
    let of = |events: &[f64]| ratio(&events.iter().map(|events| (*events, 10.0)).collect::<Vec<_>>()).expect("calls");
    let found = estimate(&of(&b).less(&of(&a)));
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| (b - a) / 10.0).collect();
    let plain = SeriesEstimator::default().mean(&differences).expect("pairs");
    assert!((found.mean - plain.mean).abs() < 1e-12 && (found.standard_error - plain.standard_error).abs() < 1e-12, "{found:?} {plain:?}");
    let means = Influence::of_mean(&b).expect("values").less(&Influence::of_mean(&a).expect("values"));
    assert!((estimate(&means).standard_error - 10.0 * plain.standard_error).abs() < 1e-12);
    assert!(means.pair_values().zip(&differences).all(|(own, expected)| (own - 10.0 * expected).abs() < 1e-12));
}

#[test]
fn a_quantile_by_hand() {
    // Three windows of ten calls of 10, 20, 30 µs; the first has more short ones. Half of the calls are at or below 20 µs.
    let windows = [[6, 2, 2], [4, 2, 4], [2, 2, 6]].map(|counts| {
        let mut histogram = Histogram::default();
        for (latency, count) in [10, 20, 30].into_iter().zip(counts) {
            histogram.add(crate::domain::histogram::bucket_of(latency), count);
        }
        histogram
    });
    let cut = QuantileCut::of(&merged(&windows), 0.5).expect("calls");
    assert_eq!((cut.value_us, cut.bucket, cut.share), (20.5, 20, 0.5), "in the middle of the bucket of 20 µs");
    assert_eq!(windows.each_ref().map(|window| cut.count(window.occupied()).at_or_below), [7.0, 5.0, 3.0]);
    let found = quantile(&windows, 0.5, &mut SeriesEstimator::default()).expect("three pairs");
    // The share of calls below the cut is .2 above, at, and .2 below a half. Λ₁ = √(2/3)(.2 cos 30° · 2), Λ₂ = 0.
    let error = (2.0_f64 / 3.0 * 0.12 / 2.0 / 3.0).sqrt();
    let (low, high) = (0.5 - 1.959_964 * error, 0.5 + 1.959_964 * error);
    let all = merged(&windows);
    let slope = (all.quantile_us(high).expect("calls") - all.quantile_us(low).expect("calls")) / (high - low);
    let expected = [-0.2 * slope, 0.0, 0.2 * slope];
    assert!(found.series.iter().zip(expected).all(|(own, expected)| (own - expected).abs() < 1e-4), "{found:?} {expected:?}");
}

#[test]
fn windows_that_are_all_alike_leave_only_the_histograms_resolution() {
    let windows = vec![window(&mut Random::new(1), 1, 21_000.0); 20];
    let found = quantile(&windows, 0.95, &mut SeriesEstimator::default()).expect("calls");
    assert_eq!(estimate(&found).standard_error, 0.0);
    let cut = QuantileCut::of(&merged(&windows), 0.95).expect("calls");
    assert!((cut.resolution_error_us - 256.0 / 12.0_f64.sqrt()).abs() < 1e-9, "{cut:?}");
}

#[test]
fn nothing_to_estimate_from() {
    assert_eq!((ratio(&[]), ratio(&[(0.0, 0.0); 5]), Influence::of_mean(&[])), (None, None, None));
    assert_eq!(QuantileCut::of(&Histogram::default(), 0.5), None);
    assert_eq!(ratio(&[(0.0, 9.0); 5]).expect("calls").logarithm(), None);
    assert_eq!(
        quantile(&[window(&mut Random::new(1), 9, 1e4), Histogram::default()], 0.5, &mut SeriesEstimator::default()),
        None,
        "two pairs"
    );
}

/// Standard errors of single runs scatter, of both methods, so that variances are compared over many.
#[test]
fn quantiles_vary_as_the_bootstrap_says() {
    let (mut estimator, mut random) = (SeriesEstimator::default(), Random::new(5));
    let quantiles = [0.5, 0.95];
    let mut sums = [[0.0; 2]; 2];
    for seed in 0..40 {
        let a = windows(&mut random, 60, 30, 0.0, 20_000.0);
        let b = windows(&mut random, 60, 30, 0.0, 21_000.0);
        let drawn = quantile_differences(&[Stratum { a: blocks(&a), b: blocks(&b), run: 1 }], &quantiles, 200, seed);
        for ((q, drawn), sums) in quantiles.into_iter().zip(drawn).zip(&mut sums) {
            let drawn = drawn.expect("calls");
            let [of_a, of_b] = [&a, &b].map(|arm| quantile(arm, q, &mut estimator).expect("calls"));
            assert!((of_a.value - drawn.a).abs() < 1e-6 && (of_b.value - drawn.b).abs() < 1e-6);
            let resolution = [&a, &b].map(|arm| QuantileCut::of(&merged(arm), q).expect("calls").resolution_error_us.powi(2));
            sums[0] += of_b.less(&of_a).estimate(&mut estimator).expect("pairs").standard_error.powi(2);
            sums[1] += drawn.standard_error.powi(2) - resolution[0] - resolution[1];
        }
    }
    for [influence, bootstrap] in sums {
        assert!((influence / bootstrap).ln().abs() < 0.25, "{influence} {bootstrap}");
    }
}

#[test]
fn ratios_vary_as_independent_pairs_say() {
    let (mut estimator, mut random) = (SeriesEstimator::default(), Random::new(7));
    let mut sums = [0.0; 4];
    for _ in 0..100 {
        let mut arm = |rate: f64| -> Vec<(f64, f64)> {
            let window = |random: &mut Random| {
                let calls = 20.0 + (random.uniform() * 60.0).floor();
                let rate = rate * (0.5 + random.uniform());
                let failures = (0..80).filter(|call| f64::from(*call) < calls && random.uniform() < rate).count();
                (failures as f64, calls)
            };
            (0..120).map(|_| window(&mut random)).collect()
        };
        let (a, b) = (arm(0.05), arm(0.06));
        let [of_a, of_b] = [&a, &b].map(|arm| ratio(arm).expect("calls"));
        let ours = of_b.less(&of_a);
        let lift = of_b.logarithm().expect("failures").less(&of_a.logarithm().expect("failures"));
        let share =
            |arm: &[(f64, f64)]| arm.iter().map(|(failures, _)| failures).sum::<f64>() / arm.iter().map(|(_, calls)| calls).sum::<f64>();
        assert!((ours.value - (share(&b) - share(&a))).abs() < 1e-12 && (lift.value - (share(&b) / share(&a)).ln()).abs() < 1e-12);
        // Pairs are independent here, so that s/√N is right too.
        let independent = |series: &[f64]| Moments::of(series).expect("pairs").standard_deviation / (series.len() as f64).sqrt();
        let mut error = |of: &Influence| of.estimate(&mut estimator).expect("pairs").standard_error;
        let errors = [error(&ours), independent(&ours.series), error(&lift), independent(&lift.series)];
        sums.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error * error);
    }
    assert!((sums[0] / sums[1]).ln().abs() < 0.2 && (sums[2] / sums[3]).ln().abs() < 0.2, "{sums:?}");
}

#[test]
fn intervals_of_quantiles_cover_the_truth_where_arms_drift() {
    let (mut estimator, mut random) = (SeriesEstimator::default(), Random::new(19));
    for rho in [0.0, 0.5] {
        let covered = (0..150).filter(|_| {
            let a = windows(&mut random, 120, 12, rho, 20_000.0);
            let b = windows(&mut random, 120, 12, rho, 20_500.0);
            let [of_a, of_b] = [&a, &b].map(|arm| quantile(arm, 0.95, &mut estimator).expect("calls"));
            let found = of_b.less(&of_a).estimate(&mut estimator).expect("pairs");
            (found.mean - 500.0).abs() <= found.half_width(Validity::FixedHorizon, 0.05).expect("pairs")
        });
        let covered = covered.count();
        assert!((135..=149).contains(&covered), "AR {rho}: {covered} of 150");
    }
}

/// What adds 3 to one arm in one mapping and to the other in the other: the average of both cancels it, half their difference is it.
#[test]
fn mirrored_mappings_cancel_what_follows_the_minute() {
    let mut random = Random::new(3);
    let part_of: Vec<usize> = (0..240).map(|pair| pair / 30 % 2).collect();
    let of = |part: usize, shift: f64, random: &mut Random| {
        let own = part_of.iter().filter(|of| **of == part).count();
        Influence::of_mean(&(0..own).map(|_| 1.0 + shift + random.normal()).collect::<Vec<_>>()).expect("pairs")
    };
    let (even_first, odd_first) = (of(0, 3.0, &mut random), of(1, -3.0, &mut random));
    let combine = |other: f64| {
        let parts = [(0.5, even_first.clone()), (other, odd_first.clone())];
        estimate(&Influence::combined(&parts, &part_of).expect("all pairs"))
    };
    let (effect, confound) = (combine(0.5), combine(-0.5));
    assert!((effect.mean - 1.0).abs() < 4.0 * effect.standard_error && effect.standard_error < 0.1, "{effect:?}");
    assert!((confound.mean - 3.0).abs() < 4.0 * confound.standard_error, "{confound:?}");
    assert_eq!(effect.pairs, 240);
    assert_eq!(Influence::combined(&[(1.0, even_first.clone())], &[0; 100]), None, "a part has more pairs than that");
    assert_eq!(Influence::combined(&[(1.0, even_first.clone())], &[0; 121]), None, "and fewer than that");
    assert_eq!(Influence::combined(&[(1.0, even_first)], &[1; 120]), None, "and there is no other part");
}

proptest! {
    #[test]
    fn an_influence_series_has_no_mean(
        counts in prop::collection::vec(prop::collection::vec((0_usize..400, 1_u64..30), 1..12), 3..40),
        q in 0.01_f64..0.99,
    ) {
        let windows: Vec<Histogram> = counts.iter().map(|window| {
            let mut histogram = Histogram::default();
            window.iter().for_each(|(bucket, count)| histogram.add(*bucket, *count));
            histogram
        }).collect();
        let found = quantile(&windows, q, &mut SeriesEstimator::default()).expect("calls");
        let scale = found.series.iter().fold(1.0_f64, |most, own| most.max(own.abs()));
        prop_assert!(mean(&found.series).abs() < 1e-9 * scale, "{found:?}");
        let means: Vec<(f64, f64)> = windows.iter().map(|window| (q * window.total() as f64, window.total() as f64)).collect();
        prop_assert!(ratio(&means).expect("calls").series.iter().all(|own| own.abs() < 1e-9), "a ratio that is the same everywhere");
    }
}
