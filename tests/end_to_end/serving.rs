//! A role as a platform runs it: configuration, ports, draining, bounds, and the answers every path gives.

use std::process::Command;

use rustix::process::Signal;
use switchback::clock::{Clock, SystemClock};

use crate::harness::role::{Role, Server, clean, free_port, program};
use crate::harness::wire::{Reply, Wire, request};
use crate::harness::{database, wait_until};

const FILE: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName\n\
    0.25,EUR,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.25,Microsoft,Functions\n";

/// An import whose body is incomplete: a call in flight for as long as the test wants. The interim 100 (Continue) shows that the endpoint
/// reads the body.
fn begin_import(server: &Server) -> Wire {
    let mut wire = Wire::to(server);
    let length = FILE.len().to_string();
    let headers = [("content-type", "text/csv"), ("content-length", length.as_str()), ("expect", "100-continue")];
    wire.send(request("POST", "/api/imports", &headers));
    let (status, _) = wire.head();
    assert_eq!(status, 100);
    wire.send(&FILE[..40]);
    wire
}

fn finish_import(mut wire: Wire) -> Reply {
    wire.send(&FILE[40..]);
    wire.reply()
}

fn refuses_connections(server: &Server) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", server.port)).is_err()
}

#[test]
fn on_sigterm_calls_in_flight_are_finished_and_the_exit_is_clean() {
    let mut arm = Role::arm("even", &database::migrated()).served().start();
    let import = begin_import(&arm);
    let mut idle = Wire::to(&arm);
    assert_eq!(idle.ask("GET", "/api/health/live", &[]).status, 200);
    arm.process.signal(Signal::TERM);
    wait_until("the port to be closed", || refuses_connections(&arm));
    let reply = finish_import(import);
    assert_eq!((reply.status, reply.json()["accepted"].as_u64()), (201, Some(1)), "{reply:?}");
    assert!(idle.is_closed(), "a connection without a call does not hold the exit up");
    assert_eq!(arm.process.wait().code(), Some(0));
}

#[test]
fn with_one_core_calls_are_served_at_once_and_no_thread_stands_beside_the_one_that_serves() {
    let even = Role::arm("even", &database::migrated()).served().on_one_core().start();
    // Given by its address: a name would be looked up on a thread of its own.
    let odd = format!("http://127.0.0.1:{}", free_port());
    let mut router = Role::router(&even.url(), &odd).served().on_one_core().start();
    let import = begin_import(&even);
    let mut wires: Vec<Wire> = (0..20).map(|wire| Wire::to(if wire % 2 == 0 { &even } else { &router })).collect();
    for _ in 0..3 {
        for wire in &mut wires {
            wire.send(request("GET", "/api/costs?group_by=service", &[]));
        }
        for (number, wire) in wires.iter_mut().enumerate() {
            assert_eq!(wire.reply().status, if number % 2 == 0 { 200 } else { 307 });
        }
    }
    assert_eq!(finish_import(import).status, 201);
    let threads = std::fs::read_dir(format!("/proc/{}/task", router.process.id())).unwrap();
    assert_eq!(threads.count(), 1, "a redirect waits for nobody");
    router.process.signal(Signal::TERM);
    assert_eq!(router.process.wait().code(), Some(0));
}

#[test]
fn a_call_that_does_not_end_is_cut_off_in_time() {
    let mut arm = Role::arm("even", &database::migrated()).served().start();
    let mut import = begin_import(&arm);
    let clock = SystemClock::new();
    arm.process.signal(Signal::TERM);
    assert_eq!(arm.process.wait().code(), Some(0));
    // App Service kills after 5 s; three times that allows for a busy machine.
    assert!(clock.uptime().as_secs() < 15, "{:?}", clock.uptime());
    assert!(import.is_closed());
    assert!(arm.process.output().contains("calls were cut off"));
}

#[test]
fn a_development_role_ends_with_its_parent() {
    let mut arm = Role::arm("even", &database::migrated()).start();
    arm.process.close_input();
    assert_eq!(arm.process.wait().code(), Some(0));
}

