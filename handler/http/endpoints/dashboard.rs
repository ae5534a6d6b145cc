//! The dashboard at `/`. Owns which report is shown and for how long; must not know what is on the page.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::Mutex;
use warp::reply::Response;

use crate::clock::Clock;
use crate::comparison::{Comparison, ComparisonError, ReportQuery};
use crate::domain::report::Report;
use crate::domain::timeline::Timeline;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::page::{Mode, POLICY, Range, ReportView, Viewing, render_report};

/// How long a report is shown before a new one is made, however many people look.
const MAX_AGE: Duration = Duration::from_secs(5);

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

    async fn shown(&self, range: Range) -> Result<Arc<(Report, Timeline)>, ComparisonError> {
        let mut kept = self.kept[range as usize].lock().await;
        let now = self.clock.uptime();
        if let Some(kept) = kept.as_ref().filter(|kept| now.saturating_sub(kept.at) < MAX_AGE) {
            return Ok(Arc::clone(&kept.shown));
        }
        let asked = ReportQuery { from: Some(self.clock.now() - range.length()), ..ReportQuery::default() };
        let report = self.comparison.report(asked).await?;
        let timeline = self.comparison.timeline(&report).await?;
        let shown = Arc::new((report, timeline));
        *kept = Some(Kept { at: now, shown: Arc::clone(&shown) });
        Ok(shown)
    }
}

/// The dashboard.
///
/// # Errors
/// 400 for a query that is wrong.
#[utoipa::path(
    get,
    path = "/",
    tag = "comparison",
    summary = "Show the comparison as a page",
    description = "The dashboard: the verdict, what it rests on, and plots. HTML without scripts; it shows itself anew every minute.",
    params(
        ("range" = Option<String>, Query, description = "hour, day (the default), week or month, up to now"),
        ("refresh" = Option<String>, Query, description = "off: the page stays as it is"),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn dashboard(dashboard: &Dashboard, raw_query: Option<&str>) -> Result<Response, Problem> {
    let viewing = viewing(raw_query)?;
    let shown = dashboard.shown(viewing.range).await?;
    let view = ReportView { report: &shown.0, timeline: &shown.1, one_url: dashboard.one_url.as_deref() };
    let html = render_report(&view, Mode::Served(viewing)).map_err(Problem::internal)?;
    let policy = HeaderValue::try_from(format!("{}; frame-ancestors 'none'", *POLICY)).map_err(Problem::internal)?;
    Ok(reply::html(html, policy, "no-store"))
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
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::domain::schedule::Schedule;

    #[test]
    fn queries_are_read_strictly() {
        assert_eq!(viewing(None).ok(), Some(Viewing::default()));
        assert_eq!(viewing(Some("refresh=off&range=month")).ok(), Some(Viewing { range: Range::Month, still: true }));
        for wrong in ["range=year", "refresh=on", "x=1"] {
            assert!(viewing(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_answer_carries_the_policy_and_one_report_serves_many() {
        use crate::config::comparison::from_process_environment;
        use crate::store::testing::new_store;

        let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock::starting_at(datetime!(2026-11-23 12:00 UTC)));
        let (config, _) = from_process_environment().expect("a configuration");
        let comparison = Comparison::new(new_store().await, Schedule::default(), config, Arc::clone(&clock));
        let shown = Dashboard::new(comparison, None, clock);
        let response = dashboard(&shown, Some("range=hour")).await.unwrap_or_else(|_| panic!("an answer"));
        let policy = response.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let (one, other) = (shown.shown(Range::Hour).await, shown.shown(Range::Hour).await);
        assert!(Arc::ptr_eq(&one.expect("a report"), &other.expect("a report")));
    }
}
