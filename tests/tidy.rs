//! The walls of the house: who may know what, how long a file may be, and that documents speak of what is there.
//!
//! Reads the sources as text. Must not run anything.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// What makes up the project; anything else beside them is made from them.
const ROOTS: &[&str] = &["handler", "tests", "infra", "docs", "functions", ".github"];
const MAX_FILE_LINES: usize = 450;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file under the project's own folders with one of these extensions, relative to the root.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    ROOTS.iter().map(|name| root().join(name)).filter(|folder| folder.is_dir()).for_each(|folder| collect(&folder, extensions, &mut found));
    assert!(!found.is_empty(), "nothing was found under {}", root().display());
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = item.path();
        // Hidden folders here hold what tools have downloaded.
        let hidden = item.file_name().to_string_lossy().starts_with('.');
        if item.file_type().unwrap().is_dir() {
            if !hidden && item.file_name() != "node_modules" {
                collect(&path, extensions, found);
            }
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)) {
            found.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The handler's modules with what each is made of beside comments and its own tests.
fn modules() -> Vec<(String, String)> {
    let is_test = |path: &str| path.ends_with("tests.rs") || path.ends_with("testing.rs");
    let code = |path: PathBuf| {
        let text = read(&path);
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (path.to_string_lossy().into_owned(), lines.join("\n"))
    };
    files(&["rs"]).into_iter().filter(|path| path.starts_with("handler")).map(code).filter(|(path, _)| !is_test(path)).collect()
}

/// Whether code names a crate: as the start of a path, or in a `use`.
fn names(code: &str, library: &str) -> bool {
    code.match_indices(library).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + library.len()..];
        let whole = !before.is_some_and(|character| character.is_alphanumeric() || character == '_' || character == ':');
        whole && (after.starts_with("::") || (code[..at].ends_with("use ") && after.starts_with(';')))
    })
}

/// Fails where a module outside `rooms` names one of `libraries`.
fn only_in(rooms: &[&str], libraries: &[&str]) {
    let mut inside = false;
    for (path, code) in modules() {
        let allowed = rooms.iter().any(|room| path.starts_with(room));
        for library in libraries.iter().filter(|library| names(&code, library)) {
            assert!(allowed, "{path} names {library}, which only {rooms:?} may know");
            inside = true;
        }
    }
    assert!(inside, "nobody names any of {libraries:?}: the wall guards nothing");
}

#[test]
fn only_the_store_knows_diesel() {
    only_in(&["handler/store/"], &["diesel", "diesel_async", "diesel_migrations", "bb8"]);
}

#[test]
fn only_the_http_side_knows_warp_and_hyper() {
    only_in(&["handler/http/"], &["warp", "hyper", "hyper_util"]);
}

#[test]
fn only_those_who_call_out_know_reqwest() {
    let rooms = ["handler/outgoing/", "handler/azure/", "handler/routing/health.rs", "handler/caller/", "handler/dev/", "handler/cli/"];
    only_in(&rooms, &["reqwest"]);
}

#[test]
fn the_domain_is_pure_and_knows_nobody() {
    let domain: Vec<(String, String)> = modules().into_iter().filter(|(path, _)| path.starts_with("handler/domain/")).collect();
    assert!(!domain.is_empty());
    for (path, code) in domain {
        for library in [
            "tokio",
            "tokio_util",
            "futures_util",
            "diesel",
            "diesel_async",
            "warp",
            "http",
            "hyper",
            "reqwest",
            "tracing",
            "tokio_postgres",
        ] {
            assert!(!names(&code, library), "{path} names {library}");
        }
        for forbidden in ["async fn", "async move", ".await", "std::env", "std::fs", "std::net", "println!"] {
            assert!(!code.contains(forbidden), "{path} holds {forbidden}");
        }
        for (at, _) in code.match_indices("crate::") {
            assert!(code[at..].starts_with("crate::domain"), "{path} looks out of the domain: {}", code[at..].lines().next().unwrap());
        }
    }
}

#[test]
fn the_store_and_the_clock_know_nothing_of_http() {
    for (path, code) in modules() {
        if path.starts_with("handler/store/") || path == "handler/clock.rs" {
            assert!(!code.contains("crate::http") && !code.contains("crate::routing"), "{path} looks up");
        }
    }
}

#[test]
fn only_the_clock_asks_the_time() {
    let doors = ["SystemTime::now", "Instant::now", "OffsetDateTime::now", "UtcDateTime::now", "now_utc()", "now_local()"];
    let mut sources = files(&["rs"]);
    sources.retain(|path| !path.starts_with("handler/clock.rs") && !path.ends_with("tidy.rs"));
    for path in sources {
        for line in read(&path).lines() {
            assert!(!doors.iter().any(|door| line.contains(door)), "{} asks the time itself: {line}", path.display());
        }
    }
}

#[test]
fn every_module_says_what_it_owns() {
    for path in files(&["rs"]) {
        let first = read(&path).lines().next().unwrap_or_default().to_owned();
        assert!(first.starts_with("//! ") && first.len() > 10, "{} opens with {first:?}", path.display());
    }
}

#[test]
fn every_file_fits_in_the_head() {
    for path in files(&["rs", "tf", "yml", "sh", "py", "sql", "kql", "hcl"]) {
        let lines = read(&path).lines().count();
        assert!(lines <= MAX_FILE_LINES, "{} has {lines} lines", path.display());
    }
}

