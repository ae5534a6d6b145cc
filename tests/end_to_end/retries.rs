//! A database backend that is lost under a call, as a failover loses them: reads are served once more, writes are not.

use std::thread;

use tokio_postgres::{Client, NoTls};

use crate::harness::client::caller;
use crate::harness::role::{Role, Server};
use crate::harness::{database, wait_for};

/// A connection of the test's own to the arm's database.
struct Observer {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Observer {
    fn of(database: &str) -> Observer {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(database, NoTls).await.unwrap();
            tokio::spawn(connection);
            client
        });
        Observer { runtime, client }
    }

    fn execute(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap();
    }

    /// The backend that waits for the lock on charges, other than `not`.
    fn waiting(&self, not: i32) -> i32 {
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> $1";
        wait_for("a backend to wait for the lock", || {
            // Within a transaction, activity is what it was when it was first looked at.
            self.execute("SELECT pg_stat_clear_snapshot()");
            self.runtime.block_on(self.client.query_opt(waiting, &[&not])).unwrap().map(|row| row.get(0))
        })
    }

    fn terminate(&self, backend: i32) {
        let ended = self.runtime.block_on(self.client.query_one("SELECT pg_terminate_backend($1)", &[&backend])).unwrap();
        assert!(ended.get::<_, bool>(0), "backend {backend} was there");
    }
}

/// An arm whose charges are locked until the observer lets go.
fn locked() -> (Server, Observer) {
    let database = database::migrated();
    let arm = Role::arm("even", &database).start();
    let observer = Observer::of(&database);
    observer.execute("BEGIN; LOCK TABLE charges");
    (arm, observer)
}

fn read(arm: &Server) -> thread::JoinHandle<(u16, bool)> {
    let url = format!("{}/api/charges", arm.url());
    thread::spawn(move || {
        let answer = caller().get(url).send().unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    })
}

#[test]
fn a_read_is_served_once_more_after_its_backend_was_terminated() {
    let (arm, observer) = locked();
    let reading = read(&arm);
    let first = observer.waiting(0);
    observer.terminate(first);
    observer.waiting(first);
    observer.execute("ROLLBACK");
    assert_eq!(reading.join().unwrap(), (200, false));
}

#[test]
fn a_read_that_loses_its_backend_twice_is_told_when_to_come_back() {
    let (arm, observer) = locked();
    let reading = read(&arm);
    let first = observer.waiting(0);
    observer.terminate(first);
    observer.terminate(observer.waiting(first));
    assert_eq!(reading.join().unwrap(), (503, true));
    observer.execute("ROLLBACK");
}

#[test]
fn a_write_is_not_tried_again() {
    let (arm, observer) = locked();
    let url = format!("{}/api/charges", arm.url());
    let writing = thread::spawn(move || {
        let charge = r#"{"billed_cost": "0.10", "effective_cost": "0.10", "billing_currency": "USD", "charge_category": "Usage",
            "charge_period_start": "2026-11-01T00:00:00Z", "charge_period_end": "2026-11-02T00:00:00Z",
            "provider_name": "Microsoft", "service_name": "Azure Functions"}"#;
        let answer = caller().post(url).header("content-type", "application/json").body(charge).send().unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    });
    observer.terminate(observer.waiting(0));
    assert_eq!(writing.join().unwrap(), (503, true));
    observer.execute("ROLLBACK");
}

#[test]
fn whoever_waits_too_long_for_a_lock_is_told_so_and_no_defect_is_logged() {
    let (arm, observer) = locked();
    assert_eq!(read(&arm).join().unwrap().0, 504);
    assert!(!arm.process.output().contains("call failed"), "{}", arm.process.output());
    observer.execute("ROLLBACK");
}
