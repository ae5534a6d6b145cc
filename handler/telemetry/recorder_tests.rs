//! The recorder and the items that reach its queue.

use opentelemetry::trace::FutureExt;
use time::macros::datetime;
use tokio::sync::mpsc::Receiver;

use super::super::sampling::SamplingSecret;
use super::*;
use crate::clock::ManualClock;

fn recorder(sampling: f64) -> (Arc<Recorder>, Receiver<TelemetryItem>, ManualClock) {
    let clock = ManualClock::new(datetime!(2026-11-23 10:03:30 UTC));
    let (queue, receiver) = Queue::new();
    (
        Arc::new(Recorder::new(
            Arc::new(clock.clone()),
            queue,
            InstrumentationScope::default(),
            Sampler::new(sampling, SamplingSecret([7; 16])),
        )),
        receiver,
        clock,
    )
}

fn ended(status: u16) -> Ended {
    let at = datetime!(2026-11-23 10:03:30 UTC);
    Ended { at, took: Duration::from_millis(7), status, attributes: vec![KeyValue::new("request_id", "r1")], exception: None }
}

fn next(receiver: &mut Receiver<TelemetryItem>) -> Option<(SpanData, bool)> {
    match receiver.try_recv().ok()? {
        TelemetryItem::Span { span, certain } => Some((*span, certain)),
        TelemetryItem::Log(_) => panic!("a span"),
    }
}

#[test]
fn an_unsampled_call_is_recorded_only_when_it_must_be() {
    let (recorder, mut receiver, _) = recorder(0.0);
    let begun = recorder.begin(None, "r1");
    assert!(!begun.is_recorded() && begun.context().is_none());
    recorder.end(begun, ended(200), false);
    assert!(next(&mut receiver).is_none());
    let failure = Ended { exception: Some(("internal", "disk full".to_owned())), ..ended(500) };
    recorder.end(recorder.begin(None, "r1"), failure, true);
    let (span, certain) = next(&mut receiver).unwrap();
    assert!(certain && matches!(span.status, Status::Error { .. }));
    assert_eq!(span.end_time.duration_since(span.start_time).unwrap(), Duration::from_millis(7));
    assert_eq!(span.events.events[0].attributes[1], KeyValue::new("exception.message", "disk full"));
}

#[tokio::test]
async fn dependencies_belong_to_their_call_and_are_bounded() {
    let (recorder, mut receiver, clock) = recorder(1.0);
    let begun = recorder.begin(Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), "r1");
    let work = async {
        for _ in 0..MAX_DEPENDENCIES + 2 {
            let Some(dependency) = dependency(|| ("SELECT charges".into(), Vec::new())) else { continue };
            clock.advance(Duration::from_millis(3));
            assert!(dependency.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
            dependency.end(Some("NotNullViolation".to_owned()));
        }
    };
    work.with_context(begun.context().unwrap()).await;
    recorder.end(begun, ended(200), false);
    let mut spans = Vec::new();
    while let Some((span, _)) = next(&mut receiver) {
        spans.push(span);
    }
    let request = spans.pop().unwrap();
    assert_eq!(spans.len(), MAX_DEPENDENCIES as usize);
    assert_eq!(request.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(request.attributes.contains(&KeyValue::new("dependencies_omitted", 2_i64)));
    assert!(spans.iter().all(|span| span.parent_span_id == request.span_context.span_id()));
    assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == "4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(spans[0].end_time.duration_since(spans[0].start_time).unwrap(), Duration::from_millis(3));
    assert!(dependency(|| unreachable!("no call is current")).is_none());
}
