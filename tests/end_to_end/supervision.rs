//! What counts as supervision: calls to the paths that watch, and no call that only says so.

use std::process::Command;

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Role, Server, clean, program};
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_until;
use crate::harness::wire::Wire;

fn metric(server: &Server, path: &str, name: &str) -> u64 {
    let text = caller().get(format!("{}{path}", server.url())).send().unwrap().text().unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.split(' ').next_back().unwrap().parse().unwrap()
}

fn decided(system: &System) -> u64 {
    let total = &get_json(&system.url("/_switchback/routing"))["decisions"]["total"];
    let reasons = ["even", "odd"].into_iter().flat_map(|arm| total[arm].as_object().unwrap().values());
    reasons.map(|count| count.as_u64().unwrap()).sum()
}

/// The sum of a field over all windows.
fn counted(system: &System, field: &str) -> u64 {
    let windows = get_json(&format!("{}/api/windows", system.odd.url()));
    windows["windows"].as_array().unwrap().iter().map(|window| window[field].as_u64().unwrap()).sum()
}

#[test]
fn a_flood_that_calls_itself_supervision_is_counted_as_the_calls_it_is() {
    let system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE));
    for value in ["1", "watch", "health", ""] {
        for _ in 0..5 {
            let call = caller().get(system.url("/api/instance")).header("switchback-probe", value);
            assert!(call.send().unwrap().status().is_success());
        }
    }
    assert_eq!(decided(&system), 20);
    wait_until("all twenty to be in the windows", || counted(&system, "calls") == 20);
}

#[test]
fn watching_is_recognised_without_a_mark_and_counted_apart() {
    let system = System::start(|router| router, |arm| arm);
    let output =
        clean(&mut Command::new(program())).args(["watch", &system.router.url(), "--rate", "20/s", "--for", "5s"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    wait_until("a probe of the router's", || metric(&system.odd, "/api/metrics", "switchback_probes_total") >= 1);
    assert!(metric(&system.router, "/_switchback/metrics", "switchback_probes_total") >= 5);
    wait_until("the probes to be in the windows", || counted(&system, "probes") >= 5);
    assert_eq!((decided(&system), counted(&system, "calls")), (0, 0));
}

const KEY: &str = "ops:read:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn router() -> Role {
    // Strict parity: nothing listens at the arms.
    Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").with("SWITCHBACK_FAILOVER", "off")
}

#[test]
fn what_the_router_says_of_itself_can_be_closed() {
    let status = |router: &Server, path: &str, headers: &[(&str, &str)]| Wire::to(router).ask("GET", path, headers).status;
    let open = router().start();
    let closed = router().with("SWITCHBACK_ROUTER_OPEN", "none").start();
    let keyed = router().with("SWITCHBACK_ROUTER_OPEN", "metrics").with("SWITCHBACK_API_KEYS", KEY).start();
    for path in ["/_switchback/routing", "/_switchback/metrics"] {
        assert_eq!(status(&open, path, &[]), 200, "{path}");
        assert_eq!(status(&closed, path, &[]), 401, "{path}");
        assert_eq!(status(&closed, path, &[("x-api-key", "test")]), 401, "{path}");
        assert_eq!(status(&keyed, path, &[("x-api-key", "test")]), 200, "{path}");
    }
    assert_eq!(status(&keyed, "/_switchback/metrics", &[]), 200);
    assert_eq!(status(&keyed, "/_switchback/routing", &[]), 401);
    assert_eq!(status(&keyed, "/_switchback/routing", &[("x-api-key", "wrong")]), 401);
    for router in [&open, &closed, &keyed] {
        assert_eq!(status(router, "/_switchback/health", &[]), 200, "platforms ask it");
        assert_eq!(status(router, "/api/instance", &[]), 307);
    }
}

#[test]
fn a_closed_router_is_watched_with_a_key() {
    let system = System::start(|router| router.with("SWITCHBACK_ROUTER_OPEN", "none").with("SWITCHBACK_API_KEYS", KEY), |arm| arm);
    let watch = |key: Option<&str>| {
        let mut command = Command::new(program());
        clean(&mut command).args(["watch", &system.router.url(), "--rate", "20/s", "--for", "5s"]);
        command.envs(key.map(|key| ("SWITCHBACK_CLIENT_KEY", key)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(watch(Some("test")).0, Some(0));
    let (code, said) = watch(None);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("SWITCHBACK_CLIENT_KEY"), "{said}");
}

/// What the router says of arm even.
fn even(router: &Server) -> serde_json::Value {
    get_json(&format!("{}/_switchback/routing", router.url()))["arms"][0].clone()
}

#[test]
fn a_router_says_loudly_that_an_arm_goes_by_another_schedule_or_ticket_key() {
    let system = System::start(|router| router, |arm| arm);
    wait_until("the router to know the arms' settings", || even(&system.router)["agrees"] == true);
    assert!(!system.router.process.output().contains("disagree"));
    let url = (system.even.url(), system.odd.url());
    for (setting, value) in [("SWITCHBACK_SCHEDULE", "mirrored"), ("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef")] {
        let router = Role::router(&url.0, &url.1).with(setting, value).start();
        wait_until("the router to notice", || even(&router)["agrees"] == false);
        wait_until("the router to say so", || {
            let log = router.process.output();
            log.lines().any(|line| line.contains("\"ERROR\"") && line.contains("disagree") && line.contains("\"arm\":\"even\""))
        });
        let metrics = caller().get(format!("{}/_switchback/metrics", router.url())).send().unwrap().text().unwrap();
        assert!(metrics.contains("switchback_arm_agrees{arm=\"odd\"} 0"), "{metrics}");
        assert!(!format!("{}{metrics}{}", router.process.output(), even(&router)).contains(value) || setting == "SWITCHBACK_SCHEDULE");
    }
}
