//! The pool and the schema against a real PostgreSQL.

use super::testing::{cluster, database_url, new_store, store};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn migrations_run_once_and_readiness_tells_before_and_after() {
    let store = store(&cluster().new_database(None).await.unwrap());
    assert!(!store.schema_is_current().await.unwrap());
    let run = store.migrate().await.unwrap();
    assert!(!run.is_empty());
    assert!(store.schema_is_current().await.unwrap());
    assert!(store.migrate().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deploys_at_once_migrate_once() {
    let url = cluster().new_database(None).await.unwrap();
    let migrate = |url: String| tokio::spawn(async move { store(&url).migrate().await.unwrap().len() });
    let (one, other) = tokio::join!(migrate(url.clone()), migrate(url));
    assert_eq!(one.unwrap().min(other.unwrap()), 0);
}

#[tokio::test]
async fn a_database_that_is_away_is_unavailable_within_the_wait_and_says_why() {
    let store = store("postgresql://u@%2Fnowhere%2Fat-all/d");
    let started = std::time::Duration::from_secs(5);
    let error = tokio::time::timeout(started, store.ping()).await.expect("bounded").expect_err("nothing is there");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(format!("{error:?}").contains("No such file"), "{error:?}");
}

#[tokio::test]
async fn a_connection_the_server_closed_is_replaced_without_an_error() {
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

#[tokio::test]
async fn statements_have_a_time_limit() {
    let store = new_store().await;
    let mut connection = store.connection().await.unwrap();
    sql_query("SET statement_timeout = '50ms'").execute(&mut connection).await.unwrap();
    let error = sql_query("SELECT pg_sleep(5)").execute(&mut connection).await.map_err(StoreError::from).unwrap_err();
    assert!(matches!(error, StoreError::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn the_charges_table_has_the_domains_columns_in_their_kinds() {
    use crate::domain::columns::{COLUMNS, ColumnKind};

    let (client, connection) = tokio_postgres::connect(&database_url().await, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let query = "SELECT column_name::text, data_type::text, is_nullable = 'NO', numeric_scale FROM information_schema.columns \
                 WHERE table_name = 'charges' AND column_name NOT IN ('id', 'import_id', 'line', 'tags', 'extras') ORDER BY column_name COLLATE \"C\"";
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
