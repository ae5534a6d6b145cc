//! The small inputs of tests/data/cases, each with the answer that is right; its README says what they stand for.

use http::HeaderMap;
use serde_json::json as document;
use time::macros::datetime;

use super::testing::{Answer, answer, chunks, headers};
use super::{charges, costs, imports};
use crate::store::Store;
use crate::store::testing::new_store;

macro_rules! case {
    ($name:literal) => {
        &include_bytes!(concat!("../../../tests/data/cases/", $name))[..]
    };
}

async fn post(store: &Store, query: &str, file: &[u8]) -> Answer {
    let headers = headers(&[("content-type", "text/csv")]);
    answer(imports::create(store, "test", 1 << 30, &headers, Some(query), &mut chunks(file)).await).await
}

/// Imports a case that is to be read: accepted rows, refused rows, cells with a warning.
async fn imported(store: &Store, file: &[u8]) -> (u64, u64, u64) {
    let import = post(store, "", file).await;
    assert_eq!(import.status, 201, "{import:?}");
    let count = |name: &str| import.body[name].as_u64().unwrap();
    (count("accepted"), count("rejected"), count("warned"))
}

async fn sums(store: &Store, query: &str) -> Vec<(String, String)> {
    let costs = answer(costs::costs(store, &HeaderMap::new(), Some(query)).await).await;
    assert_eq!(costs.status, 200, "{costs:?}");
    let group = |cost: &serde_json::Value| {
        let values = cost["group"].as_object().unwrap().values().map(|value| value.as_str().unwrap_or("null").to_owned());
        values.collect::<Vec<_>>().join(",")
    };
    let costs = costs.body["costs"].as_array().unwrap().iter();
    costs.map(|cost| (group(cost), cost["amount"].as_str().unwrap_or("null").to_owned())).collect()
}

async fn total(store: &Store, query: &str) -> String {
    let sums = sums(store, query).await;
    assert!(sums.len() <= 1, "{sums:?}");
    sums.into_iter().next().map_or_else(|| "none".to_owned(), |(_, amount)| amount)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(group, amount)| ((*group).to_owned(), (*amount).to_owned())).collect()
}

/// The first charge of the ledger as a document.
async fn first_charge(store: &Store) -> serde_json::Value {
    answer(charges::list(store, &HeaderMap::new(), None).await).await.body["charges"][0].clone()
}

#[tokio::test]
async fn mtd_a_newer_export_of_a_dataset_replaces_the_older_and_never_the_other_way() {
    let store = new_store().await;
    for (file, billed, replaced) in
        [(case!("mtd-day1.csv"), "10.00", 0), (case!("mtd-day2.csv"), "20.00", 1), (case!("mtd-day3-restated.csv"), "31.50", 1)]
    {
        let import = post(&store, "dataset=d", file).await;
        assert_eq!((import.status, import.body["replaced"].as_array().unwrap().len()), (201, replaced), "{import:?}");
        assert_eq!((&import.body["dataset"], &import.body["periods"]), (&document!("d"), &document!(["2026-09"])));
        assert_eq!(total(&store, "").await, billed);
        assert_eq!(total(&store, "tag.env=dev").await, billed, "the charges say what the roll-ups say");
    }
    for stale in [case!("mtd-day2.csv"), case!("mtd-day1.csv")] {
        let refused = post(&store, "dataset=d", stale).await;
        assert_eq!((refused.status, refused.body["type"].as_str()), (409, Some("/api/docs/problems#stale-export")), "{refused:?}");
    }
    assert_eq!(post(&store, "dataset=d", case!("mtd-day3-restated.csv")).await.status, 200, "the same file is the same import");
    assert_eq!(total(&store, "").await, "31.50");
    let (from, to) = (datetime!(2026-09-01 0:00 UTC), datetime!(2026-10-01 0:00 UTC));
    let charged = store.charged(&["/R/1".to_owned()], from, to).await.unwrap();
    let billed: bigdecimal::BigDecimal = charged.iter().map(|day| &day.billed).sum();
    assert_eq!(billed.to_string(), "31.50", "what a report is told");
}

#[tokio::test]
async fn mtd_an_older_export_that_was_never_stored_is_stale_too() {
    let store = new_store().await;
    assert_eq!(post(&store, "dataset=d", case!("mtd-day3-restated.csv")).await.status, 201);
    assert_eq!(post(&store, "dataset=d", case!("mtd-day2.csv")).await.status, 409);
    assert_eq!(total(&store, "").await, "31.50");
}

