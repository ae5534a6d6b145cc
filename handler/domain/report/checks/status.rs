//! How a check can come out. Must not know what is checked.

use serde::Serialize;
use utoipa::ToSchema;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As it should be.
    Passed,
    /// Something the reader must know; the verdict stands.
    Warning,
    /// The comparison can't be trusted; no verdict.
    Failed,
    /// There is not enough to check.
    Unknown,
}
