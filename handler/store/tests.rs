//! The pool and the schema against a real PostgreSQL.

use diesel::QueryableByName;
use diesel_async::AsyncConnection;

use super::testing::{cluster, database_url, store};
use super::*;
use crate::domain::probe::{Probe, ProbeOutcome};

/// One text.
#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_and_readiness_follows_them() {
    let store = store(&cluster().new_database(None).await.unwrap());
    assert!(!store.schema_is_current().await.unwrap());
    let run = store.migrate().await.unwrap();
    assert!(!run.is_empty());
    assert!(store.schema_is_current().await.unwrap());
    assert!(store.migrate().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deploys_migrate_once() {
    let url = cluster().new_database(None).await.unwrap();
    let migrate = |url: String| tokio::spawn(async move { store(&url).migrate().await.unwrap().len() });
    let (one, other) = tokio::join!(migrate(url.clone()), migrate(url));
    assert_eq!(one.unwrap().min(other.unwrap()), 0);
}

#[tokio::test]
async fn an_unreachable_database_is_reported_in_time_with_the_reason() {
    let store = store("postgresql://u@%2Fnowhere%2Fat-all/d");
    let started = std::time::Duration::from_secs(5);
    let error = tokio::time::timeout(started, store.ping()).await.expect("bounded").expect_err("nothing is there");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(format!("{error:?}").contains("No such file"), "{error:?}");
}

#[tokio::test]
async fn a_connection_closed_by_the_server_is_replaced_without_an_error() {
    let url = database_url().await;
    let store = store(&url);
    store.ping().await.unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let closed = client
        .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", &[])
        .await
        .unwrap();
    assert_eq!(closed.len(), 1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    store.ping().await.unwrap();
}

/// A store with `pool_size` connections for callers, whose statements may take `statement_timeout`.
fn bounded(url: &str, pool_size: u32, statement_timeout: Duration) -> Store {
    let config = crate::config::database::from_url(url).unwrap();
    Store::new(&DatabaseConfig { pool_size, statement_timeout, ..config }, Arc::new(crate::clock::SystemClock::new())).unwrap()
}

async fn sleep_in_database(store: &Store, seconds: u32) -> Result<(), StoreError> {
    let mut connection = store.connection().await?;
    let slept = sql_query(format!("SELECT pg_sleep({seconds})")).execute(&mut connection).await;
    slept.map(drop).map_err(StoreError::from)
}

#[tokio::test]
async fn statements_have_a_time_limit() {
    let store = bounded(&database_url().await, 1, Duration::from_millis(50));
    let error = sleep_in_database(&store, 5).await.unwrap_err();
    assert!(matches!(error, StoreError::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn waiting_for_a_lock_has_a_time_limit() {
    let url = database_url().await;
    let store = bounded(&url, 1, Duration::from_millis(100));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE probes").await.unwrap();
    let mut connection = store.connection().await.unwrap();
    let error = sql_query("DELETE FROM probes").execute(&mut connection).await.map_err(StoreError::from).unwrap_err();
    assert!(matches!(error, StoreError::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn what_an_import_fails_by_says_whether_trying_again_helps() {
    let (client, connection) = tokio_postgres::connect(&database_url().await, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    for (sqlstate, expected) in [
        ("08006", "Unavailable"),
        ("25006", "ReadOnly"),
        ("40001", "Unavailable"),
        ("40P01", "Unavailable"),
        ("53100", "Unavailable"),
        ("53200", "Unavailable"),
        ("55P03", "Timeout"),
        ("57014", "Timeout"),
        ("57P01", "Unavailable"),
        ("42P01", "SchemaNotCurrent"),
        ("22P02", "Import"),
    ] {
        let raise = format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$");
        let error = StoreError::from(client.batch_execute(&raise).await.unwrap_err());
        assert!(format!("{error:?}").starts_with(expected), "{sqlstate}: {error:?}");
    }
}

/// Sessions of this database that run a statement, this one left out.
async fn statements_running(url: &str) -> i64 {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let active =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()";
    client.query_one(active, &[]).await.unwrap().get(0)
}

async fn until_nothing_runs(url: &str) {
    let idle = async {
        while statements_running(url).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), idle).await.expect("what nobody waits for is cancelled");
}

#[tokio::test]
async fn a_statement_is_cancelled_when_its_caller_leaves() {
    let url = database_url().await;
    let store = bounded(&url, 1, Duration::from_secs(30));
    // Once before the first row, once between rows, once within a transaction.
    let rows = async {
        let mut connection = store.connection().await.unwrap();
        let query = sql_query("SELECT repeat('x', 1000) AS version FROM generate_series(1, 100000), (SELECT pg_sleep(0.2)) AS pause");
        let _rows = query.load::<Text>(&mut connection).await;
    };
    let transaction = async {
        let mut connection = store.connection().await.unwrap();
        let slow = connection.transaction(async |transaction| sql_query("SELECT pg_sleep(30)").execute(transaction).await);
        let _ = slow.await;
    };
    tokio::time::timeout(Duration::from_millis(150), sleep_in_database(&store, 30)).await.unwrap_err();
    tokio::time::timeout(Duration::from_secs(1), store.ping()).await.expect("nobody waits behind it").unwrap();
    tokio::time::timeout(Duration::from_millis(230), rows).await.unwrap_err();
    tokio::time::timeout(Duration::from_secs(1), store.ping()).await.expect("nobody waits behind it").unwrap();
    tokio::time::timeout(Duration::from_millis(150), transaction).await.unwrap_err();
    tokio::time::timeout(Duration::from_secs(1), store.ping()).await.expect("nobody waits behind it").unwrap();
    until_nothing_runs(&url).await;
}

#[tokio::test]
async fn a_connection_is_reused_however_much_of_an_answer_was_read() {
    let store = bounded(&database_url().await, 1, Duration::from_secs(30));
    let backend = async || {
        let mut connection = store.connection().await.unwrap();
        let row: Text = sql_query("SELECT pg_backend_pid()::text AS version").get_result(&mut connection).await.unwrap();
        row.version
    };
    let first = backend().await;
    for _ in 0..20 {
        assert_eq!(backend().await, first, "reading one row keeps the connection");
    }
}

#[tokio::test]
async fn a_session_ended_by_the_server_counts_as_unavailable() {
    let url = database_url().await;
    let store = bounded(&url, 1, Duration::from_secs(30));
    let end = async {
        while statements_running(&url).await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let others =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        client.query(others, &[]).await.unwrap();
    };
    let (slept, ()) = tokio::join!(sleep_in_database(&store, 20), end);
    assert!(matches!(slept, Err(StoreError::Lost(_))), "{slept:?}");
}

#[tokio::test]
async fn a_standby_is_not_ready_and_says_why() {
    let url = database_url().await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); END $$")
        .await
        .unwrap();
    let store = store(&url);
    assert!(matches!(store.schema_is_current().await, Err(StoreError::ReadOnly(None))));
    let mut connection = store.connection().await.unwrap();
    let error = sql_query("DELETE FROM probes").execute(&mut connection).await.map_err(StoreError::from).unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly(Some(_))), "{error:?}");
}

#[tokio::test]
async fn callers_holding_every_connection_stop_neither_readiness_nor_the_writing_of_counts() {
    let store = bounded(&database_url().await, 1, Duration::from_secs(30));
    let held = store.connection().await.unwrap();
    assert!(store.schema_is_current().await.unwrap());
    let probe =
        Probe { sent_at: store.now(), outcome: ProbeOutcome::Unanswered, arm: None, redirect_us: None, answer_us: None, detail: None };
    store.write_probe(&probe).await.unwrap();
    drop(held);
}

#[tokio::test]
async fn large_queries_leave_connections_for_small_ones() {
    let store = bounded(&database_url().await, 4, Duration::from_secs(30));
    let _held = (store.analytics_connection().await.unwrap(), store.analytics_connection().await.unwrap());
    store.ping().await.unwrap();
    assert!(matches!(store.analytics_connection().await.err(), Some(StoreError::Busy(_))));
}

#[tokio::test]
async fn the_charges_table_has_the_domains_columns_with_their_types() {
    use crate::domain::columns::{COLUMNS, ColumnKind};

    let (client, connection) = tokio_postgres::connect(&database_url().await, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let query = "SELECT column_name::text, data_type::text, is_nullable = 'NO', numeric_scale FROM information_schema.columns \
                 WHERE table_name = 'charges' AND column_name NOT IN ('id', 'import_no', 'billing_month', 'line', 'part', 'tags', 'extras') ORDER BY column_name COLLATE \"C\"";
    let stored: Vec<(String, String, bool)> = client
        .query(query, &[])
        .await
        .unwrap()
        .iter()
        .inspect(|row| assert_eq!(row.get::<_, Option<i32>>(3), None, "a scale would round {}", row.get::<_, String>(0)))
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let data_type = |kind| match kind {
        ColumnKind::Text => "text",
        ColumnKind::Amount => "numeric",
        ColumnKind::Moment => "timestamp with time zone",
    };
    let declared: Vec<(String, String, bool)> =
        COLUMNS.iter().map(|column| (column.name.to_owned(), data_type(column.kind).to_owned(), column.required)).collect();
    assert_eq!(stored, declared);
}

#[test]
fn every_migration_has_a_version_of_its_own() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("handler/store/migrations");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    // What comes before the name: of two migrations of one version, the second would never run.
    let versions: Vec<String> = names.map(|name| name.split('_').next().unwrap_or_default().to_owned()).collect();
    let distinct: std::collections::BTreeSet<&String> = versions.iter().collect();
    assert_eq!(distinct.len(), versions.len(), "{versions:?}");
}
