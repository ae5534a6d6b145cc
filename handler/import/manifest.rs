//! Manifests of exports: which files make one export, and when the provider made it. Must not know where the files are.
//!
//! Sources: Azure Cost Management, "Understand export manifest" (blobs, runInfo); AWS Data Exports, "Export delivery" (dataFiles).

use serde::Deserialize;
use time::OffsetDateTime;

use super::focus::FocusError;
use crate::domain::moment;

/// Largest manifest that is read, in bytes.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;

/// What a manifest says of its export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its files, in order.
    pub parts: Vec<ManifestPart>,
    /// Rows in all of them.
    pub rows: Option<u64>,
    /// When the export was made.
    pub exported_at: Option<OffsetDateTime>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestPart {
    /// Its path in the storage it was written to.
    pub path: String,
    /// Its size.
    pub bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    blobs: Vec<Blob>,
    #[serde(default, rename = "dataFiles")]
    data_files: Vec<String>,
    #[serde(rename = "dataRowCount")]
    data_row_count: Option<u64>,
    #[serde(rename = "runInfo")]
    run: Option<Run>,
    #[serde(rename = "executionId")]
    _execution: Option<String>,
    #[serde(rename = "lastUpdated", alias = "exportTime", alias = "createdAt")]
    last_updated: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    blob_name: String,
    byte_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    submitted_time: Option<String>,
}

impl Manifest {
    /// Whether a file of this name is a manifest.
    #[must_use]
    pub fn is_named(path: &str) -> bool {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        name.ends_with("manifest.json")
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// [`FocusError::Incomplete`] where it is none, or names no file.
    pub fn parse(json: &[u8]) -> Result<Manifest, FocusError> {
        let document: Document = serde_json::from_slice(json)
            .map_err(|error| FocusError::Incomplete(format!("the manifest is not one of Azure's or AWS's exports: {error}")))?;
        let blobs = document.blobs.into_iter().map(|blob| ManifestPart { path: blob.blob_name, bytes: blob.byte_count });
        let files = document.data_files.into_iter().map(|path| ManifestPart { path, bytes: None });
        let parts: Vec<ManifestPart> = blobs.chain(files).collect();
        if parts.is_empty() {
            return Err(FocusError::Incomplete("the manifest names no file: neither blobs nor dataFiles".to_owned()));
        }
        let made = document.run.and_then(|run| run.submitted_time).or(document.last_updated);
        Ok(Manifest { parts, rows: document.data_row_count, exported_at: made.and_then(|text| moment::parse(&text)) })
    }

    /// Refuses an export whose rows are not as many as the manifest says.
    ///
    /// # Errors
    /// [`FocusError::Incomplete`].
    pub fn check_rows(&self, read: u64) -> Result<(), FocusError> {
        match self.rows {
            Some(rows) if rows != read => {
                Err(FocusError::Incomplete(format!("the manifest speaks of {rows} rows and the files hold {read}: nothing was stored")))
            }
            _ => Ok(()),
        }
    }
}

/// Whether the file at `path` is the one a manifest calls `named`: the manifest's paths begin in the provider's storage.
#[must_use]
pub fn is_same_file(path: &str, named: &str) -> bool {
    let last = |text: &str| text.rsplit(['/', '\\']).next().unwrap_or(text).to_owned();
    last(path) == last(named)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn azures_and_awss_manifests_are_read() {
        let azure = r#"{"blobCount": 2, "dataRowCount": 7, "blobs": [{"blobName": "a/20260901/part_0_0001.csv", "byteCount": 12},
            {"blobName": "a/20260901/part_1_0001.csv"}], "runInfo": {"submittedTime": "2026-09-03T05:00:00Z"}, "exportConfig": {"type": "FocusCost"}}"#;
        let manifest = Manifest::parse(azure.as_bytes()).unwrap();
        assert_eq!((manifest.parts.len(), manifest.parts[0].bytes, manifest.rows), (2, Some(12), Some(7)));
        assert_eq!(manifest.exported_at, Some(datetime!(2026-09-03 5:00 UTC)));
        assert!(is_same_file("/tmp/x/part_0_0001.csv", &manifest.parts[0].path));
        let aws = r#"{"executionId": "1", "dataFiles": ["s3://bucket/e/data/BILLING_PERIOD=2026-09/e-00001.snappy.parquet"]}"#;
        assert_eq!(Manifest::parse(aws.as_bytes()).unwrap().parts.len(), 1);
    }

    #[test]
    fn what_is_no_manifest_is_told() {
        for wrong in ["{}", "[]", "x", r#"{"blobs": []}"#] {
            assert!(matches!(Manifest::parse(wrong.as_bytes()), Err(FocusError::Incomplete(_))), "{wrong}");
        }
        assert!(Manifest::is_named("x/manifest.json") && Manifest::is_named("export-Manifest.json") && !Manifest::is_named("a.json"));
    }
}
