//! Instructions per redirect, on one connection, as callgrind counts them: the figure that repeats on any machine of one architecture.
//!
//! A run with few calls is taken from one with many, so that the start counts for nothing. The stored figures keep the cost from creeping up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::measure::{Contender, on_one_core, program};
use crate::{BROWSER, plain, with_everything};

const FEW: usize = 1_000;
const MANY: usize = 21_000;
/// How far a count may be above the stored one.
const TOLERANCE: f64 = 0.03;

fn stored_at() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json")
}

fn count() -> Value {
    let redirect = |set_up: fn(Command) -> Command, headers| {
        let [few, many] = [FEW, MANY].map(|calls| instructions_of(set_up, headers, calls));
        ((many - few) as f64 / (MANY - FEW) as f64).round()
    };
    json!({ "plain": redirect(plain, ""), "with everything": redirect(with_everything, BROWSER) })
}

/// All instructions of a router's life with so many calls.
fn instructions_of(set_up: fn(Command) -> Command, headers: &'static str, calls: usize) -> u64 {
    let file = std::env::temp_dir().join(format!("switchback-callgrind-{}-{calls}", std::process::id()));
    let mut command = on_one_core("/usr/bin/valgrind");
    command.args(["--tool=callgrind", "--quiet", &format!("--callgrind-out-file={}", file.display()), &program()]);
    let contender = Contender::start("a router under callgrind", set_up(command)).with_headers(headers);
    contender.call(calls);
    contender.stop();
    let text = fs::read_to_string(&file).expect("callgrind's file");
    let _ = fs::remove_file(&file);
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("totals");
    totals.trim().parse().expect("a number")
}

/// Writes today's figures down.
pub fn store() {
    let counted = count();
    println!("instructions per redirect: {counted}");
    fs::write(stored_at(), format!("{counted:#}\n")).expect("the stored figures");
}

/// Fails where a redirect takes more instructions than it may.
pub fn check() {
    let stored: Value = serde_json::from_slice(&fs::read(stored_at()).expect("the stored figures")).expect("JSON");
    let counted = count();
    let mut risen = false;
    for (name, stored) in stored.as_object().expect("figures by name") {
        let (stored, counted) = (stored.as_f64().expect("a number"), counted[name].as_f64().expect("a number"));
        let change = counted / stored - 1.0;
        risen |= change > TOLERANCE;
        println!("{name}: {counted} instructions per redirect, {:+.1} % beside the stored {stored}", change * 100.0);
    }
    assert!(!risen, "a redirect has become dearer: make it cheaper, or say why in the commit that stores the new figure");
}
