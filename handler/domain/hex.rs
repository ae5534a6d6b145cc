//! Digests and MACs as text: lower-case hex. Must not know what the bytes mean.

/// The bytes, two digits each.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| digits(*byte)).map(char::from).collect()
}

/// A byte's two digits, in ASCII.
#[must_use]
pub const fn digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

/// Reads exactly `N` bytes, in either case; none where the text is anything else.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_nothing_else_is() {
        assert_eq!(encode(&[0, 15, 255]), "000fff");
        assert_eq!(decode("000Fff"), Some([0, 15, 255]));
        for wrong in ["", "000ff", "000ffff0", "00 fff", "+f+f+f", "zzzzzz", "éééé"] {
            assert_eq!(decode::<3>(wrong), None, "{wrong}");
        }
    }
}
