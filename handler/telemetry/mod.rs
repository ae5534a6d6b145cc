//! What operators see: log lines now, traces and metrics beside them. Must not know what is being done, only that it was.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Logs};

/// Starts logging to standard output: the Functions host takes standard error for errors.
pub fn start(logs: &Logs) {
    let filter = EnvFilter::try_new(&logs.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let human = match logs.format {
        LogFormat::Auto => std::io::stdout().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
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

/// An error with its causes, as one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
