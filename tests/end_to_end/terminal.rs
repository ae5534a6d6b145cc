//! What people see in a terminal: tables that fit, completions, a manual, errors that name the way out.

use std::process::{Command, Output};

use crate::harness::database;
use crate::harness::role::{clean, program};

fn run(database_url: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    let command = clean(&mut command).args(arguments).env("NO_COLOR", "1").current_dir(std::env::temp_dir());
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tables_are_a_hundred_columns_wide_in_a_pipe() {
    let database = database::migrated();
    let imported =
        run(Some(&database), &["import", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/focus-1.0-sample.csv"), "--dataset", "a"]);
    assert!(imported.status.success(), "{}", text(&imported.stderr));
    let broken = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cases/snowflake-tz.csv");
    for arguments in [
        &["report"][..],
        &["costs", "--group-by", "resource,service", "--period", "day"],
        &["run", "list"],
        &["run", "plan", "--spread", "12ms", "--margin", "20ms"],
        &["plans", "--calls-per-day", "200000", "--duration", "40ms"],
        &["prices", "show"],
        &["validate", broken],
    ] {
        let output = run(Some(&database), arguments);
        // A file that breaks rules is said to.
        assert!(output.status.success() || arguments[0] == "validate", "{arguments:?}: {}", text(&output.stderr));
        let drawn = text(&output.stdout);
        let widest = drawn.lines().filter(|line| line.contains(['│', '─', '═'])).map(|line| line.chars().count()).max().unwrap_or(0);
        // There is no run yet to list.
        assert!((widest > 20 || arguments[0] == "run") && widest <= 100, "{arguments:?} is {widest} columns wide:\n{drawn}");
        assert!(!drawn.contains('\u{1b}'), "no colour was asked for");
    }
    let costs = run(Some(&database), &["costs", "--json", "provider=Oracle"]);
    let document: serde_json::Value = serde_json::from_slice(&costs.stdout).unwrap();
    assert_eq!(document["totals"][0]["charges"], 7, "{document}");
}

#[test]
fn scripts_are_answered_in_json() {
    let database = database::migrated();
    let json = |arguments: &[&str]| -> serde_json::Value {
        let output = run(Some(&database), arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output.stderr)))
    };
    let key = json(&["key", "ci", "read", "--json"]);
    assert!(key["entry"].as_str().unwrap().starts_with("ci:read:") && key["key"].as_str().unwrap().starts_with("sb_"), "{key}");
    assert_eq!(json(&["migrate", "--json"]), serde_json::json!({"applied": [], "spread": null}));
    let prices = json(&["prices", "show", "--region", "eastus", "--json"]);
    let first = prices.as_array().unwrap().iter().find(|price| price["meter"] == "app-service/S1/hour").unwrap();
    assert_eq!((&first["amount"], &first["region"]), (&"0.095".into(), &"eastus".into()));
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/focus-1.0-sample.csv");
    let output = run(Some(&database), &["import", sample, "none-such.csv", "--json"]);
    let lines: Vec<serde_json::Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["accepted"], &lines[0]["file"]), (2, &1_000.into(), &sample.into()), "{lines:?}");
    assert!(lines[1]["reason"].as_str().unwrap().contains("No such file") && lines[1]["import"].is_null(), "{lines:?}");
    assert!(text(&output.stderr).lines().count() == 1 && output.status.code() == Some(1), "{}", text(&output.stderr));

    let mut command = Command::new(program());
    let arm = clean(&mut command).args(["check", "--json"]).envs([
        ("SWITCHBACK_ROLE", "api"),
        ("SWITCHBACK_ARM", "odd"),
        ("SWITCHBACK_ODD_PLAN", "functions/flex-512"),
        ("DATABASE_URL", &database),
        ("PORT", "8080"),
    ]);
    let output = arm.output().unwrap();
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!((&checked["role"], &checked["arm"], &checked["plan"]), (&"api".into(), &"odd".into(), &"functions/flex-512".into()));
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    for (shell, words) in [("bash", "_switchback()"), ("zsh", "#compdef switchback"), ("fish", "complete -c switchback")] {
        let output = run(None, &["completions", shell]);
        let script = text(&output.stdout);
        assert!(output.status.success() && script.contains(words) && script.contains("group-by"), "{shell}: {script}");
    }
    let manual = text(&run(None, &["man"]).stdout);
    assert!(manual.contains(".TH switchback 1") && manual.contains("switchback\\-report"), "{manual}");
    let folder = tempfile::tempdir().unwrap();
    let written = run(None, &["man", "--dir", &folder.path().to_string_lossy()]);
    assert!(written.status.success() && folder.path().join("switchback-report.1").exists(), "{}", text(&written.stderr));
}

#[test]
fn without_a_system_a_command_says_how_to_get_one() {
    let output = run(None, &["costs", "--data", "none-such"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("start one with switchback dev") && said.lines().count() == 1, "{said}");
}