#[test]
fn a_wrong_configuration_ends_with_64_and_names_every_mistake() {
    let secret = "hunter2";
    for command in ["serve", "check"] {
        let output = clean(&mut Command::new(program()))
            .arg(command)
            .envs([("SWITCHBACK_ROLE", "api"), ("SWITCHBACK_ARM", "both"), ("SWITCHBACK_TICKET_KEY", secret)])
            .envs([("SWITCHBACK_MAX_CALLS", "0"), ("SWITCHBACK_FAILOVR", "on"), ("PORT", "http")])
            .env("SWITCHBACK_API_KEYS", "@Microsoft.KeyVault(SecretUri=https://vault.vault.azure.net/secrets/keys)")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        for setting in ["ARM", "TICKET_KEY", "MAX_CALLS", "FAILOVR", "API_KEYS"].map(|name| format!("  SWITCHBACK_{name}: ")) {
            assert!(said.contains(&setting), "{setting} is not named:\n{said}");
        }
        assert!(said.contains("  PORT: ") && said.contains("  DATABASE_URL: is required"), "{said}");
        assert!(!said.contains(secret), "{said}");
        assert!(output.stdout.is_empty(), "nothing was started");
    }
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let router = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").served().start();
    let mut second = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").served().spawn(router.port);
    assert_eq!(second.process.wait().code(), Some(1));
    let said = second.process.output();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(&format!("cannot listen on *:{}", router.port)) && said.contains("in use"), "{said}");
}

#[test]
fn slow_headers_delay_no_other_caller() {
    let arm = Role::arm("odd", &database::migrated()).with("SWITCHBACK_MAX_CALLS", "4").start();
    let mut dawdlers: Vec<Wire> = (0..300).map(|_| Wire::to(&arm)).collect();
    for wire in &mut dawdlers {
        wire.send("GET /api/health/live HTTP/1.1\r\nhost: localhost\r\nx-slow: ");
    }
    for _ in 0..20 {
        assert_eq!(Wire::to(&arm).ask("GET", "/api/health/live", &[]).status, 200);
    }
    // They are served once they are done.
    let mut last = dawdlers.pop().unwrap();
    last.send("1\r\n\r\n");
    assert_eq!(last.reply().status, 200);
}

#[test]
fn calls_past_the_bound_are_refused_with_retry_after() {
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_MAX_CALLS", "1").start();
    let import = begin_import(&arm);
    let refused = Wire::to(&arm).ask("GET", "/api/instance", &[]);
    assert_eq!((refused.status, refused.json()["type"].as_str()), (503, Some("/api/docs/problems#overloaded")));
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_eq!(finish_import(import).status, 201);
    assert_eq!(Wire::to(&arm).ask("GET", "/api/instance", &[]).status, 200);
}