#[tokio::test]
async fn fix_the_corrected_file_is_refused_as_an_overlap_until_told_which() {
    let store = new_store().await;
    let before = post(&store, "", case!("fix-before.csv")).await;
    assert_eq!((before.status, &before.body["accepted"], &before.body["rejected"]), (201, &document!(2), &document!(1)));
    let refused = post(&store, "", case!("fix-after.csv")).await;
    assert_eq!((refused.status, refused.body["type"].as_str()), (409, Some("/api/docs/problems#overlap")), "{refused:?}");
    assert_eq!(refused.body["import"], before.body["id"]);
    assert_eq!(total(&store, "").await, "20.00", "nothing was stored");
    let other = post(&store, "dataset=d", case!("fix-after.csv")).await;
    assert_eq!(other.status, 409, "a dataset replaces what it said itself, not what was imported beside it");
    assert_eq!(post(&store, "overlap=add", case!("fix-after.csv")).await.status, 201);
    assert_eq!(total(&store, "").await, "50.00");
}

#[tokio::test]
async fn fix_the_corrected_file_replaces_within_its_dataset() {
    let store = new_store().await;
    assert_eq!(post(&store, "dataset=d", case!("fix-before.csv")).await.status, 201);
    assert_eq!(post(&store, "dataset=d", case!("fix-after.csv")).await.status, 201);
    assert_eq!(total(&store, "").await, "30.00");
}

#[tokio::test]
async fn azure_purchases_and_credits_without_a_service_are_kept() {
    let store = new_store().await;
    assert_eq!(imported(&store, case!("azure-empty-service.csv")).await, (3, 0, 0));
    assert_eq!(sums(&store, "group_by=service").await, pairs(&[("null", "4800"), ("Virtual Machines", "1.00")]));
}

#[tokio::test]
async fn tags_as_a_list_and_without_braces_are_read() {
    for (file, rows, rest) in [(case!("gcp-tags-array.csv"), 3, "3"), (case!("azure-braceless-tags.csv"), 2, "1.00")] {
        let store = new_store().await;
        assert_eq!(imported(&store, file).await, (rows, 0, 0));
        assert_eq!(sums(&store, "group_by=tag.env").await, pairs(&[("prod", "40"), ("null", rest)]));
    }
}

#[tokio::test]
async fn descriptive_cells_that_cannot_be_read_cost_no_row() {
    for (file, billed, warned) in [
        (case!("optional-price-noise.csv"), "41.00", 1),
        (case!("cp1252.csv"), "41.00", 1),
        (case!("latin1.csv"), "1.00", 1),
        (case!("hidden-nul.csv"), "2.00", 1),
        (case!("null-lower.csv"), "1.00", 0),
        (case!("double-bom-cost-col.csv"), "2.00", 0),
    ] {
        let store = new_store().await;
        let (_, rejected, warnings) = imported(&store, file).await;
        assert_eq!((total(&store, "").await.as_str(), rejected, warnings), (billed, 0, warned));
        assert!(first_charge(&store).await.get("list_unit_price").is_none());
        assert_eq!(post(&new_store().await, "strict=true", file).await.status, if warned > 0 { 422 } else { 201 });
    }
    let store = new_store().await;
    imported(&store, case!("null-lower.csv")).await;
    let charge = first_charge(&store).await;
    assert!(["list_cost", "contracted_cost", "region_id"].iter().all(|name| charge.get(name).is_none()), "{charge}");
}

#[tokio::test]
async fn warnings_say_what_the_file_is_and_what_to_do() {
    for (file, column, said) in [
        (case!("latin1.csv"), "ChargeDescription", "probably Windows-1252 or Latin-1: left out; save the file as UTF-8"),
        (case!("hidden-nul.csv"), "ChargeDescription", "holds a NUL character: left out"),
        (case!("optional-price-noise.csv"), "ListCost", "is not a decimal number: left out"),
    ] {
        let import = post(&new_store().await, "", file).await;
        let warning = &import.body["warnings"][0];
        assert_eq!((&warning["rows"], warning["column"].as_str()), (&document!(1), Some(column)));
        assert!(warning["reason"].as_str().unwrap().contains(said), "{warning}");
    }
}

#[tokio::test]
async fn float_residue_is_rounded_and_said_and_zero_is_zero() {
    let store = new_store().await;
    assert_eq!(imported(&store, case!("float-residue.csv")).await, (3, 0, 2));
    assert_eq!(total(&store, "").await, "5.00000000000000000000000661744490042422");
}

#[tokio::test]
async fn nothing_accepted_is_no_import() {
    let store = new_store().await;
    let refused = post(&store, "", case!("all-rejected.csv")).await;
    assert_eq!((refused.status, &refused.body["rejected"]), (422, &document!(2)), "{refused:?}");
    assert!(refused.detail().contains("none of the 2 rows was accepted"));
    let header = case!("mtd-day1.csv").split(|byte| *byte == b'\n').next().unwrap();
    assert_eq!(post(&store, "", header).await.status, 422, "only a header");
    assert_eq!(answer(imports::list(&store, None).await).await.body["imports"], document!([]));
}

