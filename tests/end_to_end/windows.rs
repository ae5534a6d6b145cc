//! What was counted, from outside: every call in one window, every decision in one row, also through a crash.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::LOCATION;
use rustix::process::Signal;
use serde_json::Value;
use switchback::clock::{Clock, SystemClock};
use switchback::domain::arm::ByArm;
use switchback::domain::moment;

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Role, Server};
use crate::harness::{database, wait_until};

const MINUTE: &str = "1s";

/// A router that writes its decisions, and both arms, on one database with a minute of a second.
struct Counted {
    arms: ByArm<Role>,
    even: Server,
    odd: Server,
    router: Server,
}

impl Counted {
    fn start(ticket_key: Option<&str>) -> Counted {
        let database = database::migrated();
        let keyed = |role: Role| match ticket_key {
            Some(key) => role.with("SWITCHBACK_TICKET_KEY", key),
            None => role,
        };
        let arms = ByArm::build(|name| keyed(Role::arm(name.as_str(), &database).minute(MINUTE)));
        let ByArm { even, odd } = arms.as_ref().map(Role::start);
        let router = Role::router(&even.url(), &odd.url()).with("DATABASE_URL", &database).minute(MINUTE);
        let router = keyed(router).start();
        Counted { arms, even, odd, router }
    }

    /// Makes a call as any caller does; the arm that answered it.
    fn call(&self) -> Option<String> {
        let response = caller().get(format!("{}/api/instance", self.router.url())).send().ok()?;
        let answered = response.status().is_success();
        let arm = response.headers().get("switchback-arm")?.to_str().ok()?.to_owned();
        answered.then_some(arm)
    }

    /// Calls for a while; answered calls by arm.
    fn call_for(&self, time: Duration, answered: &mut BTreeMap<String, u64>) {
        let clock = SystemClock::new();
        while clock.uptime() < time {
            if let Some(arm) = self.call() {
                *answered.entry(arm).or_default() += 1;
            }
        }
    }

    /// Everything counted so far, as `of` tells it; looking is no call of the experiment.
    fn windows(of: &Server) -> Value {
        get_json(&format!("{}/api/windows?limit=5000", of.url()))
    }
}

/// Sum of a field over an arm's windows.
fn sum(windows: &Value, arm: &str, field: &str) -> u64 {
    let all = windows["windows"].as_array().unwrap().iter();
    all.filter(|window| window["arm"] == arm).map(|window| window[field].as_u64().unwrap()).sum()
}

fn decisions(windows: &Value, field: &str) -> u64 {
    windows["decisions"].as_array().unwrap().iter().map(|minute| minute[field].as_u64().unwrap()).sum()
}

#[test]
fn every_call_is_in_one_window_and_every_decision_in_one_row() {
    const KEY: &str = "a-key-of-tickets-that-is-long-enough";
    let mut system = Counted::start(Some(KEY));
    let mut answered = BTreeMap::new();
    system.call_for(Duration::from_secs(4), &mut answered);
    // None of these counts as a caller's: a health check, and two that the router did not send, one with a forged ticket.
    get_json(&format!("{}/api/health/live", system.router.url()));
    get_json(&format!("{}/api/instance", system.even.url()));
    get_json(&format!("{}/api/instance?sb-ticket=1.even.00000000000000000000000000000000", system.even.url()));
    // The router's drain writes what it decided, the arm's what it served.
    system.router.process.signal(Signal::TERM);
    assert!(system.router.process.wait().success());
    system.odd.process.signal(Signal::TERM);
    assert!(system.odd.process.wait().success());
    let total: u64 = answered.values().sum();
    assert!(total > 20, "{answered:?}");
    wait_until("even's windows to be written", || {
        let windows = Counted::windows(&system.even);
        sum(&windows, "even", "calls") >= answered["even"] && sum(&windows, "even", "unrouted") >= 2
    });
    let windows = Counted::windows(&system.even);
    for arm in ["even", "odd"] {
        assert_eq!(sum(&windows, arm, "calls"), answered[arm], "{arm}: {windows}");
    }
    assert_eq!(decisions(&windows, "on_schedule"), total, "{windows}");
    assert_eq!((decisions(&windows, "violations"), windows["conformance"].as_f64()), (0, Some(1.0)));
    assert_eq!(sum(&windows, "even", "unrouted"), 2, "{windows}");
    let misplaced = windows["windows"].as_array().unwrap().iter().filter(|window| window["on_schedule"] == false);
    assert_eq!(misplaced.map(|window| window["calls"].as_u64().unwrap()).sum::<u64>(), 0, "tickets put every call in its own minute");
}

#[test]
fn a_killed_arm_counts_no_call_twice_and_reports_what_it_lost() {
    let mut system = Counted::start(None);
    // On a busy machine an arm says late what it serves with, and its run begins after that: what came before is in no report.
    wait_until("a run to have begun", || {
        let runs = get_json(&format!("{}/api/runs", system.even.url()));
        let starts_at = runs["runs"][0]["starts_at"].as_str().and_then(moment::parse);
        starts_at.is_some_and(|start| start <= SystemClock::new().now())
    });
    let mut answered = BTreeMap::new();
    system.call_for(Duration::from_secs(4), &mut answered);
    // Mid-minute of odd's own, so that a window is lost and not only its close.
    wait_until("odd's turn", || {
        let response = reqwest::blocking::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
        let response = response.get(format!("{}/api/health/live", system.router.url())).send().unwrap();
        response.headers()[LOCATION].to_str().unwrap().contains(&system.odd.port.to_string())
    });
    let mut last = BTreeMap::new();
    system.call_for(Duration::from_millis(300), &mut last);
    system.odd.process.kill();
    for (arm, calls) in last {
        *answered.entry(arm).or_default() += calls;
    }
    system.call_for(Duration::from_secs(2), &mut answered);
    system.odd = system.arms.odd.start_on(system.odd.port);
    system.call_for(Duration::from_secs(3), &mut answered);
    system.odd.process.signal(Signal::TERM);
    assert!(system.odd.process.wait().success());
    wait_until("even's windows to be written", || sum(&Counted::windows(&system.even), "even", "calls") >= answered["even"]);
    let windows = Counted::windows(&system.even);
    assert_eq!(sum(&windows, "even", "calls"), answered["even"], "the arm that lived: {windows}");
    let counted = sum(&windows, "odd", "calls");
    assert!(counted <= answered["odd"], "no call twice: {counted} counted, {answered:?}");
    assert!(counted * 10 >= answered["odd"] * 7, "a fraction of a second of calls is lost at most: {counted} counted, {answered:?}");
    let odd = windows["windows"].as_array().unwrap().iter().filter(|window| window["arm"] == "odd");
    let unclosed = odd.filter(|window| window["closed"] == false).count();
    let report = || get_json(&format!("{}/api/report", system.even.url()));
    wait_until("the last minute to be settled", || {
        let arm = &report()["arms"]["odd"];
        ["calls", "off_schedule_calls"].iter().filter_map(|field| arm[*field].as_u64()).sum::<u64>() >= counted
    });
    let report = report();
    assert_eq!(report["checks"]["conformance"]["violations"], 0);
    // Killed between two minutes' writes, it may have lost nothing at all.
    assert!(unclosed > 0 || counted == answered["odd"], "what is lost is said: {windows}");
    assert!(report["arms"]["odd"]["unclosed_windows"].as_u64().unwrap() >= u64::from(counted < answered["odd"]), "{report}");
}
