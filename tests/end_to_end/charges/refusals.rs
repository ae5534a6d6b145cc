//! Files that are not FOCUS, or only partly: refused line by line, and early.

use crate::harness::database;
use crate::harness::role::{Role, Server};
use crate::harness::wire::{Wire, request};

use super::{HEADER, billed, document, start, upload};

/// Ten rows, three of them bad: on lines 4, 7 and 11 of the file.
fn three_bad_of_ten() -> String {
    let good = "0.10,USD,Usage,2026-11-02 00:00:00,2026-11-01 00:00:00,0.10,AWS,Queue";
    let mut rows = [good; 10];
    rows[2] = "ten,USD,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.10,AWS,Queue";
    rows[5] = "0.10,USD,Usage,2026-11-02T00:00:00Z,yesterday,0.10,AWS,Queue";
    rows[9] = "0.10,USD,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.10,AWS";
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[test]
fn bad_rows_are_named_and_the_good_ones_land() {
    let system = start();
    let (status, import) = document(upload(&system.url("/api/imports"), three_bad_of_ten()));
    assert_eq!((status, import["accepted"].as_u64(), import["rejected"].as_u64()), (201, Some(7), Some(3)), "{import}");
    let problems = import["problems"].as_array().unwrap();
    let places: Vec<(u64, Option<&str>)> =
        problems.iter().map(|problem| (problem["line"].as_u64().unwrap(), problem["column"].as_str())).collect();
    assert_eq!(places, [(4, Some("BilledCost")), (7, Some("ChargePeriodStart")), (11, None)]);
    assert!(problems.iter().all(|problem| problem["reason"].as_str().is_some_and(|reason| reason.len() > 5)), "{problems:?}");
    assert_eq!((problems[0]["value"].as_str(), problems[1]["value"].as_str()), (Some("ten"), Some("yesterday")));
    assert_eq!(billed(&system.odd.url()), [("AWS".to_owned(), "0.70".to_owned(), 7)]);
}

#[test]
fn a_strict_import_with_bad_rows_stores_nothing() {
    let system = start();
    let (status, problem) = document(upload(&system.url("/api/imports?strict=true"), three_bad_of_ten()));
    assert_eq!((status, problem["type"].as_str()), (422, Some("/api/docs/problems#rows-refused")));
    let lines: Vec<u64> = problem["problems"].as_array().unwrap().iter().map(|problem| problem["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [4, 7, 11]);
    assert_eq!(billed(&system.even.url()), []);
}

#[test]
fn a_file_that_is_not_focus_is_a_clear_error() {
    let system = start();
    let url = system.url("/api/imports");
    for (file, said) in [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("<html><body>Sign in</body></html>", "the header names no FOCUS column"),
        ("a,b,c\n1,2,3\n", "the header names no FOCUS column"),
        ("BilledCost,ProviderName\n1,AWS\n", "the header lacks BillingCurrency, ChargeCategory"),
        ("PK\u{3}\u{4}...", "a zip archive"),
        ("{\"BilledCost\": 1}", "the header names no FOCUS column"),
    ] {
        let (status, problem) = document(upload(&url, file));
        assert_eq!((status, problem["type"].as_str()), (422, Some("/api/docs/problems#not-focus")), "{file:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{file:?}: {problem}");
    }
    assert_eq!(billed(&system.even.url()), []);
}

/// Sends blocks as chunks until there is an answer; returns its status and how many bytes were sent until then.
fn send_until_answered(arm: &Server, first: &[u8], block: &[u8], most: usize) -> (u16, usize) {
    let mut wire = Wire::to(arm);
    wire.send(request("POST", "/api/imports", &[("content-type", "text/csv"), ("transfer-encoding", "chunked")]));
    let mut sent = 0;
    let mut next = first;
    while sent < most && !wire.has_reply() {
        if wire.try_send([format!("{:x}\r\n", next.len()).as_bytes(), next, b"\r\n"].concat()).is_err() {
            break;
        }
        sent += next.len();
        next = block;
    }
    (wire.reply().status, sent)
}

#[test]
fn a_huge_file_that_is_not_csv_is_refused_long_before_its_end() {
    const WHOLE: usize = 200 << 20;
    /// What may be on its way in both sockets' buffers when the refusal comes.
    const EARLY: usize = 32 << 20;
    let arm = Role::arm("even", &database::migrated()).start();
    for (what, first) in [("one endless line", &b"xxxx"[..]), ("a zip archive", b"PK\x03\x04"), ("a page", b"<!doctype html>\n")] {
        let (status, sent) = send_until_answered(&arm, first, &[b'x'; 65_536], WHOLE);
        assert_eq!(status, 422, "{what}");
        assert!(sent < EARLY, "{what}: {sent} bytes were taken");
    }
    let header = format!("{HEADER}\n");
    let (status, sent) = send_until_answered(&arm, header.as_bytes(), &[b'"'; 65_535], WHOLE);
    assert!(matches!(status, 422) && sent < EARLY, "a quote that never closes: {status} after {sent} bytes");
}

#[test]
fn a_file_past_the_limit_is_refused() {
    let arm = Role::arm("even", &database::migrated()).with("SWITCHBACK_IMPORT_MAX_BYTES", "100000").start();
    let url = format!("{}/api/imports", arm.url());
    let (status, problem) = document(upload(&url, super::SAMPLE));
    assert_eq!((status, problem["type"].as_str()), (413, Some("/api/docs/problems#too-large")));
    let row = "0.10,USD,Usage,2026-11-02 00:00:00,2026-11-01 00:00:00,0.10,AWS,Queue\n";
    let (status, _) = send_until_answered(&arm, format!("{HEADER}\n").as_bytes(), row.repeat(800).as_bytes(), 200 << 20);
    assert_eq!(status, 413, "without a length it is found out on the way");
    assert_eq!(billed(&arm.url()), []);
}

#[test]
fn a_wrong_form_of_upload_is_told_the_right_one() {
    let system = start();
    for (content_type, said) in [
        ("application/x-www-form-urlencoded", "add -H 'content-type: text/csv'"),
        ("multipart/form-data; boundary=x", "send the file as the body"),
        ("application/json", "expected text/csv"),
        ("text/csv; charset=utf-16", "charset utf-16 is not supported"),
    ] {
        let post = crate::harness::client::caller().post(system.url("/api/imports")).header("content-type", content_type);
        let (status, problem) = document(post.body(three_bad_of_ten()).send().unwrap());
        assert_eq!((status, problem["type"].as_str()), (415, Some("/api/docs/problems#unsupported-media-type")), "{content_type}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
}
