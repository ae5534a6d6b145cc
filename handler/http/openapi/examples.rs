//! Examples in the API's description: what the main operations take and answer, each a file in examples/ as a system answered it, long lists cut short.
//! Must not know what they mean.

use serde_json::Value;

/// One example, and where the description shows it.
pub struct Example {
    pub path: &'static str,
    pub method: &'static str,
    /// The answer's status; none for what is sent.
    pub status: Option<&'static str>,
    pub content_type: &'static str,
    pub text: &'static str,
}

const JSON: &str = "application/json";

const fn sent(path: &'static str, content_type: &'static str, text: &'static str) -> Example {
    Example { path, method: "post", status: None, content_type, text }
}

const fn created(path: &'static str, text: &'static str) -> Example {
    Example { path, method: "post", status: Some("201"), content_type: JSON, text }
}

const fn answered(path: &'static str, text: &'static str) -> Example {
    Example { path, method: "get", status: Some("200"), content_type: JSON, text }
}

/// All of them.
pub const EXAMPLES: [Example; 13] = [
    sent("/api/imports", "text/csv", include_str!("examples/bill.csv")),
    created("/api/imports", include_str!("examples/import.json")),
    answered("/api/imports", include_str!("examples/imports.json")),
    sent("/api/charges", JSON, include_str!("examples/new-charge.json")),
    created("/api/charges", include_str!("examples/posted.json")),
    answered("/api/charges", include_str!("examples/charges.json")),
    answered("/api/costs", include_str!("examples/costs.json")),
    sent("/api/runs", JSON, include_str!("examples/new-run.json")),
    created("/api/runs", include_str!("examples/run.json")),
    answered("/api/runs", include_str!("examples/runs.json")),
    answered("/api/report", include_str!("examples/report.json")),
    answered("/api/plans", include_str!("examples/plans.json")),
    answered("/api/instance", include_str!("examples/instance.json")),
];

impl Example {
    /// The example as the description shows it: JSON as a document, anything else as text.
    pub fn value(&self) -> Value {
        let text = || Value::from(self.text);
        if self.content_type == JSON { serde_json::from_str(self.text).unwrap_or_else(|_| text()) } else { text() }
    }

    /// What the document says of what is sent or answered there; none where it says nothing.
    pub fn place<'a>(&self, document: &'a mut Value) -> Option<&'a mut Value> {
        let operation = document.get_mut("paths")?.get_mut(self.path)?.get_mut(self.method)?;
        let body = match self.status {
            Some(status) => operation.get_mut("responses")?.get_mut(status)?,
            None => operation.get_mut("requestBody")?,
        };
        body.get_mut("content")?.get_mut(self.content_type)
    }
}

/// Puts every example into its place.
pub fn add(document: &mut Value) {
    for example in &EXAMPLES {
        if let Some(place) = example.place(document) {
            place["example"] = example.value();
        }
    }
}

#[path = "examples_tests.rs"]
mod tests;
