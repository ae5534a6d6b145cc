//! Real cost data behind the one URL: uploads that follow the redirect, exact sums on both arms, nothing counted twice.

mod datasets;
mod keys;
mod refusals;

use std::io::Write;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::harness::client::{caller, get_json};
use crate::harness::role::{Role, Server};
use crate::harness::system::{EVEN_MINUTE, ODD_MINUTE, System};

/// 1,000 real, anonymised charges; tests/data/README.md names their source.
const SAMPLE: &str = include_str!("../../data/focus-1.0-sample.csv");
/// Sums of BilledCost by provider, worked out from the file by decimal arithmetic outside this program.
const BILLED: [(&str, &str, u64); 3] = [("AWS", "18.00663861840", 942), ("Microsoft", "1.97651418586", 51), ("Oracle", "0.53707392473", 7)];
const HEADER: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName";

fn start() -> System {
    System::start(|router| router.clock(EVEN_MINUTE), |arm| arm)
}

/// Another router in front of the same arms, in arm odd's minute.
fn odd_router(system: &System) -> Server {
    Role::router(&system.even.url(), &system.odd.url()).clock(ODD_MINUTE).start()
}

fn upload(url: &str, file: impl Into<Vec<u8>>) -> Response {
    caller().post(url).header("content-type", "text/csv").body(file.into()).send().unwrap()
}

fn document(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}: {error}: {text}")))
}

