//! Both sides of a minute's boundary: which arm, under which label, and what the router says comes next.

use std::collections::HashSet;

use crate::harness::client::get_json;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Reply, Wire};
use crate::harness::{database, role};
use crate::harness::{wait_for, wait_until};

const EVEN: &str = "https://even.example";
const ODD: &str = "https://odd.example";
const TICKET_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A router that keeps strict parity, so that arms which do not exist serve as well as any.
fn router() -> Role {
    Role::router(EVEN, ODD).with("SWITCHBACK_FAILOVER", "off")
}

fn routed(router: &Server) -> (String, String) {
    let reply = Wire::to(router).ask("GET", "/x", &[]);
    assert_eq!(reply.status, 307);
    let arm = reply.header("switchback-arm").unwrap().to_owned();
    let host = if arm == "even" { EVEN } else { ODD };
    assert_eq!(reply.header("location"), Some(format!("{host}/x").as_str()));
    assert_eq!(reply.header("switchback-reason"), Some("schedule"));
    (reply.header("switchback-minute").unwrap().to_owned(), arm)
}

/// Starts a router shortly before a boundary and follows it across: the arm and label on both sides. The clock runs, so a start that
/// took too long is repeated with more time before the boundary.
fn across(role: &Role, minute_before: &str, label_before: &str) -> [(String, String); 2] {
    for second in ["58.9", "56", "48", "30"] {
        let router = role.clone().clock(&format!("{minute_before}:{second}Z")).start();
        let before = routed(&router);
        if before.0 == label_before {
            let after = wait_for("the next minute", || Some(routed(&router)).filter(|now| now.0 != before.0));
            return [before, after];
        }
    }
    panic!("the router did not start within 30 s");
}

fn pair(minute: &str, arm: &str) -> (String, String) {
    (minute.to_owned(), arm.to_owned())
}

#[test]
fn the_arm_changes_with_the_minute() {
    let sides = across(&router(), "2026-11-23T10:03", "2026-11-23T10:03Z");
    assert_eq!(sides, [pair("2026-11-23T10:03Z", "odd"), pair("2026-11-23T10:04Z", "even")]);
}

#[test]
fn mirrored_keeps_its_arm_across_the_turn_of_the_hour() {
    let sides = across(&router().with("SWITCHBACK_SCHEDULE", "mirrored"), "2026-11-23T10:59", "2026-11-23T10:59Z");
    assert_eq!(sides, [pair("2026-11-23T10:59Z", "odd"), pair("2026-11-23T11:00Z", "odd")]);
}

#[test]
fn the_machines_time_zone_does_not_change_a_minutes_arm() {
    // The offset of Kathmandu has odd minutes: local time must not decide.
    let role = router().with("TZ", "Asia/Kathmandu");
    for (clock, arm) in [
        ("2026-11-23T10:04:00Z", "even"),
        ("2026-11-23T10:05:00.001Z", "odd"),
        ("2026-12-31T23:59:05Z", "odd"),
        ("2024-02-29T00:00:00Z", "even"),
        ("2026-11-23T15:50:10+05:45", "odd"),
    ] {
        let router = role.clone().clock(clock).start();
        assert_eq!(routed(&router).1, arm, "{clock}");
    }
}

#[test]
fn the_router_tells_the_next_switch() {
    let next = |role: Role| {
        let router = role.start();
        let routing = Wire::to(&router).ask("GET", "/_switchback/routing", &[]).json();
        let text = |pointer: &str| routing.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
        [text("/schedule"), text("/minute"), text("/arm"), text("/next_switch/at"), text("/next_switch/arm")]
    };
    let parity = next(router().clock("2026-11-23T10:03:20Z"));
    assert_eq!(parity, ["parity", "2026-11-23T10:03Z", "odd", "2026-11-23T10:04:00Z", "even"]);
    let mirrored = next(router().with("SWITCHBACK_SCHEDULE", "mirrored").clock("2026-11-23T10:59:05Z"));
    assert_eq!(mirrored, ["mirrored", "2026-11-23T10:59Z", "odd", "2026-11-23T11:01:00Z", "even"]);
}

#[test]
fn a_shortened_minute_alternates_at_every_boundary() {
    let router = router().minute("200ms").start();
    let mut calls = vec![routed(&router)];
    wait_until("six more minutes", || {
        calls.push(routed(&router));
        calls.iter().map(|(label, _)| label).collect::<HashSet<_>>().len() > 6
    });
    for (label, arm) in &calls {
        let millisecond: u32 = label[17..19].parse::<u32>().unwrap() * 1000 + label[20..23].parse::<u32>().unwrap();
        let expected = if (millisecond / 200).is_multiple_of(2) { "even" } else { "odd" };
        assert_eq!(arm, expected, "{label}");
    }
    // Every decision was counted, and once.
    let routing = Wire::to(&router).ask("GET", "/_switchback/routing", &[]).json();
    for arm in ["even", "odd"] {
        let made = calls.iter().filter(|(_, called)| called == arm).count();
        assert_eq!(routing["decisions"]["total"][arm]["schedule"], made, "{routing}");
    }
}

