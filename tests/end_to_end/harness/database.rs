//! One private cluster for the test binary, one template the program's own `migrate` made, one clone of it per test.

use std::process::Command;
use std::sync::OnceLock;

use switchback::dev::postgres::{ClusterError, Durability, ScratchCluster};

use super::role::{clean, program};

const TEMPLATE: &str = "migrated";

/// The cluster; it ends with this process.
fn cluster() -> &'static ScratchCluster {
    static CLUSTER: OnceLock<ScratchCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| ScratchCluster::start().expect("PostgreSQL's server programs are installed"))
}

/// URL of a new database with the current schema and nothing in it.
pub fn migrated() -> String {
    static TEMPLATE_MADE: OnceLock<()> = OnceLock::new();
    TEMPLATE_MADE.get_or_init(|| {
        block_on(cluster().cluster().ensure_database(TEMPLATE, None)).expect("a template");
        let output = migrate(&cluster().cluster().database_url(TEMPLATE));
        assert!(output.status.success(), "migrate: {}", String::from_utf8_lossy(&output.stderr));
        block_on(cluster().cluster().wait_until_unused(TEMPLATE)).expect("nobody uses the template");
    });
    block_on(cluster().new_database(Some(TEMPLATE))).expect("a database")
}

/// A cluster of its own, whose commits survive its server's crashes, and the URL of a database in it with the current schema.
pub fn killable() -> (ScratchCluster, String) {
    let cluster = ScratchCluster::start_with(Durability::Kept).expect("PostgreSQL's server programs are installed");
    let database = block_on(cluster.new_database(None)).expect("a database");
    let output = migrate(&database);
    assert!(output.status.success(), "migrate: {}", String::from_utf8_lossy(&output.stderr));
    (cluster, database)
}

/// URL of a new database with nothing in it, not even a schema.
pub fn empty() -> String {
    block_on(cluster().new_database(None)).expect("a database")
}

/// Runs `switchback migrate` on a database.
pub fn migrate(database_url: &str) -> std::process::Output {
    clean(&mut Command::new(program())).arg("migrate").env("DATABASE_URL", database_url).output().expect("migrate runs")
}

/// The one number a statement answers with.
pub fn number(database_url: &str, sql: &str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(database_url, tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
    })
}

fn block_on<T>(work: impl Future<Output = Result<T, ClusterError>>) -> Result<T, ClusterError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(work)
}
