//! Damage to inputs, drawn from a seed: the same seed does the same damage. Must not know what an input is for.

use switchback::domain::statistics::random::Random;

/// Largest input made here, in bytes.
const MAX_BYTES: usize = 4_096;
/// Most single damages of one input.
const MAX_DAMAGES: usize = 6;
/// What parsers stumble over.
const TOKENS: [&[u8]; 20] = [
    b"",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\"",
    b"\"\"",
    b",",
    b"&",
    b"=",
    b"%",
    b"%00",
    b"//",
    b"\\",
    b"@",
    b"-0",
    b"1e-38",
    b"99999999999999999999999999999999999999",
    b"9999-12-31T24:00:00+14:00",
    b"NULL",
];

/// Makes damaged inputs of whole ones.
pub struct Mutator<'corpus> {
    random: Random,
    corpus: &'corpus [Vec<u8>],
}

impl<'corpus> Mutator<'corpus> {
    /// A mutator of `corpus` whose whole sequence follows from `seed`.
    pub fn new(seed: u64, corpus: &'corpus [Vec<u8>]) -> Self {
        Mutator { random: Random::new(seed), corpus }
    }

    /// The next damaged input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.pick();
        for _ in 0..=self.random.below(MAX_DAMAGES) {
            self.damage(&mut input);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn pick(&mut self) -> Vec<u8> {
        self.corpus[self.random.below(self.corpus.len())].clone()
    }

    /// A range within `length` bytes, short more often than long.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.random.below(length + 1);
        let longest = if self.random.below(4) == 0 { length } else { 8 };
        start..length.min(start + self.random.below(longest + 1))
    }

    fn damage(&mut self, input: &mut Vec<u8>) {
        let place = self.random.below(input.len() + 1);
        match self.random.below(7) {
            0 if place < input.len() => input[place] ^= 1 << self.random.below(8),
            1 if place < input.len() => input[place] = u8::try_from(self.random.below(256)).unwrap_or_default(),
            2 => drop(input.drain(self.range(input.len()))),
            3 => {
                let copied = input[self.range(input.len())].to_vec();
                input.splice(place..place, copied);
            }
            4 => {
                let other = self.pick();
                let taken = other[self.range(other.len())].to_vec();
                input.splice(place..place, taken);
            }
            5 => input.truncate(place),
            _ => {
                let token = TOKENS[self.random.below(TOKENS.len())];
                input.splice(place..place, token.iter().copied());
            }
        }
    }
}
