//! The redirect matrix: methods, targets, queries, headers and bodies; what no caller can change; what is not redirected.

use crate::harness::role::{Role, Server};
use crate::harness::wire::{Reply, Wire, request};

const EVEN: &str = "https://even.example";
/// A base URL with a path and a port, as a gateway in front of an arm would have.
const ODD: &str = "https://odd.example:8443/base";
const EVEN_MINUTE: &str = "2026-11-23T10:04:00Z";
const ODD_MINUTE: &str = "2026-11-23T10:05:00Z";

/// Targets in origin form, each of which must come back byte for byte.
const TARGETS: &[&str] = &[
    "/",
    "/api/costs?group_by=provider&metric=billed",
    "/a%2Fb%2fc/%3Fnot-a-query/%23not-a-fragment",
    "/a//b///",
    "//evil.example/x",
    "///evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "/@evil.example",
    "/:8080@evil.example/",
    "/.evil.example",
    "/http://evil.example/",
    "/%0d%0aLocation:%20https://evil.example",
    "/%0D%0A%0D%0A%3Cscript%3E",
    "/%00/%7f/%ff",
    "/../../etc/passwd",
    "/a/./b/../c",
    "/%2e%2e/%2E%2e/",
    "/stra%C3%9Fe/%E6%9D%B1%E4%BA%AC/%F0%9F%8C%8D",
    "/caf\u{e9}/\u{6771}\u{4eac}",
    "/;matrix=1,2/~user/!$&'()*+,;=:@",
    "/{template}/|pipe/\"quote\"/^caret",
    "/%",
    "/%zz%2",
    "/?",
    "/a?",
    "/a??b?c",
    "/a?&&=&",
    "/a?x=1&x=2&x=1&X=3",
    "/a?q=a+b%20c%2Bd",
    "/a?%25=%2525&pct=100%",
    "/a?u=https://evil.example/%0d%0a&u=//evil.example",
    "/a?sb-ticket=29000000.even.00000000000000000000000000000000",
    "/a?b=\u{fc}&c=%22%3C%3E",
    "/_switchback",
    "/%5fswitchback/health",
    "//_switchback/health",
    "/_Switchback/health",
];

const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "x-made!up"];

/// A router whose arms need not exist.
fn router() -> Role {
    Role::router(EVEN, ODD).with("SWITCHBACK_FAILOVER", "off")
}

