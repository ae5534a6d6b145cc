//! How values on the command line are read. Must not know which command they belong to.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::settings;
use crate::domain::price::{PriceOverride, parse_overrides};
use crate::domain::schedule::Schedule;

/// How long a minute lasts.
///
/// # Errors
/// Says what would be right.
pub fn minute(text: &str) -> Result<Duration, String> {
    settings::duration_between(Schedule::MIN_MINUTE, Schedule::MINUTE)(text)
}

/// A moment in RFC 3339.
///
/// # Errors
/// Says what would be right.
pub fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| format!("'{text}' is not a moment such as 2026-11-23T10:03:59.9Z: {error}"))
}

/// A moment as people write it.
///
/// # Errors
/// Says what would be right.
pub fn read_moment(text: &str) -> Result<OffsetDateTime, String> {
    crate::domain::moment::parse(text).ok_or_else(|| format!("'{text}' is not a moment such as 2026-11-01 or 2026-11-01T10:00Z"))
}

/// Calls a second.
///
/// # Errors
/// Says what would be right.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.strip_suffix("/s").unwrap_or(text).parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err(format!("'{text}' is not a rate such as 50/s")),
    }
}

/// Negotiated prices of a file. A type of its own: of a list, clap would want several arguments.
#[derive(Debug, Clone, Default)]
pub struct PriceFile(pub Vec<PriceOverride>);

/// A file of prices, `meter=amount` one a line.
///
/// # Errors
/// Says what would be right, or why the file could not be read.
pub fn price_file(path: &str) -> Result<PriceFile, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path} could not be read: {error}"))?;
    parse_overrides(&text).map(PriceFile).map_err(|error| format!("{path}: {error}"))
}
