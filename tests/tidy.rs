//! The walls of the house: who may know what, how long a file may be, and that documents speak of what is there.
//!
//! Reads the sources as text. Must not run anything.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "tidy/arrows.rs"]
mod arrows;
#[path = "tidy/promises.rs"]
mod promises;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use arrows::{FLOORS, House};
use serde_json::Value;

/// The folders that make up the project; anything beside them is generated.
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
fn only_rooms_that_call_out_know_reqwest() {
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

/// The handler's sources, tests beside the code included: they are told apart by their attributes.
fn house() -> House {
    let is_test = |path: &Path| path.to_string_lossy().ends_with("tests.rs") || path.ends_with("testing.rs");
    let sources = files(&["rs"]).into_iter().filter(|path| path.starts_with("handler") && !is_test(path));
    let sources: Vec<(String, String)> =
        sources.map(|path| (path.strip_prefix("handler").unwrap().to_string_lossy().into_owned(), read(&path))).collect();
    House::read(&sources)
}

#[test]
fn files_import_in_one_direction() {
    assert_eq!(house().circles(), [] as [BTreeSet<&str>; 0]);
}

#[test]
fn rooms_import_from_lower_floors_alone() {
    assert_eq!(house().upward(), [] as [String; 0]);
}

#[test]
fn every_floor_holds_rooms_that_exist() {
    for room in FLOORS.iter().flat_map(|rooms| rooms.iter()) {
        let handler = root().join("handler");
        assert!(handler.join(room).is_dir() || handler.join(format!("{room}.rs")).is_file(), "there is no room {room}");
    }
}

#[test]
fn maps_show_every_room_on_its_floor() {
    let floors = FLOORS.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| format!("{floor} {room}")));
    // main.rs is the way in, not a room.
    let standing: Vec<String> = floors.filter(|room| !room.ends_with(" main")).collect();
    for (map, before) in [("ARCHITECTURE.md", "| "), ("handler/lib.rs", "//! | ")] {
        let text = read(map);
        let rows = text.lines().filter_map(|line| line.strip_prefix(before)?.split_once(" | "));
        let rows = rows.filter(|(floor, _)| floor.bytes().all(|byte| byte.is_ascii_digit()));
        let room = |cell: &str| cell.split('`').nth(1).unwrap_or_default().trim_start_matches("handler/").trim_end_matches('/').to_owned();
        let drawn: Vec<String> = rows.map(|(floor, rest)| format!("{floor} {}", room(rest).trim_end_matches(".rs"))).collect();
        assert_eq!(drawn, standing, "{map}");
    }
}

/// The handler with one more file, and one more line in it.
fn planted(sources: &[(&str, &str)]) -> House {
    let sources: Vec<(String, String)> = sources.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    House::read(&sources)
}

#[test]
fn a_planted_circle_is_found_however_it_is_written() {
    let store = |text| {
        [("lib.rs", "mod store;"), ("store/mod.rs", "pub use pool::Pool; mod pool; mod rows; pub struct Store;"), ("store/pool.rs", text)]
    };
    let rows = [("store/rows.rs", "use super::Pool; pub struct Row(Pool);")];
    let circles = |text| planted(&[&store(text)[..], &rows].concat()).circles().len();
    assert_eq!(circles("pub struct Pool;"), 0, "handing on is no import");
    let uses_what_it_hands_on = [
        ("lib.rs", ""),
        ("store/mod.rs", "pub use pool::Pool; fn f(_: Pool) {} pub struct Store;"),
        ("store/pool.rs", "use super::Store; pub struct Pool;"),
    ];
    assert_eq!(planted(&uses_what_it_hands_on).circles().len(), 1, "handing on and using is an import");
    assert_eq!(circles("use super::rows::Row; pub struct Pool;"), 1, "the facade does not hide who declares a name");
    assert_eq!(circles("use super::{rows::{Row as Line}, Store}; pub struct Pool;"), 1);
    assert_eq!(circles("pub struct Pool; fn f() { let _: Option<crate::store::rows::Row> = None; }"), 1, "a path is an import too");
    assert_eq!(circles("pub struct Pool; #[cfg(test)] mod tests { use super::super::rows::Row; }"), 0, "tests may look anywhere");
}

