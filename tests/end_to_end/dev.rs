//! `switchback dev`: the whole system from one command, through crashes and a clean shutdown.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Process, clean, free_port, program};
use crate::harness::{wait_for, wait_until};

const SAMPLE: &str = include_str!("../data/focus-1.0-sample.csv");

/// A development system in a folder of its own.
struct Dev {
    process: Process,
    /// Of the router, arm even and arm odd.
    ports: [u16; 3],
}

/// A folder that the account PostgreSQL runs under can reach. What still runs in it ends with it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = tempfile::Builder::new().prefix("switchback-dev").permissions(fs::Permissions::from_mode(0o755)).tempdir();
        Folder(folder.unwrap())
    }

    fn data(&self) -> String {
        self.0.path().join(".switchback").to_string_lossy().into_owned()
    }

    /// The PostgreSQL server that runs on the data, by its pid file.
    fn server(&self) -> Option<Pid> {
        let note = fs::read_to_string(Path::new(&self.data()).join("postgres/data/postmaster.pid")).ok()?;
        Pid::from_raw(note.lines().next()?.trim().parse().ok()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(server) = self.server() {
            let _ = kill_process(server, Signal::INT);
            wait_until("an abandoned server to end", || self.server().is_none());
        }
    }
}

impl Dev {
    fn command(folder: &Folder, ports: [u16; 3], options: &[&str]) -> Command {
        let mut command = Command::new(program());
        let [router, even, odd] = ports.map(|port| port.to_string());
        clean(&mut command).args(["dev", "--data", &folder.data(), "--port", &router, "--even-port", &even, "--odd-port", &odd]);
        command.args(options);
        command
    }

    /// Starts it and waits until both arms are ready behind the router.
    fn start(folder: &Folder, options: &[&str]) -> Dev {
        let mut dev = wait_for("three ports that stay free", || {
            let ports = [free_port(), free_port(), free_port()];
            let mut process = Process::start("dev", &mut Dev::command(folder, ports, options));
            wait_for("dev to name its URLs", || {
                if process.ended().is_some() {
                    let output = process.output();
                    assert!(output.contains("is taken"), "dev ended:\n{output}");
                    return Some(false);
                }
                process.output().contains("one URL").then_some(true)
            })
            .then_some(Dev { process, ports })
        });
        wait_until("all roles to be up", || {
            assert!(dev.process.ended().is_none(), "dev ended:\n{}", dev.process.output());
            let answers = |port: u16, path: &str| {
                let response = caller().get(format!("http://localhost:{port}{path}")).send();
                response.is_ok_and(|response| response.status().is_success())
            };
            let [router, even, odd] = dev.ports;
            answers(router, "/_switchback/health") && answers(even, "/api/health/ready") && answers(odd, "/api/health/ready")
        });
        dev
    }

    fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.ports[0])
    }

    fn roles_are_gone(&self) -> bool {
        self.ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err())
    }

    /// The process that serves a port, as the system lists it.
    fn role_on(port: u16) -> Option<Pid> {
        let listed = Command::new("ps").args(["-axo", "pid=,args="]).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let address = format!("dev-role --listen 127.0.0.1:{port}");
        let line = listed.lines().find(|line| line.contains(&address))?;
        Pid::from_raw(line.split_whitespace().next()?.parse().ok()?)
    }
}

#[test]
fn commands_in_its_folder_need_no_options() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder, &["--minute", "500ms", "--traffic", "20/s"]);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program());
        let output = clean(&mut command).args(arguments).current_dir(folder.0.path()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    wait_until("the traffic to be measured", || run(&["plans"]).0 == Some(0));
    for (arguments, words) in [
        (&["report"][..], "even on app-service/S1, odd on functions/flex-512"),
        (&["run", "list"], "under way"),
        (&["plans"], "as measured"),
        (&["plans", "--calls-per-day", "200000", "--duration", "40ms"], "prices of westeurope"),
        (&["costs"], "Amazon Elastic Compute Cloud"),
        (&["prices", "show"], "app-service/S1/hour"),
        (&["watch", "--for", "3s"], "\"outcome\":\"conformant\""),
    ] {
        let (code, printed, said) = run(arguments);
        assert!(code == Some(0) && printed.contains(words), "{arguments:?}: {code:?}, {said}\n{printed}");
    }
    dev.process.signal(Signal::INT);
    dev.process.wait();
    for arguments in [&["costs"][..], &["report"], &["plans"]] {
        let (code, _, said) = run(arguments);
        assert!(code == Some(2) && said.contains("is not running: start it with switchback dev"), "{arguments:?}: {code:?}, {said}");
    }
}

