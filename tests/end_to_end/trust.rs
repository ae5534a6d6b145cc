//! Whom an arm without keys trusts: callers on this machine and its own pages, and no page of a stranger's.

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Reply, Wire, request};

const FILE: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName\n\
    0.25,EUR,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.25,Microsoft,Functions\n";

/// An arm as `dev` runs it: no keys, its own origin and the router's admitted.
fn start() -> Server {
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_CORS_ORIGINS", "http://localhost:8080");
    arm.start()
}

/// Sends a request as a browser would, to `localhost` on the arm's port.
fn send(arm: &Server, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let host = format!("localhost:{}", arm.port);
    let length = body.len().to_string();
    let mut all = vec![("host", host.as_str()), ("content-length", length.as_str())];
    all.extend(headers);
    let mut wire = Wire::to(arm);
    wire.send(request(method, target, &all)).send(body);
    wire.reply()
}

fn imports(arm: &Server) -> usize {
    let listed = send(arm, "GET", "/api/imports", &[], "").json();
    listed["imports"].as_array().unwrap().len()
}

#[test]
fn a_strangers_page_can_neither_read_nor_write_nor_delete() {
    let arm = start();
    let stored = send(&arm, "POST", "/api/imports", &[("content-type", "text/csv")], FILE);
    assert_eq!(stored.status, 201, "{stored:?}");
    let import = format!("/api/imports/{}", stored.json()["id"].as_str().unwrap());
    for header in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:9999"),
        ("sec-fetch-site", "cross-site"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=203.0.113.9"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "203.0.113.9"),
        ("host", "rebound.example"),
    ] {
        let typed = [("content-type", "text/csv"), header];
        // Host comes once: this one takes the place of the arm's own.
        let ask = |method: &str, target: &str, headers: &[(&str, &str)], body: &str| match header.0 {
            "host" => {
                let length = body.len().to_string();
                let mut wire = Wire::to(&arm);
                wire.send(request(method, target, &[&[("content-length", length.as_str())], headers].concat())).send(body);
                wire.reply()
            }
            _ => send(&arm, method, target, headers, body),
        };
        for (method, target, body) in [("GET", import.as_str(), ""), ("POST", "/api/imports", FILE), ("DELETE", import.as_str(), "")] {
            let refused = ask(method, target, &typed, body);
            assert_eq!(refused.status, 401, "{header:?} {method}: {refused:?}");
            assert_eq!(refused.header("access-control-allow-origin"), None, "{header:?} {method}");
        }
    }
    assert_eq!(imports(&arm), 1, "the import is still there");
}

#[test]
fn the_systems_own_pages_and_callers_on_this_machine_are_served() {
    let arm = start();
    let own = format!("http://localhost:{}", arm.port);
    for headers in [
        &[][..],
        &[("origin", own.as_str()), ("sec-fetch-site", "same-origin")],
        &[("origin", "http://localhost:8080"), ("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        assert_eq!(send(&arm, "GET", "/api/imports", headers, "").status, 200, "{headers:?}");
        let typed = [&[("content-type", "text/csv")], headers].concat();
        assert!(matches!(send(&arm, "POST", "/api/imports", &typed, FILE).status, 200 | 201), "{headers:?}");
    }
}

#[test]
fn a_body_that_does_not_say_what_it_is_is_refused() {
    let arm = start();
    for (target, body) in [("/api/imports", FILE), ("/api/charges", "[]")] {
        for headers in [&[][..], &[("content-type", "")], &[("content-type", "  ")]] {
            let refused = send(&arm, "POST", target, headers, body);
            assert_eq!(refused.status, 415, "{target} {headers:?}: {refused:?}");
            assert_eq!(refused.json()["type"], "/api/docs/problems#unsupported-media-type");
        }
    }
    assert_eq!(imports(&arm), 0);
}
