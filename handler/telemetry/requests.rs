//! Calls as the ingestion service takes them, written straight from what was recorded of them.
//!
//! Nearly every item is a call that ended and has nothing to tell beyond itself. The exporter makes three maps of each before it writes one, and
//! compresses them as small as it can, which costs more than ten redirects; here an item is written once, and compressed at the lightest level.
//! What it looks like stays the exporter's to say: a test holds both to the same document. Must not know how items are sent.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::domain::digits::decimal;
use crate::domain::{hex, moment};
use crate::json;

/// What every item of this process says.
#[derive(Debug)]
pub(super) struct RequestItems {
    /// The beginning of an item, up to what its call says.
    start: Vec<u8>,
    /// Percent of calls that are recorded by chance.
    sample_rate: String,
}

/// Whether a call is written here: it was served, and neither failed with an exception nor links elsewhere.
pub(super) fn is_plain(span: &SpanData) -> bool {
    span.span_kind == SpanKind::Server && span.events.is_empty() && span.links.is_empty()
}

impl RequestItems {
    /// Items of the resource that `instrumentation_key` names; `sampling` is the share of calls recorded by chance.
    pub fn new(instrumentation_key: &str, scope: &InstrumentationScope, sampling: f64) -> RequestItems {
        let of =
            |key: &str| scope.attributes().find(|attribute| attribute.key.as_str() == key).map(|attribute| attribute.value.to_string());
        let [role, worker, version] = ["service.name", "service.instance.id", "service.version"].map(|key| of(key).unwrap_or_default());
        let mut start = Items(Vec::new());
        start.put(br#"{"name":"Microsoft.ApplicationInsights.Request","iKey":"#);
        start.text(instrumentation_key);
        for (name, value) in
            [(r#","tags":{"ai.cloud.role":"#, role), (r#","ai.cloud.roleInstance":"#, worker), (r#","ai.application.ver":"#, version)]
        {
            start.put(name.as_bytes());
            start.text(&value);
        }
        RequestItems { start: start.0, sample_rate: format!("{:?}", sampling * 100.0) }
    }

    /// The document that says of each call what happened and whether it stands for itself alone, compressed by gzip.
    ///
    /// # Errors
    /// None in practice: memory takes all that is written to it.
    pub fn document<'span>(&self, calls: impl Iterator<Item = (&'span SpanData, bool)>) -> std::io::Result<Vec<u8>> {
        let mut items = Items(Vec::new());
        for (position, (span, certain)) in calls.enumerate() {
            items.put(if position == 0 { b"[" } else { b"," });
            self.write(span, certain, &mut items);
        }
        items.put(b"]");
        let mut compressed = GzEncoder::new(Vec::with_capacity(items.0.len() / 4), Compression::fast());
        compressed.write_all(&items.0)?;
        compressed.finish()
    }

    fn write(&self, span: &SpanData, certain: bool, item: &mut Items) {
        let text = |key| span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| shown(&attribute.value));
        let (method, route) = (text("http.request.method"), text("http.route"));
        let operation = method.zip(route).map(|(method, route)| format!("{method} {route}"));
        item.put(&self.start);
        item.put(br#","ai.operation.id":""#);
        item.hexadecimal(&span.span_context.trace_id().to_bytes());
        if span.parent_span_id != SpanId::INVALID {
            item.put(br#"","ai.operation.parentId":""#);
            item.hexadecimal(&span.parent_span_id.to_bytes());
        }
        item.put(b"\"");
        item.field(br#","ai.operation.name":"#, operation.as_deref());
        item.put(br#"},"time":""#);
        if let Some(time) = moment::to_the_millisecond(span.start_time.into()) {
            item.put(&time);
        }
        item.put(br#"","sampleRate":"#);
        item.put(if certain { b"100.0" } else { self.sample_rate.as_bytes() });
        item.put(br#","data":{"baseType":"RequestData","baseData":{"ver":2,"id":""#);
        item.hexadecimal(&span.span_context.span_id().to_bytes());
        item.put(br#"","duration":""#);
        item.duration(span.end_time.duration_since(span.start_time).unwrap_or_default());
        item.put(if matches!(span.status, Status::Error { .. }) { br#"","success":false"#.as_slice() } else { br#"","success":true"# });
        item.field(br#","name":"#, operation.as_deref());
        item.field(br#","responseCode":"#, text("http.response.status_code").as_deref());
        item.field(br#","url":"#, text("url.path").as_deref());
        item.properties(&span.attributes);
        item.put(b"}}}");
    }
}

/// Items as far as they are written: JSON (RFC 8259).
struct Items(Vec<u8>);

impl Items {
    /// Appends what is JSON already.
    fn put(&mut self, json: &[u8]) {
        self.0.extend_from_slice(json);
    }

    /// Appends a string.
    fn text(&mut self, text: &str) {
        // Memory takes all that is written to it.
        let _ = json::write_text(&mut self.0, text);
    }

    /// Appends `name`, with all that stands around it, and a string; nothing where there is none.
    fn field(&mut self, name: &[u8], text: Option<&str>) {
        if let Some(text) = text {
            self.put(name);
            self.text(text);
        }
    }

    /// Appends attributes by name, all of them strings.
    fn properties(&mut self, attributes: &[KeyValue]) {
        self.put(br#","properties":"#);
        let texts = attributes.iter().map(|KeyValue { key, value, .. }| (key.as_str(), shown(value)));
        // Memory takes all that is written to it.
        let _ = json::write_texts(&mut self.0, texts);
    }

    fn hexadecimal(&mut self, bytes: &[u8]) {
        self.0.extend(bytes.iter().flat_map(|byte| hex::digits(*byte)));
    }

    /// Appends a time span as the service reads it, `days.hours:minutes:seconds.microseconds`.
    fn duration(&mut self, took: Duration) {
        let s = took.as_secs();
        let two = |number: u64| decimal::<2>(u32::try_from(number).unwrap_or_default());
        self.put((s / 86_400).to_string().as_bytes());
        for (before, number) in [(b'.', s / 3_600 % 24), (b':', s / 60 % 60), (b':', s % 60)] {
            self.0.push(before);
            self.put(&two(number));
        }
        self.0.push(b'.');
        self.put(&decimal::<6>(took.subsec_micros()));
    }
}

/// An attribute's value as a text.
fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
