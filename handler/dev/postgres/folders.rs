//! Where a private cluster keeps its data, its socket and its log, and whose they are.
//!
//! Must not start or stop anything.

use std::fs::{self, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::ClusterError;
use super::programs::Account;

/// Longest path of a socket folder: `sun_path` holds 104 bytes on macOS, 108 on Linux, and `/.s.PGSQL.5432` and its lock come on top.
const MAX_SOCKET_FOLDER_BYTES: usize = 80;
/// The socket's name, which clients know by the default port.
const SOCKET: &str = ".s.PGSQL.5432";
const LOG_TAIL_LINES: usize = 12;

/// A folder's lock, free once it is dropped.
#[derive(Debug)]
pub(super) struct FolderLock(File);

impl FolderLock {
    /// Gives it up by name. Closing the file alone would not: a program that another thread is just starting holds it too, until it runs.
    pub fn release(&self) {
        if let Err(error) = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock) {
            tracing::debug!(%error, "a database folder's lock goes with the process");
        }
    }
}

#[cfg(test)]
impl FolderLock {
    /// The same open file once more.
    pub fn duplicate(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        self.release();
    }
}

/// The folders of one cluster.
#[derive(Debug)]
pub(super) struct Folders {
    root: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    account: Option<Account>,
}

impl Folders {
    /// Makes the folders, owned by the account the server runs under.
    pub fn prepare(directory: &Path, account: Option<Account>) -> Result<Folders, ClusterError> {
        let root = usable_root(directory, account)?;
        let root = fs::canonicalize(&root).map_err(|source| ClusterError::File { path: root, source })?;
        let mut socket = root.join("run");
        if socket.as_os_str().len() > MAX_SOCKET_FOLDER_BYTES {
            socket = PathBuf::from(format!("/tmp/switchback-{:016x}", fingerprint(&root)));
        }
        private_folder(&socket, account)?;
        Ok(Folders { data: root.join("data"), root, socket, account })
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether a server listens here, as far as its socket tells: it goes with the server, but for one that was killed.
    pub fn has_server(&self) -> bool {
        self.socket.join(SOCKET).exists()
    }

    pub fn account(&self) -> Option<Account> {
        self.account
    }

    /// Locks the folder for this process: only the holder may start or stop its server.
    pub fn lock(&self) -> Result<FolderLock, ClusterError> {
        let path = self.root.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| ClusterError::File { path, source })?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(FolderLock(file)),
            Err(_) => Err(ClusterError::InUse(self.root.clone())),
        }
    }

    /// The version that made the data folder, if it is there.
    pub fn major_version(&self) -> Option<u32> {
        fs::read_to_string(self.data.join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// An empty path for initdb; what an interrupted one left there is removed.
    pub fn fresh_unfinished(&self) -> Result<PathBuf, ClusterError> {
        let path = self.root.join("data.unfinished");
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(ClusterError::File { path, source }),
            _ => Ok(path),
        }
    }

    /// Process id in `postmaster.pid`, if there is one.
    pub fn recorded_process(&self) -> Option<u32> {
        fs::read_to_string(self.data.join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
    }

    /// Removes a `postmaster.pid` whose process is not this cluster's server.
    pub fn forget_recorded_process(&self) -> Result<(), ClusterError> {
        fs::remove_file(self.data.join("postmaster.pid")).map_err(|source| self.file_error(source))
    }

    /// Whether process `pid` is a PostgreSQL server on this very data folder, run by the account it should be.
    pub fn is_our_server(&self, pid: u32) -> bool {
        let process = PathBuf::from(format!("/proc/{pid}"));
        if Path::new("/proc/self/cwd").exists() {
            // A server's working folder is its data folder.
            let owner = fs::metadata(&process).map(|metadata| metadata.uid()).ok();
            return fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == self.data) && owner == Some(self.owner());
        }
        let listed = Command::new("ps").args(["-o", "uid=,command=", "-p", &pid.to_string()]).output();
        listed.is_ok_and(|output| {
            let line = String::from_utf8_lossy(&output.stdout).into_owned();
            let (owner, command) = line.trim().split_once(' ').unwrap_or_default();
            owner.parse() == Ok(self.owner()) && command.contains(&*self.data.to_string_lossy())
        })
    }

    /// Whether the server `pid` has noted in `postmaster.pid` that it takes connections; the note `pg_ctl` waits for.
    pub fn server_is_ready(&self, pid: u32) -> bool {
        let note = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = note.lines();
        lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
    }

    /// A new log for the server; the last one is kept as `.old`.
    pub fn open_log(&self) -> Result<File, ClusterError> {
        let path = self.log_path();
        let _ = fs::rename(&path, path.with_extension("log.old"));
        File::create(&path).map_err(|source| ClusterError::File { path, source })
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        tail(&fs::read_to_string(self.log_path()).unwrap_or_default())
    }

    /// Removes the socket folder where it stands in a shared place.
    pub fn remove_socket_folder(&self) {
        if !self.socket.starts_with(&self.root) {
            let _ = fs::remove_dir(&self.socket);
        }
    }

    pub fn file_error(&self, source: io::Error) -> ClusterError {
        ClusterError::File { path: self.data.clone(), source }
    }

    fn log_path(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    fn owner(&self) -> u32 {
        owner_of(self.account)
    }
}

/// The last lines of a program's output.
pub(super) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

fn owner_of(account: Option<Account>) -> u32 {
    account.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid)
}

/// `directory` itself, or, where root keeps it behind a folder the server's account may not pass, a place that account can reach.
fn usable_root(directory: &Path, account: Option<Account>) -> Result<PathBuf, ClusterError> {
    let reachable =
        |path: &Path| path.ancestors().skip(1).all(|ancestor| fs::metadata(ancestor).map_or(true, |metadata| metadata.mode() & 0o001 != 0));
    let error = |path: &Path, source| ClusterError::File { path: path.to_owned(), source };
    fs::create_dir_all(directory).map_err(|source| error(directory, source))?;
    let directory = fs::canonicalize(directory).map_err(|source| error(directory, source))?;
    let root = if account.is_none() || reachable(&directory.join("postgres")) {
        directory.join("postgres")
    } else {
        PathBuf::from(format!("/var/tmp/switchback-{:016x}", fingerprint(&directory)))
    };
    private_folder(&root, account)?;
    Ok(root)
}

/// Makes `path` a folder of the account's that nobody else may enter; one that is there already must be just that.
fn private_folder(path: &Path, account: Option<Account>) -> Result<(), ClusterError> {
    let error = |source| ClusterError::File { path: path.to_owned(), source };
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            if let Some(Account { uid, gid }) = account {
                chown(path, Some(uid), Some(gid)).map_err(error)?;
            }
            // The umask may have taken bits away.
            fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(error)
        }
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path).map_err(error)?;
            let ours = metadata.is_dir() && metadata.uid() == owner_of(account) && metadata.mode() & 0o077 == 0;
            if ours { Ok(()) } else { Err(ClusterError::ForeignFolder(path.to_owned())) }
        }
        Err(source) => Err(error(source)),
    }
}

/// A short stable name for a long path.
fn fingerprint(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
