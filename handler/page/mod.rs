//! What people look at: the dashboard as one page of HTML and SVG, served at `/` by each arm and written to a file by `switchback report
//! --html`.
//!
//! Owns how a report looks on a page. It runs no script and loads nothing, so its policy allows nothing but its own style sheet. Knows
//! values; must not know HTTP, formulas, nor where a report's data are stored.

mod plots;
mod sections;
mod view;

pub use view::{Mode, POLICY, Range, ReportView, Viewing};

use askama::Template as _;

use crate::page::plots::canvas::PlotError;

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// The template.
    #[error("the page could not be rendered: {0}")]
    Template(#[from] askama::Error),
}

/// The page as HTML.
///
/// # Errors
/// [`PageError`]; no report is known that leads to one.
pub fn render_report(view: &ReportView<'_>, mode: Mode) -> Result<String, PageError> {
    Ok(sections::page(view, mode)?.render()?)
}

#[cfg(test)]
mod tests;
