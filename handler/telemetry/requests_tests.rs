//! Items beside the exporter's own.

use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;
use flate2::read::GzDecoder;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceId, TraceState};
use opentelemetry_application_insights::Exporter;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_sdk::trace::{SpanEvents, SpanExporter, SpanLinks};
use serde_json::Value as Json;

use super::super::destination::IngestionClient;
use super::super::scope;
use super::*;

const KEY: &str = "11111111-2222-3333-4444-555555555555";

/// Keeps what it is sent.
#[derive(Debug, Clone, Default)]
struct Sent(Arc<Mutex<Vec<Bytes>>>);

impl HttpClient for Sent {
    fn send_bytes<'own, 'call>(
        &'own self,
        request: http::Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'call>>
    where
        'own: 'call,
        Self: 'call,
    {
        self.0.lock().unwrap().push(request.into_body());
        Box::pin(std::future::ready(Ok(http::Response::new(Bytes::new()))))
    }
}

fn items(compressed: &[u8]) -> Vec<Json> {
    let mut text = String::new();
    GzDecoder::new(compressed).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn call(attributes: Vec<KeyValue>, parent: SpanId, took: Duration, status: Status) -> SpanData {
    let start_time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_763_892_210_007_900);
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(0x0a00_0000_0000_0000_0000_0000_0000_00ff),
            SpanId::from(0x0b),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: parent,
        parent_span_is_remote: true,
        span_kind: SpanKind::Server,
        name: "call".into(),
        start_time,
        end_time: start_time + took,
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status,
        instrumentation_scope: scope("router", "01a207dc-ceef-7aeb-a32c-e61ec694c4d2"),
    }
}

fn calls() -> Vec<SpanData> {
    let attributes = || {
        vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/{path}"),
            KeyValue::new("url.path", "/a \"b\" \\ ü \u{1}".to_owned()),
            KeyValue::new("request_id", "r1"),
            KeyValue::new("dependencies_omitted", 2_i64),
            KeyValue::new("http.response.status_code", 307_i64),
        ]
    };
    let long = Duration::new(2 * 86_400 + 3 * 3_600 + 4 * 60 + 5, 6_999);
    vec![
        call(attributes(), SpanId::INVALID, Duration::from_micros(58), Status::Unset),
        call(attributes(), SpanId::from(0xf00), long, Status::error("")),
        call(attributes(), SpanId::from(0xf00), Duration::ZERO, Status::Ok),
    ]
}

#[tokio::test]
async fn items_are_those_the_exporter_writes() {
    for (certain, sampling) in [(true, 0.05), (false, 0.05), (false, 1.0)] {
        let sent = Sent::default();
        let exporter =
            Exporter::new_from_connection_string(format!("InstrumentationKey={KEY}"), IngestionClient::new(sent.clone())).unwrap();
        let exporter = if certain { exporter } else { exporter.with_sample_rate(sampling) };
        exporter.export(calls()).await.unwrap();
        let expected = items(&sent.0.lock().unwrap()[0]);
        let scope = scope("router", "01a207dc-ceef-7aeb-a32c-e61ec694c4d2");
        let calls = calls();
        let document = RequestItems::new(KEY, &scope, sampling).document(calls.iter().map(|span| (span, certain))).unwrap();
        let written = items(&document);
        assert_eq!(written.len(), expected.len());
        for (written, expected) in written.iter().zip(&expected) {
            assert_eq!(written, expected);
        }
    }
}

#[test]
fn what_has_more_to_tell_is_left_to_the_exporter() {
    let plain = || call(Vec::new(), SpanId::INVALID, Duration::ZERO, Status::Unset);
    assert!(is_plain(&plain()));
    assert!(!is_plain(&SpanData { span_kind: SpanKind::Client, ..plain() }));
    let mut failed = plain();
    failed.events.events.push(opentelemetry::trace::Event::with_name("exception"));
    assert!(!is_plain(&failed));
}
