//! The parts of benches: contenders as processes, a load of redirected calls, CPU per call as the operating system accounts for it.
//!
//! A contender is whatever answers on a port, so that other programs can stand beside this one. Rounds go through all contenders, each
//! starting with another one, and ratios are taken within a round: whatever else the machine does meanwhile falls on all of them. The same
//! command twice, as two contenders, shows how far apart two of a kind come out.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// How contenders are called.
#[derive(Clone, Copy)]
pub struct Load {
    /// Rounds each contender gets; the median counts.
    pub rounds: usize,
    /// Calls in one round.
    pub calls: usize,
    /// Connections that call at once, each waiting for its answer.
    pub connections: usize,
    /// Work done this long after the answers belongs to them too.
    pub settling: Duration,
}

/// Threads that call; each writes on all of its connections before it reads.
const CALLERS: usize = 4;
/// Calls before anything is measured.
const WARM_UP: usize = 4_000;

/// A running process under test.
pub struct Contender {
    name: &'static str,
    process: Child,
    address: SocketAddr,
    /// What callers ask for, and how the answer begins.
    path: &'static str,
    answer: &'static str,
    /// Headers that callers send beside `Host`.
    headers: &'static str,
    cpu_us_per_call: Vec<f64>,
}

/// The program under test: `SWITCHBACK_BINARY`, such as the one that is shipped, else what cargo built for the bench.
pub fn program() -> String {
    switchback::config::process_setting("SWITCHBACK_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_switchback").to_owned())
}

/// A command that may run on the first core alone.
pub fn on_one_core(program: &str) -> Command {
    let mut command = Command::new("/usr/bin/taskset");
    command.args(["--cpu-list", "0", program]);
    command
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Contender {
    /// Starts `command`, which is told of its port through `PORT`, and waits until it takes connections.
    pub fn start(name: &'static str, mut command: Command) -> Contender {
        let port = free_port();
        command.env("PORT", port.to_string());
        Contender::start_on(port, name, command)
    }

    /// Starts `command`, which listens on `port`, and waits until it takes connections.
    pub fn start_on(port: u16, name: &'static str, mut command: Command) -> Contender {
        let process = command.stdout(Stdio::null()).spawn().expect("the contender starts");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let contender = Contender {
            name,
            process,
            address,
            path: "/api/costs?group_by=provider",
            answer: "HTTP/1.1 307",
            headers: "",
            cpu_us_per_call: Vec::new(),
        };
        for _ in 0..400 {
            if TcpStream::connect(address).is_ok() {
                return contender;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{name} does not take connections");
    }

    /// The contender called with more headers, each ended by a line break.
    pub fn with_headers(mut self, headers: &'static str) -> Contender {
        self.headers = headers;
        self
    }

    /// The contender asked for `path`, which it answers with 200.
    pub fn asked_for(mut self, path: &'static str) -> Contender {
        (self.path, self.answer) = (path, "HTTP/1.1 200");
        self
    }

    /// Makes calls over one connection.
    pub fn call(&self, calls: usize) {
        self.load(Load { rounds: 1, calls, connections: 1, settling: Duration::ZERO });
    }

    /// Asks the process to stop, and waits until it has.
    pub fn stop(mut self) {
        let id = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it runs");
        let _ = self.process.wait();
    }

    /// CPU time of all of its threads so far, ns.
    fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux's books of a process");
        let spent = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok());
        spent.filter_map(|books| books.split(' ').next()?.parse::<u64>().ok()).sum()
    }

    fn round(&mut self, load: Load) {
        let before = self.cpu_ns();
        self.load(load);
        thread::sleep(load.settling);
        self.cpu_us_per_call.push((self.cpu_ns() - before) as f64 / 1_000.0 / load.calls as f64);
    }

    fn load(&self, load: Load) {
        let callers = CALLERS.min(load.connections);
        thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| self.ask(load.connections / callers, load.calls / load.connections));
            }
        });
    }

    /// Calls over several connections in turn.
    fn ask(&self, connections: usize, calls: usize) {
        let Contender { address, path, headers, .. } = self;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: */*\r\n{headers}\r\n");
        let connect = |_| {
            let stream = TcpStream::connect(address).expect("a connection");
            stream.set_nodelay(true).expect("TCP_NODELAY");
            BufReader::new(stream)
        };
        let mut streams: Vec<BufReader<TcpStream>> = (0..connections).map(connect).collect();
        for _ in 0..calls {
            for stream in &mut streams {
                stream.get_mut().write_all(request.as_bytes()).expect("a request");
            }
            streams.iter_mut().for_each(|stream| read_answer(stream, self.answer));
        }
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads one answer, which must begin as `expected`.
fn read_answer(stream: &mut BufReader<TcpStream>, expected: &str) {
    let (mut line, mut length, mut first) = (String::new(), 0, true);
    loop {
        line.clear();
        let read = stream.read_line(&mut line).expect("an answer");
        assert!(read > 0, "the connection was closed");
        assert!(!first || line.starts_with(expected), "{line}");
        first = false;
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).expect("a body");
}

/// Measures the contenders side by side and prints CPU per call and the ratio to the first, each with the middle half of its rounds. The
/// medians, µs, come back.
pub fn side_by_side(title: &str, load: Load, mut contenders: Vec<Contender>) -> Vec<f64> {
    for contender in &contenders {
        contender.load(Load { calls: WARM_UP, ..load });
    }
    for round in 0..load.rounds {
        for turn in 0..contenders.len() {
            let next = (round + turn) % contenders.len();
            contenders[next].round(load);
        }
    }
    let Load { rounds, calls, connections, .. } = load;
    println!("\n{title}: medians and middle halves of {rounds} rounds of {calls} calls, {connections} connections");
    let base = &contenders[0].cpu_us_per_call;
    let mut medians = Vec::new();
    for Contender { name, cpu_us_per_call, .. } in &contenders {
        let [low, median, high] = quartiles(cpu_us_per_call.clone());
        medians.push(median);
        let [least, ratio, most] = quartiles(cpu_us_per_call.iter().zip(base).map(|(own, base)| own / base).collect());
        println!("{name:<34} {median:7.2} µs CPU a call ({low:.2} to {high:.2})  ratio {ratio:.3} ({least:.3} to {most:.3})");
    }
    medians
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

/// A service that answers every request with 200 and an empty document: arm and ingestion service alike. It runs in this process, whose CPU
/// is not measured.
pub fn service() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
    }
}
