//! Spreading the ledger over an elastic cluster (PostgreSQL with the Citus extension): which tables move, and in which order.
//!
//! Windows, decisions and probes stay on the coordinator. Must not know what the tables hold.

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::error::StoreError;
use super::schema::{MIGRATION_LOCK, MIGRATION_UNLOCK};
use super::session::Session;

/// Small tables that every node holds whole, each after those it refers to.
const REFERENCE_TABLES: [&str; 5] = ["datasets", "imports", "import_months", "import_origins", "import_bodies"];
/// Tables whose rows are spread, each with the column that decides where a row goes.
const SPREAD_TABLES: [(&str, &str); 4] =
    [("charges", "id"), ("costs_by_service", "day"), ("costs_by_sub_account", "day"), ("costs_by_region", "day")];

#[derive(QueryableByName)]
struct Cluster {
    #[diesel(sql_type = Bool)]
    is_one: bool,
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Spreads what is not spread yet, on a connection of its own; the names of the tables moved, in order. Safe to repeat.
///
/// # Errors
/// [`StoreError::NoCluster`] where the server has not the extension; nothing is changed then.
pub(super) async fn distribute(mut connection: Session) -> Result<Vec<&'static str>, StoreError> {
    // Moving many rows takes longer than a call may.
    sql_query("SET statement_timeout = 0").execute(&mut connection).await?;
    sql_query("SET lock_timeout = 0").execute(&mut connection).await?;
    let cluster: Cluster = sql_query("SELECT to_regclass('pg_dist_partition') IS NOT NULL AS is_one").get_result(&mut connection).await?;
    if !cluster.is_one {
        return Err(StoreError::NoCluster);
    }
    sql_query(MIGRATION_LOCK).execute(&mut connection).await?;
    let moved: Vec<Moved> = sql_query("SELECT logicalrelid::regclass::text AS name FROM pg_dist_partition").load(&mut connection).await?;
    let is_new = |table: &str| moved.iter().all(|moved| moved.name != table);
    let mut tables = Vec::new();
    for table in REFERENCE_TABLES.into_iter().filter(|table| is_new(table)) {
        sql_query(format!("SELECT create_reference_table('{table}')")).execute(&mut connection).await?;
        tables.push(table);
    }
    for (table, column) in SPREAD_TABLES.into_iter().filter(|(table, _)| is_new(table)) {
        sql_query(format!("SELECT create_distributed_table('{table}', '{column}')")).execute(&mut connection).await?;
        tables.push(table);
    }
    sql_query(MIGRATION_UNLOCK).execute(&mut connection).await?;
    Ok(tables)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{new_store, store};
    use super::*;

    /// What the extension refuses, as far as the order of statements and the keys go: a reference to a table that is not everywhere yet,
    /// and a unique key without the column that decides where a row goes.
    const CLUSTER: &str = "
        CREATE TABLE pg_dist_partition (place serial, logicalrelid regclass PRIMARY KEY);
        CREATE FUNCTION create_reference_table(moved regclass) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND conrelid = moved
                AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition)) THEN
                RAISE EXCEPTION '% refers to a table that is not on every node', moved;
            END IF;
            INSERT INTO pg_dist_partition (logicalrelid) VALUES (moved);
        END $$;
        CREATE FUNCTION create_distributed_table(moved regclass, distributed_by text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            IF EXISTS (SELECT 1 FROM pg_index WHERE indrelid = moved AND indisunique AND NOT EXISTS (
                SELECT 1 FROM pg_attribute WHERE attrelid = moved AND attname = distributed_by AND attnum = ANY (indkey))) THEN
                RAISE EXCEPTION 'a unique key of % lacks %', moved, distributed_by;
            END IF;
            INSERT INTO pg_dist_partition (logicalrelid) VALUES (moved);
        END $$;";

    #[tokio::test]
    async fn a_cluster_gets_every_table_once_and_in_an_order_it_takes() {
        let store = new_store().await;
        store.execute_for_test(CLUSTER).await;
        // What stopped half-way goes on where it stopped.
        store.execute_for_test("SELECT create_reference_table('datasets')").await;
        let moved = store.distribute().await.unwrap();
        assert_eq!(
            moved,
            [
                "imports",
                "import_months",
                "import_origins",
                "import_bodies",
                "charges",
                "costs_by_service",
                "costs_by_sub_account",
                "costs_by_region"
            ]
        );
        assert_eq!(store.distribute().await.unwrap(), Vec::<&str>::new());
    }

    #[tokio::test]
    async fn a_single_server_is_left_as_it_is_and_said_to_be_one() {
        let url = super::super::testing::database_url().await;
        assert!(matches!(store(&url).distribute().await, Err(StoreError::NoCluster)));
    }
}
