//! Exports that come again and again: the newer replaces the older, whichever arm it comes to and whatever is killed meanwhile.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::client::get_json;
use crate::harness::database;
use crate::harness::role::{clean, program};

use super::{HEADER, document, start, upload};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cases").join(name)
}

fn total(base: &str) -> String {
    let costs = get_json(&format!("{base}/api/costs"));
    costs["costs"][0]["amount"].as_str().unwrap_or("nothing").to_owned()
}

#[test]
fn month_to_date_exports_come_to_what_the_last_one_says_on_both_arms() {
    let system = start();
    for (file, arm, billed) in
        [("mtd-day1.csv", &system.even, "10.00"), ("mtd-day2.csv", &system.odd, "20.00"), ("mtd-day3-restated.csv", &system.even, "31.50")]
    {
        let url = format!("{}/api/imports?dataset=d", arm.url());
        assert_eq!(document(upload(&url, std::fs::read(case(file)).unwrap())).0, 201);
        assert_eq!([total(&system.even.url()), total(&system.odd.url())], [billed, billed], "{file}");
    }
    let (status, stale) = document(upload(&system.url("/api/imports?dataset=d"), std::fs::read(case("mtd-day2.csv")).unwrap()));
    assert_eq!((status, stale["type"].as_str()), (409, Some("/api/docs/problems#stale-export")), "{stale}");
    assert_eq!(total(&system.odd.url()), "31.50");
}

/// An export of `rows` rows of one cent each, `day` days into the month.
fn export(rows: usize, day: u8) -> String {
    let mut file = format!("{HEADER}\n");
    for row in 0..rows {
        let day = if row == 0 { day } else { 1 };
        writeln!(file, "0.01,USD,Usage,2026-09-{:02},2026-09-{day:02},0.01,Azure,Service {}", day + 1, row % 7).unwrap();
    }
    file
}

#[test]
fn of_two_exports_at_once_on_two_arms_one_wins_whole() {
    let system = start();
    for round in 1..=5_u8 {
        let (older, newer) = (export(1_000, 2 * round), export(1_500 + usize::from(round), 2 * round + 1));
        let send = |base: String, file: String| thread::spawn(move || document(upload(&format!("{base}/api/imports?dataset=d"), file)));
        let uploads = [send(system.even.url(), older), send(system.odd.url(), newer)];
        let statuses: Vec<(u16, Value)> = uploads.map(|upload| upload.join().unwrap()).into();
        assert!(matches!(statuses[0].0, 201 | 409) && statuses[1].0 == 201, "{statuses:?}");
        assert_eq!(total(&system.even.url()), format!("15.{:02}", round), "the newer one, whole, in round {round}");
    }
}

#[test]
fn a_killed_replacement_leaves_the_old_or_the_new() {
    let mut system = start();
    let (old, new) = (export(2_000, 2), export(30_000, 3));
    let import = |base: &str, file: &str| document(upload(&format!("{base}/api/imports?dataset=d"), file)).0;
    assert_eq!(import(&system.odd.url(), &old), 201);
    let mut seen = Vec::new();
    for delay in [20, 120, 250, 400, 600, 900, 1_300] {
        let (url, file) = (format!("{}/api/imports?dataset=d", system.even.url()), new.clone());
        // The arm is killed under it: what the client is told does not matter.
        let sending =
            thread::spawn(move || drop(crate::harness::client::caller().post(url).header("content-type", "text/csv").body(file).send()));
        thread::sleep(Duration::from_millis(delay));
        system.even.process.kill();
        sending.join().unwrap();
        let billed = total(&system.odd.url());
        assert!(["20.00", "300.00"].contains(&billed.as_str()), "{billed} after {delay} ms");
        seen.push(billed);
        system.restart_even();
    }
    assert!(seen.is_sorted_by(|one, other| one.len() <= other.len()), "never back: {seen:?}");
    assert!(matches!(import(&system.even.url(), &new), 200 | 201));
    assert_eq!(total(&system.odd.url()), "300.00");
}

fn import(url: &str, arguments: &[&str]) -> Output {
    clean(&mut Command::new(program())).arg("import").args(arguments).env("DATABASE_URL", url).output().unwrap()
}

