//! What is too old: an arm removes it by itself and keeps the sums, as its settings say.

use std::thread;
use std::time::Duration;

use crate::harness::database::{self, number};
use crate::harness::role::Role;
use crate::harness::wait_until;

/// A probe of so many days ago, as the Functions timer wrote it.
fn probe(database: &str, days: u32) {
    let stored = format!(
        "WITH written AS (INSERT INTO probes (id, sent_at, outcome, arm) \
         VALUES (gen_random_uuid(), now() - interval '{days} days', 'conformant', 'even') RETURNING 1) SELECT count(*) FROM written"
    );
    assert_eq!(number(database, &stored), 1);
}

#[test]
fn an_arm_sums_up_and_removes_what_its_settings_call_too_old() {
    let database = database::migrated();
    probe(&database, 100);
    probe(&database, 60);
    let patient = Role::arm("even", &database).with("SWITCHBACK_RETENTION_PROBES", "200d").start();
    wait_until("the arm to be ready", || crate::harness::wire::Wire::to(&patient).ask("GET", "/api/health/ready", &[]).status == 200);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(number(&database, "SELECT count(*) FROM probes"), 2, "a hundred days are no two hundred");
    let _standard = Role::arm("odd", &database).start();
    wait_until("the older probe to be gone", || number(&database, "SELECT count(*) FROM probes") == 1);
    assert_eq!(number(&database, "SELECT sum(probes)::bigint FROM probe_days WHERE outcome = 'conformant' AND arm = 'even'"), 1);
}
