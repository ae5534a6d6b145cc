//! The process's own environment: the only door to it. Must not know which settings there are.

/// Every variable whose name and value are Unicode; others are no settings of ours.
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// One variable of this process's environment, for commands that need no whole configuration; empty counts as absent.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door")]
pub fn process_setting(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}
