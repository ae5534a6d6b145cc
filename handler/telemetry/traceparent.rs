//! The `traceparent` header (W3C Trace Context, version 00), and sampling by it. Must not know what is recorded.

use http::HeaderMap;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::contract::TRACEPARENT;

/// Sampling looks at 56 bits: those the specification wants random.
const BITS: u32 = 56;
const MASK: u64 = (1 << BITS) - 1;

/// The caller's context; the sampled flag is left out of account, else any caller could have all of its calls recorded.
pub(super) fn parse(headers: &HeaderMap) -> Option<SpanContext> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    // Later versions may add parts; version ff is none.
    let complete = hexadecimal(version, 2) && version != "ff" && (version != "00" || parts.next().is_none()) && hexadecimal(flags, 2);
    if !complete || !hexadecimal(trace, 32) || !hexadecimal(span, 16) {
        return None;
    }
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

/// The number below which the share `sampling` of sampling bits lies.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share from 0 to 1 of a number below 2^53 times 8")]
pub(super) fn threshold(sampling: f64) -> u64 {
    (sampling.clamp(0.0, 1.0) * (MASK + 1) as f64) as u64
}

/// A trace's sampling bits.
pub(super) fn bits_of(trace: TraceId) -> u64 {
    let bytes = trace.to_bytes();
    bytes[9..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// The sampling bits of a call outside any trace: FNV-1a over its id, then a finalizer, since ids differ in a few places only.
pub(super) fn bits_of_text(text: &str) -> u64 {
    let mut hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash ^ (hash >> 33)) & MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, text.parse().unwrap());
        parse(&headers).map(|context| (context.trace_id().to_string(), context.span_id().to_string()))
    }

    #[test]
    fn only_well_formed_headers_are_taken() {
        let own = ("4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), "00f067aa0ba902b7".to_owned());
        for good in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parsed(good).as_ref(), Some(&own), "{good}");
        }
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_share_asked_for_is_the_share_recorded() {
        assert_eq!((threshold(0.0), threshold(1.0)), (0, 1 << 56));
        for sampling in [0.05, 0.5] {
            let ids = (0..20_000).map(|call| format!("019ab2f4-{call:04x}-7000-8000-000000000000"));
            let recorded = ids.filter(|id| bits_of_text(id) < threshold(sampling)).count() as f64 / 20_000.0;
            assert!((recorded - sampling).abs() < 0.02, "{recorded} instead of {sampling}");
        }
        let trace = TraceId::from_hex("ffffffffffffffffff00000000000001").unwrap();
        assert_eq!(bits_of(trace), 1);
    }
}
