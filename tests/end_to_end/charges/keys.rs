//! API keys: who may read and who may write, through the redirect as well as directly.

use std::process::Command;

use crate::harness::client::caller;
use crate::harness::role::{clean, program};
use crate::harness::system::System;

use super::{HEADER, document};

/// A key as `switchback key` makes it: the secret, and its entry for the arms' settings.
fn key(name: &str, scope: &str) -> (String, String) {
    let output = clean(&mut Command::new(program())).args(["key", name, scope]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let value = |label: &str| {
        let mut lines = printed.lines().skip_while(|line| !line.starts_with(label));
        lines.nth(1).unwrap_or_else(|| panic!("no {label}: {printed}")).trim().to_owned()
    };
    (value("key"), value("entry"))
}

#[test]
fn scopes_hold_through_the_redirect_too() {
    let ((reader, reader_entry), (writer, writer_entry)) = (key("bi", "read"), key("ci", "write"));
    let keys = format!("{reader_entry},{writer_entry}");
    let system = System::start(|router| router, |arm| arm.with("SWITCHBACK_API_KEYS", &keys));
    for base in [system.router.url(), system.even.url(), system.odd.url()] {
        let ask = |post: bool, header: &str, key: Option<&str>| {
            let request =
                if post { caller().post(format!("{base}/api/imports?overlap=add")) } else { caller().get(format!("{base}/api/costs")) };
            let request = if post {
                request.header("content-type", "text/csv").body(format!("{HEADER}\n0.10,USD,Usage,2026-11-02,2026-11-01,0.10,AWS,{base}\n"))
            } else {
                request
            };
            let request = key.map_or(request.try_clone().unwrap(), |key| request.header(header, key));
            request.send().unwrap()
        };
        for post in [false, true] {
            let refused = ask(post, "", None);
            assert_eq!(refused.headers()["www-authenticate"], "ApiKey header=\"x-api-key\"");
            let (status, problem) = document(refused);
            assert_eq!((status, problem["type"].as_str()), (401, Some("/api/docs/problems#unauthorized")));
            let wrong = format!("{writer}x");
            for (header, key) in [("x-api-key", wrong.as_str()), ("x-api-key", ""), ("authorization", &writer), ("cookie", &writer)] {
                assert_eq!(ask(post, header, Some(key)).status().as_u16(), 401, "{header}: {key}");
            }
        }
        let (status, problem) = document(ask(true, "x-api-key", Some(&reader)));
        assert_eq!((status, problem["type"].as_str()), (403, Some("/api/docs/problems#forbidden")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("'bi' has scope read"));
        assert_eq!(ask(false, "x-api-key", Some(&reader)).status().as_u16(), 200);
        assert_eq!(ask(false, "x-api-key", Some(&writer)).status().as_u16(), 200);
        assert_eq!(ask(true, "x-api-key", Some(&writer)).status().as_u16(), 201);
        // Health checks need no key by default.
        assert_eq!(caller().get(format!("{base}/api/health/ready")).send().unwrap().status().as_u16(), 200);
    }
}

#[test]
fn health_can_be_closed() {
    let (reader, entry) = key("bi", "read");
    let system = System::start(|router| router, |arm| arm.with("SWITCHBACK_API_KEYS", &entry).with("SWITCHBACK_OPEN", "docs"));
    let health = || caller().get(format!("{}/api/health/ready", system.even.url()));
    assert_eq!(health().send().unwrap().status().as_u16(), 401);
    assert_eq!(health().header("x-api-key", reader).send().unwrap().status().as_u16(), 200);
}

#[test]
fn without_keys_only_this_machine_is_served() {
    let system = super::start();
    let ask = |name: &str, value: &str| caller().get(format!("{}/api/instance", system.even.url())).header(name, value).send().unwrap();
    assert_eq!(ask("accept", "*/*").status().as_u16(), 200);
    // Somebody stands in between, or a page has its own name resolve to this machine.
    for (name, value) in [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=203.0.113.7"), ("host", "rebound.example")] {
        assert_eq!(ask(name, value).status().as_u16(), 401, "{name}: {value}");
    }
    let log = system.even.process.output();
    assert!(log.contains("no API keys are configured, so only callers on this machine are served"), "{log}");
}
