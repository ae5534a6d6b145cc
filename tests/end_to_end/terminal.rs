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
    for arguments in [&["report"][..], &["costs", "--group-by", "resource,service", "--period", "day"], &["run", "list"]] {
        let output = run(Some(&database), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        let drawn = text(&output.stdout);
        let widest = drawn.lines().filter(|line| line.contains(['│', '─', '═'])).map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(widest <= 100, "{arguments:?} is {widest} columns wide:\n{drawn}");
        assert!(!drawn.contains('\u{1b}'), "no colour was asked for");
    }
    let costs = run(Some(&database), &["costs", "--json", "provider=Oracle"]);
    let document: serde_json::Value = serde_json::from_slice(&costs.stdout).unwrap();
    assert_eq!(document["totals"][0]["charges"], 7, "{document}");
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
