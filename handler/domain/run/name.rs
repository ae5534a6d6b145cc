//! What runs are called. Must not know what a run is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// A declared run's name: letters, digits, `.`, `_` and `-`, so that it can stand in a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunName(String);

/// Most characters of a name.
const MAX_NAME: usize = 64;

impl RunName {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for RunName {
    type Err = NotARunName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        let reserved = matches!(text, "current" | "first") || Uuid::try_parse(text).is_ok();
        if text.is_empty() || text.len() > MAX_NAME || reserved || !text.chars().all(plain) {
            return Err(NotARunName(text.chars().take(MAX_NAME).collect()));
        }
        Ok(RunName(text.to_owned()))
    }
}

impl Serialize for RunName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for RunName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[A-Za-z0-9._-]{1,64}$")).into()
    }
}

impl ToSchema for RunName {}

/// The text is no run's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a run's name: 1 to 64 letters, digits, '.', '_' and '-', other than current, first or an id")]
pub struct NotARunName(String);

/// Which run is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum RunChoice {
    /// The one under way.
    #[default]
    Current,
    /// The one with this id.
    Id(Uuid),
    /// The declared one with this name.
    Named(RunName),
}

impl FromStr for RunChoice {
    type Err = NotARunName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "current" => Ok(RunChoice::Current),
            "first" => Ok(RunChoice::Id(Uuid::nil())),
            _ => match Uuid::try_parse(text) {
                Ok(id) => Ok(RunChoice::Id(id)),
                Err(_) => text.parse().map(RunChoice::Named),
            },
        }
    }
}

impl fmt::Display for RunChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunChoice::Current => formatter.write_str("current"),
            RunChoice::Id(id) => id.fmt(formatter),
            RunChoice::Named(name) => name.fmt(formatter),
        }
    }
}
