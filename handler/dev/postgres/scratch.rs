//! A cluster for tests and benches: nothing of it outlives the process, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use std::os::unix::process::CommandExt;

use super::{Cluster, ClusterError, Durability};

/// A cluster in a temporary folder, watched by a keeper that stops and removes it once this process is gone: statics are not
/// dropped at exit, and a killed test runs no destructor.
#[derive(Debug)]
pub struct ScratchCluster {
    cluster: Cluster,
    _keeper: Child,
    databases: AtomicU32,
}

// $1 the folder. The server's own note says which process to end; its data folder says that it is the right one.
const KEEPER: &str = r#"cat >/dev/null
data="$1/postgres/data"
read -r pid < "$data/postmaster.pid" && kill -INT "$pid"
tries=0
while [ -e "$data/postmaster.pid" ] && [ "$tries" -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -rf "$1""#;

impl ScratchCluster {
    /// Makes and starts a cluster in a new folder under the system's temporary one.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start() -> Result<ScratchCluster, ClusterError> {
        ScratchCluster::start_with(Durability::Scratch)
    }

    /// The same, with a say in whether commits survive [`ScratchCluster::kill`].
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_with(durability: Durability) -> Result<ScratchCluster, ClusterError> {
        let folder = PathBuf::from(format!("/tmp/switchback-scratch-{}", uuid::Uuid::new_v4().simple()));
        let cluster = Cluster::start(&folder, durability)?;
        let keeper = spawn_keeper(&folder).map_err(|source| ClusterError::File { path: folder, source })?;
        Ok(ScratchCluster { cluster, _keeper: keeper, databases: AtomicU32::new(0) })
    }

    /// The URL of a new database, a copy of `template` where one is named.
    ///
    /// # Errors
    /// [`ClusterError::Statement`] where the server refuses.
    pub async fn new_database(&self, template: Option<&str>) -> Result<String, ClusterError> {
        let name = format!("scratch_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.cluster.ensure_database(&name, template).await?;
        Ok(self.cluster.database_url(&name))
    }

    /// As [`Cluster::kill`].
    ///
    /// # Errors
    /// As [`Cluster::kill`].
    pub fn kill(&mut self) -> Result<(), ClusterError> {
        self.cluster.kill()
    }

    /// As [`Cluster::restart`].
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn restart(&mut self) -> Result<(), ClusterError> {
        self.cluster.restart()
    }

    /// The cluster itself.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}

fn spawn_keeper(folder: &Path) -> std::io::Result<Child> {
    // The keeper waits for the end of its input, whose other end this process holds and the system closes when it is gone.
    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "keeper"]).arg(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).current_dir("/").spawn()
}
