//! Where hostile bytes enter the program: each entry feeds one parser and panics where a promise about it is broken.
//!
//! libFuzzer calls them through `fuzz/targets/`, stable Rust through `tests/fuzz/`. Must not need a process, a port or a database.

use std::io::{Read, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::write::GzEncoder;
use switchback::config::BaseUrl;
use switchback::domain::arm::{Arm, ByArm};
use switchback::domain::charge::{Value, read_value};
use switchback::domain::columns::COLUMNS;
use switchback::domain::decision::Reason;
use switchback::domain::import::{MAX_PROBLEMS, PlacedCharge, Summary};
use switchback::domain::money::Amount;
use switchback::domain::schedule::{Minute, Schedule};
use switchback::domain::tags;
use switchback::domain::ticket::{PARAMETER, Ticket, TicketKey};
use switchback::domain::window::{Slices, WindowCounts};
use switchback::domain::{moment, window};
use switchback::host::TimerInvocation;
use switchback::http::call::{take_ticket, ticketed_minute};
use switchback::http::cursor::{self, Page};
use switchback::http::endpoints::charge_document;
use switchback::http::lane::{self, Head, Redirect};
use switchback::http::problem::Problem;
use switchback::http::query::Query;
use switchback::import::focus::{self as reader, ChargeSink, Stopped};
use switchback::import::{Progress, ReadLimits};
use switchback::routing::turn::{DecisionTally, Turn};
use switchback::store::ChargePosition;

/// What an entry is called, in `fuzz/targets/` and `fuzz/corpus/`.
pub type Entry = (&'static str, fn(&[u8]));

/// Every entry.
pub const ENTRIES: [Entry; 10] = [
    ("cells", cells),
    ("charges", charges),
    ("cursor", cursor),
    ("focus", focus),
    ("lane", lane),
    ("location", location),
    ("query", query),
    ("slices", slices),
    ("ticket", ticket),
    ("timer", timer),
];

/// Largest file the reader is given room for.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A FOCUS file: the first byte says whether it is strict, the second how many bytes a read brings at most. What is read must not depend on
/// how the bytes arrive, nor on whether they were compressed.
pub fn focus(data: &[u8]) {
    let [options, chunk, file @ ..] = data else { return };
    let limits = ReadLimits { max_bytes: MAX_FILE_BYTES, strict: options & 1 == 1, body_digest: None };
    let whole = read_file(file, limits);
    assert_eq!(read_file(Pieces { rest: file, length: usize::from(*chunk).max(1) }, limits), whole, "the same bytes in pieces");
    if !file.is_empty() && !file.starts_with(&[0x1f, 0x8b]) {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(file).expect("memory takes everything");
        assert_eq!(read_file(&*encoder.finish().expect("memory takes everything"), limits), whole, "the same bytes compressed");
    }
    let Some((summary, charges)) = whole else { return };
    assert_eq!(summary.accepted, charges.len() as u64, "every accepted charge was handed on");
    assert_eq!(summary.problems.len() as u64, summary.rejected.min(MAX_PROBLEMS as u64), "a problem for every refused row");
    let mut lines: Vec<u64> = charges.iter().map(|charge| charge.line).chain(summary.problems.iter().map(|problem| problem.line)).collect();
    lines.sort_unstable();
    // CSV ends a row at a bare carriage return too, which ends no line.
    let bare_return = file.windows(2).any(|pair| pair[0] == b'\r' && pair[1] != b'\n');
    if !bare_return && !file.starts_with(&[0x1f, 0x8b]) {
        assert!(lines.windows(2).all(|pair| pair[0] < pair[1]), "two rows begin on one line: {lines:?}");
        assert!(lines.first().is_none_or(|first| *first > 1), "a row begins on the header's line");
    }
}

/// What a file holds; none where it is refused. Of several reasons, how the bytes arrive decides which one is found first.
fn read_file(origin: impl Read, limits: ReadLimits) -> Option<(Summary, Vec<PlacedCharge>)> {
    struct Kept(Vec<PlacedCharge>);
    impl ChargeSink for Kept {
        fn take(&mut self, charge: PlacedCharge) -> Result<(), Stopped> {
            self.0.push(charge);
            Ok(())
        }

        fn progress(&mut self, _: Progress) {}
    }
    let mut kept = Kept(Vec::new());
    let summary = reader::read(origin, limits, &mut kept).ok()?;
    // Compressed bytes are another body with the same text.
    Some((Summary { body_digests: Vec::new(), ..summary }, kept.0))
}

/// A reader that brings a few bytes at a time, as a network does.
struct Pieces<'file> {
    rest: &'file [u8],
    length: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.length.min(buffer.len());
        self.rest.read(&mut buffer[..length])
    }
}

