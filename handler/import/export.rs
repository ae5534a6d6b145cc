//! Exports on disk: a file, or a folder or manifest with its parts. Must not know what the files say.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::focus::FocusError;
use super::manifest::{MAX_MANIFEST_BYTES, Manifest, is_same_file};

/// How the names of an export's files end.
const PART_ENDINGS: [&str; 6] = [".csv", ".csv.gz", ".gz", ".parquet", ".csv.gzip", ".tsv"];
/// Folders within folders that are looked into.
const MAX_DEPTH: usize = 6;

/// Files that are one import.
#[derive(Debug)]
pub struct Export {
    /// Its parts, in order.
    pub parts: Vec<ExportPart>,
    /// Its manifest.
    pub manifest: Option<Manifest>,
    manifest_path: Option<PathBuf>,
}

/// One of them.
#[derive(Debug)]
pub struct ExportPart {
    /// Its name, as problems give it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Why there is no export at a path.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The system refused.
    #[error("{path}")]
    File {
        /// What could not be read.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not whole, or not clear.
    #[error(transparent)]
    Export(#[from] FocusError),
}

impl Export {
    /// Whether `path` is more than a file of charges.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.is_dir() || (path.is_file() && Manifest::is_named(&path.to_string_lossy()))
    }

    /// Finds the parts of the export at `path`: a manifest, or a folder with one or with none.
    ///
    /// # Errors
    /// [`ExportError`] where a part is missing, or it is not clear which files are meant.
    pub fn find(path: &Path) -> Result<Export, ExportError> {
        if path.is_file() {
            let folder = path.parent().unwrap_or(Path::new("."));
            return Export::of_manifest(path, folder);
        }
        let mut files = Vec::new();
        collect(path, 0, &mut files)?;
        files.sort();
        let manifests: Vec<&PathBuf> = files.iter().filter(|file| Manifest::is_named(&file.to_string_lossy())).collect();
        match manifests.as_slice() {
            [] => {}
            [manifest] => return Export::of_manifest(manifest, path),
            several => {
                let detail = format!("{} holds {} manifests: name the one that is meant", path.display(), several.len());
                return Err(FocusError::Incomplete(detail).into());
            }
        }
        let is_part = |file: &&PathBuf| {
            let name = file.to_string_lossy().to_ascii_lowercase();
            PART_ENDINGS.iter().any(|ending| name.ends_with(ending))
        };
        let part = |file: &PathBuf| ExportPart { name: relative(file, path), path: file.clone() };
        let parts: Vec<ExportPart> = files.iter().filter(is_part).map(part).collect();
        if parts.is_empty() {
            return Err(FocusError::Incomplete(format!("{} holds no CSV, gzip or Parquet file", path.display())).into());
        }
        Ok(Export { parts, manifest: None, manifest_path: None })
    }

    fn of_manifest(manifest_path: &Path, folder: &Path) -> Result<Export, ExportError> {
        let json = fs::read(manifest_path).map_err(|source| file_error(manifest_path, source))?;
        let manifest = Manifest::parse(&json)?;
        let mut files = Vec::new();
        collect(folder, 0, &mut files)?;
        let mut parts = Vec::new();
        for named in &manifest.parts {
            let same: Vec<&PathBuf> = files.iter().filter(|file| is_same_file(&file.to_string_lossy(), &named.path)).collect();
            // Two runs may name their parts alike: the longest common ending tells them apart.
            let found = same.into_iter().max_by_key(|file| common_ending(&file.to_string_lossy(), &named.path));
            let Some(found) = found else {
                let detail = format!("{} is missing, which {} names: nothing was stored", named.path, manifest_path.display());
                return Err(FocusError::Incomplete(detail).into());
            };
            let bytes = fs::metadata(found).map_err(|source| file_error(found, source))?.len();
            if named.bytes.is_some_and(|named| named != bytes) {
                let detail = format!("{} has {bytes} bytes where the manifest says {}", found.display(), named.bytes.unwrap_or(0));
                return Err(FocusError::Incomplete(detail).into());
            }
            parts.push(ExportPart { name: relative(found, folder), path: found.clone() });
        }
        Ok(Export { parts, manifest: Some(manifest), manifest_path: Some(manifest_path.to_owned()) })
    }

    /// When the provider made it.
    #[must_use]
    pub fn exported_at(&self) -> Option<OffsetDateTime> {
        self.manifest.as_ref().and_then(|manifest| manifest.exported_at)
    }

    /// Writes the export as a tar archive, the manifest first: how it travels in one body.
    ///
    /// # Errors
    /// Where a file cannot be read or `target` written.
    pub fn write_archive(&self, target: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(target);
        // Owners and times would make another archive of the same files.
        archive.mode(tar::HeaderMode::Deterministic);
        if let Some(manifest) = &self.manifest_path {
            archive.append_path_with_name(manifest, "manifest.json")?;
        }
        for part in &self.parts {
            archive.append_path_with_name(&part.path, &part.name)?;
        }
        archive.into_inner()?.flush()
    }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), ExportError> {
    let entries = fs::read_dir(folder).map_err(|source| file_error(folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if path.is_dir() && depth < MAX_DEPTH && !is_hidden {
            collect(&path, depth + 1, files)?;
        } else if path.is_file() && !is_hidden {
            files.push(path);
        }
    }
    Ok(())
}

fn relative(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).to_string_lossy().into_owned()
}

fn common_ending(one: &str, other: &str) -> usize {
    one.bytes().rev().zip(other.bytes().rev()).take_while(|(one, other)| one == other).count()
}

fn file_error(path: &Path, source: io::Error) -> ExportError {
    ExportError::File { path: path.display().to_string(), source }
}

/// Reads a manifest out of an archive.
///
/// # Errors
/// [`FocusError`].
pub fn manifest_from(entry: impl Read) -> Result<Manifest, FocusError> {
    let mut json = Vec::new();
    entry.take(MAX_MANIFEST_BYTES).read_to_end(&mut json).map_err(FocusError::Source)?;
    Manifest::parse(&json)
}
