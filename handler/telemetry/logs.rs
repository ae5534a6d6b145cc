//! Log lines: human on a terminal, JSON otherwise, to standard output, and to Application Insights once that is set up.
//!
//! Must not know what is logged.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};

use opentelemetry::InstrumentationScope;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::queue::{LogsToQueue, Queue};
use crate::config::{LogFormat, Logs};

/// Target of the one line a failed call gets; it is an exception item already, so it is not sent a second time as a line.
pub const BOUNDARY: &str = "switchback::call";
/// Lines from libraries are not sent: the client that reaches the ingestion service logs too.
const OWN: &str = "switchback";

type Bridge = OpenTelemetryTracingBridge<SdkLoggerProvider, SdkLogger>;

/// Set after the first answer, whereas the process's one subscriber exists from the start.
static BRIDGE: OnceLock<Bridge> = OnceLock::new();

/// Starts logging to standard output: the Functions host takes standard error for errors.
pub fn start(logs: &Logs) {
    let human = match logs.format {
        LogFormat::Auto => std::io::stdout().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let registry = Registry::default().with(logs.filter.clone()).with(LateBridge);
    let started = if human {
        let colours = std::io::stdout().is_terminal();
        registry.with(tracing_subscriber::fmt::layer().with_ansi(colours).with_target(false)).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).try_init()
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Sends log lines into `queue` too, from now on.
pub(super) fn send_to(queue: &Arc<Queue>, scope: &InstrumentationScope) {
    let provider = SdkLoggerProvider::builder().with_log_processor(LogsToQueue(Arc::clone(queue))).build();
    let attributes = scope.attributes().cloned();
    let bridge = OpenTelemetryTracingBridge::builder_with_scope_attributes(&provider, attributes).build();
    if BRIDGE.set(bridge).is_err() {
        tracing::debug!("log lines are sent already");
    }
}

struct LateBridge;

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for LateBridge {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        // Debug lines are turned on to look into one process, not to be paid for as ingestion.
        let sent = *metadata.level() <= Level::INFO && metadata.target().starts_with(OWN) && metadata.target() != BOUNDARY;
        if sent && let Some(bridge) = BRIDGE.get() {
            bridge.on_event(event, context);
        }
    }
}
