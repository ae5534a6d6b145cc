//! The lane: plain redirects from the bytes of a request's head to the bytes of its answer, without what hyper builds in between.
//!
//! It takes heads that leave nothing to decide: GET or HEAD, HTTP/1.1, one Host, a target of plain bytes, no body, nothing that changes how the
//! connection goes on. Everything else is hyper's, refusals included. Pure: must not know sockets, time, or what is counted.

use std::mem::MaybeUninit;

use http::Method;
use http::header::{CONNECTION, HOST, ORIGIN};
use httparse::{Header, Request, Status};

use super::cors;
use crate::contract::{REQUEST_ID, TRACEPARENT};
use crate::domain::decision::Reason;
use crate::host;
use crate::routing::turn::RedirectParts;

/// Longest head the lane takes, in bytes.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;
/// Most headers the lane takes.
const MAX_HEADERS: usize = 32;
/// Headers that say how a body is framed or what becomes of the connection.
const NOT_PLAIN: [&str; 4] = ["content-length", "transfer-encoding", "expect", "upgrade"];

/// What stands at the beginning of the bytes that arrived.
#[derive(Debug)]
pub enum Head<'bytes> {
    /// A whole head that the lane takes.
    Plain(PlainRequest<'bytes>),
    /// The beginning of a head.
    Partial,
    /// Something that the lane leaves to hyper.
    Other,
}

/// A request that is answered with a redirect unless its path is the router's own.
#[derive(Debug, PartialEq, Eq)]
pub struct PlainRequest<'bytes> {
    /// GET or HEAD.
    pub method: &'static Method,
    /// Path and query.
    pub target: &'bytes str,
    /// The values of headers that redirects heed, where they are there; of several the first.
    pub origin: Option<&'bytes [u8]>,
    /// `traceparent`.
    pub traceparent: Option<&'bytes str>,
    /// `x-request-id`, whatever it holds.
    pub request_id: Option<&'bytes [u8]>,
    /// Bytes of the head: the next request begins behind them.
    pub length: usize,
}

/// Reads the head at the beginning of `bytes`.
#[must_use]
pub fn read(bytes: &[u8]) -> Head<'_> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut head = Request::new(&mut []);
    match head.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD_BYTES => PlainRequest::of(&head, length).map_or(Head::Other, Head::Plain),
        Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => Head::Partial,
        _ => Head::Other,
    }
}

impl<'bytes> PlainRequest<'bytes> {
    fn of(head: &Request<'_, 'bytes>, length: usize) -> Option<Self> {
        let method = match (head.method?, head.version?) {
            ("GET", 1) => &Method::GET,
            ("HEAD", 1) => &Method::HEAD,
            _ => return None,
        };
        let target = head.path.filter(|target| is_plain(target))?;
        let mut request = PlainRequest { method, target, origin: None, traceparent: None, request_id: None, length };
        let mut hosts = 0;
        for header in head.headers.iter() {
            if !request.heed(header, &mut hosts) {
                return None;
            }
        }
        (hosts == 1).then_some(request)
    }

    /// Takes from a header what redirects heed. Returns whether the request is still plain.
    fn heed(&mut self, header: &Header<'bytes>, hosts: &mut u32) -> bool {
        let (name, value) = (header.name, header.value);
        let named = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        if named(HOST.as_str()) {
            *hosts += 1;
        } else if named(CONNECTION.as_str()) {
            return value.eq_ignore_ascii_case(b"keep-alive");
        } else if named(ORIGIN.as_str()) {
            self.origin = self.origin.or(Some(value));
        } else if named(TRACEPARENT.as_str()) {
            self.traceparent = self.traceparent.or(Some(str::from_utf8(value).unwrap_or_default()));
        } else if named(REQUEST_ID.as_str()) {
            self.request_id = self.request_id.or(Some(value));
        } else {
            // Who stands before the process is telemetry's matter.
            return !NOT_PLAIN.into_iter().any(named) && !named(host::INVOCATION_ID.as_str());
        }
        true
    }

    /// The target up to its query.
    #[must_use]
    pub fn path(&self) -> &'bytes str {
        memchr::memchr(b'?', self.target.as_bytes()).map_or(self.target, |end| &self.target[..end])
    }
}

/// Whether a target is a path whose bytes every reader of URLs takes as they are (RFC 3986: unreserved, reserved without fragment and brackets).
fn is_plain(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| PLAIN[usize::from(byte)])
}

const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let (others, mut at) = (b"-._~!$&'()*+,;=:@/?%", 0);
    while at < others.len() {
        plain[others[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0_u8;
    while byte < 128 {
        plain[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    plain
};

/// What a redirect says beside what its minute rendered.
#[derive(Debug, Clone, Copy)]
pub struct Redirect<'call> {
    /// What the minute rendered for the arm.
    pub parts: &'call RedirectParts,
    /// Why that arm.
    pub reason: Reason,
    /// The call's id.
    pub request_id: &'call str,
    /// The value that lets a browser's script read the answer, where one may.
    pub allowed_origin: Option<&'call [u8]>,
    /// The moment, as HTTP writes it.
    pub date: &'call [u8],
}

impl Redirect<'_> {
    /// Appends the answer to `request` to `output`, as hyper writes it.
    pub fn write(&self, request: &PlainRequest<'_>, output: &mut Vec<u8>) {
        let mut put = |bytes: &[u8]| output.extend_from_slice(bytes);
        put(self.parts.start.as_bytes());
        put(request.target.as_bytes());
        if let Some(ticket) = &self.parts.ticket {
            put(if request.target.contains('?') { b"&" } else { b"?" });
            put(ticket.as_bytes());
        }
        put(self.parts.rest(self.reason).as_bytes());
        put(self.request_id.as_bytes());
        put(b"\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n");
        if let Some(origin) = self.allowed_origin {
            cors::write_allowed(origin, &mut put);
        }
        // An answer to HEAD has no body to give the length of.
        put(if request.method == Method::HEAD { b"date: " } else { b"content-length: 0\r\ndate: " });
        put(self.date);
        put(b"\r\n\r\n");
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
