//! The two arms of the experiment. Must not know where an arm runs or what it costs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the two instances that are compared; named after the parity of the minutes it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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

    /// Position in per-arm pairs: even 0, odd 1.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text named no arm.
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
