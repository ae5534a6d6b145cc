//! JSON strings, and objects of them, in documents that are written piece by piece. Must not know what they say.

use std::io::{self, Write};

/// Writes `text` as a string (RFC 8259, section 7). Nearly all texts are their own: those are copied whole, where a serializer of any value looks
/// for what to escape byte by byte.
///
/// # Errors
/// Those of `writer`.
pub fn write_text(writer: &mut impl Write, text: &str) -> io::Result<()> {
    // Without a way out halfway, bytes are looked at many at a time.
    let is_its_own = text.bytes().fold(true, |own, byte| own & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    if !is_its_own {
        return Ok(serde_json::to_writer(writer, text)?);
    }
    writer.write_all(b"\"")?;
    writer.write_all(text.as_bytes())?;
    writer.write_all(b"\"")
}

/// Writes an object whose values are all texts.
///
/// # Errors
/// Those of `writer`.
pub fn write_texts<'name, T: AsRef<str>>(writer: &mut impl Write, texts: impl IntoIterator<Item = (&'name str, T)>) -> io::Result<()> {
    writer.write_all(b"{")?;
    for (position, (name, text)) in texts.into_iter().enumerate() {
        writer.write_all(if position == 0 { b"" } else { b"," })?;
        write_text(writer, name)?;
        writer.write_all(b":")?;
        write_text(writer, text.as_ref())?;
    }
    writer.write_all(b"}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_written_as_any_value_is(text in "[ -~\\PC\u{0}-\u{1f}\u{7f}\"\\\\]{0,40}") {
            let mut written = Vec::new();
            write_text(&mut written, &text).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn texts_are_written_as_any_object_is(texts in prop::collection::btree_map("[a-z\"]{0,4}", "[ -~]{0,8}", 0..4)) {
            let mut written = Vec::new();
            write_texts(&mut written, texts.iter().map(|(name, text)| (name.as_str(), text))).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&texts).unwrap());
        }
    }
}
