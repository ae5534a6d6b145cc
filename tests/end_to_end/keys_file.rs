//! API keys in a file: changed while the arm serves, and never to less than a whole file says.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::harness::role::{Role, Server};
use crate::harness::wire::Wire;
use crate::harness::{database, wait_until};

fn entry(name: &str) -> String {
    let digest: String = Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}:read:{digest}\n")
}

/// Puts a new file in the old one's place, as deployments do.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

fn is_admitted(server: &Server, path: &str, key: &str) -> bool {
    match Wire::to(server).ask("GET", path, &[("x-api-key", key)]).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[test]
fn a_changed_file_changes_the_keys_and_a_wrong_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, format!("# who may call\n{}{}", entry("old"), entry("staying"))).unwrap();
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_API_KEYS_FILE", file.to_str().unwrap()).start();
    let admitted = |key: &str| is_admitted(&arm, "/api/instance", key);
    assert_eq!(["old", "staying", "new"].map(admitted), [true, true, false]);

    replace(&file, &format!("{}{}", entry("staying"), entry("new")));
    wait_until("the new key to be known", || admitted("new"));
    assert_eq!(["old", "staying", "new"].map(admitted), [false, true, true]);

    for (wrong, reason) in [("nonsense", "name:scope:sha256"), ("", "holds no key")] {
        replace(&file, wrong);
        wait_until("the arm to say what is wrong", || {
            let log = arm.process.output();
            log.lines().any(|line| line.contains("the keys stay as they were") && line.contains(reason))
        });
        assert_eq!(["old", "staying", "new"].map(admitted), [false, true, true]);
    }
    fs::remove_file(&file).unwrap();
    wait_until("the arm to say that it is gone", || arm.process.output().contains("cannot be read"));
    assert_eq!(["old", "staying", "new"].map(admitted), [false, true, true]);

    fs::write(&file, entry("old")).unwrap();
    wait_until("the file to be followed again", || admitted("old"));
    assert!(!admitted("new"));
    assert!(!arm.process.output().contains(&entry("old")[9..40]), "no digest is logged");
}

#[test]
fn a_router_follows_its_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys");
    fs::write(&file, entry("old")).unwrap();
    let router = Role::router("http://127.0.0.1:1", "http://127.0.0.1:2").with("SWITCHBACK_ROUTER_OPEN", "none");
    let router = router.with("SWITCHBACK_API_KEYS_FILE", file.to_str().unwrap()).start();
    assert!(is_admitted(&router, "/_switchback/routing", "old"));
    replace(&file, &entry("new"));
    wait_until("the new key to be known", || is_admitted(&router, "/_switchback/routing", "new"));
    assert!(!is_admitted(&router, "/_switchback/routing", "old"));
}
