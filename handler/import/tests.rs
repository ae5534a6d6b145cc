//! Imports against a real database.

use std::convert::Infallible;
use std::time::Duration;

use super::*;
use crate::domain::import::Import;
use crate::store::testing::{database_url, new_store, store};
use crate::store::{CostQuery, Dimension};

const SAMPLE: &[u8] = include_bytes!("../../tests/data/focus-1.0-sample.csv");
const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 30, strict: false, body_digest: None };

async fn import_bytes(store: &Store, bytes: &'static [u8]) -> Result<Imported, ImportError> {
    import(store, &ImportOrder::default(), bytes, LIMITS, |_| ()).await
}

fn new(imported: Imported) -> Import {
    let Imported::New(import) = imported else { panic!("{imported:?}") };
    import
}

async fn billed(store: &Store) -> Vec<(String, String, i64)> {
    let costs = store.costs(&CostQuery { group_by: vec![Dimension::Provider], ..CostQuery::default() }).await.unwrap();
    costs.into_iter().map(|cost| (cost.group[0].clone().unwrap(), cost.amount.unwrap(), cost.charges)).collect()
}

fn expected() -> Vec<(String, String, i64)> {
    [("AWS", "18.00663861840", 942), ("Microsoft", "1.97651418586", 51), ("Oracle", "0.53707392473", 7)]
        .map(|(provider, amount, charges)| (provider.to_owned(), amount.to_owned(), charges))
        .into()
}

#[tokio::test]
async fn the_same_bytes_are_counted_once_and_sums_are_exact() {
    let store = new_store().await;
    let import = new(import_bytes(&store, SAMPLE).await.unwrap());
    assert_eq!((import.summary.accepted, import.summary.rejected), (1_000, 0));
    assert_eq!(billed(&store).await, expected());
    assert_eq!(import_bytes(&store, SAMPLE).await.unwrap(), Imported::Again(import.clone()));
    assert_eq!(billed(&store).await, expected());
    assert_eq!(store.import_by_id(import.id).await.unwrap(), Some(import.clone()));
    assert!(store.delete_import(import.id).await.unwrap());
    assert_eq!(billed(&store).await, []);
    assert!(!store.delete_import(import.id).await.unwrap());
    new(import_bytes(&store, SAMPLE).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_uploads_at_once_on_two_arms_one_lands() {
    let url = database_url().await;
    let (even, odd) = (store(&url), store(&url));
    let (one, other) = tokio::join!(import_bytes(&even, SAMPLE), import_bytes(&odd, SAMPLE));
    let (one, other) = (one.unwrap(), other.unwrap());
    let (new, again) = if matches!(one, Imported::New(_)) { (one, other) } else { (other, one) };
    let (Imported::New(new), Imported::Again(again)) = (new, again) else { panic!("one is new, one is not") };
    assert_eq!(new, again);
    assert_eq!(billed(&odd).await, expected());
}

#[tokio::test]
async fn a_strict_import_with_a_bad_row_stores_nothing() {
    let store = new_store().await;
    let file = [SAMPLE, b"too,few,fields\n"].concat();
    let strict = ReadLimits { strict: true, ..LIMITS };
    let error = import(&store, &ImportOrder::default(), io::Cursor::new(file.clone()), strict, |_| ()).await.unwrap_err();
    let ImportError::File(FocusError::RowsRefused(summary)) = error else { panic!("{error}") };
    assert_eq!((summary.problems[0].line, summary.rejected), (1_002, 1));
    assert_eq!(billed(&store).await, []);
    assert!(store.imports(None, 10).await.unwrap().is_empty());
    let import = new(import(&store, &ImportOrder::default(), io::Cursor::new(file), LIMITS, |_| ()).await.unwrap());
    assert_eq!((import.summary.accepted, import.summary.rejected), (1_000, 1));
    assert_eq!(store.import_by_id(import.id).await.unwrap().unwrap().summary.problems, summary.problems);
}

#[tokio::test]
async fn a_refusal_that_comes_after_stored_batches_leaves_nothing() {
    let store = new_store().await;
    let rows = &SAMPLE[SAMPLE.iter().position(|byte| *byte == b'\n').unwrap() + 1..];
    let file = io::Cursor::new([SAMPLE, rows].concat());
    let error = import(&store, &ImportOrder::default(), file, ReadLimits { max_bytes: 1_400_000, ..LIMITS }, |_| ()).await.unwrap_err();
    assert!(matches!(error, ImportError::File(FocusError::TooLarge { .. })), "{error}");
    assert_eq!(billed(&store).await, []);
}

#[tokio::test]
async fn an_upload_that_breaks_off_or_is_dropped_leaves_nothing() {
    let store = new_store().await;
    let half = || futures_util::stream::iter([Ok(Bytes::from_static(&SAMPLE[..400_000]))]);
    let mut broken = half().chain(futures_util::stream::iter([Err(io::Error::new(io::ErrorKind::ConnectionReset, "gone"))]));
    let error = import_chunks(&store, &ImportOrder::default(), &mut broken, LIMITS).await.unwrap_err();
    assert!(matches!(error, ImportError::File(FocusError::Source(_))), "{error:?}");
    let mut stalled = Box::pin(half().chain(futures_util::stream::pending::<Result<Bytes, io::Error>>()));
    let dropped =
        tokio::time::timeout(Duration::from_millis(500), import_chunks(&store, &ImportOrder::default(), &mut stalled, LIMITS)).await;
    assert!(dropped.is_err(), "the upload stalls until it is given up");
    assert_eq!(billed(&store).await, []);
    let mut whole = futures_util::stream::iter(SAMPLE.chunks(1_000).map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk))));
    new(import_chunks(&store, &ImportOrder::default(), &mut whole, LIMITS).await.unwrap());
    assert_eq!(billed(&store).await, expected());
}

