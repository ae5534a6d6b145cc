//! What makes two files the same file: their text, whatever line ends, byte order mark or final newlines a tool gave it.

use memchr::memchr2;
use sha2::{Digest, Sha256};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The digest of a text with plain line ends, without byte order mark, with one final newline. A text that is written so already has
/// its own SHA-256.
#[derive(Debug, Clone, Default)]
pub(super) struct CanonicalDigest {
    hasher: Sha256,
    /// The first bytes, as long as they may be part of a mark.
    head: Vec<u8>,
    begun: bool,
    after_return: bool,
    /// Line ends that are final ones unless more follows.
    pending: u64,
}

impl CanonicalDigest {
    /// Adds the next bytes of the text.
    pub fn update(&mut self, bytes: &[u8]) {
        if self.begun {
            return self.text(bytes);
        }
        self.head.extend_from_slice(bytes);
        while self.head.starts_with(BYTE_ORDER_MARK) {
            self.head.drain(..BYTE_ORDER_MARK.len());
        }
        if self.head.len() >= BYTE_ORDER_MARK.len() || !BYTE_ORDER_MARK.starts_with(&self.head) {
            self.begun = true;
            let head = std::mem::take(&mut self.head);
            self.text(&head);
        }
    }

    fn text(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let line = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
            if line > 0 {
                for _ in 0..std::mem::take(&mut self.pending) {
                    self.hasher.update(b"\n");
                }
                self.hasher.update(&bytes[..line]);
                self.after_return = false;
            }
            if let Some(end) = bytes.get(line) {
                // The second half of a CRLF ends no further line.
                self.pending += u64::from(!(*end == b'\n' && self.after_return));
                self.after_return = *end == b'\r';
            }
            bytes = bytes.get(line + 1..).unwrap_or_default();
        }
    }

    /// The digest of the whole text.
    pub fn finish(mut self) -> [u8; 32] {
        let head = std::mem::take(&mut self.head);
        self.text(&head);
        self.hasher.update(b"\n");
        self.hasher.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(chunks: &[&[u8]]) -> [u8; 32] {
        let mut digest = CanonicalDigest::default();
        chunks.iter().for_each(|chunk| digest.update(chunk));
        digest.finish()
    }

    #[test]
    fn line_ends_marks_and_final_newlines_make_no_difference() {
        let plain = b"a,b\n1,\"x\ny\"\n\n2,z\n";
        let expected: [u8; 32] = Sha256::digest(plain).into();
        for same in [
            &plain[..],
            b"a,b\r\n1,\"x\r\ny\"\r\n\r\n2,z\r\n",
            b"a,b\r1,\"x\ry\"\r\r2,z",
            b"\xef\xbb\xbfa,b\n1,\"x\ny\"\n\n2,z",
            b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,\"x\ny\"\n\n2,z\n\n\r\n",
        ] {
            assert_eq!(digest(&[same]), expected, "{}", String::from_utf8_lossy(same));
        }
        assert_ne!(digest(&[b"a,b\n1,\"x\ny\"\n2,z\n"]), expected, "a blank line within is another text");
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(text in "[a\r\n\u{feff}]{0,30}", cut in 0_usize..60) {
            let bytes = text.as_bytes();
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(digest(&[front, back]), digest(&[bytes]));
        }
    }
}
