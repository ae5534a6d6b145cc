//! What the lane takes, and what it leaves to hyper.

use proptest::prelude::*;

use super::*;

fn plain(text: &str) -> PlainRequest<'_> {
    match read(text.as_bytes()) {
        Head::Plain(request) => request,
        other => panic!("{text:?} is {other:?}"),
    }
}

fn is_other(bytes: impl AsRef<[u8]>) -> bool {
    matches!(read(bytes.as_ref()), Head::Other)
}

#[test]
fn a_plain_head_is_taken_with_what_redirects_heed() {
    let text =
        "GET /a?x HTTP/1.1\r\nHost: h\r\nTraceParent: 00-1\r\nOrigin:  http://o \r\nX-Request-Id: r\r\nconnection: Keep-Alive\r\n\r\nGET";
    let request = plain(text);
    assert_eq!(request.length, text.len() - 3);
    assert_eq!((request.method, request.target, request.path()), (&Method::GET, "/a?x", "/a"));
    assert_eq!((request.origin, request.traceparent, request.request_id), (Some(&b"http://o"[..]), Some("00-1"), Some(&b"r"[..])));
    assert_eq!(plain("\r\nHEAD / HTTP/1.1\nhost:\n\n").method, &Method::HEAD);
    assert_eq!(plain("GET / HTTP/1.1\r\nhost: h\r\norigin: a\r\norigin: b\r\n\r\n").origin, Some(&b"a"[..]), "the first counts");
}

#[test]
fn whatever_is_not_plain_is_left_to_hyper() {
    for line in ["POST / HTTP/1.1", "OPTIONS / HTTP/1.1", "GET / HTTP/1.0", "GET * HTTP/1.1", "GET http://h/ HTTP/1.1", "get / HTTP/1.1"] {
        assert!(is_other(format!("{line}\r\nhost: h\r\n\r\n")), "{line}");
    }
    for target in ["/a#b", "/a[b]", "/<", "/\"", "/a|b", "/\u{e9}", "/^", "/`", "/{a}", "/\\a"] {
        assert!(is_other(format!("GET {target} HTTP/1.1\r\nhost: h\r\n\r\n")), "{target}");
    }
    for header in [
        "content-length: 0",
        "Content-Length: 5",
        "transfer-encoding: chunked",
        "expect: 100-continue",
        "upgrade: h2c",
        "connection: close",
        "connection: upgrade",
        "connection: keep-alive, x",
        "connection:",
        "host: second",
        "x-azure-functions-invocationid: 1",
        "a b: c",
        ": c",
        "a: \u{1}",
        " folded",
    ] {
        assert!(is_other(format!("GET / HTTP/1.1\r\nhost: h\r\n{header}\r\n\r\n")), "{header}");
    }
    assert!(is_other("GET / HTTP/1.1\r\n\r\n"), "no host");
    assert!(is_other("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    assert!(is_other([0x16, 3, 1]), "TLS");
}

#[test]
fn long_heads_and_many_headers_are_left_to_hyper() {
    let head = |padding: usize| format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(padding));
    let longest = head(MAX_HEAD_BYTES - head(0).len());
    assert_eq!(plain(&longest).length, MAX_HEAD_BYTES);
    assert!(is_other(head(MAX_HEAD_BYTES)));
    assert!(matches!(read(&longest.as_bytes()[..MAX_HEAD_BYTES - 1]), Head::Partial));
    assert!(is_other("GET /".to_owned() + &"a".repeat(MAX_HEAD_BYTES)), "without an end in sight");
    let many = |count: usize| format!("GET / HTTP/1.1\r\nhost: h\r\n{}\r\n", "a: b\r\n".repeat(count));
    plain(&many(MAX_HEADERS - 1));
    assert!(is_other(many(MAX_HEADERS)));
}

proptest! {
    /// The same head, however much of it and of what follows has arrived.
    #[test]
    fn reading_depends_on_the_head_alone(
        target in "/[a-z0-9%?&=/._-]{0,40}",
        headers in proptest::collection::vec(("[a-z-]{1,12}", "[ -~]{0,20}"), 0..6),
        behind in "[ -~\r\n]{0,40}",
    ) {
        let headers: String = headers.iter().map(|(name, value)| format!("x-{name}: {value}\r\n")).collect();
        let head = format!("GET {target} HTTP/1.1\r\nhost: h\r\n{headers}\r\n");
        for end in 0..head.len() {
            prop_assert!(matches!(read(&head.as_bytes()[..end]), Head::Partial), "{} of {head:?}", end);
        }
        let whole = plain(&head);
        prop_assert_eq!((whole.target, whole.length), (target.as_str(), head.len()));
        let more = head.clone() + &behind;
        prop_assert_eq!(plain(&more), plain(&head));
    }

    #[test]
    fn no_bytes_are_too_hostile(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Head::Plain(request) = read(&bytes) {
            prop_assert!(request.length <= bytes.len());
        }
    }
}
