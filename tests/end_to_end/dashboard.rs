//! The dashboard from outside: who may see it, that looking counts for nothing, and the same page as a file.

use std::process::Command;

use sha2::{Digest, Sha256};

use crate::harness::client::get_json;
use crate::harness::database;
use crate::harness::role::{Role, clean, program};
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wire::{Reply, Wire};

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

fn with_keys(role: Role) -> Role {
    let digest: String = Sha256::digest("secret").iter().map(|byte| format!("{byte:02x}")).collect();
    role.with("SWITCHBACK_API_KEYS", &format!("reader:read:{digest}"))
}

#[test]
fn it_takes_a_read_key_unless_it_is_open() {
    let database = database::migrated();
    let closed = with_keys(Role::arm("even", &database)).start();
    let refused = Wire::to(&closed).ask("GET", "/", &[]);
    assert_eq!((refused.status, refused.header("content-type")), (401, Some("application/problem+json")));
    let shown = Wire::to(&closed).ask("GET", "/", &[("x-api-key", "secret")]);
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(Wire::to(&closed).ask("POST", "/", &[("x-api-key", "secret"), ("content-length", "0")]).status, 405);

    let open = with_keys(Role::arm("even", &database)).with("SWITCHBACK_OPEN", "dashboard").start();
    assert_eq!(Wire::to(&open).ask("GET", "/", &[]).status, 200);
    assert_eq!(Wire::to(&open).ask("GET", "/api/report", &[]).status, 401, "the page is open, not the API");
}

#[test]
fn the_one_url_shows_it_and_looking_counts_as_no_call() {
    let system =
        System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE).with("SWITCHBACK_URL", "https://one.example"));
    let sent = Wire::to(&system.router).ask("GET", "/?range=hour", &[]);
    assert_eq!((sent.status, sent.header("switchback-arm")), (307, Some("even")));
    assert_eq!(sent.header("location"), Some(format!("{}/?range=hour", system.even.url()).as_str()));
    let shown = Wire::to(&system.even).ask("GET", "/?range=hour", &[]);
    let policy = shown.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert!(text(&shown).contains("content=\"15; url=https://one.example/?range=hour\""), "{}", text(&shown));
    let head = Wire::to(&system.even).ask("HEAD", "/", &[]);
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let total = &get_json(&system.url("/_switchback/routing"))["decisions"]["total"];
    assert_eq!(total["even"]["schedule"], 0, "{total}");
    assert!(text(&Wire::to(&system.even).ask("GET", "/?range=week", &[])).contains("No call has been counted"));
    assert_eq!(Wire::to(&system.even).ask("GET", "/?range=decade", &[]).status, 400);
}

#[test]
fn the_report_as_a_file_is_one_page() {
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("report.html");
    let report = |path: &std::path::Path| {
        let mut command = Command::new(program());
        let command = clean(&mut command).env("DATABASE_URL", database::migrated()).arg("report").arg("--html").arg(path);
        command.output().unwrap()
    };
    let output = report(&file);
    assert!(output.status.success(), "{output:?}");
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("No call has been counted") && page.trim_end().ends_with("</html>"));
    let output = report(&file.join("beneath"));
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"), "{output:?}");
}
