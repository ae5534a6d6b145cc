//! Which functions a simulated host finds in a script root, and which of them takes a request.
//!
//! Must not know how an invocation is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A function found.
#[derive(Debug, Clone)]
pub struct Function {
    pub name: String,
    pub bindings: Vec<Value>,
}

/// The functions of a script root, sorted by name, without those that a setting turns off. Only direct children are looked at.
pub fn discover(root: &Path, settings: &BTreeMap<String, String>) -> Vec<Function> {
    let mut functions = Vec::new();
    for item in fs::read_dir(root).unwrap().map(Result::unwrap) {
        let Ok(text) = fs::read_to_string(item.path().join("function.json")) else { continue };
        let name = item.file_name().into_string().unwrap();
        assert!(is_function_name(&name), "'{name}' is no name of a function: the host would refuse it");
        let function: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/function.json: {error}"));
        let bindings = function["bindings"].as_array().unwrap_or_else(|| panic!("{name} has no bindings")).clone();
        functions.push(Function { name, bindings });
    }
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    functions.retain(|function| settings.get(&format!("AzureWebJobs.{}.Disabled", function.name)).is_none_or(|value| value != "true"));
    functions
}

/// `^[a-z][a-z0-9_\-]{0,127}$`, case-insensitive, and not `host`.
pub fn is_function_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
        && name.len() <= 128
        && !name.eq_ignore_ascii_case("host")
}

impl Function {
    fn binding(&self, kind: &str) -> Option<&Value> {
        self.bindings.iter().find(|binding| binding["type"] == kind)
    }

    /// The name of its timer's binding, if it is a timer.
    pub fn timer(&self) -> Option<&str> {
        self.binding("timerTrigger").map(|binding| binding["name"].as_str().expect("a binding has a name"))
    }

    /// Whether the host hands it raw HTTP: exactly one `httpTrigger` in and exactly one `http` out.
    pub fn is_raw_http(&self) -> bool {
        let count = |kind: &str, direction: &str| {
            self.bindings.iter().filter(|binding| binding["type"] == kind && binding["direction"] == direction).count()
        };
        self.bindings.len() == 2 && count("httpTrigger", "in") == 1 && count("http", "out") == 1
    }

    /// Whether a request to `path` by `method` is its own, under a route prefix.
    pub fn takes(&self, prefix: &str, method: &str, path: &str) -> bool {
        let Some(trigger) = self.binding("httpTrigger") else { return false };
        let methods = trigger["methods"].as_array();
        let allowed =
            methods.is_none_or(|methods| methods.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(method))));
        let route = trigger["route"].as_str().unwrap_or(&self.name);
        let prefix = if prefix.is_empty() { "/".to_owned() } else { format!("/{prefix}/") };
        let Some(rest) = path.strip_prefix(&prefix) else { return false };
        let matches = match route.split_once("{*") {
            Some((start, _)) => rest.starts_with(start),
            None => rest.eq_ignore_ascii_case(route),
        };
        allowed && matches
    }
}