#[test]
fn the_exit_code_says_whether_all_some_or_nothing_is_in() {
    let database = database::migrated();
    let path = |name: &str| case(name).to_string_lossy().into_owned();
    for (arguments, code, said) in [
        (vec![path("mtd-day1.csv"), "--dataset".into(), "d".into()], 0, "1 accepted, 0 rejected"),
        (vec![path("mtd-day2.csv"), "--dataset".into(), "d".into()], 0, "replaces 1"),
        (vec![path("mtd-day1.csv"), "--dataset".into(), "d".into()], 2, "holds a newer export of 2026-09"),
        (vec![path("fix-after.csv")], 2, "--overlap add says that both are meant"),
        (vec![path("currency-spellings.csv"), "--overlap".into(), "add".into()], 1, "is no currency code of ISO 4217"),
        (vec![path("all-rejected.csv")], 2, "none of the 2 rows was accepted"),
        (vec![path("no-such-file.csv")], 2, "No such file"),
        (vec![path("latin1.csv"), "--overlap".into(), "add".into()], 0, "warning, 1 rows, the first: line 2 ChargeDescription"),
        (vec![path("latin1.csv"), "--strict".into()], 2, "could not be read"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = import(&database, &arguments);
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {printed}");
        assert!(printed.contains(said), "{arguments:?}: {printed}");
    }
}

#[test]
fn a_folder_with_its_manifest_is_one_import_through_the_store_and_through_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(case("mtd-day3-restated.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let names: Vec<String> = rows.lines().enumerate().map(|(number, _)| format!("part_{number}_0001.csv")).collect();
    for (name, row) in names.iter().zip(rows.lines()) {
        std::fs::write(folder.path().join(name), format!("{header}\n{row}\n")).unwrap();
    }
    let blobs: Vec<Value> = names.iter().map(|name| serde_json::json!({ "blobName": format!("exports/20260901/{name}") })).collect();
    let manifest = serde_json::json!({ "blobs": blobs, "dataRowCount": 3, "runInfo": { "submittedTime": "2026-09-04T05:00:00Z" } });
    std::fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    let folder_path = folder.path().to_string_lossy().into_owned();

    let database = database::migrated();
    let first = import(&database, &[&folder_path, "--dataset", "d"]);
    let printed = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(first.status.success() && printed.contains("3 accepted, 0 rejected"), "{printed}{}", String::from_utf8_lossy(&first.stderr));
    let again = import(&database, &[&folder.path().join("manifest.json").to_string_lossy(), "--dataset", "d"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("imported before"), "{again:?}");

    let system = start();
    let uploaded = clean(&mut Command::new(program())).args(["import", &folder_path, "--url", &system.router.url()]).output().unwrap();
    assert!(uploaded.status.success(), "{uploaded:?}");
    assert_eq!(total(&system.odd.url()), "31.50");
    let imports = get_json(&system.url("/api/imports"));
    assert_eq!((&imports["imports"][0]["accepted"], imports["imports"].as_array().unwrap().len()), (&3.into(), 1));

    std::fs::remove_file(folder.path().join(&names[1])).unwrap();
    let missing = import(&database::migrated(), &[&folder_path]);
    let printed = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(missing.status.code() == Some(2) && printed.contains("part_1_0001.csv is missing"), "{printed}");
}

fn switchback(url: &str, arguments: &[&str]) -> Output {
    clean(&mut Command::new(program())).args(arguments).env("DATABASE_URL", url).output().unwrap()
}

#[test]
fn the_ledger_is_asked_from_a_terminal_through_the_store_and_through_the_url() {
    let system = start();
    assert_eq!(document(upload(&system.url("/api/imports"), super::SAMPLE)).0, 201);
    let url = system.router.url();
    for through in [&[][..], &["--url", &url]] {
        let ask = |arguments: &[&str]| {
            let output = switchback(&system.database, &[&["costs"], arguments, through].concat());
            (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
        };
        let (code, csv, _) = ask(&["--group-by", "provider", "--format", "csv"]);
        assert_eq!((code, csv.lines().nth(1)), (Some(0), Some("AWS,USD,18.00663861840,942")));
        let (_, lines, _) = ask(&["--group-by", "service", "--top", "2", "--format", "jsonl", "provider=AWS"]);
        assert_eq!(lines.lines().count(), 3, "{lines}");
        let (_, table, _) = ask(&["--group-by", "provider", "--period", "month"]);
        assert!(table.contains("2024-09-01") && table.contains("total") && table.contains("20.52022672899"), "{table}");
        let (code, _, said) = ask(&["--group-by", "flavour"]);
        assert!(code == Some(2) && said.contains("names 'flavour'"), "{said}");
    }
}

#[test]
fn a_file_is_held_against_focuss_rules() {
    let database = database::empty();
    let validate = |name: &str| {
        let output = switchback(&database, &["validate", "--json", &case(name).to_string_lossy()]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), report)
    };
    let (code, report) = validate("azure-empty-service.csv");
    let broken: Vec<(&str, Option<u64>)> = report["conformance"]["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| (violation["rule"].as_str().unwrap(), violation["rows"].as_u64()))
        .collect();
    assert_eq!(code, Some(1));
    assert!(broken.contains(&("ServiceName-C-003-M", Some(2))), "{broken:?}");
    assert!(broken.contains(&("CostAndUsage-D-068-M", None)), "no PricingUnit: {broken:?}");
    assert_eq!(validate("all-rejected.csv").0, Some(2));
    assert_eq!(validate("manifest.json").0, Some(2));
}
