//! Which calls are recorded, and what is said of them: one request item a call, dependency items beneath it, an exception where it failed.
//!
//! Whether a call is recorded is decided before anything is built, so that the others cost next to nothing; a call that fails or is
//! diverted is recorded after the fact whatever was decided. Items are built as the exporter takes them rather than through a tracer,
//! which could do neither. Must not know how items are sent, nor what a call was about.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks};
use time::OffsetDateTime;

use super::queue::{Queue, TelemetryItem};
use super::sampling::Sampler;
use super::traceparent;
use crate::clock::Clock;

/// Dependency items a call may have; an import has thousands of statements and the first tell enough.
const MAX_DEPENDENCIES: u32 = 64;

/// Records calls.
#[derive(Debug)]
pub struct Recorder {
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    scope: InstrumentationScope,
    sampler: Sampler,
}

/// What was decided when a call began.
#[derive(Debug, Default)]
pub struct Begun {
    parent: Option<SpanContext>,
    recording: Option<Recording>,
}

/// A call that is being recorded; whatever it waits for becomes an item beneath it.
#[derive(Debug, Clone)]
pub struct Recording {
    recorder: Arc<Recorder>,
    context: SpanContext,
    dependencies: Arc<AtomicU32>,
}

/// A call that ended.
#[derive(Debug)]
pub struct Ended {
    /// When it arrived.
    pub at: OffsetDateTime,
    /// From its arrival to its answer.
    pub took: Duration,
    /// Status it was answered with.
    pub status: u16,
    /// All other attributes: OpenTelemetry's HTTP names, then this program's own.
    pub attributes: Vec<KeyValue>,
    /// What failed: its kind and the chain of causes.
    pub exception: Option<(&'static str, String)>,
}

/// Something a call waits for.
#[derive(Debug)]
pub struct Dependency {
    recording: Recording,
    span: SpanId,
    name: Cow<'static, str>,
    attributes: Vec<KeyValue>,
    at: OffsetDateTime,
    uptime: Duration,
}

impl Recorder {
    /// A recorder of the calls that `sampler` chooses.
    pub(super) fn new(clock: Arc<dyn Clock>, queue: Arc<Queue>, scope: InstrumentationScope, sampler: Sampler) -> Self {
        Recorder { clock, queue, scope, sampler }
    }

    /// Decides whether a call is recorded: by its trace where it belongs to one, so that router and arm decide alike, else by its id.
    #[must_use]
    pub fn begin(self: &Arc<Self>, traceparent: Option<&str>, request_id: &str) -> Begun {
        let parent = traceparent.and_then(traceparent::parse);
        let chosen = match &parent {
            Some(parent) => self.sampler.chooses(&parent.trace_id().to_bytes()),
            None => self.sampler.chooses(request_id.as_bytes()),
        };
        if !chosen || !self.admits() {
            return Begun { parent, recording: None };
        }
        let recording = Recording { recorder: Arc::clone(self), context: own_context(parent.as_ref()), dependencies: Arc::default() };
        Begun { parent, recording: Some(recording) }
    }