/// One cell's text as every kind of column. What was read and written again must be read as the same.
pub fn cells(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for column in COLUMNS {
        match read_value(column, &text) {
            Ok(Value::Amount(amount)) => {
                let again: Amount = amount.to_string().parse().expect("a written amount is one");
                assert_eq!((&again, again.to_string()), (&amount, amount.to_string()));
            }
            Ok(Value::Moment(moment)) => assert_eq!(moment::parse(&moment::format(moment)), Some(moment)),
            Ok(Value::Text(kept)) => assert_eq!(kept, text.trim()),
            Ok(Value::Absent) => assert!(text.trim().is_empty(), "a cell with a text has a value"),
            Err(reason) => assert!(!reason.is_empty()),
        }
    }
    if let Some(read) = tags::read(&text) {
        let written = serde_json::to_string(&read).expect("tags are texts");
        assert_eq!(tags::read(&written), Some(read));
    }
}

/// A posted charge's JSON.
pub fn charges(data: &[u8]) {
    let Ok(document) = serde_json::from_slice(data) else { return };
    if let Err(refusal) = charge_document::read(document) {
        assert!(!refusal.reason.is_empty());
    }
}

/// The first nine bytes are a minute and an arm, whose ticket is then damaged: each three further bytes are a place and a character. What
/// still verifies must say what was issued. All bytes are a ticket of their own too.
pub fn ticket(data: &[u8]) {
    let key = TicketKey::new("0123456789abcdef0123456789abcdef").expect("long enough");
    if let Ok(Ticket { minute, arm }) = key.verify(&String::from_utf8_lossy(data)) {
        panic!("bytes forged a ticket of minute {minute:?}, arm {arm}");
    }
    let Some((minute, [arm, damages @ ..])) = data.split_first_chunk::<8>() else { return };
    let issued = Ticket { minute: Minute(i64::from_be_bytes(*minute)), arm: if arm & 1 == 0 { Arm::Even } else { Arm::Odd } };
    let mut text: Vec<char> = key.issue(issued.minute, issued.arm).chars().collect();
    assert_eq!(key.verify(&String::from_iter(&text)), Ok(issued));
    for damage in damages.chunks_exact(3) {
        let place = usize::from(damage[0]) % text.len();
        text[place] = char::from(damage[1] ^ damage[2]);
    }
    let damaged = String::from_iter(&text);
    if let Ok(verified) = key.verify(&damaged) {
        assert_eq!(verified, issued, "{damaged}");
    }
    // What follows a ticket that verifies: its age, against a clock that may say anything.
    let _ = ticketed_minute(&damaged, &key, issued.arm, Minute(i64::from(damages.len() as u32)));
}

/// A query string, as every path with filters and pages reads it. Whatever is refused is the caller's fault, and said as a problem.
pub fn query(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    let read = || {
        let mut query = Query::parse(Some(&raw))?;
        let filter = query.charge_filter()?;
        let page = Page::<ChargePosition>::read(&mut query)?;
        query.finish()?;
        Ok((filter, page))
    };
    match read() {
        Ok((filter, page)) => {
            assert!(filter.from.zip(filter.to).is_none_or(|(from, to)| from < to));
            assert!((1..=cursor::MAX_ITEMS).contains(&page.limit));
        }
        Err(problem) => assert_is_the_callers(&problem),
    }
}

fn assert_is_the_callers(problem: &Problem) {
    let document = problem.document("/", "id");
    assert_eq!(document["status"], 400, "{document}");
    assert_eq!(problem.response("/", "id").status(), 400);
}

/// A cursor: the bytes as its text, and as what its text stands for. One that is taken must be the one that is given out.
pub fn cursor(data: &[u8]) {
    for text in [String::from_utf8_lossy(data).into_owned(), URL_SAFE_NO_PAD.encode(data)] {
        let raw = form_urlencoded::Serializer::new(String::new()).append_pair("cursor", &text).finish();
        let page = || Page::<ChargePosition>::read(&mut Query::parse(Some(&raw))?);
        match page() {
            Ok(page) => assert_eq!(page.after.map(|place| cursor::encode(&place)).unwrap_or_default(), text),
            Err(problem) => assert_is_the_callers(&problem),
        }
    }
}

