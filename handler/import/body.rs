//! What a body or a file may be: CSV or gzip, Parquet, or an archive of an export's parts. Its first bytes tell, not its name.

use std::io::{self, Cursor, Read};

use super::export::{Export, manifest_from};
use super::focus::{ChargeSink, FocusError, Reading};
use super::manifest::{Manifest, is_same_file};
use super::parquet;

/// Where a tar archive says that it is one, and how.
const TAR_MAGIC_AT: usize = 257;
const TAR_MAGIC: &[u8] = b"ustar";
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Reads a body, whichever kind it is.
///
/// # Errors
/// [`FocusError`]; what was handed on before must then not count.
pub fn read_body(reading: &mut Reading, mut origin: impl Read, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
    let head = peek(&mut origin, TAR_MAGIC_AT + TAR_MAGIC.len())?;
    let is_archive = head.get(TAR_MAGIC_AT..).is_some_and(|magic| magic == TAR_MAGIC);
    let is_parquet = head.starts_with(PARQUET_MAGIC);
    let whole = Cursor::new(head).chain(origin);
    if is_archive {
        read_archive(reading, whole, sink)
    } else if is_parquet {
        parquet::read(reading, None, whole, sink)
    } else {
        reading.file(None, whole, sink)
    }
}

/// Reads the parts of an export one after another.
///
/// # Errors
/// [`FocusError::Part`] with the part it concerns; [`FocusError::Incomplete`].
pub fn read_export(reading: &mut Reading, export: &Export, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
    if let Some(moment) = export.exported_at() {
        reading.exported_at(moment);
    }
    for part in &export.parts {
        let file = std::fs::File::open(&part.path).map_err(|error| of_part(&part.name, FocusError::Source(error)))?;
        read_part(reading, &part.name, io::BufReader::new(file), sink)?;
    }
    export.manifest.as_ref().map_or(Ok(()), |manifest| manifest.check_rows(reading.rows()))
}

fn read_archive(reading: &mut Reading, origin: impl Read, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
    let mut archive = tar::Archive::new(origin);
    let (mut manifest, mut names) = (None, Vec::new());
    for entry in archive.entries().map_err(FocusError::Source)? {
        let entry = entry.map_err(FocusError::Source)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().map_err(FocusError::Source)?.to_string_lossy().into_owned();
        if Manifest::is_named(&name) {
            if manifest.is_some() {
                return Err(FocusError::Incomplete("the archive holds more than one manifest".to_owned()));
            }
            let found = manifest_from(entry)?;
            if let Some(moment) = found.exported_at {
                reading.exported_at(moment);
            }
            manifest = Some(found);
        } else {
            read_part(reading, &name, entry, sink)?;
            names.push(name);
        }
    }
    let Some(manifest) = manifest else { return Ok(()) };
    let missing = manifest.parts.iter().find(|part| !names.iter().any(|name| is_same_file(name, &part.path)));
    if let Some(missing) = missing {
        return Err(FocusError::Incomplete(format!("{} is missing, which the manifest names: nothing was stored", missing.path)));
    }
    manifest.check_rows(reading.rows())
}

fn read_part(reading: &mut Reading, name: &str, mut origin: impl Read, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
    let head = peek(&mut origin, PARQUET_MAGIC.len()).map_err(|error| of_part(name, error))?;
    let is_parquet = head.starts_with(PARQUET_MAGIC);
    let whole = Cursor::new(head).chain(origin);
    let read = if is_parquet { parquet::read(reading, Some(name), whole, sink) } else { reading.file(Some(name), whole, sink) };
    read.map_err(|error| of_part(name, error))
}

fn of_part(file: &str, error: FocusError) -> FocusError {
    match error {
        // These are the whole import's.
        same @ (FocusError::Stopped | FocusError::TooLarge { .. } | FocusError::TooManyMonths) => same,
        error => FocusError::Part { file: file.to_owned(), error: Box::new(error) },
    }
}

fn peek(origin: &mut impl Read, length: usize) -> Result<Vec<u8>, FocusError> {
    let mut head = Vec::with_capacity(length);
    origin.by_ref().take(length as u64).read_to_end(&mut head).map_err(FocusError::Source)?;
    Ok(head)
}