#[tokio::test]
async fn a_wrong_file_is_refused_while_the_upload_goes_on_and_the_database_is_away() {
    let store = store("postgresql://u@%2Fnowhere%2Fat-all/d");
    let start = futures_util::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"name,age\n"))]);
    let more = futures_util::stream::repeat_with(|| Ok(Bytes::from(vec![b'x'; 65_536])));
    let mut endless = start.chain(more);
    let refused = tokio::time::timeout(Duration::from_secs(2), import_chunks(&store, &ImportOrder::default(), &mut endless, LIMITS))
        .await
        .expect("at once");
    assert!(matches!(refused, Err(ImportError::File(FocusError::NoFocusColumn { .. }))));
    assert!(matches!(import_bytes(&store, SAMPLE).await, Err(ImportError::Store(StoreError::Unavailable(_)))));
}

/// The sample's first rows as a Parquet file of texts, amounts, moments and tags as a map.
fn parquet(rows: &[(i64, &str)]) -> Vec<u8> {
    use std::sync::Arc;

    use ::parquet::basic::Compression;
    use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
    use ::parquet::file::properties::WriterProperties;
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;

    let schema = "message focus {
        REQUIRED INT64 BilledCost (DECIMAL(18, 4));
        REQUIRED BYTE_ARRAY BillingCurrency (UTF8);
        REQUIRED BYTE_ARRAY ChargeCategory (UTF8);
        REQUIRED INT64 ChargePeriodStart (TIMESTAMP_MICROS);
        REQUIRED INT64 ChargePeriodEnd (TIMESTAMP(NANOS, true));
        REQUIRED BYTE_ARRAY ProviderName (UTF8);
        REQUIRED BYTE_ARRAY Tags (UTF8);
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build());
    let mut file = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut file, schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts = |text: &str| vec![ByteArray::from(text); rows.len()];
    let start = 1_788_220_800_000_000_i64;
    for column in 0..7 {
        let mut column_writer = group.next_column().unwrap().unwrap();
        let mut whole = |values: Vec<i64>| {
            column_writer.typed::<Int64Type>().write_batch(&values, None, None).unwrap();
        };
        match column {
            0 => whole(rows.iter().map(|(amount, _)| *amount).collect()),
            3 => whole(vec![start; rows.len()]),
            4 => whole(vec![(start + 86_400_000_000) * 1_000; rows.len()]),
            _ => {
                let values = match column {
                    1 => texts("usd"),
                    2 => texts("Usage"),
                    5 => texts("Microsoft"),
                    _ => rows.iter().map(|(_, tags)| ByteArray::from(*tags)).collect(),
                };
                column_writer.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
            }
        }
        column_writer.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    file
}