#[test]
fn head_is_get_without_a_body() {
    let arm = Role::arm("even", &database::migrated()).start();
    let mut wire = Wire::to(&arm);
    for path in ["/api/health/live", "/api/instance", "/api/imports", "/api/costs"] {
        let (get, head) = (wire.ask("GET", path, &[]), wire.ask("HEAD", path, &[]));
        assert_eq!((get.status, head.status), (200, 200), "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[test]
fn a_wrong_path_or_method_gets_a_helpful_problem() {
    let arm = Role::arm("even", &database::migrated()).start();
    let mut wire = Wire::to(&arm);
    for path in
        ["/api", "/api/nothing", "/api/health", "/api/health/dead", "/_switchback/health", "/watch", "/API/instance", "//api/instance"]
    {
        let reply = wire.ask("GET", path, &[]);
        assert_eq!((reply.status, reply.json()["type"].as_str()), (404, Some("/api/docs/problems#not-found")), "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/api/health/live", "GET, HEAD"),
        ("DELETE", "/api/instance", "GET, HEAD"),
        ("PUT", "/api/imports", "GET, HEAD, POST"),
        ("POST", "/api/imports/01a20884-36b2-7617-80dc-da0b32511652", "GET, HEAD, DELETE"),
        ("PATCH", "/api/charges", "GET, HEAD, POST"),
        ("MADE-UP", "/api/costs", "GET, HEAD"),
        ("OPTIONS", "/api/costs", "GET, HEAD"),
    ] {
        let reply = wire.ask(method, path, &[]);
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    assert_eq!(Wire::to(&arm).ask("CONNECT", "example.org:443", &[]).status / 100, 4, "no arm is a proxy");
}

#[test]
fn a_problem_is_a_document_that_names_its_request() {
    let arm = Role::arm("even", &database::migrated()).start();
    let reply = Wire::to(&arm).ask("GET", "/api/nothing?secret=1", &[("x-request-id", "trace-42")]);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.header("x-request-id"), Some("trace-42"));
    assert_eq!(reply.header("switchback-arm"), Some("even"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let problem = reply.json();
    assert_eq!(problem["type"], "/api/docs/problems#not-found");
    assert_eq!(problem["title"], "Not found");
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["instance"], "/api/nothing");
    assert_eq!(problem["request_id"], "trace-42");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
}

#[test]
fn an_unusable_request_id_is_replaced() {
    let arm = Role::arm("even", &database::migrated()).start();
    let mut wire = Wire::to(&arm);
    let mut id_for = |sent: &str| wire.ask("GET", "/api/health/live", &[("x-request-id", sent)]).header("x-request-id").unwrap().to_owned();
    assert_eq!(id_for("a-1_b.c:d"), "a-1_b.c:d");
    for unusable in ["", "a b", "<script>", "\u{e9}", &"x".repeat(65)] {
        let id = id_for(unusable);
        assert!(id.len() == 36 && id != unusable, "{unusable:?} became {id:?}");
    }
    assert_ne!(id_for(""), id_for(""));
}

#[test]
fn an_arm_is_alive_without_its_database_and_ready_only_with_its_schema() {
    let ready = |arm: &Server| Wire::to(arm).ask("GET", "/api/health/ready", &[]);
    let lost = Role::arm("even", &format!("postgresql://switchback@127.0.0.1:{}/none?sslmode=disable", free_port())).start();
    assert_eq!(Wire::to(&lost).ask("GET", "/api/health/live", &[]).status, 200);
    let reply = ready(&lost);
    assert_eq!((reply.status, reply.json()["type"].as_str()), (503, Some("/api/docs/problems#store-unavailable")));
    assert_eq!(reply.header("retry-after"), Some("2"));

    let database = database::empty();
    let arm = Role::arm("odd", &database).start();
    assert!(ready(&arm).json()["detail"].as_str().unwrap().contains("schema"));
    assert!(database::migrate(&database).status.success());
    assert_eq!(ready(&arm).status, 200);
    let again = database::migrate(&database);
    assert!(again.status.success() && String::from_utf8_lossy(&again.stdout).contains("current already"));
}

#[test]
fn the_health_command_tells_up_from_down() {
    let mut router = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").served().start();
    let health = |port: u16| {
        let settings =
            [("SWITCHBACK_ROLE", "router"), ("SWITCHBACK_EVEN_URL", "http://127.0.0.1:1"), ("SWITCHBACK_ODD_URL", "http://127.0.0.1:2")];
        clean(&mut Command::new(program())).arg("health").envs(settings).env("PORT", port.to_string()).output().unwrap().status.code()
    };
    assert_eq!(health(router.port), Some(0));
    router.process.kill();
    assert_eq!(health(router.port), Some(1));
}

#[test]
fn no_secret_is_ever_logged() {
    let key = "a-ticket-key-that-nobody-may-ever-read";
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_LOG", "trace").with("SWITCHBACK_TICKET_KEY", key);
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let arm = arm.with("SWITCHBACK_API_KEYS", &format!("ci:write:{digest}")).start();
    let mut wire = Wire::to(&arm);
    assert_eq!(wire.ask("GET", "/api/imports", &[("x-api-key", "test")]).status, 200);
    assert_eq!(wire.ask("GET", "/api/imports", &[("x-api-key", "wrong-but-private")]).status, 401);
    let log = arm.process.output();
    assert!(log.contains("listening"), "{log}");
    for secret in [key, digest, "wrong-but-private"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
