//! The parts of benches: contenders as processes, a load of redirected calls, CPU per call as the operating system accounts for it.
//!
//! A contender is whatever answers on a port, so that other programs can stand beside this one. Rounds go through all contenders, each
//! starting with another one, and ratios are taken within a round: whatever else the machine does meanwhile falls on all of them. The same
//! command twice, as two contenders, shows how far apart two of a kind come out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Rounds each contender gets; the median counts.
const ROUNDS: usize = 15;
/// Calls in one round.
const CALLS: usize = 20_000;
/// Connections that call at once, each waiting for its answer.
const CONNECTIONS: usize = 4;
/// Calls before anything is measured.
const WARM_UP: usize = 4_000;

/// A running process under test.
pub struct Contender {
    name: &'static str,
    process: Child,
    address: SocketAddr,
    cpu_us_per_call: Vec<f64>,
}

impl Contender {
    /// Starts `command`, which is told of its port through `PORT`, and waits until it takes connections.
    pub fn start(name: &'static str, mut command: Command) -> Contender {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
        let process = command.env("PORT", port.to_string()).stdout(Stdio::null()).spawn().expect("the contender starts");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let contender = Contender { name, process, address, cpu_us_per_call: Vec::new() };
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                return contender;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{name} does not take connections");
    }

    /// CPU time of all of its threads so far, ns.
    fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux's books of a process");
        let spent = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        spent.filter_map(|books| books.split(' ').next()?.parse::<u64>().ok()).sum()
    }

    fn round(&mut self) {
        let before = self.cpu_ns();
        self.load(CALLS);
        // Work done after the answers belongs to them too.
        thread::sleep(Duration::from_millis(2_500));
        self.cpu_us_per_call.push((self.cpu_ns() - before) as f64 / 1_000.0 / CALLS as f64);
    }

    fn load(&self, calls: usize) {
        thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| call(self.address, calls / CONNECTIONS));
            }
        });
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Calls over one connection; every answer must be a redirect.
fn call(address: SocketAddr, calls: usize) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let request = format!("GET /api/costs?group_by=provider HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n\r\n");
    let mut buffer = [0; 4_096];
    for _ in 0..calls {
        stream.write_all(request.as_bytes()).expect("a request");
        let mut length = 0;
        while !buffer[..length].ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut buffer[length..]).expect("an answer");
            assert!(read > 0, "the connection was closed");
            length += read;
        }
        assert!(buffer.starts_with(b"HTTP/1.1 30"), "{}", String::from_utf8_lossy(&buffer[..length]));
    }
}

/// Measures the contenders side by side and prints CPU per call and the ratio to the first, each with the middle half of its rounds.
pub fn side_by_side(title: &str, mut contenders: Vec<Contender>) {
    for contender in &contenders {
        contender.load(WARM_UP);
    }
    for round in 0..ROUNDS {
        for turn in 0..contenders.len() {
            let next = (round + turn) % contenders.len();
            contenders[next].round();
        }
    }
    println!("\n{title}: medians and middle halves of {ROUNDS} rounds of {CALLS} calls, {CONNECTIONS} connections");
    let base = &contenders[0].cpu_us_per_call;
    for Contender { name, cpu_us_per_call, .. } in &contenders {
        let [low, median, high] = quartiles(cpu_us_per_call.clone());
        let [least, ratio, most] = quartiles(cpu_us_per_call.iter().zip(base).map(|(own, base)| own / base).collect());
        println!("{name:<34} {median:7.2} µs CPU a call ({low:.2} to {high:.2})  ratio {ratio:.3} ({least:.3} to {most:.3})");
    }
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
