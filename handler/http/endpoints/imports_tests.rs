//! Imports as callers see them.

use super::*;
use crate::http::endpoints::testing::{Answer, answer, chunks, headers};
use crate::store::testing::new_store;

const SAMPLE: &[u8] = include_bytes!("../../../tests/data/focus-1.0-sample.csv");
const CSV: (&str, &str) = ("content-type", "text/csv");
const MAX_BYTES: u64 = 1 << 30;

async fn post(store: &Store, pairs: &[(&'static str, &str)], query: Option<&str>, file: &[u8]) -> Answer {
    answer(create(store, "ci", MAX_BYTES, &headers(pairs), query, &mut chunks(file)).await).await
}

fn with_bad_rows() -> Vec<u8> {
    let text = std::str::from_utf8(SAMPLE).unwrap();
    let mut lines: Vec<String> = text.lines().take(11).map(str::to_owned).collect();
    lines[2] = lines[2].replacen("0.00001605990", "cheap", 1);
    lines[5] = "too,short".to_owned();
    lines[8] = lines[8].replacen("\"Usage\"", "\"Gift\"", 1);
    lines.join("\n").into_bytes()
}

#[tokio::test]
async fn a_file_is_created_once_read_listed_and_deleted() {
    let store = new_store().await;
    let created = post(&store, &[CSV], None, SAMPLE).await;
    assert_eq!((created.status, &created.body["accepted"], &created.body["rejected"]), (201, &1_000.into(), &0.into()), "{created:?}");
    let id = created.body["id"].as_str().unwrap().to_owned();
    assert_eq!(created.headers[LOCATION], format!("/api/imports/{id}"));
    let again = post(&store, &[("content-type", "application/octet-stream")], None, SAMPLE).await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    assert_eq!(answer(read(&store, &id, None).await).await.body, created.body);
    let listed = answer(list(&store, None).await).await.body;
    assert_eq!(listed["imports"][0]["id"], id.as_str());
    assert!(listed["imports"][0].get("problems").is_none() && listed["next_cursor"].is_null());
    assert_eq!(answer(delete(&store, &id, None).await).await.status, 204);
    assert_eq!(answer(delete(&store, &id, None).await).await.status, 404);
    assert_eq!(answer(read(&store, "not-an-id", None).await).await.status, 404);
}

#[tokio::test]
async fn bad_rows_are_told_and_strictly_spoil_the_file() {
    let store = new_store().await;
    let strict = post(&store, &[CSV], Some("strict=true"), &with_bad_rows()).await;
    assert_eq!((strict.status, &strict.body["rejected"]), (422, &3.into()), "{strict:?}");
    assert!(strict.body["type"].as_str().unwrap().ends_with("#rows-refused"));
    assert_eq!(answer(list(&store, None).await).await.body["imports"], serde_json::json!([]));
    let lenient = post(&store, &[CSV], Some("strict=false"), &with_bad_rows()).await;
    assert_eq!((lenient.status, &lenient.body["accepted"], &lenient.body["rejected"]), (201, &7.into(), &3.into()));
    let expected = serde_json::json!([
        {"line": 3, "column": "BilledCost", "reason": "is not a decimal number", "value": "cheap"},
        {"line": 6, "column": null, "reason": "has 2 fields where the header has 44", "value": ""},
        {"line": 9, "column": "ChargeCategory", "reason": "is none of Usage, Purchase, Tax, Credit, Adjustment", "value": "Gift"}
    ]);
    assert_eq!(lenient.body["problems"], expected);
    assert_eq!(strict.body["problems"], expected);
}

#[tokio::test]
async fn what_is_no_focus_file_is_told_by_kind() {
    let store = new_store().await;
    let broken = [&b"BilledCost,\0"[..], SAMPLE].concat();
    for (status, kind, file) in [
        (422, "not-focus", &b""[..]),
        (422, "not-focus", b"name,age\nann,5\n"),
        (422, "not-focus", b"BilledCost,EffectiveCost\n1,1\n"),
        (422, "not-focus", &broken),
    ] {
        let refused = post(&store, &[CSV], None, file).await;
        assert_eq!((refused.status, refused.body["type"].as_str().unwrap().split('#').nth(1)), (status, Some(kind)), "{refused:?}");
    }
    assert_eq!(post(&store, &[CSV], None, b"").await.detail(), "the file is empty: expected a header line and charges");
    let large = answer(create(&store, "ci", 10_000, &headers(&[CSV]), None, &mut chunks(SAMPLE)).await).await;
    assert_eq!((large.status, large.detail()), (413, "the file is larger than 10000 bytes after decompression"));
    let announced = post(&store, &[CSV, ("content-length", "99999999999")], None, SAMPLE).await;
    assert_eq!(announced.status, 413);
}

#[tokio::test]
async fn wrong_types_and_parameters_are_told_before_the_body_is_read() {
    let store = new_store().await;
    for (pairs, expected) in [
        (&[("content-type", "application/x-www-form-urlencoded")][..], "add -H 'content-type: text/csv'"),
        (&[("content-type", "multipart/form-data; boundary=x")], "--data-binary @FILE"),
        (&[("content-type", "application/json")], "expected text/csv"),
        (&[("content-type", "text/csv; charset=utf-16")], "charset utf-16"),
        (&[CSV, ("content-encoding", "br")], "content encoding br"),
    ] {
        let refused = post(&store, pairs, None, SAMPLE).await;
        assert_eq!(refused.status, 415, "{refused:?}");
        assert!(refused.detail().contains(expected), "{}", refused.detail());
    }
    assert!(check_type(&headers(&[("content-type", "text/csv; charset=\"UTF-8\""), ("content-encoding", "gzip")])).is_ok());
    assert!(check_type(&headers(&[])).is_ok());
    let unsure = post(&store, &[CSV], Some("strict=maybe"), SAMPLE).await;
    assert_eq!((unsure.status, unsure.detail()), (400, "strict must be true or false, not 'maybe'"));
    assert_eq!(post(&store, &[CSV], Some("stict=true"), SAMPLE).await.status, 400);
}

#[tokio::test]
async fn imports_are_paged_newest_first() {
    let store = new_store().await;
    let end = SAMPLE.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    let mut ids = Vec::new();
    for bad in ["\na\n", "\nb\n", "\nc\n"] {
        let file = [&SAMPLE[..end], bad.as_bytes()].concat();
        ids.insert(0, post(&store, &[CSV], Some("overlap=add"), &file).await.body["id"].clone());
    }
    let first = answer(list(&store, Some("limit=2")).await).await;
    let link = first.headers[http::header::LINK].to_str().unwrap();
    let query = link.trim_start_matches("</api/imports?").trim_end_matches(">; rel=\"next\"");
    let second = answer(list(&store, Some(query)).await).await;
    let of = |answer: &Answer| answer.body["imports"].as_array().unwrap().iter().map(|import| import["id"].clone()).collect::<Vec<_>>();
    assert_eq!([of(&first), of(&second)].concat(), ids);
    assert!(second.headers.get(http::header::LINK).is_none());
    assert_eq!(answer(list(&store, Some("limit=0")).await).await.detail(), "limit must be a whole number from 1 to 1000, not '0'");
}
