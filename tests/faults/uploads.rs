//! Uploads that come a few bytes at a time: other imports go on, and the database waits for no client.

use std::thread;
use std::time::Duration;

use crate::harness::client::caller;
use crate::harness::database::migrated;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Wire, request};

const HEADER: &str =
    "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName\n";

/// A file of an account of its own.
fn file(account: usize) -> String {
    format!("{HEADER}0.25,account {account},EUR,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.25,Microsoft,service {account}\n")
}

/// An upload whose head and header line are sent, and then nothing for as long as it is kept.
fn trickle(arm: &Server, account: usize) -> (Wire, String) {
    let file = file(account);
    let length = file.len().to_string();
    let mut wire = Wire::to(arm);
    wire.send(request("POST", "/api/imports", &[("content-type", "text/csv"), ("content-length", &length)]));
    let (first, rest) = file.split_at(HEADER.len() + 10);
    wire.send(first);
    (wire, rest.to_owned())
}

#[test]
fn five_clients_that_trickle_block_no_other_import() {
    let arm = Role::arm("even", &migrated()).with("SWITCHBACK_POOL_SIZE", "2").start();
    let trickling: Vec<(Wire, String)> = (0..5).map(|account| trickle(&arm, account)).collect();
    thread::sleep(Duration::from_millis(300));
    for account in 10..15 {
        let post = caller().post(format!("{}/api/imports", arm.url())).header("content-type", "text/csv").body(file(account));
        assert_eq!(post.timeout(Duration::from_secs(10)).send().unwrap().status(), 201, "account {account}");
    }
    assert_eq!(caller().get(format!("{}/api/costs", arm.url())).send().unwrap().status(), 200);
    for (mut wire, rest) in trickling {
        wire.send(rest);
        assert_eq!(wire.reply().status, 201, "the slow are served too, once they are done");
    }
}
