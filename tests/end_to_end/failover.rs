//! An arm dies, hangs or comes back: where calls go meanwhile, and what the router reports.

use rustix::process::Signal;

use crate::harness::client::get_json;
use crate::harness::role::{Role, Server};
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_until;
use crate::harness::wire::{Reply, Wire};
use crate::harness::{database, role};

fn start(router: impl Fn(Role) -> Role) -> System {
    System::start(|role| router(role).clock(EVEN_MINUTE), |role| role)
}

fn ask(router: &Server) -> Reply {
    Wire::to(router).ask("POST", "/api/instance?x=1", &[])
}

fn decision(reply: &Reply) -> (u16, Option<&str>, Option<&str>) {
    (reply.status, reply.header("switchback-arm"), reply.header("switchback-reason"))
}

const SCHEDULED: (u16, Option<&str>, Option<&str>) = (307, Some("even"), Some("schedule"));
const FAILED_OVER: (u16, Option<&str>, Option<&str>) = (307, Some("odd"), Some("failover"));

fn health(router: &Server, arm: &str) -> String {
    let health = Wire::to(router).ask("GET", "/_switchback/health", &[]).json();
    health["arms"][arm].as_str().unwrap().to_owned()
}

#[test]
fn a_killed_arms_calls_go_to_the_other_until_it_is_back() {
    let mut system = start(|router| router);
    assert_eq!(decision(&ask(&system.router)), SCHEDULED);
    system.even.process.kill();
    wait_until("calls to go to arm odd", || decision(&ask(&system.router)) == FAILED_OVER);
    assert_eq!(ask(&system.router).header("location"), Some(format!("{}/api/instance?x=1", system.odd.url()).as_str()));
    assert_eq!(get_json(&system.url("/api/instance"))["arm"], "odd", "a caller who follows is served");
    assert_eq!((health(&system.router, "even"), health(&system.router, "odd")), ("down".into(), "up".into()));
    system.restart_even();
    wait_until("calls to return to arm even", || decision(&ask(&system.router)) == SCHEDULED);
    assert_eq!(get_json(&system.url("/api/instance"))["arm"], "even");
    let routing = get_json(&system.url("/_switchback/routing"));
    assert!(routing["decisions"]["total"]["odd"]["failover"].as_u64() >= Some(3), "{routing}");
    let log = system.router.process.output();
    assert!(log.contains("arm is down") && log.contains("arm is up again"), "both changes are said");
}

#[test]
fn an_arm_that_hangs_is_out_too() {
    let system = start(|router| router);
    system.even.process.signal(Signal::STOP);
    wait_until("calls to go to arm odd", || decision(&ask(&system.router)) == FAILED_OVER);
    system.even.process.signal(Signal::CONT);
    wait_until("calls to return to arm even", || decision(&ask(&system.router)) == SCHEDULED);
}

#[test]
fn strict_parity_keeps_a_dead_arms_minutes() {
    let mut system = start(|router| router.with("SWITCHBACK_FAILOVER", "off"));
    system.even.process.kill();
    wait_until("the router to see arm even down", || health(&system.router, "even") == "down");
    assert_eq!(decision(&ask(&system.router)), SCHEDULED);
    assert_eq!(get_json(&system.url("/_switchback/routing"))["failover"], false);
}

#[test]
fn with_both_arms_down_the_router_says_so_until_one_is_back() {
    let mut system = start(|router| router);
    system.even.process.kill();
    system.odd.process.kill();
    wait_until("the router to give up", || ask(&system.router).status == 503);
    let refused = ask(&system.router);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0)));
    assert_eq!((refused.header("location"), refused.header("cache-control")), (None, Some("no-store")));
    let problem = refused.json();
    assert_eq!(problem["type"], "/api/docs/problems#no-arm");
    assert_eq!((problem["status"].as_u64(), problem["instance"].as_str()), (Some(503), Some("/api/instance")));
    assert_eq!(Wire::to(&system.router).ask("GET", "/_switchback/health", &[]).status, 200, "the router itself is up");
    system.restart_odd();
    wait_until("calls to go to arm odd", || decision(&ask(&system.router)) == FAILED_OVER);
}

#[test]
fn with_two_unwell_arms_the_schedule_is_kept_for_reason_unsure() {
    let system = start(|router| router);
    system.even.process.signal(Signal::STOP);
    system.odd.process.signal(Signal::STOP);
    wait_until("the router to be unsure", || decision(&ask(&system.router)) == (307, Some("even"), Some("unsure")));
    assert_eq!((health(&system.router, "even"), health(&system.router, "odd")), ("unwell".into(), "unwell".into()));
    let routing = get_json(&system.url("/_switchback/routing"));
    assert!(routing["arms"][0]["last_failure"].as_str().is_some_and(|reason| reason.contains("no answer within")), "{routing}");
    assert!(routing["decisions"]["total"]["even"]["unsure"].as_u64() >= Some(1), "{routing}");
    wait_until("the log to say so", || system.router.process.output().contains("neither arm is well"));
    system.even.process.signal(Signal::CONT);
    system.odd.process.signal(Signal::CONT);
    wait_until("calls to be scheduled again", || decision(&ask(&system.router)) == SCHEDULED);
}

#[test]
fn an_arm_without_its_database_keeps_its_calls() {
    let system = start(|router| router);
    // This arm's database does not exist, so it is alive and not ready.
    let unready = Role::arm("even", &format!("{}_gone", database::migrated())).start();
    let router = Role::router(&unready.url(), &system.odd.url()).clock(EVEN_MINUTE).start();
    assert_eq!(Wire::to(&unready).ask("GET", "/api/health/ready", &[]).status, 503);
    let probed = || get_json(&format!("{}/_switchback/routing", router.url()))["arms"][0]["probes"].as_u64().unwrap();
    wait_until("three probes of arm even", || probed() >= 3);
    assert_eq!(decision(&ask(&router)), SCHEDULED);
}

#[test]
fn a_router_without_arms_still_answers_its_own_paths() {
    // Ports nobody listens on: both arms are down from the start.
    let dead = || format!("http://127.0.0.1:{}", role::free_port());
    let router = Role::router(&dead(), &dead()).served().start();
    wait_until("the router to give up", || ask(&router).status == 503);
    assert_eq!((health(&router, "even"), health(&router, "odd")), ("down".into(), "down".into()));
}
