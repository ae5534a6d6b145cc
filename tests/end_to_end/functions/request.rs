//! A caller's request at a simulated host, and what becomes of it on its way to the handler. Must not know functions or routes.

use std::collections::BTreeMap;

use crate::harness::wire::{Reply, Wire, request};

/// A request as it comes to the app's public address.
#[derive(Debug, Clone)]
pub struct Inbound {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

/// A request's body.
#[derive(Debug, Clone)]
pub enum Body {
    None,
    Length(Vec<u8>),
    Chunks(Vec<Vec<u8>>),
}

const HOST_VERSION: (&str, &str) = ("x-azure-functions-hostversion", "4.1045.0.0");
const INVOCATION_ID: (&str, &str) = ("x-azure-functions-invocationid", "0b9f2f7e-2a0c-4a54-8f3c-9f6f0c6f1a2b");
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-connection",
];

impl Inbound {
    /// A request without a body.
    pub fn new(method: &str, target: &str) -> Inbound {
        let headers = vec![("host".to_owned(), "app.azurewebsites.net".to_owned())];
        Inbound { method: method.to_owned(), target: target.to_owned(), headers, body: Body::None }
    }

    /// The request with a header.
    pub fn with(mut self, name: &str, value: &str) -> Inbound {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The request with a body.
    pub fn body(mut self, body: Body) -> Inbound {
        self.body = body;
        self
    }

    /// The path of its target.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// Sends it as YARP does: streamed, the query verbatim, the path decoded and encoded again, a client's own values of what the proxy
    /// sets overwritten.
    pub fn proxied(&self, port: u16) -> Reply {
        let set = [
            ("host", format!("127.0.0.1:{port}")),
            ("x-forwarded-for", "203.0.113.7".to_owned()),
            ("x-forwarded-host", "app.azurewebsites.net".to_owned()),
            ("x-forwarded-proto", "https".to_owned()),
            ("x-forwarded-prefix", String::new()),
            (HOST_VERSION.0, HOST_VERSION.1.to_owned()),
            (INVOCATION_ID.0, INVOCATION_ID.1.to_owned()),
            ("x-ms-invocation-id", INVOCATION_ID.1.to_owned()),
        ];
        let dropped = |name: &str| HOP_BY_HOP.contains(&name) || name == "upgrade-insecure-requests" || name == "content-length";
        let mut headers: Vec<(String, String)> = self.headers.clone();
        headers.retain(|(name, _)| !dropped(name) && !set.iter().any(|(own, _)| own == name));
        headers.extend(set.map(|(name, value)| (name.to_owned(), value)));
        headers.extend(self.body.header());
        let path = encoded(&decoded(self.path(), b"/"), b"/!$&'()*+,;=:@");
        let target = self.query().map_or_else(|| path.clone(), |query| format!("{path}?{query}"));
        self.exchange(port, &target, &headers, &self.body)
    }

    /// Sends it as the older forwarding does: buffered, the URL decoded and parsed again, the query rebuilt, a forged invocation id left
    /// beside the host's own.
    pub fn forwarded(&self, port: u16) -> Reply {
        let body = match &self.body {
            Body::Chunks(_) => return Reply::bare(500),
            Body::Length(bytes) if !bytes.is_empty() => self.body.clone(),
            _ => Body::None,
        };
        let kept = |name: &str| !name.starts_with("content-") || name == "content-type";
        let mut headers: Vec<(String, String)> = self.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
        headers.extend([HOST_VERSION, INVOCATION_ID].map(|(name, value)| (name.to_owned(), value.to_owned())));
        headers.extend(body.header());
        // Decoded once here, and what that reveals of queries and fragments is parsed again.
        let path = String::from_utf8_lossy(&decoded(self.path(), &[])).into_owned();
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = encoded(&decoded(path, &[]), b"/!$&'()*+,;=:@");
        let query = self.query().map(rebuilt).unwrap_or_default();
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        self.exchange(port, &target, &headers, &body)
    }

    fn exchange(&self, port: u16, target: &str, headers: &[(String, String)], body: &Body) -> Reply {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut wire = Wire::to_port(port);
        wire.send(request(&self.method, target, &headers));
        body.send(&mut wire);
        wire.reply_to(&self.method)
    }
}

impl Body {
    /// The header that announces it.
    fn header(&self) -> Option<(String, String)> {
        match self {
            Body::None => None,
            Body::Length(bytes) => Some(("content-length".to_owned(), bytes.len().to_string())),
            Body::Chunks(_) => Some(("transfer-encoding".to_owned(), "chunked".to_owned())),
        }
    }

    /// Sends it.
    pub fn send(&self, wire: &mut Wire) {
        match self {
            Body::None => {}
            Body::Length(bytes) => drop(wire.try_send(bytes)),
            Body::Chunks(chunks) => {
                for chunk in chunks {
                    let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
                    // A refusal may come before everything was read.
                    let _ = wire.try_send(framed);
                }
                let _ = wire.try_send("0\r\n\r\n");
            }
        }
    }
}

/// Percent-decodes, except for what would become one of `kept`.
fn decoded(text: &str, kept: &[u8]) -> Vec<u8> {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let escaped = bytes.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|byte| bytes[at] == b'%' && !kept.contains(byte)) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None if bytes[at] == b'%'
                && escaped.is_some_and(|digits| kept.iter().any(|byte| digits.eq_ignore_ascii_case(&format!("{byte:02x}")))) =>
            {
                // Marked so that encoding leaves it as it is.
                decoded.extend_from_slice(&bytes[at..at + 3]);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}

/// Percent-encodes all but letters, digits, `-._~` and `safe`; an escaped slash stays one.
fn encoded(bytes: &[u8], safe: &[u8]) -> String {
    let (mut text, mut at) = (String::new(), 0);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'%' && bytes.get(at + 1..at + 3).is_some_and(|digits| digits.eq_ignore_ascii_case(b"2f")) {
            text.push_str("%2F");
            at += 3;
            continue;
        }
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
        at += 1;
    }
    text
}

/// Keys merged whatever their case, their values joined by commas, everything encoded anew.
fn rebuilt(query: &str) -> String {
    let mut merged: BTreeMap<String, (usize, String, Vec<String>)> = BTreeMap::new();
    for (position, (key, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        let entry = merged.entry(key.to_ascii_lowercase()).or_insert_with(|| (position, key.into_owned(), Vec::new()));
        entry.2.push(value.into_owned());
    }
    let mut pairs: Vec<_> = merged.into_values().collect();
    pairs.sort_by_key(|(position, ..)| *position);
    let pair = |(_, key, values): (usize, String, Vec<String>)| {
        format!("{}={}", encoded(key.as_bytes(), b""), encoded(values.join(",").as_bytes(), b""))
    };
    pairs.into_iter().map(pair).collect::<Vec<_>>().join("&")
}
