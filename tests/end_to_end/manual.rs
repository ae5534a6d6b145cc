//! The operations that docs/api.md lists, tried one by one: each takes its methods and refuses the others, and asks for the keys it names.

use std::collections::BTreeMap;

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Reply, Wire};

const MANUAL: &str = include_str!("../../docs/api.md");
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// An id that does not exist.
const ID: &str = "01a20884-36b2-7617-80dc-da0b32511652";
/// Keys `test` and `read` with their digests.
const API_KEYS: &str = "ci:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08,\
    bi:read:3316348dbadfb7b11c7c2ea235949419e23f9fa898ad2c198f999617912a9925";

/// A row of the list.
struct Listed {
    method: &'static str,
    path: String,
    scope: &'static str,
}

/// The operations of the router, or of the arms.
fn listed(of_router: bool) -> Vec<Listed> {
    let rows = MANUAL.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let operations = rows.filter_map(|(operation, rest)| Some((operation.split_once(' ')?, rest.split_once(" |")?.0)));
    let operations = operations.filter(|((method, _), _)| METHODS.contains(method));
    let found: Vec<Listed> = operations
        .map(|((method, path), scope)| Listed { method, path: path.replace("{id}", ID), scope })
        .filter(|operation| operation.path.starts_with("/_switchback/") == of_router)
        .collect();
    assert!(found.len() > 2, "the list was not found");
    found
}

fn leads_nowhere(reply: &Reply) -> bool {
    reply.status == 404 && reply.json()["detail"].as_str().is_some_and(|detail| detail.starts_with("nothing lives"))
}

fn takes_its_methods_and_no_other(server: &Server, operations: &[Listed]) {
    let mut by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for operation in operations {
        let methods: &[&str] = if operation.method == "GET" { &["GET", "HEAD"] } else { &[operation.method] };
        by_path.entry(&operation.path).or_default().extend(methods);
    }
    for (path, methods) in by_path {
        for method in METHODS {
            let reply = Wire::to(server).ask(method, path, &[]);
            if methods.contains(&method) {
                assert!(reply.status != 405 && (method == "HEAD" || !leads_nowhere(&reply)), "{method} {path}: {reply:?}");
            } else {
                assert_eq!((reply.status, reply.header("allow")), (405, Some(methods.join(", ").as_str())), "{method} {path}");
            }
        }
    }
}

#[test]
fn every_endpoint_of_an_arm_takes_its_methods_and_no_other() {
    let arm = Role::arm("even", &database::migrated()).start();
    takes_its_methods_and_no_other(&arm, &listed(false));
}

#[test]
fn every_endpoint_of_the_router_takes_its_methods_and_no_other() {
    let router = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").start();
    takes_its_methods_and_no_other(&router, &listed(true));
}

#[test]
fn every_endpoint_asks_for_the_scope_it_names() {
    let database = database::migrated();
    let closed = Role::arm("even", &database).with("SWITCHBACK_API_KEYS", API_KEYS).with("SWITCHBACK_OPEN", "none").start();
    let open = Role::arm("odd", &database).with("SWITCHBACK_API_KEYS", API_KEYS).with("SWITCHBACK_OPEN", "health,docs,dashboard").start();
    for Listed { method, path, scope } in listed(false) {
        let ask = |server: &Server, key: &str| Wire::to(server).ask(method, &path, &[("x-api-key", key)]).status;
        let admitted = |status: u16| !matches!(status, 401 | 403);
        if scope == "none" {
            assert!(admitted(ask(&closed, "")), "{method} {path} is open whatever is closed");
            continue;
        }
        assert_eq!(ask(&closed, ""), 401, "{method} {path} without a key");
        assert!(admitted(ask(&closed, "test")), "{method} {path} with a key that may write");
        match scope {
            "write" => assert_eq!(ask(&closed, "read"), 403, "{method} {path} with a key that may only read"),
            _ => assert!(admitted(ask(&closed, "read")), "{method} {path} with a key that may read"),
        }
        assert_eq!(admitted(ask(&open, "")), scope.starts_with("read; none with"), "{method} {path}, opened");
    }
}
