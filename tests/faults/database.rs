//! The database away, slow, silent or lost mid-call: what callers get meanwhile, and that no count is lost.

use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};

use crate::harness::client::{caller, get_json};
use crate::harness::database::migrated;
use crate::harness::role::{Role, Server};
use crate::harness::system::EVEN_MINUTE;
use crate::harness::wait_until;
use crate::proxy::{Fault, Proxy};

/// An arm whose database is behind a proxy, and another that reaches the same database directly.
struct Behind {
    database: String,
    proxy: Proxy,
    arm: Server,
    witness: Server,
}

impl Behind {
    fn start(settings: &[(&str, &str)]) -> Behind {
        let database = migrated();
        let (proxy, through) = Proxy::before(&database);
        let with = |role: Role| settings.iter().fold(role, |role, (name, value)| role.with(name, value)).clock(EVEN_MINUTE);
        let arm = with(Role::arm("even", &through)).start();
        let witness = with(Role::arm("odd", &database)).start();
        let behind = Behind { database, proxy, arm, witness };
        wait_until("the arm to be ready", || behind.status("/api/health/ready").0 == 200);
        behind
    }

    /// Status and Retry-After of a GET, and how long it took.
    fn status(&self, path: &str) -> (u16, bool, Duration) {
        let clock = SystemClock::new();
        let response = caller().get(format!("{}{path}", self.arm.url())).send().unwrap();
        (response.status().as_u16(), response.headers().contains_key("retry-after"), clock.uptime())
    }

    /// Calls of arm even that are in its windows, as the other arm reads them.
    fn counted(&self) -> u64 {
        let windows = get_json(&format!("{}/api/windows?limit=5000", self.witness.url()));
        let windows = windows["windows"].as_array().unwrap().iter().filter(|window| window["arm"] == "even");
        windows.map(|window| window["calls"].as_u64().unwrap()).sum()
    }
}

const QUERY: &str = "/api/costs?group_by=service";

#[test]
fn a_database_that_refuses_is_503_with_retry_after_and_liveness_stays() {
    let behind = Behind::start(&[]);
    behind.proxy.set(Fault::Refuse);
    behind.proxy.cut();
    wait_until("the loss to be noticed", || behind.status(QUERY).0 == 503);
    let (status, retry_after, took) = behind.status(QUERY);
    assert_eq!((status, retry_after), (503, true));
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(behind.status("/api/health/ready").0, 503);
    assert_eq!(behind.status("/api/health/live").0, 200);
    assert_eq!(behind.status("/api/instance").0, 200, "what needs no database is served");
    behind.proxy.set(Fault::None);
    wait_until("the database to be used again", || behind.status(QUERY).0 == 200);
}

#[test]
fn a_silent_database_keeps_callers_within_their_time_limit_and_leaks_no_connection() {
    let behind = Behind::start(&[("SWITCHBACK_CALL_TIMEOUT", "2s"), ("SWITCHBACK_POOL_SIZE", "2")]);
    for fault in [Fault::Stall, Fault::HalfOpen] {
        behind.proxy.set(fault);
        let (status, _, took) = behind.status(QUERY);
        assert!((503..=504).contains(&status), "{fault:?}: {status}");
        assert!(took < Duration::from_secs(4), "{fault:?}: {took:?}");
        assert_eq!(behind.status("/api/health/live").0, 200);
        behind.proxy.set(Fault::None);
        wait_until("questions to be answered again", || behind.status(QUERY).0 == 200);
    }
}

#[test]
fn database_latency_only_delays_answers() {
    let behind = Behind::start(&[]);
    behind.proxy.set(Fault::Latency(Duration::from_millis(100)));
    for _ in 0..3 {
        assert_eq!(behind.status(QUERY).0, 200);
    }
}

#[test]
fn counts_from_a_database_outage_are_written_after_it() {
    for fault in [Fault::Refuse, Fault::Stall] {
        let behind = Behind::start(&[]);
        behind.proxy.set(fault);
        behind.proxy.cut();
        for _ in 0..50 {
            assert_eq!(behind.status("/api/instance").0, 200);
        }
        behind.proxy.set(Fault::None);
        wait_until("all fifty to be in the windows", || behind.counted() == 50);
    }
}

#[test]
fn a_lock_on_charges_does_not_stop_the_writing_of_counts() {
    let behind = Behind::start(&[("SWITCHBACK_POOL_SIZE", "1")]);
    let database = behind.database.clone();
    let (locked, is_locked) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let locker = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&database, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("BEGIN; LOCK TABLE charges").await.unwrap();
            locked.send(()).unwrap();
            released.recv().unwrap();
        });
    });
    is_locked.recv().unwrap();
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let url = format!("{}/api/charges?limit=1", behind.arm.url());
            thread::spawn(move || caller().get(&url).send().unwrap().status().as_u16())
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(behind.status("/api/instance").0, 200);
    }
    assert_eq!(behind.status("/api/health/ready").0, 200, "readiness does not queue behind callers");
    wait_until("the window to be written meanwhile", || behind.counted() >= 20);
    assert!(askers.iter().any(|asker| !asker.is_finished()), "the lock was still in the way");
    release.send(()).unwrap();
    locker.join().unwrap();
    for asker in askers {
        let status = asker.join().unwrap();
        assert!(matches!(status, 200 | 503 | 504), "{status}");
    }
}