/// The sums by provider that an address answers, as (provider, amount, charges).
fn billed(base: &str) -> Vec<(String, String, u64)> {
    let costs = get_json(&format!("{base}/api/costs?group_by=provider&metric=billed"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cost = |cost: &Value| {
        assert_eq!(cost["currency"], "USD");
        (text(&cost["group"]["provider"]), text(&cost["amount"]), cost["charges"].as_u64().unwrap())
    };
    costs["costs"].as_array().unwrap().iter().map(cost).collect()
}

fn assert_the_sample_once(system: &System) {
    let expected = BILLED.map(|(provider, amount, charges)| (provider.to_owned(), amount.to_owned(), charges));
    for base in [system.even.url(), system.odd.url(), system.router.url()] {
        assert_eq!(billed(&base), expected, "{base}");
    }
}

#[test]
fn the_sample_is_stored_once_and_summed_exactly_on_both_arms() {
    let mut system = start();
    let response = upload(&system.url("/api/imports"), SAMPLE);
    assert_eq!(response.headers()["switchback-arm"], "even", "the redirect led to the minute's arm");
    let (status, first) = document(response);
    assert_eq!((status, first["accepted"].as_u64(), first["rejected"].as_u64()), (201, Some(1000), Some(0)), "{first}");
    assert_the_sample_once(&system);

    // The same bytes in the next minute come to the other arm, which knows them.
    let odd = odd_router(&system);
    let response = upload(&format!("{}/api/imports", odd.url()), SAMPLE);
    assert_eq!(response.headers()["switchback-arm"], "odd");
    assert_eq!(response.headers()["location"], format!("/api/imports/{}", first["id"].as_str().unwrap()).as_str());
    let (status, second) = document(response);
    assert_eq!((status, &second["id"], second["accepted"].as_u64()), (200, &first["id"], Some(1000)));
    assert_the_sample_once(&system);

    system.even.process.kill();
    system.odd.process.kill();
    system.restart_even();
    system.restart_odd();
    assert_the_sample_once(&system);
    let imports = get_json(&system.url("/api/imports"));
    assert_eq!((imports["imports"].as_array().unwrap().len(), &imports["imports"][0]["id"]), (1, &first["id"]));
}

#[test]
fn a_compressed_file_is_the_same_import_as_the_plain_one() {
    let system = start();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(SAMPLE.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    let send = |content_type: &str, encoding: Option<&str>| {
        let post = caller().post(system.url("/api/imports")).header("content-type", content_type).body(compressed.clone());
        let post = encoding.map_or(post.try_clone().unwrap(), |encoding| post.header("content-encoding", encoding));
        document(post.send().unwrap())
    };
    let (status, first) = send("application/gzip", None);
    assert_eq!((status, first["accepted"].as_u64(), first["bytes"].as_u64()), (201, Some(1000), Some(SAMPLE.len() as u64)));
    let (status, again) = send("text/csv", Some("gzip"));
    assert_eq!((status, &again["id"]), (200, &first["id"]));
    let (status, plain) = document(upload(&system.url("/api/imports"), SAMPLE));
    assert_eq!((status, &plain["id"]), (200, &first["id"]));
    assert_the_sample_once(&system);
}

#[test]
fn the_same_upload_on_both_arms_at_once_counts_once() {
    let system = start();
    let urls = [&system.even, &system.odd, &system.even, &system.odd].map(|arm| format!("{}/api/imports", arm.url()));
    let uploads = urls.map(|url| thread::spawn(move || document(upload(&url, SAMPLE))));
    let outcomes = uploads.map(|upload| upload.join().unwrap());
    let mut statuses: Vec<u16> = outcomes.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 201], "{outcomes:?}");
    assert!(outcomes.iter().all(|(_, import)| import["id"] == outcomes[0].1["id"]));
    assert_the_sample_once(&system);
}

#[test]
fn an_import_cut_off_by_a_kill_stores_nothing() {
    use crate::harness::wire::{Wire, request};

    let mut system = start();
    let mut wire = Wire::to(&system.even);
    let length = SAMPLE.len().to_string();
    wire.send(request("POST", "/api/imports", &[("content-type", "text/csv"), ("content-length", &length)]));
    wire.send(&SAMPLE[..SAMPLE.len() / 2]);
    system.even.process.kill();
    assert_eq!(billed(&system.odd.url()), []);
    system.restart_even();
    assert_eq!(document(upload(&format!("{}/api/imports", system.even.url()), SAMPLE)).0, 201);
    assert_the_sample_once(&system);
}

#[test]
fn a_deleted_import_can_be_imported_again() {
    let system = start();
    let imports = system.url("/api/imports");
    let (_, first) = document(upload(&imports, SAMPLE));
    let import = format!("{imports}/{}", first["id"].as_str().unwrap());
    assert_eq!(caller().delete(&import).send().unwrap().status().as_u16(), 204);
    assert_eq!(caller().delete(&import).send().unwrap().status().as_u16(), 404);
    assert_eq!(billed(&system.odd.url()), [], "the other arm does not know it any more");
    let (status, second) = document(upload(&imports, SAMPLE));
    assert_eq!(status, 201);
    assert_ne!(second["id"], first["id"]);
    assert_the_sample_once(&system);
}

#[test]
fn a_posted_charge_is_stored_once_even_if_the_other_arm_gets_the_retry() {
    let system = start();
    let mut charge = json!({
        "billed_cost": "0.10", "effective_cost": "0.10", "billing_currency": "USD", "charge_category": "Usage", "provider_name": "Microsoft",
        "service_name": "Functions", "charge_period_start": "2026-11-01T00:00:00Z", "charge_period_end": "2026-11-02T00:00:00Z",
    });
    let odd = odd_router(&system);
    let post = |base: &str, charge: &Value| {
        let post = caller().post(format!("{base}/api/charges")).header("idempotency-key", "retry-1").json(charge).send().unwrap();
        (post.headers()["switchback-arm"].to_str().unwrap().to_owned(), document(post))
    };
    let (arm, (status, first)) = post(&system.router.url(), &charge);
    assert_eq!((arm.as_str(), status, first["accepted"].as_u64()), ("even", 201, Some(1)), "{first}");
    let (arm, (status, again)) = post(&odd.url(), &charge);
    assert_eq!((arm.as_str(), status, &again), ("odd", 201, &first));
    charge["billed_cost"] = json!("0.20");
    let (_, (status, refused)) = post(&odd.url(), &charge);
    assert_eq!((status, refused["type"].as_str()), (422, Some("/api/docs/problems#idempotency-key-reused")));
    assert_eq!(billed(&odd.url()), [("Microsoft".to_owned(), "0.10".to_owned(), 1)]);
}

#[test]
fn a_cursor_continues_on_either_arm() {
    let system = start();
    assert_eq!(document(upload(&system.url("/api/imports"), SAMPLE)).0, 201);
    let mut next = "/api/charges?limit=400".to_owned();
    let (mut ids, mut pages) = (std::collections::HashSet::new(), 0);
    loop {
        let arm = if pages % 2 == 0 { &system.even } else { &system.odd };
        let response = caller().get(format!("{}{next}", arm.url())).send().unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let (status, page) = document(response);
        assert_eq!(status, 200, "{page}");
        pages += 1;
        ids.extend(page["charges"].as_array().unwrap().iter().map(|charge| charge["id"].as_str().unwrap().to_owned()));
        let Some(link) = link else { break };
        next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap_or_else(|| panic!("{link}")).to_owned();
    }
    assert_eq!((ids.len(), pages), (1000, 3), "every charge once");
}
