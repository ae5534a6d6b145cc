//! What can go wrong with the private cluster, and what to do about it. Must not know how a cluster is run.

use std::io;
use std::path::PathBuf;

/// Why the private cluster could not be made, started or reached.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No server programs on this machine.
    #[error("PostgreSQL's server programs (initdb, postgres) were not found: install postgresql (apt, dnf) or postgresql@17 (brew)")]
    NoPrograms,
    /// The data folder was made by a version that is not installed.
    #[error(
        "the data folder was made by PostgreSQL {wanted}, installed are {installed:?}: install PostgreSQL {wanted} or remove the folder"
    )]
    WrongVersion {
        /// Major version that made the folder.
        wanted: u32,
        /// Major versions found.
        installed: Vec<u32>,
    },
    /// PostgreSQL refuses to run as root, and no other account is there.
    #[error("PostgreSQL does not run as root, and this machine has neither a postgres nor a nobody account to run it under")]
    NoAccount,
    /// No server runs on the folder.
    #[error("the development system in {0} is not running: start it with switchback dev")]
    NotRunning(PathBuf),
    /// Another process of this program uses the folder.
    #[error("another switchback runs its database in {0}: stop it first")]
    InUse(PathBuf),
    /// A socket folder in a shared place is not ours.
    #[error("{0} belongs to someone else or is open to others: remove it")]
    ForeignFolder(PathBuf),
    /// A program failed; its output is attached.
    #[error("{program} failed: {output}")]
    Program {
        /// Which program.
        program: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// A statement the cluster refused.
    #[error("the private database refused a statement")]
    Statement(#[from] tokio_postgres::Error),
    /// A file or folder could not be used.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// The system's word on it.
        source: io::Error,
    },
}
