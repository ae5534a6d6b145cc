//! Numbers as a fixed count of decimal digits, for texts that are written with every call: a general formatter takes many times as long.

/// The last `N` decimal digits of `number`, zeros before them, in ASCII.
#[must_use]
pub fn decimal<const N: usize>(mut number: u32) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 10) as usize];
        number /= 10;
    }
    digits
}

const DIGITS: [u8; 10] = *b"0123456789";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_padded_and_cut() {
        assert_eq!((decimal(7), decimal(42), decimal(1_234)), (*b"007", *b"42", *b"234"));
        assert_eq!((decimal(u32::MAX), decimal(0)), (*b"4294967295", []));
    }
}
