//! Seeded pseudo-random numbers, for resampling above all: the same report of the same windows twice is the same to the last digit.
//! Never for secrets.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator whose whole sequence follows from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A whole number below `bound`; 0 where the bound is 0. The bias, at most bound/2⁶⁴, is of no account here.
    pub fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next_u64()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from 0 up to but not including 1.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// An exponential number of mean 1: the gaps between the arrivals of callers who know nothing of each other.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence() {
        // First outputs for seed 1234567, as listed by the reference implementation's users (Rosetta Code, Splitmix64).
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next_u64(), random.next_u64()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn moments_of_the_distributions() {
        let mut random = Random::new(1);
        let values: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
        let moments = crate::domain::statistics::Moments::of(&values).expect("values");
        assert!(moments.mean.abs() < 0.02 && (moments.standard_deviation - 1.0).abs() < 0.02, "{moments:?}");
        let gaps: Vec<f64> = (0..20_000).map(|_| random.exponential()).collect();
        let moments = crate::domain::statistics::Moments::of(&gaps).expect("gaps");
        assert!((moments.mean - 1.0).abs() < 0.03 && (moments.standard_deviation - 1.0).abs() < 0.03, "{moments:?}");
        assert!((0..1_000).all(|_| random.below(7) < 7));
    }
}