#[tokio::test]
async fn parquet_is_read_as_the_texts_a_csv_file_would_have() {
    let store = new_store().await;
    let file = parquet(&[(100_500, r#"{"env": "a"}"#), (-5_000, "")]);
    let import = new(import(&store, &ImportOrder::default(), io::Cursor::new(file.clone()), LIMITS, |_| ()).await.unwrap());
    assert_eq!((import.summary.accepted, import.summary.rejected, import.summary.warned()), (2, 0, 0), "{:?}", import.summary);
    assert_eq!(billed(&store).await, [("Microsoft".to_owned(), "9.5500".to_owned(), 2)]);
    assert_eq!(import.months[0].month.to_string(), "2026-09");
    let charges = store.charges(&crate::store::ChargeFilter::default(), None, 10).await.unwrap();
    assert_eq!(charges[0].charge.tags.get("env").or_else(|| charges[1].charge.tags.get("env")).unwrap(), "a");
    let mut damaged = file;
    damaged.truncate(damaged.len() / 2);
    let error = import_bytes_of(&store, damaged).await.unwrap_err();
    assert!(matches!(error, ImportError::File(FocusError::Parquet(_))), "{error}");
}

async fn import_bytes_of(store: &Store, bytes: Vec<u8>) -> Result<Imported, ImportError> {
    import(store, &ImportOrder::default(), io::Cursor::new(bytes), LIMITS, |_| ()).await
}

fn gzip(text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

#[tokio::test]
async fn an_export_of_csv_and_parquet_parts_is_one_import_and_nothing_without_one_of_them() {
    const HEADER: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,Tags";
    let csv = |billed: &str| gzip(&format!("{HEADER}\n{billed},USD,Usage,2026-09-01,2026-09-02,Microsoft,\n"));
    let names = ["part_0_0001.csv.gz", "part_1_0001.csv.gz", "part_2_0001.parquet", "part_3_0001.parquet"];
    let blobs: Vec<serde_json::Value> = names.iter().map(|name| serde_json::json!({"blobName": format!("x/{name}")})).collect();
    let manifest = serde_json::json!({"blobs": blobs, "dataRowCount": 5}).to_string().into_bytes();
    let mut files = vec![
        ("manifest.json", manifest),
        ("run/part_0_0001.csv.gz", csv("1.00")),
        ("run/part_1_0001.csv.gz", csv("2.00")),
        ("run/part_2_0001.parquet", parquet(&[(40_000, ""), (50_000, "")])),
        ("run/part_3_0001.parquet", parquet(&[(60_000, "")])),
    ];
    let store = new_store().await;
    let whole = new(import_bytes_of(&store, archive(&files)).await.unwrap());
    assert_eq!((whole.summary.accepted, whole.months.len()), (5, 1));
    assert_eq!(billed(&store).await, [("Microsoft".to_owned(), "18.0000".to_owned(), 5)]);
    files.swap(1, 3);
    assert!(matches!(import_bytes_of(&store, archive(&files)).await.unwrap(), Imported::Again(_)), "order is no difference");

    let store = new_store().await;
    let lacking = archive(&[&files[..2], &files[3..]].concat());
    let error = import_bytes_of(&store, lacking).await.unwrap_err().to_string();
    assert!(error.contains("is missing, which the manifest names"), "{error}");
    let mut damaged = files.clone();
    damaged[4].1.truncate(100);
    let error = import_bytes_of(&store, archive(&damaged)).await.unwrap_err().to_string();
    assert!(error.starts_with("run/part_3_0001.parquet: "), "{error}");
    let fewer = [("manifest.json", String::from_utf8(files[0].1.clone()).unwrap().replace(":5}", ":6}").into_bytes())];
    let error = import_bytes_of(&store, archive(&[&fewer[..], &files[1..]].concat())).await.unwrap_err().to_string();
    assert!(error.contains("the manifest speaks of 6 rows and the files hold 5"), "{error}");
    assert_eq!(billed(&store).await, []);
}
