//! Calls as the ingestion service takes them, written straight from what was recorded of them.
//!
//! Nearly every item is a call that ended and has nothing to tell beyond itself. The exporter makes three maps of each before it writes one, and
//! compresses them as small as it can, which costs more than ten redirects; here an item is written once, and compressed at the lightest level.
//! What it looks like stays the exporter's to say: a test holds both to the same document. Must not know how items are sent.

use std::fmt::{self, Display};
use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::macros::format_description;

/// What every item of this process says.
#[derive(Debug)]
pub(super) struct RequestItems {
    instrumentation_key: String,
    role: String,
    worker: String,
    version: String,
    /// Percent of calls that are recorded by chance.
    sample_rate: f64,
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
        RequestItems { instrumentation_key: instrumentation_key.to_owned(), role, worker, version, sample_rate: sampling * 100.0 }
    }

    /// The document that says of each call what happened and whether it stands for itself alone, compressed by gzip.
    ///
    /// # Errors
    /// None in practice: memory takes all that is written to it.
    pub fn document<'span>(&self, calls: impl Iterator<Item = (&'span SpanData, bool)>) -> std::io::Result<Vec<u8>> {
        let mut items = Vec::new();
        for (span, certain) in calls {
            items.push(if items.is_empty() { b'[' } else { b',' });
            serde_json::to_writer(&mut items, &self.envelope(span, certain))?;
        }
        items.push(b']');
        let mut compressed = GzEncoder::new(Vec::with_capacity(items.len() / 4), Compression::fast());
        compressed.write_all(&items)?;
        compressed.finish()
    }

    fn envelope<'item>(&'item self, span: &'item SpanData, certain: bool) -> Envelope<'item> {
        let text = |key| span.attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value);
        let (method, route) = (text("http.request.method"), text("http.route"));
        let operation = method.zip(route).map(|(method, route)| Shown(Operation { method, route }));
        Envelope {
            name: "Microsoft.ApplicationInsights.Request",
            time: OffsetDateTime::from(span.start_time),
            sample_rate: if certain { 100.0 } else { self.sample_rate },
            instrumentation_key: &self.instrumentation_key,
            tags: Tags {
                role: &self.role,
                worker: &self.worker,
                version: &self.version,
                operation: Shown(span.span_context.trace_id()),
                parent: (span.parent_span_id != SpanId::INVALID).then_some(Shown(span.parent_span_id)),
                operation_name: operation,
            },
            data: Data {
                kind: "RequestData",
                request: Request {
                    version: 2,
                    id: Shown(span.span_context.span_id()),
                    name: operation,
                    duration: Shown(Taken(span.end_time.duration_since(span.start_time).unwrap_or_default())),
                    status: text("http.response.status_code").map(Shown),
                    success: !matches!(span.status, Status::Error { .. }),
                    url: text("url.path").map(Shown),
                    properties: Properties(&span.attributes),
                },
            },
        }
    }
}

/// An item: what every kind of them has, around what this one says.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'item> {
    name: &'static str,
    #[serde(serialize_with = "to_the_millisecond")]
    time: OffsetDateTime,
    sample_rate: f64,
    #[serde(rename = "iKey")]
    instrumentation_key: &'item str,
    tags: Tags<'item>,
    data: Data<'item>,
}

/// What the service finds an item by.
#[derive(Serialize)]
struct Tags<'item> {
    #[serde(rename = "ai.cloud.role")]
    role: &'item str,
    #[serde(rename = "ai.cloud.roleInstance")]
    worker: &'item str,
    #[serde(rename = "ai.application.ver")]
    version: &'item str,
    #[serde(rename = "ai.operation.id")]
    operation: Shown<opentelemetry::trace::TraceId>,
    #[serde(rename = "ai.operation.parentId", skip_serializing_if = "Option::is_none")]
    parent: Option<Shown<SpanId>>,
    #[serde(rename = "ai.operation.name", skip_serializing_if = "Option::is_none")]
    operation_name: Option<Shown<Operation<'item>>>,
}

#[derive(Serialize)]
struct Data<'item> {
    #[serde(rename = "baseType")]
    kind: &'static str,
    #[serde(rename = "baseData")]
    request: Request<'item>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'item> {
    #[serde(rename = "ver")]
    version: u8,
    id: Shown<SpanId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Shown<Operation<'item>>>,
    duration: Shown<Taken>,
    #[serde(rename = "responseCode", skip_serializing_if = "Option::is_none")]
    status: Option<Shown<&'item Value>>,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Shown<&'item Value>>,
    properties: Properties<'item>,
}

/// Written as it is displayed.
#[derive(Clone, Copy)]
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// What a call did: its method and the template of its path.
#[derive(Clone, Copy)]
struct Operation<'item> {
    method: &'item Value,
    route: &'item Value,
}

impl Display for Operation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.route)
    }
}

/// A time span as the service reads it, `days.hours:minutes:seconds.microseconds`.
struct Taken(Duration);

impl Display for Taken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, us) = (self.0.as_secs(), self.0.subsec_micros());
        write!(formatter, "{}.{:02}:{:02}:{:02}.{us:06}", s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60)
    }
}

/// Attributes by name, all of them texts.
struct Properties<'item>(&'item [KeyValue]);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut properties = serializer.serialize_map(Some(self.0.len()))?;
        for KeyValue { key, value, .. } in self.0 {
            match value {
                Value::String(text) => properties.serialize_entry(key.as_str(), text.as_str())?,
                other => properties.serialize_entry(key.as_str(), &Shown(other))?,
            }
        }
        properties.end()
    }
}

fn to_the_millisecond<S: Serializer>(time: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    serializer.serialize_str(&time.format(format).map_err(serde::ser::Error::custom)?)
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
