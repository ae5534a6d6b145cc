//! The example of `local.settings.json`, from which `make func` makes a person's own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::discovery::discover;
use super::package::Package;
use crate::harness::role::{clean, program};

/// The settings that Core Tools would hand to host and program.
fn example() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("local.settings.example.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(document["IsEncrypted"], false, "nothing in an example is secret");
    let values = document["Values"].as_object().unwrap();
    values.iter().map(|(name, value)| (name.clone(), value.as_str().expect("Core Tools take strings alone").to_owned())).collect()
}

#[test]
fn the_program_accepts_the_example_of_local_settings() {
    let answer = clean(&mut Command::new(program()))
        .arg("check")
        .envs(example())
        // The host says on which port it will look for its handler.
        .env("FUNCTIONS_CUSTOMHANDLER_PORT", "40000")
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
}

#[test]
fn the_example_of_local_settings_runs_one_function_that_needs_no_storage() {
    let settings = example();
    assert_eq!(settings["FUNCTIONS_WORKER_RUNTIME"], "custom");
    let names: Vec<String> = discover(&Package::get().root, &settings).into_iter().map(|function| function.name).collect();
    assert_eq!(names, ["api"], "a timer needs a storage account, and one process has one role");
}
