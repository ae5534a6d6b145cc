//! The two arms of the experiment, and one value for each of them. Must not know where an arm runs or what it costs.

use std::fmt;
use std::ops::{Index, IndexMut};
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

/// One of the two instances that are compared; named after the parity of the minutes it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// Serves even minutes.
    Even,
    /// Serves odd minutes.
    Odd,
}

impl Arm {
    /// Both arms, even first.
    pub const BOTH: [Arm; 2] = [Arm::Even, Arm::Odd];

    /// The arm's name as it stands in headers, paths and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Arm::Even => "even",
            Arm::Odd => "odd",
        }
    }

    /// The other arm.
    #[must_use]
    pub const fn other(self) -> Arm {
        match self {
            Arm::Even => Arm::Odd,
            Arm::Odd => Arm::Even,
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no arm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an arm: expected even or odd")]
pub struct UnknownArm(String);

impl FromStr for Arm {
    type Err = UnknownArm;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "even" => Ok(Arm::Even),
            "odd" => Ok(Arm::Odd),
            other => Err(UnknownArm(other.chars().take(40).collect())),
        }
    }
}

/// One value for each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ByArm<T> {
    /// The even arm's.
    pub even: T,
    /// The odd arm's.
    pub odd: T,
}

impl<T> ByArm<T> {
    /// What `of` gives for each arm, the even one first.
    pub fn build(mut of: impl FnMut(Arm) -> T) -> Self {
        ByArm { even: of(Arm::Even), odd: of(Arm::Odd) }
    }

    /// `of` of each value, the even arm's first.
    pub fn map<U>(self, mut of: impl FnMut(T) -> U) -> ByArm<U> {
        ByArm { even: of(self.even), odd: of(self.odd) }
    }

    /// Each value by reference.
    pub const fn as_ref(&self) -> ByArm<&T> {
        ByArm { even: &self.even, odd: &self.odd }
    }

    /// Each arm's value beside `other`'s.
    pub fn zip<U>(self, other: ByArm<U>) -> ByArm<(T, U)> {
        ByArm { even: (self.even, other.even), odd: (self.odd, other.odd) }
    }

    /// Both values, the even arm's first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.even, &self.odd].into_iter()
    }
}

impl<T> ByArm<Option<T>> {
    /// Both values, where both are there.
    pub fn both(self) -> Option<ByArm<T>> {
        Some(ByArm { even: self.even?, odd: self.odd? })
    }
}

impl<T> Index<Arm> for ByArm<T> {
    type Output = T;

    fn index(&self, arm: Arm) -> &T {
        match arm {
            Arm::Even => &self.even,
            Arm::Odd => &self.odd,
        }
    }
}

impl<T> IndexMut<Arm> for ByArm<T> {
    fn index_mut(&mut self, arm: Arm) -> &mut T {
        match arm {
            Arm::Even => &mut self.even,
            Arm::Odd => &mut self.odd,
        }
    }
}

/// Serialises both values as an array, the even arm's first: the form of documents that were published with one.
///
/// # Errors
/// The serialiser's.
pub fn even_first<T: Serialize, S: Serializer>(values: &Option<ByArm<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    values.as_ref().map(|ByArm { even, odd }| [even, odd]).serialize(serializer)
}
