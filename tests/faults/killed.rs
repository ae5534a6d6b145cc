//! Each part killed or stopped: who serves meanwhile, what comes back, and how much of what was counted is gone.

use std::thread;
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::redirect::Policy;
use rustix::process::Signal;
use switchback::clock::{Clock, SystemClock};

use crate::harness::client::{caller, get_json};
use crate::harness::database::killable;
use crate::harness::role::Role;
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_until;

/// What a killed worker may take with it.
const STATED_LOSS: Duration = Duration::from_secs(2);
/// What a writing itself may take on a busy machine.
const WRITING: Duration = Duration::from_millis(500);

/// Calls steadily for `length`; when each answer came.
fn call_for(length: Duration, call: impl Fn() -> reqwest::Result<Response>, clock: &SystemClock) -> Vec<Duration> {
    let mut answered = Vec::new();
    let begin = clock.uptime();
    while clock.uptime() - begin < length {
        assert!(call().unwrap().status().as_u16() < 400);
        answered.push(clock.uptime());
        thread::sleep(Duration::from_millis(5));
    }
    answered
}

/// How many of `answered` were certain to be written by a worker that was killed at `at`.
fn certain(answered: &[Duration], at: Duration) -> u64 {
    answered.iter().filter(|time| **time + STATED_LOSS + WRITING < at).count() as u64
}

fn stays(url: &str) -> reqwest::Result<Response> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).no_proxy().build()?.get(url).send()
}

#[test]
fn a_killed_arm_takes_two_seconds_of_its_counts_at_most() {
    let mut system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE));
    let (clock, url) = (SystemClock::new(), format!("{}/api/instance", system.even.url()));
    let answered = call_for(Duration::from_secs(5), || caller().get(&url).send(), &clock);
    system.even.process.kill();
    let expected = certain(&answered, clock.uptime());
    let windows = get_json(&format!("{}/api/windows", system.odd.url()));
    let calls = |window: &serde_json::Value| if window["arm"] == "even" { window["calls"].as_u64().unwrap() } else { 0 };
    let counted: u64 = windows["windows"].as_array().unwrap().iter().map(calls).sum();
    println!("answered {}, certain {expected}, counted {counted}", answered.len());
    assert!(expected > 0 && (expected..=answered.len() as u64).contains(&counted), "{expected}..={}: {counted}", answered.len());
}

#[test]
fn a_killed_router_takes_two_seconds_of_its_decisions_at_most() {
    let mut system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE));
    let (clock, url) = (SystemClock::new(), system.url("/api/instance"));
    let redirected = call_for(Duration::from_secs(5), || stays(&url), &clock);
    system.router.process.kill();
    let expected = certain(&redirected, clock.uptime());
    let windows = get_json(&format!("{}/api/windows", system.odd.url()));
    let decisions = windows["decisions"].as_array().unwrap();
    let counted: u64 = decisions.iter().map(|decision| decision["on_schedule"].as_u64().unwrap()).sum();
    println!("redirected {}, certain {expected}, counted {counted}", redirected.len());
    assert!(expected > 0 && (expected..=redirected.len() as u64).contains(&counted), "{expected}..={}: {counted}", redirected.len());
}

#[test]
fn callers_of_a_stopped_arm_are_sent_to_the_other_and_those_who_wait_are_answered() {
    let system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE));
    let url = system.url("/api/instance");
    assert_eq!(get_json(&url)["arm"], "even");
    system.even.process.signal(Signal::STOP);
    let waiting = {
        let url = url.clone();
        thread::spawn(move || get_json(&url)["arm"].clone())
    };
    wait_until("calls to be answered by arm odd", || {
        let answer = stays(&url).unwrap();
        answer.headers()["switchback-arm"] == "odd" && get_json(&url)["arm"] == "odd"
    });
    system.even.process.signal(Signal::CONT);
    assert_eq!(waiting.join().unwrap(), "even", "who was sent there before is served late, not lost");
    wait_until("arm even to be used again", || get_json(&url)["arm"] == "even");
}

#[test]
fn callers_of_a_stopped_router_wait_and_are_redirected_when_it_goes_on() {
    let system = System::start(|router| router, |arm| arm);
    let url = system.url("/api/instance");
    system.router.process.signal(Signal::STOP);
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || caller().get(&url).send().unwrap().status().as_u16())
        })
        .collect();
    thread::sleep(Duration::from_secs(1));
    assert!(waiting.iter().all(|caller| !caller.is_finished()));
    system.router.process.signal(Signal::CONT);
    assert!(waiting.into_iter().all(|caller| caller.join().unwrap() == 200));
}

#[test]
fn a_killed_postgres_is_503_meanwhile_and_loses_neither_counts_nor_what_was_accepted() {
    const FILE: &str = include_str!("../data/focus-1.0-sample.csv");
    let (mut cluster, database) = killable();
    let arm = Role::arm("even", &database).clock(EVEN_MINUTE).start();
    let costs = format!("{}/api/costs?group_by=provider", arm.url());
    let import = || caller().post(format!("{}/api/imports", arm.url())).header("content-type", "text/csv").body(FILE).send().unwrap();
    assert_eq!(import().status(), 201);
    let before = get_json(&costs);
    for crash in 1..=2 {
        cluster.kill().unwrap();
        wait_until("the loss to be noticed", || caller().get(&costs).send().unwrap().status() == 503);
        assert!(caller().get(&costs).send().unwrap().headers().contains_key("retry-after"));
        assert_eq!(import().status(), 503, "nothing is accepted that cannot be kept");
        for _ in 0..50 {
            assert_eq!(get_json(&format!("{}/api/instance", arm.url()))["arm"], "even");
        }
        assert_eq!(caller().get(format!("{}/api/health/live", arm.url())).send().unwrap().status(), 200);
        assert_eq!(caller().get(format!("{}/api/health/ready", arm.url())).send().unwrap().status(), 503);
        cluster.restart().unwrap();
        wait_until("the database to be used again", || caller().get(&costs).send().unwrap().status() == 200);
        assert_eq!(get_json(&costs), before, "crash {crash}");
    }
    assert_eq!(import().status(), 200, "the same bytes are still the same import");
    wait_until("every call to be in the windows", || {
        let windows = get_json(&format!("{}/api/windows", arm.url()));
        // By class of status, 1xx to 5xx.
        let calls = |window: &serde_json::Value| window["routes"]["/api/instance"][1].as_u64().unwrap_or(0);
        windows["windows"].as_array().unwrap().iter().map(calls).sum::<u64>() == 100
    });
}
