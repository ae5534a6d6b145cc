//! The access log: one line a call to standard output, where somebody wants it. Owns the forms of its lines.
//!
//! A thread of its own writes them: whoever reads standard output slowly must not hold calls up, so lines that do not fit the queue are left
//! out and counted. Queries are never written: they may hold what is nobody's business. Must not know what a call was about.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use time::macros::format_description;

use crate::config::AccessLogFormat;

/// Lines that wait to be written at most.
const QUEUE: usize = 8_192;
/// Bytes written together at most.
const BATCH_BYTES: usize = 65_536;

/// What a line says.
#[derive(Debug, Clone, Copy)]
pub struct AccessLine<'call> {
    /// When the call arrived.
    pub at: OffsetDateTime,
    /// The other end of its connection.
    pub peer: IpAddr,
    /// Its method.
    pub method: &'call str,
    /// Its path, as far as paths are kept.
    pub path: &'call str,
    /// The status it was answered with.
    pub status: u16,
    /// Bytes of the answer's body; none where they are not known beforehand.
    pub bytes: Option<u64>,
    /// From its arrival to its answer.
    pub took: Duration,
    /// Its id.
    pub request_id: &'call str,
}

/// The access log of a process.
#[derive(Debug)]
pub struct AccessLog {
    format: AccessLogFormat,
    queue: SyncSender<Item>,
    left_out: AtomicU64,
}

enum Item {
    Line(String),
    /// Answered once everything before it is written.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// A log with lines of this form on standard output.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(format: AccessLogFormat) -> std::io::Result<Self> {
        let (queue, lines) = sync_channel(QUEUE);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write_lines(&lines, &mut std::io::stdout()))?;
        Ok(AccessLog { format, queue, left_out: AtomicU64::new(0) })
    }

    /// Writes a call's line, soon.
    pub fn write(&self, line: &AccessLine<'_>) {
        let line = match self.format {
            AccessLogFormat::Json => json(line),
            AccessLogFormat::Combined => combined(line),
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.queue.try_send(Item::Line(line)) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines left out because standard output was not read in time.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }

    /// Waits until what was written so far is on standard output, for `limit` at most.
    pub fn flush(&self, limit: Duration) {
        let (done, written) = sync_channel(1);
        // A queue that is full now will not be empty in time.
        if self.queue.try_send(Item::Flush(done)).is_ok() {
            let _ = written.recv_timeout(limit);
        }
    }
}

/// Writes lines until nobody can send any more; those that wait together, together.
fn write_lines(lines: &Receiver<Item>, out: &mut impl std::io::Write) {
    let mut batch = String::new();
    while let Ok(first) = lines.recv() {
        let mut next = Some(first);
        let mut waiting = Vec::new();
        while let Some(item) = next {
            match item {
                Item::Line(line) => batch.push_str(&line),
                Item::Flush(done) => waiting.push(done),
            }
            next = if batch.len() < BATCH_BYTES { lines.try_recv().ok() } else { None };
        }
        // Whoever closed standard output wants no lines.
        let _ = out.write_all(batch.as_bytes()).and_then(|()| out.flush());
        batch.clear();
        waiting.iter().for_each(|done| {
            let _ = done.try_send(());
        });
    }
}

#[derive(Serialize)]
struct JsonLine<'call> {
    #[serde(with = "time::serde::rfc3339")]
    timestamp: OffsetDateTime,
    peer: IpAddr,
    method: &'call str,
    path: &'call str,
    status: u16,
    bytes: Option<u64>,
    took_us: u64,
    request_id: &'call str,
}

fn took_us(line: &AccessLine<'_>) -> u64 {
    u64::try_from(line.took.as_micros()).unwrap_or(u64::MAX)
}

fn json(line: &AccessLine<'_>) -> String {
    let AccessLine { at: timestamp, peer, method, path, status, bytes, request_id, .. } = *line;
    let line = JsonLine { timestamp, peer, method, path, status, bytes, took_us: took_us(line), request_id };
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// As Apache's httpd writes it: host, identity, user, time, request line, status, bytes, referer, agent. What is not told is a hyphen.
fn combined(line: &AccessLine<'_>) -> String {
    let at = line.at.format(format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000")).unwrap_or_default();
    let (method, path) = (escaped(line.method), escaped(line.path));
    let bytes = line.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    let AccessLine { peer, status, request_id, .. } = line;
    format!("{peer} - - [{at}] \"{method} {path} HTTP/1.1\" {status} {bytes} \"-\" \"-\" {request_id} {}\n", took_us(line))
}

/// A text as it may stand between quotes on a line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..=0x1f | 0x7f..=0xff => {
                let _ = write!(escaped, "\\x{byte:02x}");
            }
            _ => escaped.push(char::from(byte)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const LINE: AccessLine<'static> = AccessLine {
        at: datetime!(2026-11-23 10:04:05.678 UTC),
        peer: IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)),
        method: "GET",
        path: "/api/costs",
        status: 200,
        bytes: Some(512),
        took: Duration::from_micros(1_234),
        request_id: "r-1",
    };

    #[test]
    fn lines_have_the_forms_that_readers_know() {
        assert_eq!(
            combined(&LINE),
            "203.0.113.9 - - [23/Nov/2026:10:04:05 +0000] \"GET /api/costs HTTP/1.1\" 200 512 \"-\" \"-\" r-1 1234\n"
        );
        let line: serde_json::Value = serde_json::from_str(&json(&LINE)).unwrap();
        let expected = serde_json::json!({
            "timestamp": "2026-11-23T10:04:05.678Z", "peer": "203.0.113.9", "method": "GET", "path": "/api/costs", "status": 200,
            "bytes": 512, "took_us": 1234, "request_id": "r-1"
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn no_path_breaks_a_line_or_out_of_its_quotes() {
        let path = "/\" 200 1 \"\\\u{7f}\u{e9}\n";
        let line = combined(&AccessLine { path, ..LINE });
        assert!(line.contains("\"GET /\\x22 200 1 \\x22\\x5c\\x7f\\xc3\\xa9\\x0a HTTP/1.1\" 200 512"), "{line}");
        assert_eq!((line.matches('\n').count(), json(&AccessLine { path, ..LINE }).matches('\n').count()), (1, 1));
    }

    #[test]
    fn a_reader_that_has_stopped_costs_lines_and_no_time() {
        let (queue, lines) = sync_channel(2);
        let log = AccessLog { format: AccessLogFormat::Json, queue, left_out: AtomicU64::new(0) };
        for _ in 0..5 {
            log.write(&LINE);
        }
        assert_eq!(log.left_out(), 3);
        drop(log);
        let mut out = Vec::new();
        write_lines(&lines, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), json(&LINE).repeat(2));
    }
}
