//! The dashboard: one page of HTML and SVG, served at `/` by each arm and written to a file by `switchback report --html`.
//!
//! Owns how a report looks on a page. It runs no script and loads nothing, so its policy allows nothing but its own style sheet. Must not
//! know formulas, nor where a report's data are stored.

mod figures;
mod page;
mod plots;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use askama::Template as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;
use warp::reply::Response;

use crate::clock::Clock;
use crate::comparison::{Asked, Comparison};
use crate::domain::report::Report;
use crate::domain::timeline::Timeline;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::store::StoreError;

const STYLE: &str = include_str!("templates/style.css");

/// How often a served page loads itself anew.
const REFRESH: Duration = Duration::from_secs(15);
/// How long a report is shown before it is made anew: many viewers cost one report.
const KEPT: Duration = Duration::from_secs(5);

/// Allows the page's one style sheet, known by its digest, and the icon it carries along; nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'")
});

/// What a page shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportView<'a> {
    /// The comparison.
    pub report: &'a Report,
    /// Its last minutes.
    pub timeline: &'a Timeline,
    /// The one URL callers know, where it is known here.
    pub one_url: Option<&'a str>,
}

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file: it stays as it is.
    File,
    /// An answer: it leads to other ranges and loads itself anew.
    Served(Viewing),
}

/// What someone who looks at the served page chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Viewing {
    /// How far back the comparison goes.
    pub range: Range,
    /// Whether the page stays as it is.
    pub still: bool,
}

/// How far back a served page looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Range {
    /// An hour.
    Hour,
    /// A day.
    #[default]
    Day,
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
}

impl Range {
    const ALL: [Range; 4] = [Range::Hour, Range::Day, Range::Week, Range::Month];

    const fn as_str(self) -> &'static str {
        match self {
            Range::Hour => "hour",
            Range::Day => "day",
            Range::Week => "week",
            Range::Month => "month",
        }
    }

    const fn length(self) -> time::Duration {
        match self {
            Range::Hour => time::Duration::HOUR,
            Range::Day => time::Duration::DAY,
            Range::Week => time::Duration::WEEK,
            Range::Month => time::Duration::days(30),
        }
    }
}

/// A page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A plot.
    #[error(transparent)]
    Plot(#[from] plots::canvas::PlotError),
    /// The template.
    #[error("the page could not be rendered: {0}")]
    Template(#[from] askama::Error),
}

/// The page as HTML.
///
/// # Errors
/// [`PageError`]; no report is known that leads to one.
pub fn render_report(view: &ReportView<'_>, mode: Mode) -> Result<String, PageError> {
    Ok(page::page(view, mode)?.render()?)
}

/// What `/` needs.
pub struct Dashboard {
    comparison: Comparison,
    one_url: Option<String>,
    clock: Arc<dyn Clock>,
    /// The last report of each range, and when it was made.
    kept: [Mutex<Option<Kept>>; Range::ALL.len()],
}

struct Kept {
    at: Duration,
    shown: Arc<(Report, Timeline)>,
}

impl Dashboard {
    /// A dashboard of what `comparison` compares.
    #[must_use]
    pub fn new(comparison: Comparison, one_url: Option<String>, clock: Arc<dyn Clock>) -> Self {
        Dashboard { comparison, one_url, clock, kept: Default::default() }
    }

    async fn shown(&self, range: Range) -> Result<Arc<(Report, Timeline)>, StoreError> {
        let mut kept = self.kept[range as usize].lock().await;
        let now = self.clock.uptime();
        if let Some(kept) = kept.as_ref().filter(|kept| now.saturating_sub(kept.at) < KEPT) {
            return Ok(Arc::clone(&kept.shown));
        }
        let asked = Asked { from: Some(self.clock.now() - range.length()), ..Asked::default() };
        let report = self.comparison.report(asked).await?;
        let timeline = self.comparison.timeline(&report).await?;
        let shown = Arc::new((report, timeline));
        *kept = Some(Kept { at: now, shown: Arc::clone(&shown) });
        Ok(shown)
    }
}

/// `GET /`: the dashboard.
///
/// # Errors
/// 400 for a query that is wrong.
pub async fn dashboard(dashboard: &Dashboard, raw_query: Option<&str>) -> Result<Response, Problem> {
    let viewing = viewing(raw_query)?;
    let shown = dashboard.shown(viewing.range).await?;
    let view = ReportView { report: &shown.0, timeline: &shown.1, one_url: dashboard.one_url.as_deref() };
    let html = render_report(&view, Mode::Served(viewing)).map_err(Problem::internal)?;
    let mut response = Response::new(html.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = HeaderValue::try_from(format!("{}; frame-ancestors 'none'", *POLICY)).map_err(Problem::internal)?;
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn viewing(raw_query: Option<&str>) -> Result<Viewing, Problem> {
    let mut query = Query::parse(raw_query)?;
    let range = |text: &str| Range::ALL.into_iter().find(|range| range.as_str() == text);
    let range = query.parsed("range", "hour, day, week or month", range)?.unwrap_or_default();
    let still = query.parsed("refresh", "off", |text| (text == "off").then_some(true))?.unwrap_or_default();
    query.finish()?;
    Ok(Viewing { range, still })
}

#[cfg(test)]
mod tests;
