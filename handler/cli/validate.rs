//! `switchback validate`: how far a FOCUS file keeps FOCUS's rules, and what an import would make of it. Stores nothing.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::Args;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde_json::json;

use super::failure::Failure;
use super::table::fitted;
use crate::domain::conformance::ConformanceReport;
use crate::domain::import::Summary;
use crate::import::focus::FocusError;
use crate::import::{Export, Origin, ReadLimits, examine};

/// Say how far a FOCUS file keeps FOCUS's rules and what an import would make of it. Exit code 0: it conforms and every row is a charge;
/// 1: it does not, or a row is refused; 2: no row can be read
#[derive(Debug, Args)]
pub struct Validate {
    /// A FOCUS file: CSV, plain or gzip, Parquet; a folder or manifest of an export in parts; - reads standard input
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub fn run(self) -> Result<(), Failure> {
        let limits = ReadLimits { max_bytes: u64::MAX, strict: false, body_digest: None };
        let summary = match examine(self.origin()?, limits) {
            Ok(summary) => summary,
            Err(FocusError::NothingAccepted(summary)) => *summary,
            Err(error) => return Err(Failure::input(format!("{}: {}", self.file.display(), crate::causes::chain(&error)))),
        };
        let report = summary.conformance.clone().unwrap_or_default();
        if self.json {
            println!("{}", document(&summary, &report));
        } else {
            print(&summary, &report);
        }
        let (file, broken, rejected) = (self.file.display(), report.violations.len(), summary.rejected);
        match (summary.accepted, broken, rejected) {
            (0, ..) => Err(Failure::input(format!("{file}: no row is a charge"))),
            (_, 0, 0) => Ok(()),
            _ => Err(Failure::Operation(format!("{file}: {broken} rules broken, {rejected} rows refused"))),
        }
    }

    fn origin(&self) -> Result<Origin, Failure> {
        let wrong = |error: &dyn std::error::Error| Failure::input(format!("{}: {}", self.file.display(), crate::causes::chain(error)));
        if self.file.as_os_str() == "-" {
            return Ok(Origin::File(Box::new(io::stdin())));
        }
        if Export::is_at(&self.file) {
            return Export::find(&self.file).map(Origin::Export).map_err(|error| wrong(&error));
        }
        let file = File::open(&self.file).map_err(|error| wrong(&error))?;
        Ok(Origin::File(Box::new(file)))
    }
}

fn document(summary: &Summary, report: &ConformanceReport) -> serde_json::Value {
    json!({
        "accepted": summary.accepted, "rejected": summary.rejected, "warned": summary.warned(), "conformance": report,
        "problems": summary.problems, "warnings": summary.warnings,
    })
}

fn print(summary: &Summary, report: &ConformanceReport) {
    let Summary { accepted, rejected, .. } = summary;
    println!("FOCUS {}: {accepted} rows accepted, {rejected} refused, {} cells unreadable", report.version, summary.warned());
    println!("{} of {} rules broken", report.violations.len(), report.rules);
    if report.violations.is_empty() {
        return;
    }
    let mut table = fitted(UTF8_HORIZONTAL_ONLY, ["column", "rule", "rows", "requirement"]);
    for violation in &report.violations {
        let rows = violation.rows.map_or_else(|| "header".to_owned(), |rows| rows.to_string());
        table.add_row([violation.column.as_str(), violation.rule.as_str(), &rows, &violation.requirement]);
    }
    println!("{table}");
}
