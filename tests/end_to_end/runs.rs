//! Runs from outside: they begin by themselves when a set-up changes, and are declared, shown and ended by command and over HTTP.

use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use switchback::clock::{Clock, SystemClock};
use switchback::domain::moment;

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Role, Server, clean, program};
use crate::harness::{database, wait_for, wait_until};

/// Ten pairs, after which a run has settled, take two seconds.
const MINUTE: &str = "100ms";
const SEED: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn switchback(database: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program());
    clean(&mut command).args(arguments).env("DATABASE_URL", database).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json_of(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn runs(database: &str) -> Vec<Value> {
    json_of(&switchback(database, &["run", "list", "--json"]))["runs"].as_array().unwrap().clone()
}

/// Calls the one URL for a while, as a caller does.
fn call_for(url: &str, time: Duration) {
    let clock = SystemClock::new();
    while clock.uptime() < time {
        let _ = caller().get(format!("{url}/api/instance")).send();
    }
}

/// Both arms and a router that writes its decisions, with a minute of a tenth of a second.
fn start(database: &str, finish: impl Fn(Role) -> Role) -> (Server, Server, Server) {
    let arm = |name| finish(Role::arm(name, database).minute(MINUTE).with("SWITCHBACK_EVEN_PLAN", "app-service/S1"));
    let even = arm("even").start();
    let odd = arm("odd").with("SWITCHBACK_ODD_PLAN", "functions/flex-512").start();
    let router = Role::router(&even.url(), &odd.url()).with("DATABASE_URL", database).minute(MINUTE);
    (even, odd, finish(router).start())
}

#[test]
fn a_changed_plan_begins_a_second_run_and_neither_report_mixes_their_minutes() {
    let database = database::migrated();
    let (even, mut odd, router) = start(&database, |role| role);
    wait_until("the first run", || runs(&database).len() == 1);
    call_for(&router.url(), Duration::from_secs(4));
    odd.process.kill();
    let changed = Role::arm("odd", &database).minute(MINUTE).with("SWITCHBACK_EVEN_PLAN", "app-service/S1");
    let odd = changed.with("SWITCHBACK_ODD_PLAN", "functions/flex-2048").start_on(odd.port);
    let two = wait_for("a second run", || Some(runs(&database)).filter(|runs| runs.len() == 2));
    call_for(&router.url(), Duration::from_secs(3));
    let [second, first] = two.as_slice() else { panic!("{two:?}") };
    assert_eq!(first["set_up"]["arms"]["odd"]["plan"], "functions/flex-512");
    assert_eq!(second["set_up"]["arms"]["odd"]["plan"], "functions/flex-2048");
    let report = |run: &Value, arm: &Server| get_json(&format!("{}/api/report?run={}", arm.url(), run["id"].as_str().unwrap()));
    // The arm that did not change and the one that did answer alike, each with the run's own plans.
    for arm in [&even, &odd] {
        let (before, after) = (report(first, arm), report(second, arm));
        assert_eq!(
            (&before["arms"]["odd"]["plan"], &after["arms"]["odd"]["plan"]),
            (&json!("functions/flex-512"), &json!("functions/flex-2048"))
        );
        let moment = |document: &Value, member: &str| document[member].as_str().and_then(moment::parse);
        let last_before = moment(&before["data"], "last_window_end").expect("windows before");
        let end = moment(first, "ends_at").unwrap();
        assert!(last_before <= end, "{last_before} is after the first run's end {end}");
        let first_after = wait_for("the second run's windows", || moment(&report(second, arm)["data"], "first_window"));
        let start = moment(second, "starts_at").unwrap();
        assert!(start <= first_after && end <= start, "{first_after} is before the second run's start {start}");
        let both = get_json(&format!("{}/api/report?from={}", arm.url(), first["starts_at"].as_str().unwrap()));
        assert_eq!((&both["verdict"]["outcome"], &both["data"]["rows"], &both["run"]), (&json!("several_runs"), &json!(0), &Value::Null));
    }
    let page = caller().get(format!("{}/", even.url())).send().unwrap().text().unwrap();
    assert!(page.contains("<nav aria-label=\"Runs\">") && page.contains(first["id"].as_str().unwrap()), "{page}");
}

#[test]
fn a_run_is_declared_refused_changed_shown_excluded_and_ended_by_command_and_over_http() {
    let database = database::migrated();
    let (even, _odd, router) = start(&database, |role| role);
    wait_until("the first run", || runs(&database).len() == 1);
    let declare = ["run", "declare", "--name", "a", "--for", "24h", "--margin-p95", "30ms", "--margin-p99", "off", "--json"];
    let declared = json_of(&switchback(&database, &declare));
    assert_eq!((&declared["kind"], &declared["set_up"]["margins"]["latency_p99_ms"]), (&json!("declared"), &Value::Null));
    let other_margin = switchback(&database, &["run", "declare", "--name", "a", "--for", "24h", "--margin-p95", "90ms"]);
    assert_eq!(other_margin.status.code(), Some(2), "{}", said(&other_margin));
    assert!(said(&other_margin).contains("never change") && said(&other_margin).trim().lines().count() == 1, "{}", said(&other_margin));
    let body = json!({"name": "a", "for": "24h", "margins": {"latency_p95_ms": 90}}).to_string();
    let refused = caller().post(format!("{}/api/runs", router.url())).header("content-type", "application/json").body(body).send().unwrap();
    assert_eq!(refused.status().as_u16(), 409);
    assert_eq!(serde_json::from_str::<Value>(&refused.text().unwrap()).unwrap()["type"], "/api/docs/problems#run-immutable");

    let url = router.url();
    let shown = json_of(&switchback(&database, &["run", "show", "a", "--json", "--url", &url]));
    assert_eq!(shown["id"], declared["id"], "through the one URL as from the database");
    let text = said(&switchback(&database, &["run", "show", "a"]));
    assert!(text.contains("run a, declared, from") && text.contains("30.0 ms of p95 latency, p99 latency not judged"), "{text}");
    let now = get_json(&format!("{}/api/runs/a", even.url()))["starts_at"].as_str().unwrap().to_owned();
    let exclude = ["run", "exclude", "--from", &now, "--to", "2099-01-01", "--reason", "deployment"];
    assert_eq!(switchback(&database, &exclude).status.code(), Some(2), "longer than 400 days");
    wait_until("the run to begin", || get_json(&format!("{}/api/runs/a", even.url()))["state"] == "running");
    let report = get_json(&format!("{}/api/report", even.url()));
    assert_eq!((&report["run"]["name"], &report["run"]["validity"]), (&json!("a"), &json!("any_time")));
    let ended = json_of(&switchback(&database, &["run", "end", "a", "--json", "--url", &url]));
    wait_until("the run to end", || get_json(&format!("{}/api/runs/a", even.url()))["state"] == "ended");
    let ends_at = ended["ends_at"].as_str().unwrap();
    let excluded = switchback(&database, &["run", "exclude", "--from", &now, "--to", ends_at, "--reason", "deployment", "--json"]);
    assert_eq!(json_of(&excluded)["reason"], "deployment");
    assert_eq!(get_json(&format!("{}/api/runs/a", even.url()))["exclusions"].as_array().unwrap().len(), 1);
    let plan = switchback(&database, &["run", "plan", "--spread", "12ms", "--margin", "5ms", "--json"]);
    assert!(json_of(&plan)[0]["pairs"].as_f64().unwrap() > 40.0, "{}", said(&plan));
}

#[test]
fn a_gate_waits_for_a_recommendation() {
    let database = database::migrated();
    let _system = start(&database, |role| role);
    wait_until("the first run", || runs(&database).len() == 1);
    let gate = switchback(&database, &["report", "--gate", "--json"]);
    assert_eq!(gate.status.code(), Some(3), "{}", said(&gate));
    let errors = String::from_utf8_lossy(&gate.stderr);
    assert!(errors.contains("no recommendation stands") && errors.trim().lines().count() == 1, "{errors}");
    let report: Value = serde_json::from_slice(&gate.stdout).unwrap();
    assert_eq!(report["verdict"]["recommended"], Value::Null, "the report is printed all the same");
    assert_eq!(switchback(&database, &["report", "--expect", "odd"]).status.code(), Some(0), "no arm wins yet");
    assert_eq!(switchback(&database, &["report", "--run", "never-declared"]).status.code(), Some(2));
}

#[test]
fn the_seed_of_a_random_run_reproduces_every_scheduled_arm_and_another_exits_1() {
    let database = database::migrated();
    let random = |role: Role| role.with("SWITCHBACK_SCHEDULE", "random").with("SWITCHBACK_SCHEDULE_SEED", SEED);
    let (even, _odd, router) = start(&database, random);
    wait_until("the first run", || runs(&database).len() == 1);
    call_for(&router.url(), Duration::from_secs(3));
    thread::sleep(Duration::from_millis(200));
    let replayed = json_of(&switchback(&database, &["run", "replay", SEED, "--json"]));
    assert!(replayed["minutes"].as_u64().unwrap() >= 10 && replayed["mismatches"] == json!([]), "{replayed}");
    assert_eq!(replayed["shown"], false, "while it is under way the seed stays secret");
    let wrong = switchback(&database, &["run", "replay", &SEED.replace("00", "ff")]);
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert!(said(&wrong).contains("not the run's seed"), "{}", said(&wrong));
    assert_eq!(switchback(&database, &["run", "replay", "00"]).status.code(), Some(2), "no seed at all");
    // The report on the arm knows the seed; a command that does not says so.
    let report = get_json(&format!("{}/api/report", even.url()));
    assert_eq!((&report["schedule"]["rule"], &report["checks"]["conformance"]["violations"]), (&json!("random"), &json!(0)));
    let unknowing = switchback(&database, &["report"]);
    assert!(unknowing.status.code() == Some(2) && said(&unknowing).contains("SWITCHBACK_SCHEDULE_SEED"), "{}", said(&unknowing));
    // Once the run is over, its seed is shown and anyone can read its report.
    let first = runs(&database)[0]["id"].as_str().unwrap().to_owned();
    json_of(&switchback(&database, &["run", "end", &first, "--json"]));
    wait_until("the run to end", || get_json(&format!("{}/api/runs/{first}", even.url()))["state"] == "ended");
    assert_eq!(json_of(&switchback(&database, &["run", "replay", SEED, "--run", &first, "--json"]))["shown"], true);
    assert_eq!(get_json(&format!("{}/api/runs/{first}", even.url()))["seed"], SEED);
    assert_eq!(json_of(&switchback(&database, &["report", "--run", &first, "--json"]))["run"]["id"], first.as_str());
}
