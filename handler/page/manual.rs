//! The API's manual: every operation, to be tried out where scripts run and to be read where they don't; and what each problem means.
//! Must not know how the API is described.

use askama::Template;

use super::PageError;
use super::layout::{Frame, SitePart, Visitor};

/// An operation of the API.
#[derive(Debug, Clone, Default)]
pub struct ManualOperation {
    /// GET, POST or DELETE.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What it does.
    pub description: String,
    /// The scope a key needs; none where no key may be needed.
    pub scope: Option<String>,
    /// Name, place and meaning of each parameter.
    pub parameters: Vec<[String; 3]>,
    /// Status and meaning of each answer.
    pub answers: Vec<(String, String)>,
}

/// A type of problem.
#[derive(Debug, Clone, Copy)]
pub struct ManualProblem {
    /// The last part of its type's address.
    pub slug: &'static str,
    /// The status it travels with.
    pub status: u16,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub meaning: &'static str,
}

#[derive(Template)]
#[template(path = "manual.html")]
struct ManualPage<'a> {
    frame: Frame<'a>,
    operations: &'a [ManualOperation],
}

#[derive(Template)]
#[template(path = "problems.html")]
struct ProblemsPage<'a> {
    frame: Frame<'a>,
    problems: &'a [ManualProblem],
}

/// The manual. It is the one page that runs scripts: those its server has under `/api/docs/`.
///
/// # Errors
/// [`PageError`].
pub fn render_manual(operations: &[ManualOperation], visitor: &Visitor) -> Result<String, PageError> {
    let frame = Frame { scripts: true, ..Frame::served("API", Some(SitePart::Manual), visitor) };
    Ok(ManualPage { frame, operations }.render()?)
}

/// What each type of problem means.
///
/// # Errors
/// [`PageError`].
pub fn render_problems(problems: &[ManualProblem], visitor: &Visitor) -> Result<String, PageError> {
    Ok(ProblemsPage { frame: Frame::served("Problems", Some(SitePart::Manual), visitor), problems }.render()?)
}