#[test]
fn it_restarts_roles_that_die_and_ends_on_one_interrupt() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder, &["--minute", "500ms", "--restart-after", "100ms"]);
    let mut seen = Vec::new();
    wait_until("the one URL to have named each arm twice", || {
        let arm = get_json(&dev.url("/api/instance"))["arm"].as_str().unwrap().to_owned();
        if seen.last() != Some(&arm) {
            seen.push(arm);
        }
        seen.len() >= 4
    });
    let output = dev.process.output();
    assert!(output.contains("even   | ") && output.contains("odd    | ") && output.contains("router | "), "logs are told apart:\n{output}");

    let arm = Dev::role_on(dev.ports[1]).expect("arm even runs");
    kill_process(arm, Signal::KILL).unwrap();
    wait_until("another process in its place", || Dev::role_on(dev.ports[1]).is_some_and(|next| next != arm));
    wait_until("arm even to be ready again", || {
        let ready = caller().get(format!("http://localhost:{}/api/health/ready", dev.ports[1])).send();
        ready.is_ok_and(|response| response.status().is_success())
    });
    assert!(dev.process.output().contains("even   | ended: signal: 9"), "{}", dev.process.output());

    let others = [free_port(), free_port(), free_port()];
    let second = Dev::command(&folder, others, &[]).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("another switchback runs its database in"), "{said}");

    dev.process.signal(Signal::INT);
    assert_eq!(dev.process.wait().code(), Some(0));
    assert!(dev.roles_are_gone(), "no role outlives it");
    assert_eq!(folder.server(), None, "nor does the database");
}

#[test]
fn a_kill_ends_its_roles_too_and_loses_no_data() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder, &["--no-sample"]);
    let uploaded = caller().post(dev.url("/api/imports")).header("content-type", "text/csv").body(SAMPLE).send().unwrap();
    assert_eq!(uploaded.status().as_u16(), 201);
    let costs = get_json(&dev.url("/api/costs?group_by=provider"));
    assert_eq!(costs["totals"][0]["amount"], "20.52022672899");
    dev.process.kill();
    wait_until("the roles to notice", || dev.roles_are_gone());
    // The server it left behind is ended, its data recovered.
    let mut again = Dev::start(&folder, &["--no-sample"]);
    assert_eq!(get_json(&again.url("/api/costs?group_by=provider")), costs);
    again.process.signal(Signal::TERM);
    assert_eq!(again.process.wait().code(), Some(0));
    assert_eq!(folder.server(), None);
}

#[test]
fn a_new_system_knows_both_plans_and_has_a_bill_to_show() {
    let folder = Folder::new();
    let mut dev = Dev::start(&folder, &["--odd-plan", "functions/consumption", "--minute", "500ms"]);
    let output = dev.process.output();
    for words in
        ["open it: the verdict as it is made", "pretended to run on app-service/S1, westeurope", "functions/consumption", "CC BY 4.0"]
    {
        assert!(output.contains(words), "{words} is missing:\n{output}");
    }
    let costs = get_json(&dev.url("/api/costs?group_by=dataset"));
    assert_eq!((&costs["costs"][0]["group"]["dataset"], &costs["totals"][0]["charges"]), (&"sample".into(), &1_000.into()), "{costs}");
    let page = caller().get(dev.url("/costs")).header("accept", "text/html").send().unwrap().text().unwrap();
    assert!(page.contains("<h1>Costs</h1>") && page.contains("1,000 charges in USD"), "{page}");
    let report = get_json(&dev.url("/api/report"));
    assert_eq!(
        (&report["arms"]["even"]["plan"], &report["arms"]["odd"]["plan"]),
        (&"app-service/S1".into(), &"functions/consumption".into())
    );
    dev.process.signal(Signal::INT);
    assert_eq!(dev.process.wait().code(), Some(0));
}

#[test]
fn a_taken_port_is_a_clear_error_and_nothing_is_left_running() {
    let folder = Folder::new();
    for (position, flag) in ["--port", "--even-port", "--odd-port"].into_iter().enumerate() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut ports = [free_port(), free_port(), free_port()];
        ports[position] = taken.local_addr().unwrap().port();
        let output = Dev::command(&folder, ports, &[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let expected = format!("port {} is taken: end what listens there, or choose another with {flag}", ports[position]);
        assert!(said.contains(&expected) && said.lines().count() == 1, "{said}");
        assert!(!Path::new(&folder.data()).exists(), "nothing was begun");
    }
}

#[test]
fn one_port_for_two_roles_is_refused() {
    let folder = Folder::new();
    let port = free_port();
    let output = Dev::command(&folder, [free_port(), port, port], &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("port {port} is taken")) && said.contains("--odd-port"), "{said}");
    let output = Dev::command(&folder, [0, free_port(), port], &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "port 0 is a wrong argument");
    assert!(!Path::new(&folder.data()).exists(), "nothing was begun");
}

#[test]
fn interrupted_while_it_starts_it_leaves_nothing_running() {
    let folder = Folder::new();
    let ports = [free_port(), free_port(), free_port()];
    let mut process = Process::start("dev", &mut Dev::command(&folder, ports, &[]));
    wait_until("the database to be begun", || Path::new(&folder.data()).exists());
    process.signal(Signal::INT);
    process.wait();
    assert_eq!(folder.server(), None, "{}", process.output());
    let dev = Dev { process, ports };
    assert!(dev.roles_are_gone());
}

#[test]
fn a_setting_that_roles_refuse_ends_it_instead_of_restarting_them_for_ever() {
    let folder = Folder::new();
    let mut command = Dev::command(&folder, [free_port(), free_port(), free_port()], &[]);
    let mut process = Process::start("dev", command.env("SWITCHBACK_MAX_CALLS", "many"));
    assert_eq!(process.wait().code(), Some(64));
    let output = process.output();
    assert!(output.contains("SWITCHBACK_MAX_CALLS") && output.contains("refuses its configuration"), "{output}");
    assert_eq!(folder.server(), None);
}