#[tokio::test]
async fn former_names_and_other_spellings_of_times_are_read() {
    let store = new_store().await;
    assert_eq!(imported(&store, case!("oci-focus-names.csv")).await, (1, 0, 0));
    let charge = first_charge(&store).await;
    for (name, expected) in [
        ("provider_name", "Oracle"),
        ("publisher_name", "Oracle"),
        ("invoice_issuer_name", "Oracle"),
        ("region_id", "eu-frankfurt-1"),
        ("billed_cost", "0.25"),
        ("billing_currency", "EUR"),
    ] {
        assert_eq!(charge[name], expected, "{charge}");
    }
    let store = new_store().await;
    assert_eq!(imported(&store, case!("snowflake-tz.csv")).await, (1, 0, 0));
    assert_eq!(first_charge(&store).await["charge_period_start"], "2026-09-01T00:00:00Z");
    let store = new_store().await;
    assert_eq!(imported(&store, case!("year-9999-end.csv")).await, (1, 0, 0));
    assert_eq!(first_charge(&store).await["charge_period_end"], "9999-12-31T23:59:59Z");
}

#[tokio::test]
async fn tag_keys_are_taken_as_they_are_written() {
    let store = new_store().await;
    imported(&store, case!("tag-dot-prefix.csv")).await;
    assert_eq!((total(&store, "tag.tag.env=a").await, total(&store, "tag.env=a").await), ("9".to_owned(), "1".to_owned()));
    let store = new_store().await;
    imported(&store, case!("tag-numbers.csv")).await;
    assert_eq!(sums(&store, "group_by=tag.version").await, pairs(&[("null", "2.00"), ("1.1", "1.00"), ("1.10", "1.00")]));
    assert_eq!(total(&store, "tag.owner=123456789012345678901").await, "1.00");
    assert_eq!(total(&store, "tag.v=1.0e2").await, "1.00");
}

#[tokio::test]
async fn azures_tag_keys_are_one_whatever_their_case() {
    let store = new_store().await;
    imported(&store, case!("tag-case.csv")).await;
    for key in ["Application", "application", "APPLICATION"] {
        assert_eq!(sums(&store, &format!("group_by=tag.{key}")).await, pairs(&[("shop", "3.00")]), "{key}");
        assert_eq!(total(&store, &format!("tag.{key}=shop")).await, "3.00", "{key}");
    }
    assert_eq!(first_charge(&store).await["tags"], document!({"Application": "shop"}), "the first spelling is shown");
    let aws = String::from_utf8_lossy(case!("tag-case.csv")).replace("Microsoft", "AWS");
    let store = new_store().await;
    imported(&store, aws.as_bytes()).await;
    assert_eq!(total(&store, "tag.application=shop").await, "1.00", "AWS tells them apart");
}

#[tokio::test]
async fn currencies_are_one_code_or_refused() {
    let store = new_store().await;
    let import = post(&store, "", case!("currency-spellings.csv")).await;
    assert_eq!((&import.body["accepted"], &import.body["rejected"]), (&document!(3), &document!(1)));
    assert_eq!(import.body["problems"][0]["reason"], "is no currency code of ISO 4217");
    assert_eq!(sums(&store, "group_by=currency").await, pairs(&[("USD", "3.00")]));
}

#[tokio::test]
async fn other_delimiters_and_what_tools_put_around_a_file_are_read() {
    for file in [case!("semicolon.csv"), case!("sep-line.csv"), case!("trailing-comma.csv")] {
        let store = new_store().await;
        assert_eq!(imported(&store, file).await, (1, 0, 0));
        assert_eq!(total(&store, "group_by=tag.env").await, "1.00");
    }
    let manifest = post(&new_store().await, "", case!("manifest.json")).await;
    assert_eq!(manifest.status, 422);
    assert!(manifest.detail().contains("import the folder it stands in"), "{}", manifest.detail());
}

#[tokio::test]
async fn line_ends_marks_and_final_newlines_make_no_second_bill() {
    let store = new_store().await;
    let text = String::from_utf8_lossy(case!("mtd-day2.csv")).into_owned();
    let first = post(&store, "", text.as_bytes()).await;
    for same in [text.replace('\n', "\r\n"), format!("\u{feff}{text}"), text.trim_end().to_owned(), format!("{text}\n\n")] {
        let again = post(&store, "", same.as_bytes()).await;
        assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]), "{again:?}");
    }
    assert_eq!(total(&store, "").await, "20.00");
}

#[tokio::test]
async fn a_name_twice_in_json_is_refused() {
    let store = new_store().await;
    let json = headers(&[("content-type", "application/json")]);
    let refused = answer(charges::create(&store, "test", &json, None, case!("json-duplicate-key.json")).await).await;
    assert_eq!(refused.status, 400);
    assert!(refused.detail().contains("names 'billed_cost' twice"), "{}", refused.detail());
}
