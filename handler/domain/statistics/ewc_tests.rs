//! Equal-weighted cosines against an independent implementation, their own definition, and the coverage they are chosen for.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::domain::statistics::random::Random;

#[derive(Deserialize)]
struct Answers {
    cases: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    differences: Vec<f64>,
    mean: f64,
    standard_error: f64,
    degrees_of_freedom: usize,
    fixed_half_width: f64,
    anytime_multiplier: f64,
    anytime_half_width: f64,
}

fn mean(series: &[f64]) -> SeriesMean {
    SeriesEstimator::default().mean(series).expect("enough values")
}

/// The standard error as it is defined, one cosine after the other.
fn standard_error_by_definition(series: &[f64]) -> f64 {
    let n = series.len() as f64;
    let mean = series.iter().sum::<f64>() / n;
    let transform = |j: usize| {
        let terms =
            series.iter().enumerate().map(|(t, value)| (std::f64::consts::PI * j as f64 * (t as f64 + 0.5) / n).cos() * (value - mean));
        (2.0 / n).sqrt() * terms.sum::<f64>()
    };
    let used = cosines(series.len());
    let omega = (1..=used).map(|j| transform(j).powi(2)).sum::<f64>() / used as f64;
    (omega / n).sqrt()
}

/// Differences of pairs whose arms drift independently, each by an AR(1) of variance 1 with coefficient `rho`.
fn drifting(random: &mut Random, n: usize, rho: f64) -> Vec<f64> {
    let innovation = (1.0 - rho * rho).sqrt();
    let mut arms = [random.normal(), random.normal()];
    (0..n)
        .map(|_| {
            arms = arms.map(|level| rho * level + innovation * random.normal());
            arms[1] - arms[0]
        })
        .collect()
}

/// tests/data/method/README.md.
#[test]
fn independent_answers_are_reproduced() {
    let answers: Answers = serde_json::from_str(include_str!("../../../tests/data/method/intervals.json")).expect("the answers");
    assert_eq!(answers.cases.len(), 28);
    let mut estimator = SeriesEstimator::default();
    for answer in answers.cases {
        let found = estimator.mean(&answer.differences).expect("enough values");
        let (n, half_width) = (answer.differences.len(), |validity| found.half_width(validity, 0.05).expect("enough pairs"));
        assert_eq!((found.pairs, cosines(n)), (n, answer.degrees_of_freedom));
        for (what, ours, theirs) in [
            ("mean", found.mean, answer.mean),
            ("standard error", found.standard_error, answer.standard_error),
            ("degrees of freedom", found.degrees_of_freedom, answer.degrees_of_freedom as f64),
            ("fixed half-width", half_width(Validity::FixedHorizon), answer.fixed_half_width),
            ("multiplier", Validity::AnyTime.multiplier(n, 0.05).expect("enough pairs"), answer.anytime_multiplier),
            ("any-time half-width", half_width(Validity::AnyTime), answer.anytime_half_width),
        ] {
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{what} of {n} pairs: {ours}, not {theirs}");
        }
    }
}

#[test]
fn a_series_that_is_one_cosine_has_its_variance_there() {
    // √2 cos(π 5 (t − ½)/N) has Λ₅ = √N and no other: Ω = N/ν, SE = 1/√ν. A year of pairs, and lengths without small factors.
    for n in [262_800, 262_781, 1_009] {
        let wave = |t: u32| 2.0_f64.sqrt() * (std::f64::consts::PI * 5.0 * (f64::from(t) + 0.5) / f64::from(n)).cos();
        let found = mean(&(0..n).map(wave).collect::<Vec<_>>());
        assert!((found.standard_error * found.degrees_of_freedom.sqrt() - 1.0).abs() < 1e-9, "{found:?}");
        assert!(found.is_dominated_by_drift());
    }
}

#[test]
fn the_number_of_cosines() {
    assert_eq!([3, 10, 30, 120, 720, 1_440, 262_800].map(cosines), [2, 2, 3, 9, 32, 52, 1_682]);
    // 1,000^(2/3) is 100, which floating point misses.
    assert_eq!(cosines(1_000), 41);
}

#[test]
fn degenerate_series() {
    assert_eq!(SeriesEstimator::default().mean(&[1.0, 2.0]), None);
    let constant = mean(&[5.0; 40]);
    assert_eq!((constant.mean, constant.standard_error, constant.lag1), (5.0, 0.0, 0.0));
    assert_eq!((constant.half_width(Validity::AnyTime, 0.05), constant.p_value()), (Some(0.0), 0.0));
    assert_eq!(mean(&[0.0; 40]).p_value(), 1.0);
    assert_eq!(mean(&[1.0, 2.0, 4.0]).half_width(Validity::AnyTime, 0.05), None);
}

