//! The whole system under callers, imports and faults for minutes on end, and an independent account of it afterwards.
//!
//! `make soak` runs it: two arms and a router on a PostgreSQL of their own, all on this machine's loopback. The seed decides which faults come
//! when; the same seed brings the same ones. Must not count with the program's own means: what callers saw is added up here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

mod account;
mod callers;
mod faults;
#[path = "../end_to_end/harness/mod.rs"]
#[expect(dead_code, reason = "each test binary drives a part of it")]
mod harness;
mod imports;
mod processes;
#[path = "../faults/proxy.rs"]
mod proxy;
mod stage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};
use switchback::config::process_setting;

use account::Account;
use callers::Seen;
use faults::Plan;
use harness::wait_until;
use processes::Watch;
use stage::Stage;

/// What a run is asked to be.
struct Options {
    minutes: f64,
    seed: u64,
}

impl Options {
    fn read() -> Options {
        let number = |name: &str| process_setting(name).filter(|text| !text.is_empty());
        let minutes = number("MINUTES").map_or(30.0, |text| text.parse().unwrap_or_else(|_| panic!("MINUTES={text} is no number")));
        let seed = number("SEED").map(|text| text.parse().unwrap_or_else(|_| panic!("SEED={text} is no whole number")));
        // Another one each time, so that each run tries something new.
        let drawn = || u64::try_from(SystemClock::new().now().unix_timestamp_nanos().unsigned_abs() % 1_000_000).unwrap();
        Options { minutes, seed: seed.unwrap_or_else(drawn) }
    }
}

/// The share of a run without faults, at its end: whether memory and descriptors stay flat shows only in processes that live.
const CALM_SHARE: f64 = 0.25;

#[test]
#[ignore = "minutes long: make soak"]
fn nothing_is_lost_beyond_what_is_stated() {
    let options = Options::read();
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    println!("soak: {} minutes, SEED={} brings the same faults again", options.minutes, options.seed);
    let clock = SystemClock::new();
    let mut stage = Stage::start();
    let (seen, stop) = (Seen::new(&clock), AtomicBool::new(false));
    let plan = Plan::draw(options.seed, length.mul_f64(1.0 - CALM_SHARE));
    let url = stage.router_url();
    let (ledger, kills, growth) = thread::scope(|scope| {
        for caller in 0..callers::CALLERS {
            let (url, seen, stop) = (url.as_str(), &seen, &stop);
            scope.spawn(move || callers::call_until(url, caller, seen, stop));
        }
        let importer = {
            let (url, seen, stop) = (url.as_str(), &seen, &stop);
            scope.spawn(move || imports::import_until(url, options.seed, seen, stop))
        };
        let reports = {
            let (arms, stop) = (stage.arm_urls(), &stop);
            scope.spawn(move || callers::ask_for_reports_until(&arms, stop))
        };
        let kills = plan.bring(&mut stage, &clock);
        let mut watch = Watch::begin(&stage);
        while clock.uptime() < length {
            thread::sleep(Duration::from_secs(1));
            watch.look(&stage);
        }
        stop.store(true, Ordering::Relaxed);
        let (reports, ledger) = (reports.join().unwrap(), importer.join().unwrap());
        println!("reports: {} answered with 200, {} refused or unanswered while something was broken", reports.0, reports.1);
        assert!(reports.0 > 0, "no report was ever answered");
        (ledger, kills, watch.end())
    });
    // Every window is closed and written a few minutes, which are short here, after its last call.
    thread::sleep(stage::MINUTE);
    let mut account = Account::new(&seen, &kills);
    wait_until("the last counts to be written", || account.read(&stage).is_settled());
    println!("\n{account}");
    let books = ledger.compare(&stage);
    println!("{books}\n{growth}");
    let mistakes = [account.mistakes(), books.mistakes(), growth.mistakes()].concat();
    assert!(mistakes.is_empty(), "SEED={}, {} unexcused answers:\n{}", options.seed, account.unexcused(), mistakes.join("\n"));
    println!("soak: nothing was lost beyond what is stated");
}
