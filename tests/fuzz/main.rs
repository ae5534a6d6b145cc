//! The fuzz targets' entries on stable Rust: their corpora, and damage done to them from a fixed seed.
//!
//! A few seconds that every test run can spare; `make fuzz` is the search that goes on for minutes, and puts what it finds into the corpora.
#![expect(clippy::panic, reason = "a test ends by panicking")]

#[path = "../../fuzz/entries.rs"]
#[expect(clippy::cast_possible_truncation, reason = "a length of a few bytes")]
mod entries;
mod mutation;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use entries::{ENTRIES, Entry};
use mutation::Mutator;

/// Damaged inputs an entry is fed with.
const MUTATIONS: usize = 4_000;
const SEED: u64 = 307;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The committed inputs of an entry, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|item| item.expect("a file").path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).expect("a readable file")).collect()
}

/// Feeds one input; fails with the bytes, as Rust writes them, where the entry panics.
fn feed((name, entry): Entry, input: &[u8]) {
    if catch_unwind(|| entry(input)).is_err() {
        panic!("{name} broke on b\"{}\"", input.escape_ascii());
    }
}

fn corpus_and_damage(name: &str) {
    let entry = *ENTRIES.iter().find(|(known, _)| *known == name).expect("an entry");
    let corpus = corpus(name);
    assert!(corpus.len() >= 5, "the corpus of {name} has {} inputs", corpus.len());
    corpus.iter().for_each(|input| feed(entry, input));
    let mut mutator = Mutator::new(SEED, &corpus);
    (0..MUTATIONS).for_each(|_| feed(entry, &mutator.next_input()));
}

macro_rules! smoke {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            corpus_and_damage(stringify!($name));
        })+

        const SMOKED: &[&str] = &[$(stringify!($name)),+];
    };
}

smoke!(cells, charges, cursor, focus, lane, location, query, slices, ticket, timer);

#[test]
fn every_entry_has_a_target_a_corpus_and_a_test() {
    let entries = ENTRIES.map(|(name, _)| name);
    assert_eq!(SMOKED, entries);
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).expect("a manifest");
    for name in entries {
        let target = fs::read_to_string(fuzz_folder().join(format!("targets/{name}.rs"))).unwrap_or_default();
        assert!(target.contains(&format!("entries::{name}(data)")), "fuzz/targets/{name}.rs does not enter by {name}");
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "fuzz/Cargo.toml does not build {name}");
    }
}

#[test]
fn damage_reaches_a_fault_that_no_input_of_the_corpus_has() {
    let corpus = [b"amount=1".to_vec(), b"limit=20&cursor=".to_vec()];
    let mut mutator = Mutator::new(SEED, &corpus);
    let found = (0..MUTATIONS).any(|_| mutator.next_input().windows(2).any(|pair| pair == b"=="));
    assert!(found, "the damage is too tame to find anything");
}
