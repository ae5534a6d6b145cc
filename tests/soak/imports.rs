//! Bills that are made up, uploaded until the answer is certain, and must be in the ledger to the last digit. Sums are kept in whole units of
//! 1e-10: no arithmetic of the program's own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use switchback::clock::{Clock, SystemClock};
use switchback::domain::arm::Arm;
use switchback::domain::statistics::random::Random;

use crate::callers::{Seen, client};
use crate::harness::client::get_json;
use crate::stage::Stage;

const HEADER: &str = "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName,SubAccountId";
const PAUSE: Duration = Duration::from_secs(2);
/// One of so many files is deleted again.
const DELETED: usize = 5;
const DECIMALS: usize = 10;
/// Longer than anything stays broken.
const PATIENCE: Duration = Duration::from_secs(90);

/// Charges and their sum, in units of 1e-10.
type Sum = (u64, u128);

/// What must be in the ledger, by service: each file has its own.
#[derive(Default)]
pub struct Ledger {
    services: BTreeMap<String, Sum>,
    uploads: u64,
    deleted: u64,
}

/// What is there, beside what must be.
pub struct Books {
    expected: BTreeMap<String, Sum>,
    found: BTreeMap<Arm, BTreeMap<String, Sum>>,
    uploads: u64,
    deleted: u64,
}

/// Uploads a file every few seconds until told to stop, each until the answer is certain.
pub fn import_until(url: &str, seed: u64, seen: &Seen, stop: &AtomicBool) -> Ledger {
    let (client, mut random, mut ledger) = (client(), Random::new(seed ^ 0x0f_0c05), Ledger::default());
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (service, file, sum) = draw(number, &mut random);
        let import = until_certain(|| {
            ledger.uploads += 1;
            // What is broken is said with a 5xx; the upload is tried again. The same bytes are the same import, however often they came.
            let (status, text) = answered(seen.call(&client, &Method::POST, &format!("{url}/api/imports"), Some(&file)))?;
            assert!(status == 200 || status == 201, "{status}: {text}");
            Ok(serde_json::from_str::<Value>(&text).unwrap())
        });
        assert_eq!(import["accepted"], sum.0, "{import}");
        if random.below(DELETED) == 0 {
            let path = format!("{url}/api/imports/{}", import["id"].as_str().unwrap());
            until_certain(|| {
                let (status, text) = answered(seen.call(&client, &Method::DELETE, &path, None))?;
                assert!(status == 204 || status == 404, "{status}: {text}");
                Ok(())
            });
            ledger.deleted += 1;
        } else {
            ledger.services.insert(service, sum);
        }
        thread::sleep(PAUSE);
    }
    ledger
}

/// An answer that is one: no refusal for what is broken, and no silence.
fn answered(answer: Option<(u16, String)>) -> Result<(u16, String), String> {
    let (status, text) = answer.ok_or("none came")?;
    if status < 500 { Ok((status, text)) } else { Err(format!("{status}: {text}")) }
}

/// Tries until there is an answer that says for certain; nothing that is broken here stays so for a minute.
fn until_certain<T>(mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let clock = SystemClock::new();
    loop {
        match attempt() {
            Ok(answer) => return answer,
            Err(last) => assert!(clock.uptime() < PATIENCE, "no certain answer within {PATIENCE:?}; the last one: {last}"),
        }
        thread::sleep(Duration::from_millis(300));
    }
}

/// A file of its own account and service.
fn draw(number: u64, random: &mut Random) -> (String, String, Sum) {
    let service = format!("soak {number}");
    let rows = 20 + random.below(400);
    let (mut file, mut sum) = (format!("{HEADER}\n"), 0_u128);
    for _ in 0..rows {
        let units = random.below(5_000_000_000_000) as u128;
        sum += units;
        let (amount, day) = (written(units), 1 + random.below(28));
        file.push_str(&format!(
            "{amount},account {number},USD,2026-12-01T00:00:00Z,2026-11-01T00:00:00Z,Usage,2026-11-{day:02}T01:00:00Z,2026-11-{day:02}T00:00:00Z,{amount},Soak,{service},sub {number}\n"
        ));
    }
    (service, file, (rows as u64, sum))
}

fn written(units: u128) -> String {
    let one = 10_u128.pow(u32::try_from(DECIMALS).unwrap());
    format!("{}.{:010}", units / one, units % one)
}

/// An amount as the API writes it.
fn read(amount: &str) -> u128 {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    assert!(fraction.len() <= DECIMALS, "{amount} has more digits than any row");
    format!("{whole}{fraction:0<DECIMALS$}").parse().unwrap_or_else(|_| panic!("{amount} is no sum"))
}

impl Ledger {
    /// Asks both arms for what is there.
    pub fn compare(self, stage: &Stage) -> Books {
        let sums = |arm: Arm| -> BTreeMap<String, Sum> {
            let costs = get_json(&format!("{}/api/costs?group_by=service&metric=billed", stage.arm_urls()[arm]));
            let sum = |cost: &Value| {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                (text(&cost["group"]["service"]), (cost["charges"].as_u64().unwrap(), read(&text(&cost["amount"]))))
            };
            costs["costs"].as_array().unwrap().iter().map(sum).collect()
        };
        let found = Arm::BOTH.into_iter().map(|arm| (arm, sums(arm))).collect();
        Books { expected: self.services, found, uploads: self.uploads, deleted: self.deleted }
    }
}

impl Books {
    /// Where the ledger is not what it must be.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.expected.is_empty() {
            mistakes.push("no import was accepted at all".to_owned());
        }
        for (arm, found) in &self.found {
            for service in self.expected.keys().chain(found.keys().filter(|service| !self.expected.contains_key(*service))) {
                let (expected, found) = (self.expected.get(service), found.get(service));
                if expected != found {
                    mistakes.push(format!("{service} at {arm}: expected {expected:?}, found {found:?}"));
                }
            }
        }
        mistakes
    }
}

impl fmt::Display for Books {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let charges: u64 = self.expected.values().map(|(charges, _)| charges).sum();
        let sum: u128 = self.expected.values().map(|(_, sum)| sum).sum();
        write!(
            formatter,
            "imports: {} accepted and kept with {charges} charges of USD {} in all, {} deleted again, {} uploads sent for them",
            self.expected.len(),
            written(sum),
            self.deleted,
            self.uploads
        )
    }
}
