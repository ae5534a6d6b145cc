//! The API's description, OpenAPI 3.1.
//!
//! The program carries the document and not what makes it: annotations of some thirty operations and their schemas are half a megabyte of code that
//! would run once. `openapi.json` is rewritten by `make openapi`, and a test holds it to the code (docs/decisions/0053).

use std::sync::LazyLock;

use serde_json::Value;

#[cfg(test)]
mod described;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("openapi.json")).unwrap_or_default());

/// The OpenAPI document.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}
