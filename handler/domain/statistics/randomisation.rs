//! The randomisation test: how often a difference as large as the observed one comes from the draw of the arms alone.
//! Must not know what the differences measure, nor how arms were drawn.
//!
//! Where the order within each pair was drawn by a fair coin, a pair that ran the other way round would, if the arm made no difference at all, have
//! shown the opposite difference. The test goes through the ways the coins might have fallen (Fisher, 1935; for switchback experiments Bojinov,
//! Simchi-Levi and Zhao, 2023) and needs neither independence nor a distribution. Under a fixed schedule no coin was thrown and it tests nothing.

use super::random::Random;

/// Pairs from which draws stand in for all ways the coins might have fallen.
pub const MIN_PAIRS_DRAWN: usize = 20;
/// Number of draws.
pub const DRAWS: usize = 10_000;
/// Rounding, relative to the sum of all differences' sizes, below which two sums are one.
const TIE: f64 = 1e-12;

/// Two-sided p-value of no effect at all, from pairs' `differences`: exact below [`MIN_PAIRS_DRAWN`] pairs, from there on from [`DRAWS`] draws that
/// follow from `seed`, the observed one counted among them. `None` without a pair.
#[must_use]
pub fn randomisation_p(differences: &[f64], seed: u64) -> Option<f64> {
    let observed: f64 = differences.iter().sum();
    let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
    let as_large = |sum: f64| sum.abs() >= observed.abs() - TIE * size;
    match differences.len() {
        0 => None,
        // However the coins fall, nothing differs.
        _ if size == 0.0 => Some(1.0),
        pairs if pairs < MIN_PAIRS_DRAWN => Some(exact(differences, as_large)),
        _ => Some(drawn(differences, as_large, seed)),
    }
}

/// The share of all sign flips, each reached from the last by one flip (a Gray code).
fn exact(differences: &[f64], as_large: impl Fn(f64) -> bool) -> f64 {
    let mut signed = differences.to_vec();
    let mut sum: f64 = signed.iter().sum();
    let ways = 1_u32 << differences.len();
    let mut count = u32::from(as_large(sum));
    for way in 1..ways {
        // The lowest set bit says which coin falls the other way; below 20 pairs it always is one of them.
        let Some(coin) = usize::try_from(way.trailing_zeros()).ok().and_then(|coin| signed.get_mut(coin)) else { continue };
        *coin = -*coin;
        sum += 2.0 * *coin;
        count += u32::from(as_large(sum));
    }
    f64::from(count) / f64::from(ways)
}

/// The observed way counts as one more draw, so that a p-value is never 0 (Phipson and Smyth, 2010).
///
/// Goes through eight pairs at a time and through all draws for each: a byte of coins is then one addition. A year of pairs has 2.6 billion
/// coins.
fn drawn(differences: &[f64], as_large: impl Fn(f64) -> bool, seed: u64) -> f64 {
    let mut random = Random::new(seed);
    let mut sums = vec![0.0; DRAWS];
    for eight in differences.chunks(8) {
        let signed = signed_sums(eight);
        for draws in sums.chunks_mut(8) {
            for (sum, coins) in draws.iter_mut().zip(random.next_u64().to_le_bytes()) {
                *sum += signed[usize::from(coins)];
            }
        }
    }
    let count = sums.into_iter().filter(|sum| as_large(*sum)).count();
    (count + 1) as f64 / (DRAWS + 1) as f64
}

/// For each byte, the sum of up to eight differences, those of its set bits with the other sign.
fn signed_sums(differences: &[f64]) -> [f64; 256] {
    let mut sums = [differences.iter().sum(); 256];
    for (coins, bit) in (1..256_usize).map(|coins| (coins, coins.trailing_zeros())) {
        let difference = usize::try_from(bit).ok().and_then(|bit| differences.get(bit)).copied().unwrap_or(0.0);
        sums[coins] = sums[coins & (coins - 1)] - 2.0 * difference;
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::statistics::Moments;
    use crate::domain::statistics::distribution::two_sided_p;

    #[test]
    fn fishers_test_of_darwins_maize() {
        // Darwin's 15 pairs of cross- and self-fertilised plants, in eighths of an inch, and Fisher's count (The Design of Experiments, 1935, 21):
        // 863 of 32,768 ways are as large on one side, so 1,726 on both.
        let differences = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        assert_eq!(randomisation_p(&differences, 1), Some(1_726.0 / 32_768.0));
    }

    #[test]
    fn few_pairs_by_hand() {
        assert_eq!(randomisation_p(&[], 1), None);
        assert_eq!(randomisation_p(&[3.0], 1), Some(1.0));
        // +++ and −−− of eight ways.
        assert_eq!(randomisation_p(&[1.0, 2.0, 4.0], 1), Some(0.25));
        assert_eq!(randomisation_p(&[0.0; 5], 1), Some(1.0), "nothing differs");
        // .1 + .2 − .3 is not 0 to a computer; all ways that come to a sum of 0 tie.
        assert_eq!(randomisation_p(&[0.1, 0.2, -0.3], 1), Some(1.0));
    }

    #[test]
    fn draws_agree_with_the_exact_test() {
        let mut random = Random::new(6);
        for shift in [0.0, 0.3, 0.6] {
            let differences: Vec<f64> = (0..19).map(|_| shift + random.normal()).collect();
            let observed: f64 = differences.iter().sum();
            let (all, some) = (randomisation_p(&differences, 1), drawn(&differences, |sum| sum.abs() >= observed.abs(), 2));
            assert!((all.expect("pairs") - some).abs() < 0.015, "{all:?} {some}");
        }
    }

    #[test]
    fn a_p_value_is_uniform_where_nothing_differs_and_that_of_t_where_differences_are_normal() {
        let mut random = Random::new(8);
        let mut below = 0;
        for seed in 0..200 {
            let differences: Vec<f64> = (0..40).map(|_| random.normal()).collect();
            let p = randomisation_p(&differences, seed).expect("pairs");
            let moments = Moments::of(&differences).expect("pairs");
            let t = moments.mean / (moments.standard_deviation / 40.0_f64.sqrt());
            assert!((two_sided_p(t, 39.0) - p).abs() < 0.04, "{p}");
            below += u32::from(p < 0.1);
        }
        assert!((8..=34).contains(&below), "{below} of 200 below .1");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let differences: Vec<f64> = (0..200).map(|pair| f64::from(pair % 7) - 2.8).collect();
        assert_eq!(randomisation_p(&differences, 5), randomisation_p(&differences, 5));
        let all_alike = randomisation_p(&[1.0; 64], 5).expect("pairs");
        assert!((all_alike - 1.0 / 10_001.0).abs() < 1e-12, "no draw is as large, and the observed one counts: {all_alike}");
    }

    proptest! {
        #[test]
        fn only_sizes_and_signs_count(differences in prop::collection::vec(-1e3_f64..1e3, 1..12), scale in 0.1_f64..10.0) {
            let p = randomisation_p(&differences, 1).expect("pairs");
            let other_way: Vec<f64> = differences.iter().map(|difference| -scale * difference).collect();
            prop_assert_eq!(randomisation_p(&other_way, 1), Some(p));
            let ways = f64::from(1_u32 << differences.len());
            prop_assert!(p >= 2.0 / ways || differences.len() == 1 || p == 1.0);
        }
    }
}
