//! A real database for each test: one cluster per test binary, one migrated template, one clone per test.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::Store;
use crate::clock::SystemClock;
use crate::config::database;
use crate::dev::postgres::ScratchCluster;
use crate::domain::minute_range::MinuteRange;
use crate::domain::window::Window;

/// The test binary's own cluster; it ends with the process.
pub(crate) fn cluster() -> &'static ScratchCluster {
    static CLUSTER: OnceLock<ScratchCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| ScratchCluster::start().expect("PostgreSQL's server programs are installed"))
}

const TEMPLATE: &str = "migrated";

/// URL of a new database with the current schema and nothing in it.
pub(crate) async fn database_url() -> String {
    static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
    TEMPLATE_MADE
        .get_or_init(|| async {
            cluster().cluster().ensure_database(TEMPLATE, None).await.expect("a template database");
            let url = cluster().cluster().database_url(TEMPLATE);
            // Migrations need the multi-thread runtime, which a test need not have.
            let migrate = move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
                runtime.block_on(async { store(&url).migrate().await.expect("migrations run") });
            };
            std::thread::spawn(migrate).join().expect("migrations run");
            // A database can be cloned only while nobody is connected to it.
            cluster().cluster().wait_until_unused(TEMPLATE).await.expect("the template is free");
        })
        .await;
    cluster().new_database(Some(TEMPLATE)).await.expect("a database")
}

/// A store on a new database with the current schema.
pub(crate) async fn new_store() -> Store {
    store(&database_url().await)
}

/// A store on `url`.
pub(crate) fn store(url: &str) -> Store {
    let config = database::from_url(url).expect("a database URL");
    Store::new(&config, Arc::new(SystemClock::new())).expect("a store")
}

impl Store {
    /// Runs SQL that only a test has a use for.
    pub(crate) async fn execute_for_test(&self, sql: &str) {
        use diesel_async::SimpleAsyncConnection as _;
        self.connection().await.expect("a connection").batch_execute(sql).await.expect("valid SQL");
    }

    /// Every window of a range.
    pub(crate) async fn windows_for_test(&self, range: MinuteRange) -> Vec<Window> {
        let mut windows = Vec::new();
        self.last_windows(range, u32::MAX, |window| windows.push(window)).await.expect("windows");
        windows
    }
}
