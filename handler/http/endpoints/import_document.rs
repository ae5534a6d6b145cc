//! An import as JSON: what was found in its file, what it replaced, how far it keeps FOCUS's rules.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::conformance::{ConformanceReport, RuleViolation};
use crate::domain::hex;
use crate::domain::import::{Import, RowProblem, Warning};
use crate::domain::moment;

/// An import of a FOCUS file.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportDocument {
    /// The import's id.
    #[schema(format = "uuid", example = "01a20884-36b2-7617-80dc-da0b32511652")]
    id: String,
    /// SHA-256 of the file's bytes after decompression: the same digest is the same import.
    sha256: String,
    /// Bytes of the file after decompression.
    bytes: u64,
    /// Rows stored as charges.
    accepted: u64,
    /// Rows refused.
    rejected: u64,
    /// Cells that could not be read; their rows are stored all the same, without them.
    warned: u64,
    /// The dataset it is an export of; null where it is none's.
    dataset: Option<String>,
    /// The billing periods its charges belong to.
    #[schema(example = json!(["2026-09"]))]
    periods: Vec<String>,
    /// Ids of the imports it took billing periods from.
    replaced: Vec<String>,
    /// Ids of the imports that took billing periods from it.
    replaced_by: Vec<String>,
    /// The file's own name, where the sender gave it.
    file_name: Option<String>,
    /// Who imported it: the name of the API key.
    caller: Option<String>,
    /// When the provider made the export, where its manifest says so.
    #[schema(format = "date-time")]
    exported_at: Option<String>,
    /// When it was stored.
    #[schema(format = "date-time")]
    created_at: String,
    /// The first refused rows, at most 1,000; lists of imports leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<RowProblemDocument>>,
    /// What could not be read, by column and reason; lists of imports leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<WarningDocument>>,
    /// How far the file keeps FOCUS's rules; lists of imports leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    conformance: Option<ConformanceDocument>,
}

/// How far a file keeps FOCUS's rules.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConformanceDocument {
    /// The latest version of FOCUS that a column of the file belongs to.
    #[schema(example = "1.2")]
    version: String,
    /// Rows looked at.
    rows: u64,
    /// Rules that were checked.
    rules: u64,
    /// The rules that are broken, by column.
    violations: Vec<RuleViolationDocument>,
}

/// A rule that a file breaks.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleViolationDocument {
    /// The rule's id in the FinOps Foundation's model of FOCUS 1.2.
    #[schema(example = "ServiceName-C-003-M")]
    rule: String,
    /// The column it speaks of.
    column: String,
    /// What it asks for.
    requirement: String,
    /// Rows that break it; null where it is the header.
    rows: Option<u64>,
}

/// Cells of one column that could not be read for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub struct WarningDocument {
    /// Rows concerned.
    rows: u64,
    /// The first of them.
    #[serde(flatten)]
    first: RowProblemDocument,
}

/// A refused row.
#[derive(Debug, Serialize, ToSchema)]
pub struct RowProblemDocument {
    /// The file, where an export came in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Line of the file the row begins on; the header is on line 1.
    line: u64,
    /// Column as the file's header names it; null where the whole row is wrong.
    column: Option<String>,
    /// What is wrong.
    reason: String,
    /// The beginning of what stood there.
    value: String,
}

impl ImportDocument {
    /// The import as a document.
    pub fn of(import: Import) -> ImportDocument {
        let warned = import.summary.warned();
        let summary = import.summary;
        let mut replaced_by: Vec<Uuid> = import.months.iter().filter_map(|month| month.replaced_by).collect();
        replaced_by.dedup();
        let texts = |ids: Vec<Uuid>| ids.iter().map(Uuid::to_string).collect();
        ImportDocument {
            id: import.id.to_string(),
            sha256: hex::encode(&summary.digest),
            bytes: summary.bytes,
            accepted: summary.accepted,
            rejected: summary.rejected,
            warned,
            dataset: import.dataset,
            periods: import.months.iter().map(|month| month.month.to_string()).collect(),
            replaced: texts(import.replaced),
            replaced_by: texts(replaced_by),
            file_name: import.file_name,
            caller: import.caller,
            exported_at: summary.exported_at.map(moment::format),
            created_at: moment::format(import.created_at),
            problems: Some(summary.problems.into_iter().map(RowProblemDocument::of).collect()),
            warnings: Some(summary.warnings.into_iter().map(WarningDocument::of).collect()),
            conformance: summary.conformance.map(ConformanceDocument::of),
        }
    }

    /// The import as lists have it.
    pub fn listed(import: Import) -> ImportDocument {
        ImportDocument { problems: None, warnings: None, conformance: None, ..ImportDocument::of(import) }
    }
}

impl RowProblemDocument {
    /// The row as a document.
    pub fn of(problem: RowProblem) -> RowProblemDocument {
        let RowProblem { file, line, column, reason, value } = problem;
        RowProblemDocument { file, line, column, reason, value }
    }
}

impl ConformanceDocument {
    fn of(report: ConformanceReport) -> ConformanceDocument {
        let ConformanceReport { version, rows, rules, violations } = report;
        let document = |RuleViolation { rule, column, requirement, rows }| RuleViolationDocument { rule, column, requirement, rows };
        ConformanceDocument { version, rows, rules, violations: violations.into_iter().map(document).collect() }
    }
}

impl WarningDocument {
    /// The cells as a document.
    pub fn of(warning: Warning) -> WarningDocument {
        WarningDocument { rows: warning.rows, first: RowProblemDocument::of(warning.first) }
    }
}
