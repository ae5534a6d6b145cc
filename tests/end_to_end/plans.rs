//! What traffic costs on every plan: asked of nothing but the program, of the API, and on the page.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::database;
use crate::harness::role::{Role, clean, program};
use crate::harness::wire::Wire;

fn plans(arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    // Where no development system is, which would be asked.
    clean(&mut command).arg("plans").args(arguments).current_dir(std::env::temp_dir()).output().unwrap()
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
fn the_page_the_api_and_the_program_give_the_same_figures() {
    let arm = Role::arm("even", &database::migrated())
        .with("SWITCHBACK_EVEN_PLAN", "app-service/S1")
        .with("SWITCHBACK_ODD_PLAN", "functions/flex-512")
        .with("SWITCHBACK_REGION", "eastus")
        .start();
    let query = "calls_per_day=3456000&duration=20ms";
    let answered = Wire::to(&arm).ask("GET", &format!("/api/plans?{query}"), &[]);
    let printed = plans(&["--calls-per-day", "3456000", "--duration", "20ms", "--json", "--url", &arm.url()]);
    assert_eq!(serde_json::from_slice::<Value>(&printed.stdout).unwrap(), answered.json());

    let page = |query: &str| Wire::to(&arm).ask("GET", &format!("/plans?{query}"), &[("accept", "text/html")]);
    let shown = page(query);
    let html = String::from_utf8_lossy(&shown.body).into_owned();
    let priced = answered.json();
    for plan in priced["plans"].as_array().unwrap() {
        let name = plan["plan"].as_str().unwrap();
        // A plan that an arm runs on is marked.
        let cell = [format!("<th scope=\"row\">{name}<"), format!("<th scope=\"row\">{name} <")];
        let (_, row) = cell.iter().find_map(|cell| html.split_once(cell)).unwrap_or_else(|| panic!("{name} is missing: {html}"));
        let row = row.split_once("</tr>").unwrap().0;
        // Of an amount as large as that the page shows the cents too.
        if let Some(month) =
            plan["per_month"].as_str().filter(|month| month.parse::<f64>().is_ok_and(|month| (1.0..1_000.0).contains(&month)))
        {
            assert!(row.contains(&format!("${month}<")), "{name}: {month} is not in {row}");
        }
    }
    let at = priced["crossings"][0]["calls_per_day"].as_f64().unwrap().round().to_string();
    assert!(html.replace(',', "").contains(&format!("rom {at} calls a day on")), "{at} is not on the page: {html}");
    assert!(html.contains("arm even</span>") && html.contains("switchback plans --calls-per-day 3456000 --duration 20ms"), "{html}");

    let asked = page("calls_per_day=3456000");
    let html = String::from_utf8_lossy(&asked.body).into_owned();
    assert!(asked.status == 400 && html.contains("no traffic was measured yet") && html.contains("value=\"3456000\""), "{html}");
    let hostile = page("calls_per_day=5&duration=1s&region=%22%3E%3Cscript%3E");
    let html = String::from_utf8_lossy(&hostile.body).into_owned();
    assert!(hostile.status == 400 && html.contains("region must be") && !html.contains("<script"), "{html}");
    assert_eq!(Wire::to(&arm).ask("GET", "/plans?region=x!", &[]).header("content-type"), Some("application/problem+json"));
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
