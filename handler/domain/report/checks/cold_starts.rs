//! How often a worker began to serve. Must not know what a first call waits.

use serde::Serialize;
use utoipa::ToSchema;

use super::status::Status;
use crate::domain::arm::ByArm;
use crate::domain::figures::count;
use crate::domain::report::gathered::Gathered;

/// Workers' starts.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ColdStarts {
    /// How it came out.
    pub status: Status,
    /// What it says.
    pub summary: String,
    /// Times a worker of each arm began to serve.
    pub counted: ByArm<u64>,
}

/// The check of what was gathered.
#[must_use]
pub fn check(gathered: &Gathered) -> ColdStarts {
    let counted = ByArm::build(|arm| gathered.totals[arm].cold_starts);
    let summary = format!(
        "workers that began to serve: {} on even, {} on odd; an arm rests for one minute at most while calls come in, too short for \
         scaling to zero to show: the wait of a first call after a long silence is not measured here",
        count(counted.even),
        count(counted.odd)
    );
    ColdStarts { status: Status::Warning, summary, counted }
}
