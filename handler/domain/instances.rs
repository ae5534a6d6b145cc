//! How many instances a plan is set to run. Must not know how many do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Fewest and most instances, as the plan is set up: a minimum for whatever reason (always ready, zones), and where it scales out by itself to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredInstances {
    /// Fewest: paid whatever comes.
    pub min: u32,
    /// Most.
    pub max: u32,
}

/// Most instances that can be declared.
const MAX_INSTANCES: u32 = 1_000;

/// The text declares no instances.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a number of instances: expected one such as 2, or a range such as 1-4, from 0 to {MAX_INSTANCES}")]
pub struct NotInstances(String);

impl FromStr for DeclaredInstances {
    type Err = NotInstances;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse().ok().filter(|number| *number <= MAX_INSTANCES);
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let declared = number(min).zip(number(max)).filter(|(min, max)| min <= max && *max > 0);
        let (min, max) = declared.ok_or_else(|| NotInstances(text.chars().take(40).collect()))?;
        Ok(DeclaredInstances { min, max })
    }
}

impl fmt::Display for DeclaredInstances {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { write!(formatter, "{}", self.min) } else { write!(formatter, "{}-{}", self.min, self.max) }
    }
}

impl PartialSchema for DeclaredInstances {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).examples(["2", "1-4"]).into()
    }
}

impl ToSchema for DeclaredInstances {}

impl Serialize for DeclaredInstances {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeclaredInstances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_range() {
        for (text, min, max) in [("2", 2, 2), ("1-4", 1, 4), ("0-40", 0, 40)] {
            let declared: DeclaredInstances = text.parse().expect("instances");
            assert_eq!((declared, declared.to_string().as_str()), (DeclaredInstances { min, max }, text));
        }
        for text in ["", "0", "4-1", "-1", "1-", "one", "1001", "1-2-3"] {
            assert!(text.parse::<DeclaredInstances>().is_err(), "{text}");
        }
    }
}
