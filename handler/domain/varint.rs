//! Unsigned LEB128 integers: the building block of what windows store. Must not know what the numbers mean.

/// The bytes were cut short or held a number wider than 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed variable-length integer")]
pub struct MalformedVarint;

/// Appends `value`, seven bits a byte, least significant first.
pub fn write(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        // Seven bits always fit a byte.
        let low = u8::try_from(value & 0x7f).unwrap_or(0x7f);
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes one number off the front of `bytes`.
///
/// # Errors
/// [`MalformedVarint`] where the bytes end inside the number or it does not fit 64 bits.
#[inline]
pub fn read(bytes: &mut &[u8]) -> Result<u64, MalformedVarint> {
    // Most numbers are one byte.
    if let Some((&byte, rest)) = bytes.split_first()
        && byte < 0x80
    {
        *bytes = rest;
        return Ok(byte.into());
    }
    let mut value = 0_u64;
    let mut shift = 0_u32;
    loop {
        let (&byte, rest) = bytes.split_first().ok_or(MalformedVarint)?;
        *bytes = rest;
        let low = u64::from(byte & 0x7f);
        if shift == 63 && low > 1 {
            return Err(MalformedVarint);
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
        shift += 7;
        if shift > 63 {
            return Err(MalformedVarint);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_what_is_cut_short_or_too_wide() {
        assert_eq!(read(&mut &[0x80_u8][..]), Err(MalformedVarint));
        assert_eq!(read(&mut &[][..]), Err(MalformedVarint));
        assert_eq!(read(&mut &[0xff_u8; 10][..]), Err(MalformedVarint));
        assert_eq!(read(&mut &[0xff_u8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..]), Ok(u64::MAX));
    }

    proptest! {
        #[test]
        fn round_trip(value: u64, tail: Vec<u8>) {
            let mut bytes = Vec::new();
            write(&mut bytes, value);
            bytes.extend_from_slice(&tail);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(read(&mut rest), Ok(value));
            prop_assert_eq!(rest, tail.as_slice());
        }
    }
}
