//! `switchback plans`: what traffic costs on every plan, asked of nothing but the program.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::role::{clean, program};

fn plans(arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    clean(&mut command).arg("plans").args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn given_traffic_is_priced_without_a_run_or_a_database() {
    let output = plans(&["--calls-per-day", "200000", "--duration", "40ms", "--memory", "512", "--json"]);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let month = |plan: &str| {
        let found = answer["plans"].as_array().unwrap().iter().find(|priced| priced["plan"] == plan).unwrap();
        found["per_month"].as_str().unwrap().to_owned()
    };
    assert_eq!((month("app-service/S1").as_str(), month("app-service/B1").as_str()), ("69.35", "12.41"));
    // 6,083,333 executions of 100 ms at 512 MB: 304,166.65 GB-s.
    assert_eq!(month("functions/consumption"), "6.08");
    assert!(!answer["crossings"].as_array().unwrap().is_empty(), "the cheapest plan changes somewhere");
}

#[test]
fn the_crossing_of_two_plans_is_named_and_negotiated_prices_move_it() {
    let traffic = ["--calls-per-day", "3456000", "--duration", "20ms", "--plans", "app-service/S1,functions/flex-512"];
    let listed = text(&plans(&traffic));
    for words in ["69.35", "75.83", "a day on app-service/S1 is cheaper than functions/flex-512", "days old"] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prices");
    std::fs::write(&file, "# our agreement\napp-service/S1/hour = 0.05\n").unwrap();
    let negotiated = text(&plans(&[&traffic[..], &["--prices", file.to_str().unwrap()]].concat()));
    assert!(negotiated.contains("36.50"), "{negotiated}");
}

#[test]
fn what_is_wrong_is_said_on_one_line() {
    for (arguments, words) in [
        (vec!["--calls-per-day", "many", "--duration", "40ms"], "calls_per_day"),
        (vec!["--calls-per-day", "5", "--duration", "40ms", "--plans", "app-service/b1"], "names no plan"),
        (vec!["--calls-per-day", "5", "--duration", "40ms", "--prices", "/no/such/file"], "could not be read"),
    ] {
        let output = plans(&arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(words), "{arguments:?}: {error}");
    }
}
