//! A private PostgreSQL cluster: made, started, recovered and stopped by this program alone.
//!
//! Owns its data folder, its socket folder and the server process. Reached over a Unix socket only, so it takes no port and cannot
//! be mistaken for another cluster of the machine. Must not know what is kept in it.

mod error;
mod folders;
mod programs;
mod scratch;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

pub use error::ClusterError;
pub use programs::{Account, Programs};
pub use scratch::ScratchCluster;

use folders::{FolderLock, Folders};

/// The cluster's superuser, and the name of the database `switchback dev` keeps its ledger in.
pub const NAME: &str = "switchback";

/// Whether committed data must survive a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As PostgreSQL ships: every commit reaches the disk.
    Kept,
    /// Nothing is flushed to disk; for data that ends with the process.
    Scratch,
}

/// A running private cluster; it stops when this value is dropped.
#[derive(Debug)]
pub struct Cluster {
    folders: Folders,
    durability: Durability,
    server: Child,
    // Held for as long as the server runs; the system lets go of it however this process ends.
    _lock: FolderLock,
}

type Driver = tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>;

const START_POLL: Duration = Duration::from_millis(10);
const START_POLLS: u32 = 6_000;
const RESTARTS: u32 = 20;
const RESTART_WAIT: Duration = Duration::from_millis(250);
const STOP_POLLS: u32 = 1_000;

/// The connection URL of `database` in the cluster that another process runs in `directory`.
///
/// # Errors
/// [`ClusterError`] where the folder cannot be used, or no server runs on it.
pub fn database_url_of(directory: &Path, database: &str) -> Result<String, ClusterError> {
    let folders = Folders::prepare(directory, Account::for_server()?)?;
    if folders.has_server() { Ok(url(&folders, database)) } else { Err(ClusterError::NotRunning(directory.to_owned())) }
}

fn url(folders: &Folders, database: &str) -> String {
    let socket = folders.socket().to_string_lossy();
    let host = percent_encoding::utf8_percent_encode(&socket, percent_encoding::NON_ALPHANUMERIC);
    format!("postgresql://{NAME}@{host}/{database}")
}

impl Cluster {
    /// Starts the cluster kept in `directory`, making it first where there is none, and recovering it where the last run crashed.
    /// Blocks until it takes connections.
    ///
    /// # Errors
    /// [`ClusterError`], whose text says what to do about it.
    pub fn start(directory: &Path, durability: Durability) -> Result<Cluster, ClusterError> {
        let account = Account::for_server()?;
        let folders = Folders::prepare(directory, account)?;
        let lock = folders.lock()?;
        let major = folders.major_version();
        let programs = Programs::find(major)?;
        if major.is_none() {
            initialise(&programs, &folders, durability)?;
        }
        end_orphan(&programs, &folders)?;
        let server = launch(&programs, &folders, durability)?;
        let mut cluster = Cluster { folders, durability, server, _lock: lock };
        cluster.wait_for_recovery(&programs)?;
        Ok(cluster)
    }

    /// Ends the server as a crash does: nothing is rolled back or written out, and connections break. [`Cluster::restart`] recovers it.
    ///
    /// # Errors
    /// [`ClusterError`] where the system refuses.
    pub fn kill(&mut self) -> Result<(), ClusterError> {
        self.server.kill().and_then(|()| self.server.wait()).map(|_| ()).map_err(|source| self.folders.file_error(source))
    }

