//! The lane beside hyper: two routers get the same bytes, one answers plain redirects by the lane, the other everything by hyper. What comes
//! back, whether the connection goes on, and what is counted must be the same.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use switchback::domain::statistics::random::Random;

use crate::harness::role::{Role, Server};
use crate::harness::wire::{Wire, request};
use crate::harness::{DEADLINE, wait_until};
use crate::mutation::Mutator;

/// Most of a minute is left for a comparison.
const CLOCK: &str = "2026-11-23T10:04:01Z";
const MINUTE: &str = "2026-11-23T10:04Z";
/// Long enough for a piece to arrive by itself, most often.
const BETWEEN_PIECES: Duration = Duration::from_micros(500);
/// Nothing more comes after this long without a byte, so that the peer may say that it sends no more.
const QUIET: Duration = Duration::from_millis(80);
/// Tells whether a connection still takes requests, and ends it where it does.
const LAST: &str = "GET /last HTTP/1.1\r\nhost: h\r\nx-request-id: last\r\nconnection: close\r\n\r\n";

/// A router that takes the lane and one that does not, for it writes an access log.
struct Pair {
    lane: Server,
    hyper: Server,
}

impl Pair {
    fn start(role: &Role) -> Pair {
        let role = role.clone().clock(CLOCK);
        let pair = Pair { lane: role.start(), hyper: role.with("SWITCHBACK_ACCESS_LOG", "combined").start() };
        // Nobody answers under these names: until that is found out, what a router says of its arms depends on when it is asked. Both are
        // asked as often, for they count it.
        wait_until("the arms to be found unwell", || {
            let health = [&pair.lane, &pair.hyper].map(|router| Wire::to(router).ask("GET", "/_switchback/health", &[]).body);
            health.iter().all(|body| String::from_utf8_lossy(body).matches("unwell").count() == 2)
        });
        pair
    }

    /// What each router answers to `pieces` on a connection of their own, where the two differ.
    fn difference(&self, pieces: &[&[u8]]) -> Option<String> {
        let [lane, hyper] = std::thread::scope(|scope| {
            let exchanges = [&self.lane, &self.hyper].map(|router| scope.spawn(|| comparable(&exchange(router, pieces))));
            exchanges.map(|exchange| exchange.join().unwrap())
        });
        let sent = pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect::<Vec<_>>().join(" | ");
        (lane != hyper).then(|| format!("{sent}\nlane:  {lane}\nhyper: {hyper}"))
    }

    /// What operators see of both.
    fn counts(&self) -> [Vec<String>; 2] {
        [&self.lane, &self.hyper].map(|router| {
            let metrics = Wire::to(router).ask("GET", "/_switchback/metrics", &[]);
            let counted = ["calls_total", "probes_total", "decisions_total", "heads_refused", "connections_", "duration_seconds_count"];
            let text = String::from_utf8(metrics.body).unwrap();
            text.lines().filter(|line| counted.iter().any(|name| line.contains(name))).map(str::to_owned).collect()
        })
    }

    fn is_in_the_first_minute(&self) -> bool {
        [&self.lane, &self.hyper]
            .into_iter()
            .all(|router| Wire::to(router).ask("GET", "/", &[]).header("switchback-minute") == Some(MINUTE))
    }
}

/// Sends `pieces` one by one and reads until the other side has closed; one that waits for more is told that no more comes. Not before: hyper
/// drops what it has not begun to answer when the peer half-closes.
fn exchange(router: &Server, pieces: &[&[u8]]) -> Vec<u8> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, router.port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(QUIET)).unwrap();
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            sleep(BETWEEN_PIECES);
        }
        // A connection that was closed takes no more; what it said before counts.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let (mut answer, mut part) = (Vec::new(), [0; 16_384]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return answer,
            Ok(length) => answer.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return answer,
            Err(error) if error.kind() == ErrorKind::WouldBlock && stream.read_timeout().unwrap() == Some(QUIET) => {
                let _ = stream.shutdown(Shutdown::Write);
                stream.set_read_timeout(Some(DEADLINE)).unwrap();
            }
            Err(error) => panic!("{error} after {}", answer.escape_ascii()),
        }
    }
}

