//! Parquet files: spooled, since their footer comes last, and read row by row as the texts a CSV file would have.
//!
//! Must not know what the columns mean.

use std::io::{self, Read, Write};

use csv::ByteRecord;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use sha2::{Digest, Sha256};
use time::{Date, Duration, OffsetDateTime};

use super::focus::{ChargeSink, FocusError, Reading};
use crate::domain::moment;

const BUFFER: usize = 64 * 1024;

/// Reads a Parquet file to its end.
///
/// # Errors
/// [`FocusError`]; what was handed on before must then not count.
pub fn read(reading: &mut Reading, name: Option<&str>, origin: impl Read, sink: &mut impl ChargeSink) -> Result<(), FocusError> {
    let (file, digest, bytes) = spool(origin, reading.bytes_left())?;
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let columns = schema.root_schema().get_fields();
    let header: ByteRecord = columns.iter().map(|column| column.name()).collect();
    let units: Vec<bool> = columns.iter().map(|column| is_nanoseconds(column.get_basic_info().logical_type_ref())).collect();
    // Nothing is selected away: columns FOCUS does not name are kept too.
    let rows = RowIter::from_file_into(Box::new(reader));
    let records = rows.map(|row| row.map(|row| record(&row, &units)).map_err(damaged));
    reading.rows_of(name, &header, records, sink)?;
    reading.end_of_file(digest, digest, bytes)
}

/// The whole file in a temporary one that no name leads to, its digest and its size.
fn spool(mut origin: impl Read, limit: u64) -> Result<(std::fs::File, [u8; 32], u64), FocusError> {
    let mut file = tempfile::tempfile().map_err(FocusError::Spool)?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; BUFFER]);
    loop {
        let read = match origin.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(FocusError::Source(error)),
        };
        bytes += read as u64;
        if bytes > limit {
            return Err(FocusError::TooLarge { limit });
        }
        hasher.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(FocusError::Spool)?;
    }
    Ok((file, hasher.finalize().into(), bytes))
}

fn damaged(error: parquet::errors::ParquetError) -> FocusError {
    FocusError::Parquet(Box::new(error))
}

fn is_nanoseconds(logical: Option<&LogicalType>) -> bool {
    matches!(logical, Some(LogicalType::Timestamp(timestamp)) if timestamp.unit == TimeUnit::NANOS)
}

fn record(row: &Row, nanoseconds: &[bool]) -> ByteRecord {
    row.get_column_iter().zip(nanoseconds).map(|((_, field), nanoseconds)| text(field, *nanoseconds)).collect()
}

/// A value as a CSV file would have it.
fn text(field: &Field, is_nanoseconds: bool) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(nanoseconds) if is_nanoseconds => moment_text(OffsetDateTime::from_unix_timestamp_nanos(i128::from(*nanoseconds)).ok()),
        Field::TimestampMillis(milliseconds) => {
            moment_text(OffsetDateTime::from_unix_timestamp_nanos(i128::from(*milliseconds) * 1_000_000).ok())
        }
        Field::TimestampMicros(microseconds) => {
            moment_text(OffsetDateTime::from_unix_timestamp_nanos(i128::from(*microseconds) * 1_000).ok())
        }
        Field::Date(days) => {
            let date = Date::from_julian_day(2_440_588).ok().and_then(|epoch| epoch.checked_add(Duration::days(i64::from(*days))));
            moment_text(date.map(|date| date.midnight().assume_utc()))
        }
        // The shortest text that is this number again: as near as a float comes to what the provider meant.
        Field::Double(number) => number.to_string(),
        Field::Float(number) => number.to_string(),
        Field::Bytes(bytes) => bytes.as_utf8().map(str::to_owned).unwrap_or_default(),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => json(field).to_string(),
        number => number.to_string(),
    }
}

/// A nested value as JSON: tags come as a map or a list of keys and values.
fn json(field: &Field) -> serde_json::Value {
    match field {
        Field::Null => serde_json::Value::Null,
        Field::Group(row) => row.get_column_iter().map(|(name, field)| (name.clone(), json(field))).collect(),
        Field::ListInternal(list) => list.elements().iter().map(json).collect(),
        Field::MapInternal(map) => map.entries().iter().map(|(key, value)| (text(key, false), json(value))).collect(),
        Field::Bool(value) => (*value).into(),
        other => text(other, false).into(),
    }
}

fn moment_text(moment: Option<OffsetDateTime>) -> String {
    moment.map(moment::format).unwrap_or_default()
}