/// What stands between back quotes or in a link's brackets, outside fenced blocks.
fn quoted(markdown: &str) -> Vec<String> {
    let prose: String = markdown.split("```").step_by(2).collect();
    let codes = prose.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(str::to_owned);
    codes.into_iter().chain(links).collect()
}

/// Whether a quoted text can only be meant as one of the project's own files or folders.
fn is_path(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
    let sources = [".rs", ".md", ".toml", ".sh", ".tf", ".svg", ".mk"];
    let outside = text.starts_with('/')
        || text.starts_with("dist/")
        || text.starts_with("target/")
        || text.starts_with(".switchback")
        || text.starts_with(".venv");
    let inside = sources.iter().any(|extension| text.ends_with(extension)) || text.ends_with('/');
    plain && !outside && inside && text.len() > 2
}

fn documents() -> Vec<PathBuf> {
    let mut documents = files(&["md"]);
    documents.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(PathBuf::from));
    documents
}

#[test]
fn documents_name_only_paths_that_exist() {
    let mut checked = 0;
    for document in documents() {
        let folder = root().join(document.parent().unwrap());
        // ARCHITECTURE.md names rooms as the code does, from the handler on.
        let places = [root().to_owned(), root().join("handler"), folder];
        for path in quoted(&read(&document)) {
            let path = path.split('#').next().unwrap_or_default();
            if is_path(path) {
                assert!(places.iter().any(|place| place.join(path).exists()), "{} names {path}, which is not there", document.display());
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} paths were found: the test reads the documents wrongly");
}

/// Every whole name in `text` that begins with `SWITCHBACK_`.
fn settings(text: &str) -> BTreeSet<String> {
    let starts = text.match_indices("SWITCHBACK_").map(|(at, _)| at);
    let name = |at: usize| {
        text[at..].chars().take_while(|character| character.is_ascii_uppercase() || character.is_ascii_digit() || *character == '_')
    };
    starts.map(|at| name(at).collect::<String>()).filter(|name| !name.ends_with('_')).collect()
}

/// The settings the program takes, from its own list.
fn known() -> BTreeSet<String> {
    let source = read("handler/config/mod.rs");
    let list = source.split("const KNOWN: &[&str] = &[").nth(1).and_then(|rest| rest.split("];").next()).expect("the list of settings");
    settings(list)
}

#[test]
fn the_list_of_settings_is_complete_and_true() {
    let document = read("docs/configuration.md");
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<String> = rows.flat_map(|row| settings(row.split('|').nth(1).unwrap_or_default())).collect();
    assert_eq!(listed, known(), "docs/configuration.md and the program know different settings");
}

#[test]
fn nobody_speaks_of_a_setting_that_does_not_exist() {
    // Variables of the project's own scripts and tests, which the program does not read.
    let scripts: BTreeSet<String> = ["SWITCHBACK_BINARY", "SWITCHBACK_PACKAGE"].map(str::to_owned).into();
    let known = known();
    let mut sources = files(&["md", "tf", "tfvars", "yml", "sh", "kql"]);
    // It breaks settings on purpose, to see that the infrastructure's checks notice.
    sources.retain(|path| !path.ends_with("infra/mutants.sh"));
    sources.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "Makefile", "docs/architecture.svg"].map(PathBuf::from));
    for path in sources {
        for setting in settings(&read(&path)) {
            assert!(known.contains(&setting) || scripts.contains(&setting), "{} speaks of {setting}", path.display());
        }
    }
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn host_json_starts_the_program_behind_the_proxy() {
    let host = json("host.json");
    assert_eq!(host["version"], "2.0");
    assert_eq!(host["customHandler"]["description"]["defaultExecutablePath"], "switchback");
    assert_eq!(host["customHandler"]["description"]["arguments"], serde_json::json!(["serve"]));
    assert_eq!(host["customHandler"]["enableProxyingHttpRequest"], true, "forwarding rewrites queries and refuses chunks");
    assert_eq!(host["extensions"]["http"]["routePrefix"], "", "paths reach the program as callers send them");
}

#[test]
fn each_function_is_bound_as_the_host_requires() {
    let folders: BTreeSet<String> =
        fs::read_dir(root().join("functions")).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, ["api", "route", "watch"].map(str::to_owned).into());
    for name in &folders {
        let function = json(&format!("functions/{name}/function.json"));
        let bindings = function["bindings"].as_array().unwrap();
        let of = |kind: &str| bindings.iter().find(|binding| binding["type"] == kind);
        if name == "watch" {
            let timer = of("timerTrigger").unwrap();
            assert_eq!(timer["direction"], "in");
            assert_eq!(timer["name"], name.as_str(), "the program reads its invocation by this name");
            assert_eq!(timer["schedule"].as_str().unwrap().split(' ').count(), 6, "seconds first");
            assert_eq!(bindings.len(), 1);
        } else {
            let (trigger, out) = (of("httpTrigger").unwrap(), of("http").unwrap());
            assert_eq!((trigger["direction"].as_str(), out["direction"].as_str()), (Some("in"), Some("out")));
            assert_eq!(trigger["route"], "{*path}", "every path is the program's own to answer");
            assert_eq!(trigger["methods"], Value::Null, "and every method");
            assert_eq!(bindings.len(), 2, "anything more and the host speaks JSON instead of HTTP");
        }
    }
}