#[test]
fn a_p_value_is_below_alpha_where_the_interval_excludes_nothing_at_all() {
    let mut random = Random::new(4);
    for shift in 0..200 {
        let series: Vec<f64> = drifting(&mut random, 60, 0.3).iter().map(|value| value + f64::from(shift) / 100.0).collect();
        let found = mean(&series);
        let excludes_zero = found.mean.abs() > found.half_width(Validity::FixedHorizon, 0.05).expect("pairs");
        assert_eq!(found.p_value() < 0.05, excludes_zero, "{found:?}");
    }
}

#[test]
fn the_planned_pairs_are_the_fewest_that_detect_the_effect() {
    let found = mean(&drifting(&mut Random::new(2), 300, 0.5));
    let needed = found.pairs_needed(found.minimal_detectable_effect()).expect("within reach");
    assert!((300 - needed.min(300)) <= 10 && needed <= 300, "{needed}: the same, as long as ν is");
    for effect in [0.05, 0.2, 1.0] {
        let needed = found.pairs_needed(effect).expect("within reach");
        let detectable = |pairs: usize| {
            let degrees_of_freedom = cosines(pairs) as f64;
            let standard_error = found.standard_error * (300.0 / pairs as f64).sqrt();
            SeriesMean { pairs, degrees_of_freedom, standard_error, ..found }.minimal_detectable_effect()
        };
        assert!(detectable(needed) <= effect, "{needed}");
        assert!(needed == 10 || detectable(needed - 1) > effect, "{needed}");
    }
    assert_eq!([found.pairs_needed(0.0), found.pairs_needed(-1.0), found.pairs_needed(f64::NAN), found.pairs_needed(1e-9)], [None; 4]);
}

/// Bounds as the method states them, for 95 % intervals at a fixed horizon and arms that each drift by themselves.
#[test]
fn fixed_intervals_cover_the_truth_however_the_arms_drift() {
    let mut estimator = SeriesEstimator::default();
    let mut random = Random::new(17);
    for (rho, range) in [(0.0, 0.93..=0.98), (0.5, 0.92..=0.98), (0.7, 0.91..=0.97)] {
        for (n, runs) in [(120, 2_000_u32), (720, 600)] {
            let covered = (0..runs).filter(|_| {
                let found = estimator.mean(&drifting(&mut random, n, rho)).expect("pairs");
                found.mean.abs() <= found.half_width(Validity::FixedHorizon, 0.05).expect("pairs")
            });
            let share = covered.count() as f64 / f64::from(runs);
            assert!(range.contains(&share), "AR {rho}, {n} pairs: {share}");
        }
    }
}

/// A day of pairs without a difference, looked at every hour.
#[test]
fn anytime_intervals_that_are_looked_at_all_day_rarely_miss() {
    let mut estimator = SeriesEstimator::default();
    let mut random = Random::new(23);
    for (rho, at_most) in [(0.0, 14), (0.7, 18)] {
        let missed = (0..200).filter(|_| {
            let day = drifting(&mut random, 720, rho);
            (30..=720).step_by(30).any(|pairs| {
                let found = estimator.mean(&day[..pairs]).expect("pairs");
                found.mean.abs() > found.half_width(Validity::AnyTime, 0.05).expect("pairs")
            })
        });
        let missed = missed.count();
        assert!(missed <= at_most, "AR {rho}: {missed} of 200 days");
    }
}

proptest! {
    #[test]
    fn the_transform_is_the_definition(series in prop::collection::vec(-1e3_f64..1e3, 3..150)) {
        let expected = standard_error_by_definition(&series);
        prop_assert!((mean(&series).standard_error - expected).abs() <= 1e-9 * expected.max(1e-3), "{expected}");
    }

    #[test]
    fn shifting_and_scaling_a_series_shifts_and_scales_its_mean(
        series in prop::collection::vec(-1e3_f64..1e3, 10..100),
        shift in -1e3_f64..1e3,
        scale in 0.1_f64..10.0,
    ) {
        let (plain, moved) = (mean(&series), mean(&series.iter().map(|value| shift + scale * value).collect::<Vec<_>>()));
        prop_assert!((moved.mean - shift - scale * plain.mean).abs() < 1e-8);
        prop_assert!((moved.standard_error - scale * plain.standard_error).abs() < 1e-8);
    }
}
