//! What the arms and the router count: every call once, in the minute that routed it, through drains and kills.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Role, Server};
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_for;
use crate::harness::wire::Wire;

/// Strict parity, so that every call goes to arm even.
fn start() -> System {
    let role = |role: Role| role.with("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef").clock(EVEN_MINUTE);
    System::start(|router| role(router).with("SWITCHBACK_FAILOVER", "off"), role)
}

/// Calls the one URL and follows it.
fn call(system: &System, path: &str, times: usize) {
    for _ in 0..times {
        caller().get(system.url(path)).send().unwrap();
    }
}

/// What arm odd, which gets no calls here, reads of the minute.
fn counted(system: &System) -> Value {
    get_json(&format!("{}/api/windows?from=2026-11-23T10:04:00Z", system.odd.url()))
}

fn window(system: &System) -> Option<Value> {
    let windows = counted(system)["windows"].as_array().unwrap().clone();
    windows.into_iter().find(|window| window["arm"] == "even" && window["minute"] == "2026-11-23T10:04Z")
}

fn drain(server: &mut Server) {
    server.process.signal(Signal::TERM);
    assert_eq!(server.process.wait().code(), Some(0));
}

#[test]
fn every_call_is_counted_once_in_the_minute_that_routed_it() {
    let mut system = start();
    call(&system, "/api/instance", 20);
    call(&system, "/api/nothing", 3);
    // Not routed: no ticket, or one that nobody issued.
    let direct = |target: &str, headers: &[(&str, &str)]| Wire::to(&system.even).ask("GET", target, headers).status;
    assert_eq!(direct("/api/instance", &[]), 200);
    assert_eq!(direct("/api/instance?sb-ticket=29923804.even.00000000000000000000000000000000", &[]), 200);
    assert_eq!(direct("/api/health/ready", &[]), 200);
    drain(&mut system.even);
    drain(&mut system.router);

    let window = window(&system).expect("the drain wrote the window");
    let number = |name: &str| window[name].as_u64().unwrap_or_else(|| panic!("{name}: {window}"));
    assert_eq!((number("calls"), number("client_errors"), number("server_errors")), (23, 3, 0));
    assert_eq!(number("unrouted"), 2);
    assert!(number("probes") >= 1, "ours, and the router's own");
    assert_eq!((number("workers"), &window["closed"], &window["on_schedule"]), (1, &Value::Bool(true), &Value::Bool(true)));
    assert!(window["latency_p50_ms"].as_f64().is_some_and(|latency_ms| latency_ms > 0.0));

    let document = counted(&system);
    let decided = &document["decisions"][0];
    assert_eq!((decided["minute"].as_str(), decided["on_schedule"].as_u64()), (Some("2026-11-23T10:04Z"), Some(23)), "{document}");
    assert_eq!((decided["violations"].as_u64(), document["conformance"].as_f64()), (Some(0), Some(1.0)));
}

#[test]
fn a_kill_loses_what_was_not_written_yet_and_counts_nothing_twice() {
    let mut system = start();
    call(&system, "/api/instance", 30);
    let calls = |system: &System| window(system).and_then(|window| window["calls"].as_u64()).unwrap_or_default();
    wait_for("the thirty calls to be written", || (calls(&system) == 30).then_some(()));
    call(&system, "/api/instance", 5);
    system.even.process.kill();
    system.restart_even();
    call(&system, "/api/instance", 10);
    drain(&mut system.even);
    let window = window(&system).unwrap();
    let counted = window["calls"].as_u64().unwrap();
    assert!((40..=45).contains(&counted), "only the last five may be missing: {window}");
    assert_eq!(window["workers"], 2);
    assert_eq!(window["closed"], false, "the killed worker's window stays open, and says so");
}
