//! Too many calls, too many connections, peers that stall: who is turned away, and that health and everyone else go on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::harness::client::{caller, get_json};
use crate::harness::database::migrated;
use crate::harness::role::{Role, Server};
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_until;
use crate::harness::wire::Wire;
use crate::slow::connect_deaf;

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn metric(server: &Server, path: &str, name: &str) -> f64 {
    let text = caller().get(format!("{}{path}", server.url())).send().unwrap().text().unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no {name} in\n{text}"));
    line.split(' ').next_back().unwrap().parse().unwrap()
}

/// Whether the peer has closed the connection, within `patience`.
fn is_closed(stream: &TcpStream, patience: Duration) -> bool {
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut stream = stream;
    matches!(stream.read(&mut [0; 4096]), Ok(0))
        || matches!(stream.read(&mut [0; 4096]), Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}

#[test]
fn health_answers_while_every_place_is_taken_and_callers_are_told_when_to_come_back() {
    let mut locked = tokio_postgres_lock();
    let arm = Role::arm("even", &locked.database).with("SWITCHBACK_MAX_CALLS", "4").clock(EVEN_MINUTE).start();
    locked.lock();
    let url = format!("{}/api/charges?limit=1", arm.url());
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            thread::spawn(move || drop(caller().get(&url).send()))
        })
        .collect();
    wait_until("every place to be taken", || Wire::to(&arm).ask("GET", "/api/instance", &[]).status == 503);
    let refused = Wire::to(&arm).ask("GET", "/api/instance", &[]);
    assert_eq!(refused.json()["type"], "/api/docs/problems#overloaded");
    assert!(refused.header("retry-after").is_some());
    for path in ["/api/health/live", "/api/health/ready"] {
        assert_eq!(Wire::to(&arm).ask("GET", path, &[]).status, 200, "{path}");
    }
    locked.unlock();
    askers.into_iter().for_each(|asker| asker.join().unwrap());
    wait_until("places to be free again", || Wire::to(&arm).ask("GET", "/api/instance", &[]).status == 200);
}

#[test]
fn liveness_needs_no_key_whatever_else_is_closed() {
    let keys = "ci:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let closed = Role::arm("even", &migrated()).with("SWITCHBACK_API_KEYS", keys).with("SWITCHBACK_OPEN", "none").start();
    assert_eq!(Wire::to(&closed).ask("GET", "/api/health/live", &[]).status, 200);
    assert_eq!(Wire::to(&closed).ask("GET", "/api/health/ready", &[]).status, 401);
}

#[test]
fn a_term_loses_no_call_that_comes_through_the_one_url() {
    let mut system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm.clock(EVEN_MINUTE));
    let url = system.url("/api/instance");
    assert_eq!(get_json(&url)["arm"], "even");
    let (stop, sent, failed) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    sent.fetch_add(1, Ordering::Relaxed);
                    if !caller().get(&url).send().is_ok_and(|answer| answer.status().is_success()) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        system.even.process.signal(Signal::TERM);
        let ended = system.even.process.wait();
        thread::sleep(Duration::from_millis(500));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(ended.code(), Some(0));
    });
    assert_eq!(failed.load(Ordering::Relaxed), 0, "of {} calls", sent.load(Ordering::Relaxed));
    let log = system.even.process.output();
    assert!(log.contains("liveness says so") && log.contains("closing the port"), "{log}");
    assert_eq!(get_json(&url)["arm"], "odd");
}

