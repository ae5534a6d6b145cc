//! The random schedule's draw: which arm comes first in a pair, from a seed that anyone can check afterwards.
//!
//! Before a run only the seed's digest is known; once the seed is shown, the whole draw can be replayed. Must not know when a pair begins.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::arm::Arm;
use super::hex;

/// What a random schedule is drawn from: 32 secret bytes, shared by the router and both arms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl Seed {
    /// The seed of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Seed(bytes)
    }

    /// The arm that has the first minute of pair `pair`, minutes 2 × `pair` and the next: bit 0, the lowest of the first byte, of
    /// HMAC-SHA-256(seed, "pair" ‖ `pair` as 8 bytes, big-endian). 0 is even's.
    #[must_use]
    pub fn first_arm(&self, pair: i64) -> Arm {
        // HMAC takes keys of any length, so this constructor cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC accepts keys of any length");
        mac.update(b"pair");
        mac.update(&pair.to_be_bytes());
        if mac.finalize().into_bytes()[0] & 1 == 0 { Arm::Even } else { Arm::Odd }
    }

    /// SHA-256 of the seed's bytes: what a run commits to before it begins.
    #[must_use]
    pub fn digest(&self) -> SeedDigest {
        SeedDigest(Sha256::digest(self.0).into())
    }

    /// The seed as it is written in settings; for seeds that nothing is drawn from any more.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex::encode(&self.0)
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(redacted)")
    }
}

/// The text is no seed; it is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a seed is 64 hexadecimal digits, as `openssl rand -hex 32` prints them")]
pub struct NotASeed;

impl FromStr for Seed {
    type Err = NotASeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text).map(Seed).ok_or(NotASeed)
    }
}

/// What is known of a seed while it is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeedDigest([u8; 32]);

impl fmt::Display for SeedDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(&self.0))
    }
}

impl FromStr for SeedDigest {
    type Err = NotASeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text).map(SeedDigest).ok_or(NotASeed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn the_draw_is_the_hmac_anyone_can_compute() {
        // printf 'pair\0\0\0\0\0\0\0\0' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$SEED, and so on for pairs 1 to 15.
        let seed: Seed = SEED.parse().unwrap();
        let odd_first: String = (0..16).map(|pair| if seed.first_arm(pair) == Arm::Odd { '1' } else { '0' }).collect();
        assert_eq!(odd_first, "1010001101100001");
        // printf $SEED | xxd -r -p | sha256sum
        assert_eq!(seed.digest().to_string(), "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd");
    }

    #[test]
    fn each_order_comes_about_half_the_time() {
        let seed = Seed::new([7; 32]);
        let odd = (-5_000..5_000).filter(|pair| seed.first_arm(*pair) == Arm::Odd).count();
        assert!((4_800..=5_200).contains(&odd), "{odd}");
    }

    #[test]
    fn a_seed_is_read_strictly_and_never_printed() {
        for wrong in ["", "00", &SEED[1..], &format!("{SEED}0"), &SEED.replace('a', "g")] {
            assert_eq!(wrong.parse::<Seed>(), Err(NotASeed), "{wrong}");
        }
        let seed: Seed = SEED.parse().unwrap();
        assert_eq!(format!("{seed:?}"), "Seed(redacted)");
        assert_eq!(seed.reveal(), SEED);
        assert_eq!(seed.digest().to_string().parse(), Ok(seed.digest()));
    }
}