/// An answer without what no two of them share: dates and the router's own ids.
fn comparable(answer: &[u8]) -> String {
    let mut text = answer.escape_ascii().to_string();
    let mut from = 0;
    while let Some(at) = text[from..].find("date: ").map(|at| from + at + "date: ".len()) {
        let end = text[at..].find("\\r").map_or(text.len(), |length| at + length);
        assert!(end - at == 29 || end == text.len(), "a date: {}", &text[at..end]);
        text.replace_range(at..end, "-");
        from = at;
    }
    let is_id = |part: &str| {
        part.len() == 36
            && part.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                14 => byte == b'7',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let mut at = 0;
    while at + 36 <= text.len() {
        if text.get(at..at + 36).is_some_and(is_id) {
            text.replace_range(at..at + 36, "id");
        }
        at += 1;
    }
    text
}

/// Compares `scripts` on both routers, and what they counted afterwards. A comparison that outlasts the minute is begun again.
fn compare(role: &Role, scripts: &[Vec<Vec<u8>>]) {
    for _ in 0..3 {
        let pair = Pair::start(role);
        let difference = |script: &Vec<Vec<u8>>| pair.difference(&script.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let differences: Vec<String> = scripts.iter().filter_map(difference).collect();
        // A router learns a moment later than its peer that a connection is over; the one that asks stays open.
        wait_until("every other connection to be over", || {
            pair.counts().iter().all(|lines| lines.iter().any(|line| line == "switchback_connections_open 1"))
        });
        let [lane, hyper] = pair.counts();
        if pair.is_in_the_first_minute() {
            assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), scripts.len(), differences.join("\n"));
            assert!(lane.len() >= 12, "{lane:?}");
            assert_eq!(lane, hyper);
            return;
        }
    }
    panic!("the comparison does not fit into a minute");
}

/// A router whose arms need not exist, with everything that a redirect may say.
fn router() -> Role {
    let role = Role::router("https://even.example", "https://odd.example:8443/base").with("SWITCHBACK_FAILOVER", "off");
    role.with("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef").with("SWITCHBACK_CORS_ORIGINS", "https://app.example")
}

/// Requests of every kind: plain, the router's own, with bodies, refused.
fn requests() -> Vec<String> {
    let mut requests = Vec::new();
    for (method, target) in [
        ("GET", "/a?x=1"),
        ("HEAD", "/a?"),
        ("GET", "/"),
        ("GET", "//evil.example/%0d%0a"),
        ("GET", "/api/windows"),
        ("GET", "/_switchback/health"),
        ("HEAD", "/_switchback/nothing"),
        ("DELETE", "/a"),
        ("OPTIONS", "*"),
        ("GET", "http://evil.example/x"),
        ("GET", "/a#b"),
        ("GET", "/a|b{c}"),
        ("BREW", "/pot"),
    ] {
        requests.push(request(method, target, &[]));
    }
    for header in [
        ("origin", "https://app.example"),
        ("Origin", "https://evil.example"),
        ("x-request-id", "mine.1"),
        ("x-request-id", "not plain"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("connection", "keep-alive"),
        ("Connection", "Keep-Alive, foo"),
        ("host", ""),
        ("expect", "100-continue"),
        ("upgrade", "h2c"),
        ("content-length", "0"),
        ("transfer-encoding", "identity"),
        ("cookie", "a=\u{e9}; b=\"c\""),
        ("x-azure-functions-invocationid", "1"),
    ] {
        requests.push(request("GET", "/h", &[header]));
        requests.push(request("HEAD", "/h", &[header, ("x-request-id", "second")]));
    }
    requests.push(format!("{}hello", request("POST", "/body", &[("content-length", "5")])));
    requests.push(format!("{}5\r\nhello\r\n0\r\n\r\n", request("POST", "/chunks", &[("transfer-encoding", "chunked")])));
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "POST")];
    requests.push(request("OPTIONS", "/api/imports", &preflight));
    requests.push(request("GET", &format!("/{}", "p".repeat(9_000)), &[]));
    requests.push("GET /none HTTP/1.1\r\n\r\n".to_owned());
    requests.push("\r\n\nGET /lines HTTP/1.1\nHost: h\n\n".to_owned());
    requests
}

