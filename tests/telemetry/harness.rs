//! Roles as processes, PostgreSQL, and a caller.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use switchback::config::process_setting;
use switchback::dev::postgres::ScratchCluster;
use warp::Filter;

const PROGRAM: &str = env!("CARGO_BIN_EXE_switchback");

/// A running role; killed when dropped.
pub struct Role {
    process: Child,
    /// Where it listens.
    pub url: String,
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    let kept = ["PATH", "HOME"].map(|name| (name, process_setting(name).unwrap_or_default()));
    command.env_clear().envs(kept).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

impl Role {
    /// Starts `switchback serve` with these settings and waits for its first answer.
    pub async fn start(settings: &[(&str, &str)]) -> Role {
        for _ in 0..5 {
            let port = free_port();
            let mut role = Role {
                process: command()
                    .arg("serve")
                    .env("PORT", port.to_string())
                    // The tests' callers bring no key.
                    .env("SWITCHBACK_OPEN", "health,docs,loopback")
                    .envs(settings.iter().copied())
                    .spawn()
                    .unwrap(),
                url: format!("http://127.0.0.1:{port}"),
            };
            for _ in 0..300 {
                if tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
                    return role;
                }
                if role.process.try_wait().unwrap().is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        panic!("the role does not start");
    }

    /// Starts the router between two arms.
    pub async fn router(even: &str, odd: &str, more: &[(&str, &str)]) -> Role {
        let mut settings = vec![("SWITCHBACK_ROLE", "router"), ("SWITCHBACK_EVEN_URL", even), ("SWITCHBACK_ODD_URL", odd)];
        settings.extend_from_slice(more);
        Role::start(&settings).await
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Asks it to stop; whether it exited cleanly within `limit`.
    pub async fn stop(mut self, limit: Duration) -> bool {
        let id = Pid::from_raw(i32::try_from(self.process.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let ended = async {
            loop {
                if let Some(status) = self.process.try_wait().unwrap() {
                    return status.success();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(limit, ended).await.unwrap_or(false)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A caller that follows no redirect.
pub fn caller() -> reqwest::Client {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

/// An arm that only says it is up. Its URL.
pub async fn healthy_arm() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(warp::serve(warp::any().map(|| "up")).incoming(listener).run());
    url
}

/// A URL where nobody listens.
pub fn nobody() -> String {
    format!("http://127.0.0.1:{}", free_port())
}

/// The URL of a new database with the current schema. The cluster ends with this process.
pub async fn database() -> String {
    static CLUSTER: OnceLock<ScratchCluster> = OnceLock::new();
    let cluster = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(|| ScratchCluster::start().expect("PostgreSQL's server programs")));
    let url = cluster.await.unwrap().new_database(None).await.unwrap();
    assert!(command().arg("migrate").env("DATABASE_URL", &url).status().unwrap().success());
    url
}

/// Waits until `ready` returns something, for 20 s at most.
pub async fn wait_for<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    for _ in 0..400 {
        if let Some(value) = ready() {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}