    /// Whether one more call may be recorded now; those that may not are counted.
    fn admits(&self) -> bool {
        let admitted = self.sampler.admits(self.clock.uptime());
        if !admitted {
            self.queue.outcomes.capped.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// Records a call that ended. `certain`: it is recorded whatever was decided, and stands for itself alone.
    pub fn end(&self, begun: Begun, ended: Ended, certain: bool) {
        let Ended { at, took, status, mut attributes, exception } = ended;
        attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
        let context = match &begun.recording {
            Some(recording) => {
                let omitted = recording.dependencies.load(Ordering::Relaxed).saturating_sub(MAX_DEPENDENCIES);
                if omitted > 0 {
                    attributes.push(KeyValue::new("dependencies_omitted", i64::from(omitted)));
                }
                recording.context.clone()
            }
            None if certain && self.admits() => own_context(begun.parent.as_ref()),
            None => return,
        };
        let mut events = SpanEvents::default();
        if let Some((kind, causes)) = exception {
            let request_id = attributes.iter().find(|attribute| attribute.key.as_str() == "request_id").cloned();
            let mut facts = vec![KeyValue::new("exception.type", kind), KeyValue::new("exception.message", causes)];
            facts.extend(request_id);
            events.events.push(Event::new("exception", SystemTime::from(at + took), facts, 0));
        }
        let outcome = if status >= 500 { Status::error("") } else { Status::Unset };
        let parent = begun.parent.map_or(SpanId::INVALID, |parent| parent.span_id());
        let span =
            SpanData { events, ..self.span(context, parent, SpanKind::Server, Cow::Borrowed("call"), (at, took), attributes, outcome) };
        self.queue.put(TelemetryItem::Span { span: Box::new(span), certain });
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one struct, filled in one place")]
    fn span(
        &self,
        span_context: SpanContext,
        parent_span_id: SpanId,
        span_kind: SpanKind,
        name: Cow<'static, str>,
        (at, took): (OffsetDateTime, Duration),
        attributes: Vec<KeyValue>,
        status: Status,
    ) -> SpanData {
        SpanData {
            span_context,
            parent_span_id,
            parent_span_is_remote: span_kind == SpanKind::Server,
            span_kind,
            name,
            start_time: SystemTime::from(at),
            end_time: SystemTime::from(at) + took,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// The context of a call itself: within its parent's trace, or a trace of its own.
fn own_context(parent: Option<&SpanContext>) -> SpanContext {
    let ids = RandomIdGenerator::default();
    let trace = parent.map_or_else(|| ids.new_trace_id(), SpanContext::trace_id);
    context(trace, ids.new_span_id())
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

impl Begun {
    /// What the call's work must run in, where it is recorded: log lines and dependencies find the call by it.
    #[must_use]
    pub fn context(&self) -> Option<Context> {
        let recording = self.recording.as_ref()?;
        Some(Context::new().with_remote_span_context(recording.context.clone()).with_value(recording.clone()))
    }

    /// Whether the call is recorded whatever becomes of it.
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        self.recording.is_some()
    }
}

/// Begins something the current call waits for; `None`, and cheap, where the call is not recorded. `describe` gives its name and
/// attributes.
#[must_use]
pub fn dependency(describe: impl FnOnce() -> (Cow<'static, str>, Vec<KeyValue>)) -> Option<Dependency> {
    let recording = Context::map_current(|context| context.get::<Recording>().cloned())?;
    if recording.dependencies.fetch_add(1, Ordering::Relaxed) >= MAX_DEPENDENCIES {
        return None;
    }
    let (name, attributes) = describe();
    let (at, uptime) = (recording.recorder.clock.now(), recording.recorder.clock.uptime());
    Some(Dependency { span: RandomIdGenerator::default().new_span_id(), recording, name, attributes, at, uptime })
}

impl Dependency {
    /// The `traceparent` header (W3C Trace Context) that makes the other side's items part of this call.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.recording.context.trace_id(), self.span)
    }

    /// Gives it the name it turned out to have.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        self.name = name.into();
    }

    /// Adds a fact that was not known when it began.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(key, value));
    }

    /// Ends it; `failure` is the kind of error, if it failed.
    pub fn end(mut self, failure: Option<String>) {
        let recorder = Arc::clone(&self.recording.recorder);
        let took = recorder.clock.uptime().saturating_sub(self.uptime);
        let status = match failure {
            None => Status::Ok,
            Some(kind) => {
                self.set("error.type", kind);
                Status::error("")
            }
        };
        let (trace, parent) = (self.recording.context.trace_id(), self.recording.context.span_id());
        let span = recorder.span(context(trace, self.span), parent, SpanKind::Client, self.name, (self.at, took), self.attributes, status);
        recorder.queue.put(TelemetryItem::Span { span: Box::new(span), certain: false });
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