    /// Starts the server again after [`Cluster::kill`], under the same URLs, and blocks until it takes connections.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        let programs = Programs::find(self.folders.major_version())?;
        self.server = launch(&programs, &self.folders, self.durability)?;
        self.wait_for_recovery(&programs)
    }

    /// Waits until the server just launched takes connections. Backends of a killed one may still be on their way out, and PostgreSQL rightly
    /// refuses to start beside them: then it is launched again.
    fn wait_for_recovery(&mut self, programs: &Programs) -> Result<(), ClusterError> {
        let mut outcome = self.wait_until_ready();
        for _ in 0..RESTARTS {
            if outcome.is_ok() || !self.folders.log_tail().contains("shared memory block") {
                break;
            }
            thread::sleep(RESTART_WAIT);
            self.server = launch(programs, &self.folders, self.durability)?;
            outcome = self.wait_until_ready();
        }
        outcome
    }

    /// The connection URL of one of the cluster's databases.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        url(&self.folders, database)
    }

    /// The folder the data really is in.
    #[must_use]
    pub fn data_directory(&self) -> &Path {
        self.folders.data()
    }

    /// Process id of the server.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Makes `database` where it does not exist, as a copy of `template` if one is named.
    ///
    /// # Errors
    /// [`ClusterError::Statement`] where the server refuses.
    pub async fn ensure_database(&self, database: &str, template: Option<&str>) -> Result<(), ClusterError> {
        let (client, driver) = self.administer().await?;
        if client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&database]).await?.is_none() {
            let template = template.map(|name| format!(" TEMPLATE {}", quoted(name))).unwrap_or_default();
            client.batch_execute(&format!("CREATE DATABASE {}{template}", quoted(database))).await?;
        }
        drop(client);
        let _ = driver.await;
        Ok(())
    }

    /// Waits until no connection to `database` is left, so that it can be cloned.
    ///
    /// # Errors
    /// [`ClusterError::Statement`] where the server refuses.
    pub async fn wait_until_unused(&self, database: &str) -> Result<(), ClusterError> {
        let (client, _driver) = self.administer().await?;
        while client.query_opt("SELECT 1 FROM pg_stat_activity WHERE datname = $1 LIMIT 1", &[&database]).await?.is_some() {
            tokio::time::sleep(START_POLL).await;
        }
        Ok(())
    }

    async fn administer(&self) -> Result<(tokio_postgres::Client, Driver), ClusterError> {
        let (client, connection) = tokio_postgres::connect(&self.database_url("postgres"), tokio_postgres::NoTls).await?;
        Ok((client, tokio::spawn(connection)))
    }

    /// Ends the server: open transactions are rolled back, the data is written out.
    pub fn stop(self) {
        drop(self);
    }

    fn wait_until_ready(&mut self) -> Result<(), ClusterError> {
        for _ in 0..START_POLLS {
            if self.folders.server_is_ready(self.server.id()) {
                return Ok(());
            }
            let ended = self.server.try_wait().map_err(|source| self.folders.file_error(source))?;
            if ended.is_some() {
                break;
            }
            thread::sleep(START_POLL);
        }
        Err(ClusterError::Program { program: "postgres", output: self.folders.log_tail() })
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(pid) = process(self.server.id()) {
            // An error means that it has ended already.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // PostgreSQL's own words: INT is the fast shutdown, QUIT the immediate one, which recovers at the next start.
        for signal in [rustix::process::Signal::INT, rustix::process::Signal::QUIT, rustix::process::Signal::KILL] {
            self.signal(signal);
            for _ in 0..STOP_POLLS {
                if !matches!(self.server.try_wait(), Ok(None)) {
                    self.folders.remove_socket_folder();
                    return;
                }
                thread::sleep(START_POLL);
            }
        }
    }
}

fn initialise(programs: &Programs, folders: &Folders, durability: Durability) -> Result<(), ClusterError> {
    // Made beside its final place and moved there whole: an interrupted run leaves no half-made cluster behind.
    let unfinished = folders.fresh_unfinished()?;
    let mut command = programs.command("initdb", folders.account());
    command.arg("-D").arg(&unfinished).args(["-U", NAME, "-A", "trust", "-E", "UTF8", "--no-locale"]).arg("--no-instructions");
    if durability == Durability::Scratch {
        command.arg("--no-sync");
    }
    run("initdb", command.current_dir("/"))?;
    fs::rename(&unfinished, folders.data()).map_err(|source| folders.file_error(source))
}

/// Ends the server that a crashed run left behind in this data folder, and only that one.
fn end_orphan(programs: &Programs, folders: &Folders) -> Result<(), ClusterError> {
    let Some(pid) = folders.recorded_process() else { return Ok(()) };
    if folders.is_our_server(pid) {
        let mut command = programs.command("pg_ctl", folders.account());
        command.arg("stop").arg("-D").arg(folders.data()).args(["-m", "fast", "-w", "-t", "30", "-s"]);
        return run("pg_ctl", command.current_dir("/"));
    }
    let alive = process(pid).is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH));
    if alive {
        // The number has passed to a process that has nothing to do with this folder: only the note is stale.
        return folders.forget_recorded_process();
    }
    // The server reads the note of a dead one itself, and makes sure that no backend of it is left.
    Ok(())
}

fn launch(programs: &Programs, folders: &Folders, durability: Durability) -> Result<Child, ClusterError> {
    let log = folders.open_log()?;
    let mut command = programs.command("postgres", folders.account());
    command.arg("-D").arg(folders.data()).arg("-k").arg(folders.socket());
    command.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=200"]);
    command.args(["-c", "shared_buffers=64MB", "-c", "timezone=UTC", "-c", "log_timezone=UTC"]);
    if durability == Durability::Scratch {
        command.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
    }
    let errors = log.try_clone().map_err(|source| folders.file_error(source))?;
    // A process group of its own: a Ctrl-C in the terminal must reach the program first, and the database last.
    command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0).current_dir("/");
    command.spawn().map_err(|source| folders.file_error(source))
}

fn process(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}

fn run(program: &'static str, command: &mut Command) -> Result<(), ClusterError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| ClusterError::Program { program, output: error.to_string() })?;
    if output.status.success() {
        return Ok(());
    }
    Err(ClusterError::Program { program, output: folders::tail(&String::from_utf8_lossy(&output.stderr)) })
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
