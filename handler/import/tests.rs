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