/// Bytes as [`Reply`] shows them: one char a byte.
fn bytewise(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

fn assert_redirect(reply: &Reply, base: &str, target: &str, asked: &str) {
    assert_eq!(reply.status, 307, "{asked}: {reply:?}");
    assert_eq!(reply.header("location"), Some(bytewise(&format!("{base}{target}")).as_str()), "{asked}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{asked}");
    let (arm, minute) = if base == EVEN { ("even", "2026-11-23T10:04Z") } else { ("odd", "2026-11-23T10:05Z") };
    assert_eq!(reply.header("switchback-arm"), Some(arm), "{asked}");
    assert_eq!(reply.header("switchback-minute"), Some(minute), "{asked}");
    assert_eq!(reply.header("switchback-reason"), Some("schedule"), "{asked}");
    assert!(reply.body.is_empty(), "{asked}: {reply:?}");
}

#[test]
fn every_method_and_target_is_redirected_byte_for_byte() {
    for (clock, base) in [(EVEN_MINUTE, EVEN), (ODD_MINUTE, ODD)] {
        let router = router().clock(clock).start();
        let mut wire = Wire::to(&router);
        for method in METHODS {
            for target in TARGETS {
                let reply = wire.ask(method, target, &[]);
                assert_redirect(&reply, base, target, &format!("{method} {target}"));
            }
        }
    }
}

#[test]
fn no_form_of_target_moves_the_host() {
    let router = router().clock(ODD_MINUTE).start();
    for (method, target, location) in [
        ("GET", "http://evil.example/x?y=1", "/x?y=1"),
        ("POST", "https://user:secret@evil.example:444/x", "/x"),
        ("GET", "http://evil.example", "/"),
        ("GET", "http://evil.example?q", "/?q"),
        ("GET", "HTTP://EVIL.EXAMPLE//x", "//x"),
        ("OPTIONS", "*", "/"),
        ("CONNECT", "evil.example:443", "/"),
    ] {
        let reply = Wire::to(&router).ask(method, target, &[]);
        assert_redirect(&reply, ODD, location, &format!("{method} {target}"));
    }
}

#[test]
fn no_header_changes_where_a_call_goes() {
    let router = router().clock(EVEN_MINUTE).start();
    let names = ["host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-original-url", "x-rewrite-url", "forwarded"];
    let mut wire = Wire::to(&router);
    for name in names {
        for value in ["evil.example", "//evil.example/x", "odd.example:8443", "host=evil.example;proto=http", ""] {
            let reply = wire.ask("POST", "/x?y", &[(name, value)]);
            assert_redirect(&reply, EVEN, "/x?y", &format!("{name}: {value}"));
        }
    }
    for headers in [
        [("switchback-arm", "odd"), ("switchback-reason", "failover")],
        [("x-http-method-override", "DELETE"), ("x-ms-original-url", "https://evil.example/")],
        [("x-azure-functions-invocationid", "1"), ("x-arr-ssl", "x")],
        [("upgrade", "h2c"), ("connection", "upgrade")],
    ] {
        assert_redirect(&Wire::to(&router).ask("GET", "/x", &headers), EVEN, "/x", &format!("{headers:?}"));
    }
}

#[test]
fn broken_requests_are_refused_and_never_redirected() {
    let router = router().clock(EVEN_MINUTE).start();
    for (why, bytes) in [
        ("a line break in the target", "GET /a\r\nLocation: https://evil.example HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a bare carriage return", "GET /a\rb HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a space in the target", request("GET", "/a b", &[])),
        ("a character no target may hold", request("GET", "/<script>", &[])),
        ("a nul byte", request("GET", "/a\0b", &[])),
        ("two lengths", format!("{}abcde", request("POST", "/x", &[("content-length", "4"), ("content-length", "5")]))),
        ("an unknown framing", request("POST", "/x", &[("transfer-encoding", "xchunked")])),
        ("no target", "GET  HTTP/1.1\r\nhost: x\r\n\r\n".to_owned()),
        ("a target that is no path", request("GET", "evil.example/x", &[])),
        ("a line break in a header", "GET / HTTP/1.1\r\nhost: x\rLocation: y\r\n\r\n".to_owned()),
        ("noise", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
    ] {
        let mut wire = Wire::to(&router);
        wire.send(&bytes);
        let reply = wire.reply();
        assert_eq!(reply.status, 400, "{why}: {reply:?}");
        assert_eq!(reply.header("location"), None, "{why}");
    }
}

#[test]
fn a_request_smuggled_behind_two_framings_is_never_read() {
    let router = router().clock(EVEN_MINUTE).start();
    let mut wire = Wire::to(&router);
    let both = request("POST", "/x", &[("content-length", "4"), ("transfer-encoding", "chunked")]);
    wire.send(format!("{both}0\r\n\r\n{}", request("GET", "/hidden", &[])));
    assert_redirect(&wire.reply(), EVEN, "/x", "the request itself");
    assert!(wire.is_closed(), "what follows may be someone else's: the connection ends");
}

#[test]
fn long_targets_are_redirected_and_overlong_ones_refused() {
    let router = router().clock(EVEN_MINUTE).start();
    let long = format!("/{}?{}", "p".repeat(30_000), "q".repeat(30_000));
    assert_redirect(&Wire::to(&router).ask("GET", &long, &[]), EVEN, &long, "60,000 characters");
    let mut wire = Wire::to(&router);
    // The refusal may come before everything was read.
    let _ = wire.try_send(request("GET", &format!("/{}", "p".repeat(70_000)), &[]));
    let refused = wire.reply();
    assert!(matches!(refused.status, 414 | 431), "{refused:?}");
    assert_redirect(&Wire::to(&router).ask("GET", "/", &[]), EVEN, "/", "after it");
}

#[test]
fn redirects_do_not_wait_for_bodies() {
    let router = router().clock(EVEN_MINUTE).start();
    let fixed = [("content-length", "11"), ("content-type", "text/plain")];
    let chunked = [("transfer-encoding", "chunked")];
    let mut wire = Wire::to(&router);
    for method in ["POST", "PUT", "PATCH", "DELETE", "GET"] {
        wire.send(request(method, "/x", &fixed)).send("hello world");
        assert_redirect(&wire.reply(), EVEN, "/x", &format!("{method} with a length"));
        wire.send(request(method, "/x", &chunked)).send("5\r\nhello\r\n6;extension\r\n world\r\n0\r\ntrailer: x\r\n\r\n");
        assert_redirect(&wire.reply(), EVEN, "/x", &format!("{method} in chunks"));
        wire.send(request(method, "/x", &[("content-length", "0")]));
        assert_redirect(&wire.reply(), EVEN, "/x", &format!("{method} with an empty body"));
    }
}

#[test]
fn a_client_that_writes_everything_before_it_reads_gets_its_redirect() {
    let router = router().clock(EVEN_MINUTE).start();
    const MEBIBYTE: usize = 1 << 20;
    let mut wire = Wire::to(&router);
    wire.send(request("POST", "/api/imports", &[("content-length", &(5 * MEBIBYTE).to_string())]));
    for _ in 0..5 {
        wire.send(vec![b'x'; MEBIBYTE]);
    }
    assert_redirect(&wire.reply(), EVEN, "/api/imports", "5 MiB with a length");
    // The connection stays open.
    wire.send(request("POST", "/api/imports", &[("transfer-encoding", "chunked")]));
    for _ in 0..5 {
        wire.send(format!("{MEBIBYTE:x}\r\n{}\r\n", "x".repeat(MEBIBYTE)));
    }
    wire.send("0\r\n\r\n");
    assert_redirect(&wire.reply(), EVEN, "/api/imports", "5 MiB in chunks");
}

#[test]
fn a_client_that_waits_for_100_continue_is_redirected_before_it_sends() {
    let router = router().clock(EVEN_MINUTE).start();
    let mut wire = Wire::to(&router);
    wire.send(request("POST", "/api/imports", &[("content-length", "1000000"), ("expect", "100-continue")]));
    let (status, _) = wire.head();
    assert_eq!(status, 307, "no 100 Continue invites a body nobody reads");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let router = router().clock(EVEN_MINUTE).start();
    let mut wire = Wire::to(&router);
    let body = format!("{}hello", request("POST", "/2", &[("content-length", "5")]));
    wire.send([request("GET", "/1", &[]), body, request("HEAD", "/3", &[]), request("GET", "/4?x", &[])].concat());
    for (method, target) in [("GET", "/1"), ("POST", "/2"), ("HEAD", "/3"), ("GET", "/4?x")] {
        assert_redirect(&wire.reply_to(method), EVEN, target, target);
    }
}

#[test]
fn preflights_are_answered_by_the_router_itself() {
    let router = router().with("SWITCHBACK_CORS_ORIGINS", "https://app.example").clock(EVEN_MINUTE).start();
    let preflight = |origin: &str| {
        let asked = [("origin", origin), ("access-control-request-method", "POST"), ("access-control-request-headers", "x-api-key")];
        Wire::to(&router).ask("OPTIONS", "/api/imports", &asked)
    };
    let allowed = preflight("https://app.example");
    assert_eq!((allowed.status, allowed.header("location")), (204, None));
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(allowed.header("access-control-allow-methods").unwrap().contains("POST"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("x-api-key"));
    let refused = preflight("https://evil.example");
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (204, None));
    // The call itself is redirected, and a script may read that.
    let call = Wire::to(&router).ask("POST", "/api/imports", &[("origin", "https://app.example")]);
    assert_redirect(&call, EVEN, "/api/imports", "a call from the page");
    assert_eq!(call.header("access-control-allow-origin"), Some("https://app.example"));
    assert_redirect(&Wire::to(&router).ask("OPTIONS", "/x", &[("origin", "https://app.example")]), EVEN, "/x", "no preflight");
}

#[test]
fn reserved_paths_are_the_routers_own() {
    let router = router().clock(EVEN_MINUTE).start();
    let ask = |method: &str, target: &str| Wire::to(&router).ask(method, target, &[]);
    let health = ask("GET", "/_switchback/health");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("up")));
    assert_eq!(ask("GET", "/_switchback/health?x=1").status, 200);
    assert_eq!(ask("GET", "/_switchback/routing").json()["arm"], "even");
    assert_eq!(ask("GET", "http://evil.example/_switchback/health").status, 200, "an absolute target names the same path");
    for path in ["/_switchback/health", "/_switchback/routing"] {
        let head = ask("HEAD", path);
        assert_eq!((head.status, head.body.len()), (200, 0), "HEAD {path}");
        let refused = ask("POST", path);
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "POST {path}");
    }
    for path in ["/_switchback/", "/_switchback/nothing", "/_switchback/health/more", "/_switchback/../api"] {
        let missing = ask("GET", path);
        assert_eq!((missing.status, missing.header("location")), (404, None), "{path}");
        assert_eq!(missing.header("content-type"), Some("application/problem+json"), "{path}");
    }
}

#[test]
fn a_ticket_is_appended_to_any_query() {
    let router = router().with("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef").clock(EVEN_MINUTE).start();
    let location = |router: &Server, target: &str| Wire::to(router).ask("GET", target, &[]).header("location").unwrap().to_owned();
    for (target, joint) in [("/a", "?"), ("/a?", "&"), ("/a?x=1&x=2", "&"), ("/a?sb-ticket=forged", "&"), ("/?%26", "&")] {
        let ticketed = location(&router, target);
        // Minute 10:04 of that day since 1970, and the arm, in the clear; what proves them follows.
        let known = format!("{EVEN}{target}{joint}sb-ticket=29923804.even.");
        let signature = ticketed.strip_prefix(&known).unwrap_or_else(|| panic!("{ticketed} does not begin {known}"));
        assert!(signature.len() == 32 && signature.bytes().all(|byte| byte.is_ascii_hexdigit()), "{ticketed}");
    }
}
