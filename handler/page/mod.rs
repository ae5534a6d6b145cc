//! What people look at: pages of HTML and SVG under one navigation, served by each arm; the comparison's page is written to a file too, by
//! `switchback report --html`.
//!
//! Owns how values look on a page. Pages run no script and load nothing, so their policy allows nothing but their own style sheet. Knows
//! values; must not know HTTP, formulas, nor where data are stored.

mod costs;
mod imports;
mod layout;
mod manual;
mod plans;
mod plots;
mod runs;
mod sections;
mod sign_in;
mod view;

pub use costs::{Explored, Explorer, Sum, render_costs};
pub use imports::{render_import, render_imports};
pub use layout::{MANUAL_POLICY, POLICY, Visitor};
pub use manual::{ManualOperation, ManualProblem, render_manual, render_problems};
pub use plans::{PlansForm, PricedPlans, render_plans};
pub use runs::{render_run, render_runs};
pub use sections::plans::ComparedPlan;
pub use sign_in::{render_sign_in, render_trouble};
pub use view::{Mode, Range, ReportView, Viewing};

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

/// The comparison's page as HTML.
///
/// # Errors
/// [`PageError`]; no report is known that leads to one.
pub fn render_report(view: &ReportView<'_>, mode: Mode<'_>) -> Result<String, PageError> {
    Ok(sections::page(view, mode)?.render()?)
}

#[cfg(test)]
mod tests;
