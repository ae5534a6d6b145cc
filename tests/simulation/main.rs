//! How often reports err, of systems of which everything is known: the promises of docs/report.md, counted.
//!
//! A few seconds of it run with every test; `make simulate` counts all of them in as many runs as they are promised for, and prints the table that
//! docs/report.md shows.
#![expect(clippy::expect_used, clippy::float_arithmetic, reason = "a test ends by panicking, and a simulation computes")]

mod scenarios;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use scenarios::{FAST, FULL, Scenario, scenarios};

/// In how many runs the answer was yes. Seeds are shared out to as many threads as there are cores.
fn count(scenario: &Scenario) -> u64 {
    let (next, yes) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= scenario.runs {
                break;
            }
            yes.fetch_add(u64::from((scenario.ask)(seed)), Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    yes.into_inner()
}

/// Counts every scenario; a line of each, and whether all of them hold.
fn table(all: &[Scenario]) -> (Vec<String>, bool) {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let mut lines = vec!["| system | counted | allowed | found | runs |".to_owned(), "|---|---|---|---|---|".to_owned()];
    let mut holds = true;
    for scenario in all {
        let share = count(scenario) as f64 / scenario.runs as f64;
        let kept = scenario.allowed.contains(&share);
        holds &= kept;
        let allowed = format!("{} to {}", percent(*scenario.allowed.start()), percent(*scenario.allowed.end()));
        let broken = if kept { "" } else { " **broken**" };
        let line = format!("| {} | {} | {allowed} | {}{broken} | {} |", scenario.title, scenario.question, percent(share), scenario.runs);
        println!("{line}");
        lines.push(line);
    }
    (lines, holds)
}

#[test]
fn promises_hold_in_a_few_short_runs() {
    let (lines, holds) = table(&scenarios(FAST));
    assert!(holds, "{}", lines.join("\n"));
}

#[test]
#[ignore = "counts for minutes: make simulate"]
fn promises_hold_in_as_many_runs_as_they_are_made_for() {
    let (lines, holds) = table(&scenarios(FULL));
    assert!(holds, "{}", lines.join("\n"));
}
