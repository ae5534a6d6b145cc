//! The access log: a line for each call where it is asked for, and never what a query says.

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::harness::wait_until;
use crate::harness::wire::Wire;

fn call_it(server: &Server) {
    for (method, target, id) in
        [("GET", "/api/instance?secret=s3cret", "one"), ("HEAD", "/api/instance", "two"), ("GET", "/api/nothing", "three")]
    {
        Wire::to(server).ask(method, target, &[("x-request-id", id), ("x-api-key", "s3cret"), ("referer", "https://x.example/?s3cret")]);
    }
}

#[test]
fn it_is_off_unless_asked_for() {
    let mut arm = Role::arm("even", &database::migrated()).start();
    call_it(&arm);
    arm.process.signal(Signal::TERM);
    arm.process.wait();
    assert!(!arm.process.output().contains("/api/nothing"), "{}", arm.process.output());
}

#[test]
fn each_call_is_one_line_of_json() {
    let mut arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_ACCESS_LOG", "json").start();
    call_it(&arm);
    arm.process.signal(Signal::TERM);
    arm.process.wait();
    let output = arm.process.output();
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line = |id: &str| {
        let mut of_call = lines.iter().filter(|line| line["request_id"] == id);
        let line = of_call.next().unwrap_or_else(|| panic!("no line for {id}:\n{output}"));
        assert!(of_call.next().is_none(), "{id} has two lines");
        line
    };
    let one = line("one");
    assert_eq!((&one["method"], &one["path"], &one["status"]), (&"GET".into(), &"/api/instance".into(), &200.into()), "{one}");
    assert_eq!(one["peer"], "127.0.0.1");
    assert!(one["took_us"].as_u64() > Some(0) && one["bytes"].as_u64() > Some(50), "{one}");
    assert_eq!(line("two")["bytes"], 0, "HEAD");
    assert_eq!(line("three")["status"], 404);
    assert!(!output.contains("s3cret"), "{output}");
}

#[test]
fn on_the_router_too_and_in_the_combined_form() {
    let router = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2");
    let router = router.with("SWITCHBACK_FAILOVER", "off").with("SWITCHBACK_ACCESS_LOG", "combined").start();
    call_it(&router);
    wait_until("the lines", || router.process.output().contains(" three "));
    let output = router.process.output();
    let line = output.lines().find(|line| line.contains(" one ")).unwrap_or_else(|| panic!("no line:\n{output}"));
    assert!(line.starts_with("127.0.0.1 - - [") && line.contains("] \"GET /api/instance HTTP/1.1\" 307 0 \"-\" \"-\" one "), "{line}");
    assert!(!output.contains("s3cret"), "{output}");
}
