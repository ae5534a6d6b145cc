//! A thousand connections that send and read slower than anybody would: other callers don't notice, and none stays for good.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};
use tokio::net::TcpSocket;

use crate::harness::database::migrated;
use crate::harness::role::{Role, Server};
use crate::harness::wait_until;
use crate::harness::wire::Wire;

/// Peers that send slowly, and peers that never read.
const SENDERS: usize = 970;
const DEAF: usize = 30;
const CALLS: usize = 400;
/// Answers asked for and never read: together more than the sockets' buffers hold.
const UNREAD: usize = 200;
const HEAD: &[u8] = b"GET /api/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn connect(arm: &Server) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, arm.port)).unwrap()
}

/// A connection whose own system takes next to nothing before it is read.
pub fn connect_deaf(arm: &Server) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connection = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        socket.connect((Ipv4Addr::LOCALHOST, arm.port).into()).await?.into_std()
    };
    runtime.block_on(connection).unwrap()
}

/// Latencies of calls on connections of their own, in ascending order.
fn latencies(arm: &Server) -> Vec<Duration> {
    let clock = SystemClock::new();
    let call = |_| {
        let begin = clock.uptime();
        assert_eq!(Wire::to(arm).ask("GET", "/api/instance", &[]).status, 200);
        clock.uptime() - begin
    };
    let mut latencies: Vec<Duration> = (0..CALLS).map(call).collect();
    latencies.sort_unstable();
    latencies
}

/// Peers whose heads come a byte a second each, and peers that ask for much and read nothing.
struct Peers {
    senders: Vec<TcpStream>,
    deaf: Vec<TcpStream>,
}

impl Peers {
    fn connect(arm: &Server) -> Peers {
        let senders = (0..SENDERS).map(|_| connect(arm)).collect();
        let deaf = (0..DEAF).map(|_| {
            let stream = connect_deaf(arm);
            // It takes what it has room for.
            let _ = (&stream).write(&HEAD.repeat(UNREAD));
            stream
        });
        Peers { senders, deaf: deaf.collect() }
    }

    /// Sends the next byte of each head, spread over a good half second.
    fn send_on(&self, byte: usize) {
        for some in self.senders.chunks(SENDERS / 100) {
            for mut sender in some {
                // Closed, once its time is up.
                let _ = sender.write(&HEAD[byte % (HEAD.len() - 1)..][..1]);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn open(&self) -> usize {
        self.senders.iter().chain(&self.deaf).filter(|stream| !is_closed(stream)).count()
    }
}

/// Whether the other side is gone; what it has sent is read as far as it is there.
fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut buffer = [0; 65_536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Whether the arm has used next to no processor time for a while.
fn is_at_rest(arm: &Server) -> bool {
    let used = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", arm.process.id().as_raw_nonzero())).unwrap();
        // Clock ticks in user and kernel mode: fields 14 and 15, counted from behind the name.
        let after_name = stat.rsplit(')').next().unwrap().split_whitespace();
        after_name.skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>()
    };
    let before = used();
    thread::sleep(Duration::from_millis(500));
    used() - before <= 5
}

#[test]
fn a_thousand_slow_peers_change_nothing_for_other_callers() {
    let arm = Role::arm("even", &migrated()).start();
    let before = latencies(&arm);
    let peers = Peers::connect(&arm);
    // What the deaf ask for is made until nobody takes it any more.
    wait_until("the deaf peers' buffers to be full", || is_at_rest(&arm));
    let stop = AtomicBool::new(false);
    let during = thread::scope(|scope| {
        scope.spawn(|| {
            for byte in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                peers.send_on(byte);
            }
        });
        let during = latencies(&arm);
        stop.store(true, Ordering::Relaxed);
        during
    });
    let (median, p99) = (CALLS / 2, CALLS * 99 / 100);
    println!("median {:?} before, {:?} during; p99 {:?} before, {:?} during", before[median], during[median], before[p99], during[p99]);
    assert!(during[median] <= 3 * before[median] + Duration::from_millis(5));
    assert!(during[p99] <= 3 * before[p99] + Duration::from_millis(100));
}

/// 90 s for a head, 30 s for an answer that nobody reads.
#[test]
#[ignore = "a minute and a half: make faults"]
fn slow_peers_are_gone_when_their_time_is_up() {
    let arm = Role::arm("even", &migrated()).start();
    let (clock, peers) = (SystemClock::new(), Peers::connect(&arm));
    for byte in 0.. {
        peers.send_on(byte);
        thread::sleep(Duration::from_secs(1));
        if clock.uptime() > Duration::from_secs(92) {
            break;
        }
    }
    wait_until("every slow peer to be gone", || peers.open() == 0);
    println!("{SENDERS} + {DEAF} peers were gone after {:?}", clock.uptime());
    assert_eq!(Wire::to(&arm).ask("GET", "/api/instance", &[]).status, 200);
}