#[test]
fn every_kind_of_request_is_answered_alike_alone_and_pipelined() {
    let requests = requests();
    let mut scripts: Vec<Vec<Vec<u8>>> = requests.iter().map(|one| vec![format!("{one}{LAST}").into_bytes()]).collect();
    let mut random = Random::new(15);
    for _ in 0..60 {
        let several: String = (0..2 + random.below(6)).map(|_| requests[random.below(requests.len())].as_str()).collect();
        let script = (several + LAST).into_bytes();
        // Split anywhere, or not at all.
        let (head, rest) = script.split_at(random.below(script.len()));
        scripts.push(vec![head.to_vec(), rest.to_vec()]);
    }
    compare(&router(), &scripts);
    let open = Role::router("https://even.example", "https://odd.example").with("SWITCHBACK_FAILOVER", "off");
    compare(&open.with("SWITCHBACK_CORS_ORIGINS", "*"), &scripts[..40]);
}

#[test]
fn requests_split_at_any_byte_are_answered_alike() {
    let script = [
        request("GET", "/first?x", &[("origin", "https://app.example")]),
        request("HEAD", "/second", &[]),
        format!("{}xyz", request("POST", "/third", &[("content-length", "3")])),
        LAST.to_owned(),
    ];
    let script = script.concat().into_bytes();
    let splits: Vec<Vec<Vec<u8>>> = (1..script.len()).map(|at| vec![script[..at].to_vec(), script[at..].to_vec()]).collect();
    compare(&router(), &splits);
}

#[test]
fn damaged_requests_are_answered_alike() {
    let whole: Vec<Vec<u8>> = requests().into_iter().map(|one| (one + LAST).into_bytes()).filter(|one| one.len() < 1_000).collect();
    let mut mutator = Mutator::new(15, &whole);
    let damaged: Vec<Vec<Vec<u8>>> = (0..300).map(|_| vec![mutator.next_input()]).collect();
    compare(&router(), &damaged);
}

#[test]
fn many_pipelined_requests_are_answered_in_order_and_others_are_not_kept_waiting() {
    let router = router().clock(CLOCK).start();
    let mut flood = TcpStream::connect((Ipv4Addr::LOCALHOST, router.port)).unwrap();
    let mut reader = flood.try_clone().unwrap();
    let requests: String = (0..5_000).map(|number| request("GET", &format!("/{number}"), &[])).collect();
    let sender = std::thread::spawn(move || flood.write_all(requests.as_bytes()).map(|()| flood));
    for _ in 0..20 {
        assert_eq!(Wire::to(&router).ask("GET", "/other", &[]).status, 307);
    }
    let mut answers = String::new();
    let mut part = [0; 65_536];
    while answers.matches("\r\n\r\n").count() < 5_000 {
        let length = reader.read(&mut part).unwrap();
        assert!(length > 0, "closed after {} answers", answers.matches("\r\n\r\n").count());
        answers.push_str(str::from_utf8(&part[..length]).unwrap());
    }
    sender.join().unwrap().unwrap();
    let order = answers.lines().filter_map(|line| line.strip_prefix("location: https://even.example/"));
    let numbers: Vec<usize> = order.map(|rest| rest.split('?').next().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (0..5_000).collect::<Vec<_>>());
}

#[test]
fn a_drain_closes_idle_connections_at_once_and_answers_what_was_begun() {
    let mut router = router().clock(CLOCK).start();
    let (mut idle, mut begun, mut silent) = (Wire::to(&router), Wire::to(&router), Wire::to(&router));
    assert_eq!(idle.ask("GET", "/a", &[]).status, 307);
    let whole = request("GET", "/begun", &[]);
    let (head, rest) = whole.split_at(20);
    begun.send(head);
    // What is sent before another call is answered has arrived by then.
    assert_eq!(Wire::to(&router).ask("GET", "/a", &[]).status, 307);
    router.process.signal(Signal::TERM);
    assert!(idle.is_closed() && silent.is_closed());
    begun.send(rest);
    let reply = begun.reply();
    assert_eq!((reply.status, reply.header("connection")), (307, Some("close")));
    assert!(begun.is_closed());
    assert!(router.process.wait().success());
}
