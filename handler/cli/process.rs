//! The process a command runs in: its runtime, and what ends it. Must not know what any command does.

use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::Failure;

/// Turns of tasks between two looks for what has become ready: as many as one look brings up at most, so that everybody who is ready is served once
/// before others are. After tokio's own 61, those who have just been answered come round again, while others wait in the queue behind
/// the queue: with a thousand connections the slowest hundredth waited three times as long.
const TURNS_BETWEEN_LOOKS: u32 = 1_024;

/// The runtime every command runs on. Where the process has one core, or a share of one, no thread stands beside the one that serves:
/// there would be nobody to share work with, and handing it over is what a redirect would spend a thirtieth of its time on.
///
/// # Errors
/// When the operating system cannot start threads.
pub fn runtime() -> Result<Runtime, Failure> {
    let alone = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if alone { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    Ok(builder.event_interval(TURNS_BETWEEN_LOOKS).enable_all().build()?)
}

/// What ends a process that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOn {
    /// SIGTERM or SIGINT.
    Signal,
    /// Those, or the end of standard input: the development system's roles must not outlive it, however it ends.
    SignalOrParent,
}

/// A token that is cancelled once the process is told to stop.
///
/// # Errors
/// When signals cannot be received.
pub fn stop_token(on: StopOn) -> Result<CancellationToken, Failure> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    if on == StopOn::SignalOrParent {
        let stop = token.clone();
        // A thread of its own: a runtime waits for its blocking reads before it ends.
        thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            stop.cancel();
        });
    }
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(token)
}
