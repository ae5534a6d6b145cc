//! Roles of the program as processes: configured by environment, started on ports the system chose, ended with the test.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity};

use super::wait_for;

/// How often a start is tried, since another process may take a port that was just found free.
const PORT_TRIES: u32 = 5;

/// The program under test: what this run has built, unless `SWITCHBACK_BINARY` names another, such as the one that is shipped.
pub fn program() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        switchback::config::process_setting("SWITCHBACK_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_switchback").to_owned())
    })
}

/// Takes this process's environment from a command, so that a test sees the settings it names and no others.
pub fn clean(command: &mut Command) -> &mut Command {
    let kept = ["PATH", "HOME"].map(|name| (name, switchback::config::process_setting(name).unwrap_or_default()));
    command.env_clear().envs(kept)
}

/// A port nobody listens on. Somebody may take it before it is used: whoever starts a process there tries again.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A role to start.
#[derive(Clone)]
pub struct Role {
    name: &'static str,
    settings: Vec<(String, String)>,
    // None: `serve`, as a platform starts it.
    development: Option<Vec<String>>,
    /// Descriptors it may have open; none: as many as this process.
    descriptors: Option<u32>,
    /// Whether it runs on one core; else on as many as this process.
    one_core: bool,
}

impl Role {
    /// A router between two base URLs.
    pub fn router(even: &str, odd: &str) -> Role {
        let role = Role { name: "router", settings: Vec::new(), development: Some(Vec::new()), descriptors: None, one_core: false };
        role.with("SWITCHBACK_ROLE", "router").with("SWITCHBACK_EVEN_URL", even).with("SWITCHBACK_ODD_URL", odd)
    }

    /// An arm on a database.
    pub fn arm(arm: &'static str, database_url: &str) -> Role {
        let role = Role { name: arm, settings: Vec::new(), development: Some(Vec::new()), descriptors: None, one_core: false };
        role.with("SWITCHBACK_ROLE", "api")
            .with("SWITCHBACK_ARM", arm)
            .with("DATABASE_URL", database_url)
            .with("SWITCHBACK_OPEN", "health,docs,loopback")
    }

    /// The role with another setting.
    pub fn with(mut self, setting: &str, value: &str) -> Role {
        self.settings.retain(|(name, _)| name != setting);
        self.settings.push((setting.to_owned(), value.to_owned()));
        self
    }

    /// The role with no more than so many descriptors.
    pub fn descriptors(mut self, limit: u32) -> Role {
        self.descriptors = Some(limit);
        self
    }

    /// The role with one core to run on.
    pub fn on_one_core(mut self) -> Role {
        self.one_core = true;
        self
    }

    /// The role with its clock starting at `moment`.
    pub fn clock(self, moment: &str) -> Role {
        self.development_option("--clock", moment)
    }

    /// The role with a shorter minute.
    pub fn minute(self, length: &str) -> Role {
        self.development_option("--minute", length)
    }

    /// The role with every call taking so much longer.
    pub fn slow(self, time: &str) -> Role {
        self.development_option("--slow", time)
    }

    fn development_option(mut self, option: &str, value: &str) -> Role {
        let options = self.development.as_mut().expect("only the development role has options");
        options.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// The role started by `switchback serve`, as a platform does.
    pub fn served(mut self) -> Role {
        assert!(self.development.as_ref().is_none_or(Vec::is_empty), "serve takes no development options");
        self.development = None;
        self
    }

    /// Starts the role on a port of the system's choice and waits until it takes connections.
    pub fn start(&self) -> Server {
        for _ in 0..PORT_TRIES {
            match self.try_start(free_port()) {
                Ok(server) => return server,
                Err(output) if output.contains("cannot listen") => {}
                Err(output) => panic!("{} ended before it took connections:\n{output}", self.name),
            }
        }
        panic!("{}: every port that was free was taken when it was used", self.name);
    }

    /// Starts the role on `port` and waits until it takes connections.
    pub fn start_on(&self, port: u16) -> Server {
        self.try_start(port).unwrap_or_else(|output| panic!("{} ended before it took connections:\n{output}", self.name))
    }

    fn try_start(&self, port: u16) -> Result<Server, String> {
        let mut server = self.spawn(port);
        wait_for("a role to take connections", || {
            if server.process.ended().is_some() {
                return Some(Err(server.process.output()));
            }
            let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            connected.then_some(Ok(()))
        })?;
        Ok(server)
    }

    /// Starts the role on `port` and waits for nothing.
    pub fn spawn(&self, port: u16) -> Server {
        let limit = self.descriptors.map(|limit| format!("ulimit -n {limit};")).unwrap_or_default();
        let core = if self.one_core { format!("taskset --cpu-list {}", first_core()) } else { String::new() };
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limit} exec {core} \"$0\" \"$@\""), program()]);
        clean(&mut command).envs(self.settings.iter().cloned());
        match &self.development {
            Some(options) => command.args(["dev-role", "--listen", &format!("127.0.0.1:{port}")]).args(options),
            None => command.arg("serve").env("PORT", port.to_string()),
        };
        Server { process: Process::start(self.name, &mut command), port }
    }
}

/// The first core this process may use.
fn first_core() -> usize {
    let cores = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core)).unwrap()
}

/// A running role.
pub struct Server {
    pub process: Process,
    pub port: u16,
}

impl Server {
    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// A process of the program: its output is kept, and shown where the test fails; it does not outlive the test.
pub struct Process {
    name: String,
    child: Child,
    lifeline: Option<ChildStdin>,
    output: Arc<Mutex<String>>,
    errors: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Process {
    /// Starts a command.
    pub fn start(name: &str, command: &mut Command) -> Process {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let [output, errors] = [Arc::default(), Arc::default()];
        let readers = vec![
            keep(child.stdout.take().unwrap(), vec![Arc::clone(&output)]),
            keep(child.stderr.take().unwrap(), vec![Arc::clone(&output), Arc::clone(&errors)]),
        ];
        // Kept here: waiting for a child closes the input it holds itself, which ends a development role.
        let lifeline = child.stdin.take();
        Process { name: name.to_owned(), child, lifeline, output, errors, readers }
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.child.try_wait().unwrap()?;
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        Some(status)
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        wait_for(&what, || self.ended())
    }

    /// What it has printed so far, on both outputs.
    pub fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// What it has printed so far on standard error.
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.id(), signal).unwrap();
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }

    /// Closes its standard input, as the end of its parent would.
    pub fn close_input(&mut self) {
        self.lifeline = None;
    }

    /// Its process id.
    pub fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left running.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- output of {}:\n{}", self.name, self.output());
        }
    }
}

fn keep(source: impl Read + Send + 'static, kept: Vec<Arc<Mutex<String>>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(source);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            kept.iter().for_each(|text| text.lock().unwrap().push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
    })
}
