//! The sample bill that a new development system begins with, so that the ledger has something to show. Must not know who looks at it.

use crate::domain::import::{ImportOrder, Imported};
use crate::import::{ImportError, ReadLimits, import};
use crate::store::Store;

/// 1,000 charges of FOCUS 1.0, by the FinOps Foundation (CC BY 4.0; README.md beside it).
const BILL: &[u8] = include_bytes!("focus-1.0-sample.csv.gz");
/// The dataset it is kept under.
pub const DATASET: &str = "sample";
const FILE_NAME: &str = "focus-1.0-sample.csv";
/// The bill has 755,423 bytes.
const MAX_BYTES: u64 = 1 << 21;

/// Stores the sample bill, once; whether it stands in the ledger now. Where somebody else has imported what it holds, it stays away.
///
/// # Errors
/// [`ImportError`] where the database fails.
pub async fn load(store: &Store) -> Result<bool, ImportError> {
    let order = ImportOrder {
        dataset: DATASET.parse().ok(),
        file_name: Some(FILE_NAME.to_owned()),
        caller: Some("dev".to_owned()),
        ..ImportOrder::default()
    };
    let limits = ReadLimits { max_bytes: MAX_BYTES, strict: false, body_digest: None };
    let imported = import(store, &order, BILL, limits, |_| ()).await?;
    Ok(matches!(imported, Imported::New(_) | Imported::Again(_)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::store::testing::new_store;

    #[test]
    fn it_is_the_bill_that_tests_read() {
        let mut bill = Vec::new();
        flate2::read::GzDecoder::new(BILL).read_to_end(&mut bill).unwrap();
        let kept = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(FILE_NAME)).unwrap();
        assert!(bill == kept, "the two copies of the sample differ");
    }

    #[tokio::test]
    async fn it_is_stored_once() {
        let store = new_store().await;
        assert!(load(&store).await.unwrap() && load(&store).await.unwrap());
        let imports = store.imports(None, 10).await.unwrap();
        assert_eq!((imports.len(), imports[0].summary.accepted, imports[0].dataset.as_deref()), (1, 1_000, Some(DATASET)));
    }
}