#[test]
fn a_planted_arrow_that_leads_up_is_found() {
    let upward = |text| planted(&[("lib.rs", ""), ("domain/arm.rs", text), ("store/mod.rs", "pub struct Store;")]).upward();
    assert_eq!(upward("pub enum Arm {}"), [] as [String; 0]);
    assert_eq!(upward("use crate::store::Store;"), ["domain/arm.rs takes from store/mod.rs: domain stands no higher than store"]);
    let unknown = planted(&[("lib.rs", ""), ("attic/mod.rs", "use crate::domain::arm::Arm;"), ("domain/arm.rs", "pub enum Arm {}")]);
    assert_eq!(unknown.upward(), ["attic stands on no floor"]);
}

#[test]
fn a_type_name_has_one_meaning() {
    let mut declared: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, code) in modules() {
        for line in code.lines().map(str::trim_start).filter(|line| line.starts_with("pub")) {
            let words: Vec<&str> = line.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
            let kind =
                words.iter().position(|word| matches!(*word, "struct" | "enum" | "trait" | "type" | "fn" | "const" | "static" | "use"));
            if let Some(at) = kind.filter(|at| matches!(words[*at], "struct" | "enum" | "trait" | "type")) {
                // What a macro declares has its name where the macro is called.
                if !words[at + 1].is_empty() {
                    declared.entry(words[at + 1].to_owned()).or_default().push(path.clone());
                }
            }
        }
    }
    assert!(declared.len() > 150, "only {} types were found: the test reads the sources wrongly", declared.len());
    let twice: Vec<_> = declared.into_iter().filter(|(_, places)| places.len() > 1).collect();
    assert_eq!(twice, []);
}

#[test]
fn names_on_the_wire_are_written_once() {
    for name in [
        "\"switchback-arm\"",
        "\"switchback-minute\"",
        "\"switchback-reason\"",
        "\"switchback-settings\"",
        "\"switchback-routing\"",
        "\"x-api-key\"",
        "\"x-request-id\"",
        "\"traceparent\"",
        "\"/api/health/live\"",
    ] {
        let places: Vec<String> = modules().into_iter().flat_map(|(path, code)| vec![path; code.matches(name).count()]).collect();
        assert_eq!(places, ["handler/contract.rs"], "{name}");
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
    documents.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from));
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

#[test]
fn every_promise_names_a_test_that_exists() {
    let page = read("docs/reliability.md");
    let sources: Vec<String> = files(&["rs"]).iter().map(read).collect();
    let rows = promises::rows(&page);
    assert!(rows.len() > 20, "only {} promises were found: the test reads the page wrongly", rows.len());
    for row in rows {
        let [promise, fault, test, _seen] = row[..] else { panic!("not promise, fault, test, seen: {row:?}") };
        let name = test.trim_matches('`');
        assert!(!promise.is_empty() && !fault.is_empty(), "{row:?}");
        assert!(sources.iter().any(|source| promises::has_test(source, name)), "'{promise}' names the test {name}, which does not exist");
    }
    assert!(!promises::has_test("fn helper() {}", "helper") && promises::has_test("#[test]\nfn holds() {}", "holds"));
}

#[test]
fn decisions_have_one_form_and_stand_in_the_index() {
    let index = read("docs/decisions/README.md");
    let records: Vec<PathBuf> =
        files(&["md"]).into_iter().filter(|path| path.starts_with("docs/decisions") && !path.ends_with("README.md")).collect();
    assert!(records.len() > 15);
    for path in &records {
        let (name, text) = (path.file_name().unwrap().to_string_lossy(), read(path));
        let title =
            text.lines().next().unwrap().strip_prefix(&format!("# {}: ", &name[..4])).unwrap_or_else(|| panic!("{name} has no title"));
        assert!(index.contains(&format!("| [{}]({name}) | {title} |", &name[..4])), "the index does not list {name} as '{title}'");
        let status = text.lines().nth(2).unwrap_or_default();
        assert!(status.starts_with("Status: accepted, 20") || status.starts_with("Status: superseded by ["), "{name}: {status}");
        let parts: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let known = ["Context", "Decision", "Considered", "Consequences"];
        let order: Vec<usize> = parts.iter().filter_map(|part| known.iter().position(|known| known == part)).collect();
        assert!(parts.starts_with(&["Context", "Decision"]) && order.is_sorted(), "{name} has the parts {parts:?}");
    }
    assert_eq!(index.matches("](0").count(), records.len(), "the index lists a record that is not there");
}

/// Every complete name in `text` that begins with `SWITCHBACK_`.
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
    sources.retain(|path| !path.ends_with("infra/checks/terraform/mutants.sh"));
    sources.extend(
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "docs/architecture.svg"].map(PathBuf::from),
    );
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
