//! Imports: the datasets with their billing periods, one import with what was found in it, and the form that uploads a file.
//! Must not know how a file is read.

use std::collections::BTreeMap;

use askama::Template;

use super::PageError;
use super::layout::{Frame, SitePart, Visitor};
use super::sections::parts::at_minute;
use crate::domain::figures::{count, counted};
use crate::domain::hex;
use crate::domain::import::{Import, RowProblem};

/// Rows and warnings of one import that a page shows; the API has them all.
const MAX_SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsPage<'a> {
    frame: Frame<'a>,
    visitor: &'a Visitor,
    datasets: Vec<Dataset>,
    rows: Vec<Row>,
    /// How many imports one page lists, where there are more.
    shown: Option<String>,
    refusal: Option<&'a str>,
}

struct Dataset {
    name: String,
    address: String,
    periods: String,
    charges: String,
    last: String,
}

struct Row {
    address: String,
    title: String,
    dataset: String,
    periods: String,
    accepted: String,
    refused: String,
    warned: String,
    at: String,
    superseded: bool,
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage<'a> {
    frame: Frame<'a>,
    facts: Vec<(&'static str, String)>,
    costs: String,
    conformance: Option<Conformance>,
    refused: Vec<Cell>,
    refused_in_all: u64,
    warnings: Vec<(String, Cell)>,
}

struct Conformance {
    words: String,
    violations: Vec<Violation>,
}

struct Violation {
    rule: String,
    column: String,
    requirement: String,
    rows: String,
}

struct Cell {
    place: String,
    column: String,
    reason: String,
    value: String,
}

/// The imports of a page, newest first; `more` says whether there are others. `refusal` is why an upload was not stored.
///
/// # Errors
/// [`PageError`].
pub fn render_imports(imports: &[Import], more: bool, refusal: Option<&str>, visitor: &Visitor) -> Result<String, PageError> {
    let page = ImportsPage {
        frame: Frame::served("Imports", Some(SitePart::Imports), visitor),
        visitor,
        datasets: datasets(imports),
        rows: imports.iter().map(row).collect(),
        shown: more.then(|| count(imports.len() as u64)),
        refusal,
    };
    Ok(page.render()?)
}

/// One import with what was found in its file.
///
/// # Errors
/// [`PageError`].
pub fn render_import(import: &Import, visitor: &Visitor) -> Result<String, PageError> {
    let summary = &import.summary;
    let conformance = summary.conformance.as_ref().map(|report| {
        let violation = |broken: &crate::domain::conformance::RuleViolation| Violation {
            rule: broken.rule.clone(),
            column: broken.column.clone(),
            requirement: broken.requirement.clone(),
            rows: broken.rows.map_or_else(|| "the header".to_owned(), count),
        };
        let kept = report.rules.saturating_sub(report.violations.len() as u64);
        let words = format!(
            "It reads as FOCUS {} and keeps {} of {} rules that were checked, over {}.",
            report.version,
            count(kept),
            count(report.rules),
            counted(report.rows, "row")
        );
        Conformance { words, violations: report.violations.iter().map(violation).collect() }
    });
    let warnings = summary.warnings.iter().take(MAX_SHOWN).map(|warning| (counted(warning.rows, "row"), cell(&warning.first)));
    let page = ImportPage {
        frame: Frame::served(title(import), Some(SitePart::Imports), visitor),
        facts: facts(import),
        costs: format!("/costs?import={}", import.id),
        conformance,
        refused: summary.problems.iter().take(MAX_SHOWN).map(cell).collect(),
        refused_in_all: summary.rejected,
        warnings: warnings.collect(),
    };
    Ok(page.render()?)
}

fn title(import: &Import) -> String {
    import.file_name.clone().unwrap_or_else(|| format!("Import of {}", at_minute(import.created_at)))
}

fn facts(import: &Import) -> Vec<(&'static str, String)> {
    let summary = &import.summary;
    let mut facts = vec![
        ("Dataset", import.dataset.clone().unwrap_or_else(|| "none".to_owned())),
        ("Charges stored", count(summary.accepted)),
        ("Rows refused", count(summary.rejected)),
        ("Cells left out", count(summary.warned())),
    ];
    for month in &import.months {
        let state = month.replaced_by.map_or_else(String::new, |by| format!(", since replaced by import {by}"));
        facts.push(("Billing period", format!("{}: {}{state}", month.month, counted(month.charges, "charge"))));
    }
    facts.push(("Stored", at_minute(import.created_at)));
    facts.extend(import.caller.as_ref().map(|caller| ("By", caller.clone())));
    facts.extend(summary.exported_at.map(|moment| ("Exported", at_minute(moment))));
    facts.push(("Size", format!("{} bytes", count(summary.bytes))));
    facts.push(("SHA-256", hex::encode(&summary.digest)));
    facts
}

fn cell(problem: &RowProblem) -> Cell {
    let file = problem.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
    Cell {
        place: format!("{file}line {}", count(problem.line)),
        column: problem.column.clone().unwrap_or_else(|| "the row".to_owned()),
        reason: problem.reason.clone(),
        value: problem.value.clone(),
    }
}

fn periods<'a>(months: impl Iterator<Item = &'a crate::domain::import::ImportedMonth>) -> String {
    let mut names: Vec<String> = months.map(|month| month.month.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    match &names[..] {
        [] => "none".to_owned(),
        [first, .., last] if names.len() > 3 => format!("{first} to {last} ({})", names.len()),
        _ => names.join(", "),
    }
}

fn row(import: &Import) -> Row {
    Row {
        address: format!("/imports/{}", import.id),
        title: title(import),
        dataset: import.dataset.clone().unwrap_or_else(|| "none".to_owned()),
        periods: periods(import.months.iter()),
        accepted: count(import.summary.accepted),
        refused: count(import.summary.rejected),
        warned: count(import.summary.warned()),
        at: at_minute(import.created_at),
        superseded: !import.months.is_empty() && import.months.iter().all(|month| month.replaced_by.is_some()),
    }
}

/// The datasets among `imports`, by name, with what stands of each now.
fn datasets(imports: &[Import]) -> Vec<Dataset> {
    let mut by_name: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        if let Some(dataset) = &import.dataset {
            by_name.entry(dataset).or_default().push(import);
        }
    }
    let dataset = |(name, imports): (&str, Vec<&Import>)| {
        let current = || imports.iter().flat_map(|import| &import.months).filter(|month| month.replaced_by.is_none());
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("dataset", name).finish();
        Dataset {
            name: name.to_owned(),
            address: format!("/costs?{query}"),
            periods: periods(current()),
            charges: count(current().map(|month| month.charges).sum()),
            last: imports.iter().map(|import| import.created_at).max().map(at_minute).unwrap_or_default(),
        }
    };
    by_name.into_iter().map(dataset).collect()
}