#[test]
fn a_call_that_crosses_the_boundary_belongs_to_the_minute_that_routed_it() {
    let database = database::migrated();
    let arm = Role::arm("odd", &database).with("SWITCHBACK_TICKET_KEY", TICKET_KEY).clock("2026-11-23T10:04:01Z").start();
    let router = router().with("SWITCHBACK_ODD_URL", &arm.url()).with("SWITCHBACK_TICKET_KEY", TICKET_KEY);
    let router = router.clock("2026-11-23T10:03:10Z").start();
    let instance = get_json(&format!("{}/api/instance", router.url()));
    assert_eq!(instance["arm"], "odd");
    assert_eq!(instance["minute"], "2026-11-23T10:03Z");
    assert_eq!(instance["routing"], "ticket");
    let direct = get_json(&format!("{}/api/instance", arm.url()));
    assert_eq!((direct["minute"].as_str(), direct["routing"].as_str()), (Some("2026-11-23T10:04Z"), Some("arrival")));
}

#[test]
fn without_tickets_a_call_early_in_the_other_arms_minute_belongs_to_the_minute_before() {
    let database = database::migrated();
    let minute_of = |clock: &str| {
        let arm = Role::arm("odd", &database).clock(clock).start();
        get_json(&format!("{}/api/instance", arm.url()))["minute"].as_str().unwrap().to_owned()
    };
    assert_eq!(minute_of("2026-11-23T10:04:00Z"), "2026-11-23T10:03Z");
    assert_eq!(minute_of("2026-11-23T10:04:06Z"), "2026-11-23T10:04Z");
}

#[test]
fn a_ticket_is_believed_only_when_it_is_the_routers() {
    let database = database::migrated();
    let arm = |clock: &str| Role::arm("even", &database).with("SWITCHBACK_TICKET_KEY", TICKET_KEY).clock(clock).start();
    let soon = arm("2026-11-23T10:04:30Z");
    let router = router().with("SWITCHBACK_EVEN_URL", &soon.url()).with("SWITCHBACK_TICKET_KEY", TICKET_KEY);
    let router = router.clock("2026-11-23T10:04:10Z").start();
    let location = |target: &str| Wire::to(&router).ask("GET", target, &[]).header("location").unwrap().to_owned();
    let routing = |url: &str| get_json(url)["routing"].as_str().unwrap().to_owned();

    let ticketed = location("/api/instance");
    assert_eq!(routing(&ticketed), "ticket");
    assert_eq!(routing(&location("/api/instance?a=1&sb-ticket=29000000.even.00&b=")), "ticket", "a caller's own ticket is no obstacle");
    let (path, mac) = ticketed.split_at(ticketed.len() - 1);
    let forged = format!("{path}{}", if mac == "0" { "1" } else { "0" });
    assert_eq!(routing(&forged), "arrival");
    // The same ticket at the other arm, or half an hour later, proves nothing.
    let ticket = &ticketed[soon.url().len()..];
    let other = Role::arm("odd", &database).with("SWITCHBACK_TICKET_KEY", TICKET_KEY).clock("2026-11-23T10:04:30Z").start();
    assert_eq!(routing(&format!("{}{ticket}", other.url())), "arrival");
    let late = arm("2026-11-23T10:34:30Z");
    assert_eq!(routing(&format!("{}{ticket}", late.url())), "arrival");
}

#[test]
fn only_development_may_set_the_clock() {
    let mut command = std::process::Command::new(role::program());
    let output = role::clean(&mut command).args(["serve", "--minute", "2s"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Calls a router from before a boundary until well after it, without a pause; a start that took too long is repeated with more time.
fn calls_across(role: &Role, minute_before: &str, label_before: &str) -> Vec<Reply> {
    for second in ["58.9", "56", "48", "30"] {
        let router = role.clone().clock(&format!("{minute_before}:{second}Z")).start();
        let mut wire = Wire::to(&router);
        let mut replies = vec![wire.ask("GET", "/", &[])];
        if replies[0].header("switchback-minute") != Some(label_before) {
            continue;
        }
        let mut after = 0;
        while after < 50 {
            let reply = wire.ask("GET", "/", &[]);
            after += usize::from(reply.header("switchback-minute") != Some(label_before));
            replies.push(reply);
        }
        return replies;
    }
    panic!("the router did not start within 30 s");
}

#[test]
fn calls_on_both_sides_of_the_boundary_are_answered_and_none_between() {
    let replies = calls_across(&router(), "2026-11-23T10:03", "2026-11-23T10:03Z");
    let arms = replies.iter().map(|reply| {
        assert_eq!(reply.status, 307);
        (reply.header("switchback-minute").unwrap(), reply.header("switchback-arm").unwrap())
    });
    // One change, and each side at least once.
    let mut sides: Vec<(&str, &str)> = arms.collect();
    assert!(sides.len() > 50);
    sides.dedup();
    assert_eq!(sides, [("2026-11-23T10:03Z", "odd"), ("2026-11-23T10:04Z", "even")]);
}