/// A request's target on its way through the router: no text of it may move the redirect to another host, and an arm must find the ticket and
/// the query as they were.
pub fn location(data: &[u8]) {
    let Ok(target) = http::Uri::try_from(data) else { return };
    let base: BaseUrl = "https://even.example:8443/base".parse().expect("a base URL");
    let key = TicketKey::new("0123456789abcdef0123456789abcdef").expect("long enough");
    let minute = Minute(29_000_000);
    let arms = ByArm { even: base.clone(), odd: base.clone() };
    let turn = Turn::render(&Schedule::default(), &arms, Some(&key), Arc::new(DecisionTally::new(minute)));
    let Some(location) = turn.location(&base, Arm::Even, target.path(), target.query()) else { return };
    let bytes = location.as_bytes();
    assert!(bytes.starts_with(b"https://even.example:8443/base/"), "{location:?}");
    assert!(!bytes.iter().any(|byte| byte.is_ascii_control()), "{location:?}");
    // As browsers read it (WHATWG), and as HTTP libraries do (RFC 3986).
    if let Ok(text) = std::str::from_utf8(bytes) {
        let seen = reqwest::Url::parse(text).expect("browsers can follow it");
        assert_eq!((seen.scheme(), seen.host_str(), seen.port()), ("https", Some("even.example"), Some(8443)), "{text}");
        assert_eq!(seen.username(), "", "{text}");
    }
    let followed = http::Uri::try_from(bytes).expect("HTTP libraries can follow it");
    assert_eq!(followed.authority().map(http::uri::Authority::as_str), Some("even.example:8443"));
    let (without, ticket) = take_ticket(followed.path_and_query().expect("it has a path")).expect("the ticket is in the query");
    assert_eq!(ticketed_minute(&ticket, &key, Arm::Even, minute), Some(minute), "{location:?}");
    let own = target.query().filter(|query| !query.contains(PARAMETER));
    if let Some(query) = own {
        assert_eq!(without.query(), Some(query), "the caller's query stays as it was");
    }
}

/// What arrives on a connection. A head that the lane takes must be one that everybody reads alike, however much of it has arrived, and its
/// answer must be one answer that sends it to an arm.
pub fn lane(data: &[u8]) {
    let Head::Plain(request) = lane::read(data) else { return };
    let (head, behind) = data.split_at(request.length);
    for end in [head.len() / 2, head.len() - 1] {
        assert!(!matches!(lane::read(&head[..end]), Head::Plain(_)), "a head is whole before its end");
    }
    assert!(matches!(lane::read(head), Head::Plain(alone) if alone == request), "what follows changes a head: {}", behind.escape_ascii());
    let target = http::Uri::try_from(request.target).expect("a target for everybody");
    assert_eq!((target.authority(), target.path()), (None, request.path()));
    assert_eq!(target.path_and_query().map(|target| target.as_str()), Some(request.target));
    let base: BaseUrl = "https://even.example:8443/base".parse().expect("a base URL");
    let key = TicketKey::new("0123456789abcdef0123456789abcdef").expect("long enough");
    let arms = ByArm { even: base.clone(), odd: base.clone() };
    let turn = Turn::render(&Schedule::default(), &arms, Some(&key), Arc::new(DecisionTally::new(Minute(29_000_000))));
    let parts = turn.redirect(Arm::Even);
    let redirect = Redirect { parts, reason: Reason::Schedule, request_id: "id", allowed_origin: request.origin, date: b"now" };
    let mut answer = Vec::new();
    redirect.write(&request, &mut answer);
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut headers);
    assert_eq!(parsed.parse(&answer), Ok(httparse::Status::Complete(answer.len())), "one answer: {}", answer.escape_ascii());
    assert_eq!(parsed.code, Some(307));
    let location = turn.location(&base, Arm::Even, target.path(), target.query()).expect("a location");
    let own = parsed.headers.iter().find(|header| header.name == "location").map(|header| header.value);
    assert_eq!(own, Some(location.as_bytes()), "as hyper's way has it");
}

/// What the database keeps of a window. What was read and written again must be read as the same, and add up without overflow.
pub fn slices(data: &[u8]) {
    let Ok(slices) = Slices::decode(data) else { return };
    assert_eq!(Slices::decode(&slices.encode()).as_ref(), Ok(&slices));
    let (mut calls, mut sums) = (0_u64, 0_u64);
    window::visit_slices(data, |_, count, _, _| calls += count, |_, _, count| sums += u64::from(count)).expect("it was decoded");
    assert_eq!(calls, sums, "every call has a latency");
    let mut merged = WindowCounts { slices: slices.clone(), ..WindowCounts::default() };
    merged.merge(&WindowCounts { slices, ..WindowCounts::default() });
    // A bucket holds four billion calls, more than a window can have; past that it is full.
    assert!(merged.histogram().total() <= 2 * calls);
    assert!(merged.latency_sum_us() >= merged.slices.0[0].latency_sum_us);
}

/// What the Functions host posts for a timer.
pub fn timer(data: &[u8]) {
    if let Err(reason) = TimerInvocation::parse(data, "watch") {
        assert!(!reason.is_empty());
    }
}
