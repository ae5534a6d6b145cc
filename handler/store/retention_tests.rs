//! Old rows against a real PostgreSQL: what goes, what stays, and that no count is lost or doubled on the way.

use time::macros::datetime;
use tokio_postgres::NoTls;
use uuid::Uuid;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::domain::arm::Arm;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::minute_range::MinuteRange;
use crate::domain::probe::{Probe, ProbeOutcome};
use crate::domain::schedule::Schedule;
use crate::domain::window::{Window, WindowCounts};
use crate::store::testing::{database_url, store};

const DAY: Duration = Duration::from_secs(86_400);
const KEPT: Retention = Retention { windows: DAY.saturating_mul(30), decisions: DAY.saturating_mul(20), probes: DAY.saturating_mul(10) };
/// Nothing may be removed that the database's clock takes for young: the tests' past is past for it too.
const NOW: OffsetDateTime = datetime!(2024-06-01 12:00 UTC);

fn days_ago(days: i64) -> OffsetDateTime {
    NOW - time::Duration::days(days)
}

/// Windows, decisions and probes of noon so many days ago.
async fn fill(store: &Store, days: i64, calls: u64) {
    let schedule = Schedule::default();
    let minute = schedule.minute_at(days_ago(days));
    let window = |worker: u128, arm, closed| Window {
        minute,
        arm,
        worker: Uuid::from_u128(worker),
        closed,
        counts: WindowCounts { status_classes: [0, calls, 0, 0, 1], probes: 2, ..WindowCounts::default() },
    };
    let windows = [window(1, Arm::Even, true), window(2, Arm::Even, false), window(3, Arm::Odd, true)];
    store.write_windows(&schedule, &windows, NOW).await.unwrap();
    let decision = |reason, calls| DecisionCount { decision: Decision { minute, arm: Arm::Even, reason }, calls };
    let decisions = [decision(Reason::Schedule, calls), decision(Reason::Failover, 1)];
    for worker in [1, 2] {
        store.write_decisions(&schedule, Uuid::from_u128(worker), &decisions, NOW).await.unwrap();
    }
    for (outcome, arm) in [(ProbeOutcome::Conformant, Some(Arm::Even)), (ProbeOutcome::Unanswered, None)] {
        let probe = Probe { sent_at: days_ago(days), outcome, arm, redirect_us: None, answer_us: None, detail: None };
        store.write_probe(&probe).await.unwrap();
    }
}

/// Rows of a statement, each as its columns' texts.
async fn rows(url: &str, sql: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = format!("SELECT array_to_string(array[{sql}");
    client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn days(url: &str) -> [Vec<String>; 3] {
    [
        rows(url, "day, arm, windows, unclosed, calls, server_errors, probes]::text[], ' ') FROM window_days ORDER BY day, arm").await,
        rows(url, "day, arm, reason, calls]::text[], ' ') FROM decision_days ORDER BY day, arm, reason").await,
        rows(url, "day, outcome, arm, probes]::text[], ' ') FROM probe_days ORDER BY day, outcome").await,
    ]
}

#[tokio::test]
async fn what_is_too_old_leaves_the_sums_of_its_days_and_the_rest_stays() {
    let url = database_url().await;
    let store = store(&url);
    for (days, calls) in [(40, 10), (31, 7), (30, 5), (15, 3), (1, 1)] {
        fill(&store, days, calls).await;
    }
    // In batches smaller than a day's rows.
    let removed = store.expire(&KEPT, NOW, 2).await.unwrap();
    assert_eq!(removed, 2 * 3 + 3 * 4 + 4 * 2);
    let [windows, decisions, probes] = days(&url).await;
    assert_eq!(
        windows,
        ["2024-04-22 even 2 1 22 2 4", "2024-04-22 odd 1 0 11 1 2", "2024-05-01 even 2 1 16 2 4", "2024-05-01 odd 1 0 8 1 2"]
    );
    assert_eq!(decisions.len(), 6);
    assert_eq!(decisions[..2], ["2024-04-22 even failover 2", "2024-04-22 even schedule 20"]);
    assert_eq!(probes.len(), 8);
    assert_eq!(probes[6..], ["2024-05-17 conformant even 1", "2024-05-17 unanswered none 1"]);
    let schedule = Schedule::default();
    let range = MinuteRange::new(schedule, schedule.minute_at(days_ago(60)), schedule.minute_at(NOW));
    assert_eq!(store.windows_for_test(range).await.len(), 9, "three days' windows are young enough");
    assert_eq!(store.expire(&KEPT, NOW, 2).await.unwrap(), 0, "once is enough");
    assert_eq!(days(&url).await[0], windows);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_count_nothing_twice() {
    let url = database_url().await;
    let store = store(&url);
    for days in 31..41 {
        fill(&store, days, 10).await;
    }
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.expire(&KEPT, NOW, 5).await.unwrap() })
        })
        .collect();
    let mut removed = 0;
    for worker in workers {
        removed += worker.await.unwrap();
    }
    // Whoever found another at it leaves the rest to the next hour.
    removed += store.expire(&KEPT, NOW, 1_000).await.unwrap();
    assert_eq!(removed, 10 * (3 + 4 + 2));
    let total = rows(&url, "sum(calls), sum(windows)]::text[], ' ') FROM window_days").await;
    assert_eq!(total, ["330 30"]);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_removes_nothing() {
    let url = database_url().await;
    let store = store(&url);
    let present = SystemClock::new().now();
    let probe = Probe { sent_at: present, outcome: ProbeOutcome::Unanswered, arm: None, redirect_us: None, answer_us: None, detail: None };
    store.write_probe(&probe).await.unwrap();
    assert_eq!(store.expire(&KEPT, present + time::Duration::days(900), 10).await.unwrap(), 0);
}

#[tokio::test]
async fn an_arm_removes_what_is_too_old_as_soon_as_it_runs() {
    let url = database_url().await;
    let store = store(&url);
    fill(&store, 40, 10).await;
    let stop = CancellationToken::new();
    let task = tokio::spawn(keep(store.clone(), KEPT, Arc::new(ManualClock::new(NOW)), stop.clone()));
    let gone = async {
        while days(&url).await[2].is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the sums are there");
    stop.cancel();
    task.await.unwrap();
}
