//! Each test starts a real server from the machine's installed programs.

use std::process::{Command, Stdio};

use super::*;

fn scratch_folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("switchback-test").permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755)).tempdir().unwrap()
}

/// What kill -9 of the program leaves: no destructor has run, the lock is free, the server keeps running.
fn abandon(cluster: Cluster) {
    let cluster = std::mem::ManuallyDrop::new(cluster);
    cluster._lock.release();
}

async fn one(cluster: &Cluster) -> i32 {
    let (client, connection) = tokio_postgres::connect(&cluster.database_url("kept"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.query_one("SELECT n FROM kept", &[]).await.unwrap().get(0)
}

async fn keep_one(cluster: &Cluster) {
    cluster.ensure_database("kept", None).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&cluster.database_url("kept"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").await.unwrap();
}

#[tokio::test]
async fn data_outlives_a_stop_and_a_second_start_is_refused_meanwhile() {
    let folder = scratch_folder();
    let cluster = Cluster::start(folder.path(), Durability::Scratch).unwrap();
    keep_one(&cluster).await;
    let second = Cluster::start(folder.path(), Durability::Scratch).unwrap_err();
    assert!(matches!(second, ClusterError::InUse(_)), "{second}");
    cluster.stop();
    let cluster = Cluster::start(folder.path(), Durability::Scratch).unwrap();
    assert_eq!(one(&cluster).await, 1);
}

#[tokio::test]
async fn a_server_orphaned_by_a_crash_is_ended_and_its_data_kept() {
    let folder = scratch_folder();
    let cluster = Cluster::start(folder.path(), Durability::Kept).unwrap();
    keep_one(&cluster).await;
    let orphan = cluster.process_id();
    abandon(cluster);
    let cluster = Cluster::start(folder.path(), Durability::Kept).unwrap();
    assert_ne!(cluster.process_id(), orphan);
    assert_eq!(one(&cluster).await, 1);
}

#[tokio::test]
async fn a_crashed_server_is_recovered() {
    let folder = scratch_folder();
    let mut cluster = Cluster::start(folder.path(), Durability::Kept).unwrap();
    keep_one(&cluster).await;
    cluster.signal(rustix::process::Signal::KILL);
    cluster.server.wait().unwrap();
    abandon(cluster);
    let cluster = Cluster::start(folder.path(), Durability::Kept).unwrap();
    assert_eq!(one(&cluster).await, 1);
}

#[tokio::test]
async fn a_killed_server_comes_back_under_the_same_url_with_what_was_committed() {
    let folder = scratch_folder();
    let mut cluster = Cluster::start(folder.path(), Durability::Kept).unwrap();
    keep_one(&cluster).await;
    let (url, killed) = (cluster.database_url("kept"), cluster.process_id());
    cluster.kill().unwrap();
    assert!(tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_err());
    cluster.restart().unwrap();
    assert_ne!(cluster.process_id(), killed);
    assert_eq!((cluster.database_url("kept"), one(&cluster).await), (url, 1));
}

#[test]
fn a_stopped_cluster_is_free_whoever_still_holds_its_files() {
    let folder = scratch_folder();
    let cluster = Cluster::start(folder.path(), Durability::Scratch).unwrap();
    // As a program does that is just being started: it has every file of its parent until it runs.
    let inherited = cluster._lock.duplicate().unwrap();
    cluster.stop();
    Cluster::start(folder.path(), Durability::Scratch).unwrap().stop();
    drop(inherited);
}

#[test]
fn a_stale_pid_file_never_ends_an_unrelated_process() {
    let folder = scratch_folder();
    Cluster::start(folder.path(), Durability::Scratch).unwrap().stop();
    let mut stranger = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let note = format!("{}\n/elsewhere\n0\n5432\n/tmp\n\n0 0\nready\n", stranger.id());
    std::fs::write(folder.path().join("postgres/data/postmaster.pid"), note).unwrap();
    let cluster = Cluster::start(folder.path(), Durability::Scratch).unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger goes on");
    cluster.stop();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_long_path_gets_a_short_socket_folder() {
    let folder = scratch_folder();
    let long = folder.path().join("a-folder-name-of-forty-characters-or-so-1").join("a-folder-name-of-forty-characters-or-so-2");
    let cluster = Cluster::start(&long, Durability::Scratch).unwrap();
    let socket = cluster.folders.socket().to_owned();
    assert!(socket.as_os_str().len() <= 80 && socket.join(".s.PGSQL.5432").exists(), "{socket:?}");
    cluster.stop();
    assert!(!socket.exists());
}

#[test]
fn a_folder_open_to_others_is_refused() {
    let folder = scratch_folder();
    let root = folder.path().join("postgres");
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let error = Cluster::start(folder.path(), Durability::Scratch).unwrap_err();
    assert!(matches!(error, ClusterError::ForeignFolder(_)), "{error}");
}