#[test]
fn idle_connections_make_room_for_new_ones() {
    let arm = Role::arm("even", &migrated()).descriptors(164).start();
    let mut idle: Vec<TcpStream> = (0..60).map(|_| connect(&arm)).collect();
    // Half of them are late with a head rather than silent.
    for stream in idle.iter_mut().step_by(2) {
        stream.write_all(b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\n").unwrap();
    }
    for call in 0..200 {
        idle.push(connect(&arm));
        assert_eq!(Wire::to(&arm).ask("GET", "/api/health/live", &[]).status, 200, "call {call} finds a place");
    }
    assert!(is_closed(&idle[0], Duration::from_secs(5)), "the oldest went first");
    assert!(metric(&arm, "/api/metrics", "switchback_connections_closed_idle_total") >= 60.0);
    assert!(metric(&arm, "/api/metrics", "switchback_connections_open") <= 100.0);
    assert!(!arm.process.output().contains("could not be accepted"), "{}", arm.process.output());
}

#[test]
fn a_connection_whose_answers_are_still_being_read_makes_no_room() {
    let arm = Role::arm("even", &migrated()).descriptors(164).start();
    let mut slow = connect_deaf(&arm);
    slow.set_nonblocking(false).unwrap();
    // Together more than the sockets' buffers hold.
    let heads = "GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(99)
        + "GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    slow.write_all(heads.as_bytes()).unwrap();
    let idle: Vec<TcpStream> = (0..200)
        .map(|_| {
            assert_eq!(Wire::to(&arm).ask("GET", "/api/health/live", &[]).status, 200);
            connect(&arm)
        })
        .collect();
    assert!(is_closed(&idle[0], Duration::from_secs(5)), "room was made");
    let mut answers = Vec::new();
    slow.read_to_end(&mut answers).unwrap();
    assert_eq!(String::from_utf8(answers).unwrap().matches("HTTP/1.1 200 OK").count(), 100);
}

#[test]
fn one_address_has_no_more_connections_than_it_may() {
    let arm = Role::arm("even", &migrated()).with("SWITCHBACK_MAX_CONNECTIONS_PER_ADDRESS", "10").start();
    let is_served = |mut stream: &TcpStream| {
        stream.write_all(b"GET /api/health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").is_ok()
            && stream.read(&mut [0; 4096]).is_ok_and(|read| read > 12)
    };
    let mut held = Vec::new();
    wait_until("one too many to be turned away", || {
        let stream = connect(&arm);
        let served = is_served(&stream);
        if served {
            held.push(stream);
        }
        !served
    });
    // The wait for the arm to be ready may still have had one of its own.
    assert!((9..=10).contains(&held.len()), "{} were served", held.len());
    drop(held);
    wait_until("a place to be free", || is_served(&connect(&arm)));
}

#[test]
fn heads_that_are_too_long_get_431_however_they_arrive_and_are_counted() {
    let arm = Role::arm("even", &migrated()).start();
    let head = |bytes: usize| format!("GET /api/health/live HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "a".repeat(bytes));
    let status = |mut stream: TcpStream, chunks: &[&[u8]]| {
        for chunk in chunks {
            // The answer may come before all of it is sent.
            let _ = stream.write_all(chunk);
            thread::sleep(Duration::from_millis(20));
        }
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).map(|()| String::from_utf8_lossy(&answer).into_owned())
    };
    for bytes in [65_600, 70_000, 120_000] {
        let head = head(bytes);
        assert_eq!(status(connect(&arm), &[head.as_bytes()]).unwrap(), "HTTP/1.1 431", "{bytes} at once");
        let (one, other) = head.as_bytes().split_at(30_000);
        assert_eq!(status(connect(&arm), &[one, other]).unwrap(), "HTTP/1.1 431", "{bytes} in two parts");
        let parts: Vec<&[u8]> = head.as_bytes().chunks(8_000).collect();
        assert_eq!(status(connect(&arm), &parts).unwrap(), "HTTP/1.1 431", "{bytes} in many parts");
    }
    assert_eq!(status(connect(&arm), &[head(30_000).as_bytes()]).unwrap(), "HTTP/1.1 200");
    assert_eq!(status(connect(&arm), &[b"NOT A REQUEST\r\n\r\n"]).unwrap(), "HTTP/1.1 400");
    assert!(metric(&arm, "/api/metrics", "switchback_heads_refused_total") >= 1.0);
    assert!(arm.process.output().contains("a request's head was refused"), "{}", arm.process.output());
}

/// A database whose charges somebody else locks and unlocks.
struct Locked {
    database: String,
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

fn tokio_postgres_lock() -> Locked {
    let database = migrated();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    });
    Locked { database, runtime, client }
}

impl Locked {
    fn lock(&mut self) {
        self.runtime.block_on(self.client.batch_execute("BEGIN; LOCK TABLE charges")).unwrap();
    }

    fn unlock(&mut self) {
        self.runtime.block_on(self.client.batch_execute("ROLLBACK")).unwrap();
    }
}
