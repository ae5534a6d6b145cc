//! The dashboard at `/`. Owns which report is shown and for how long; must not know what is on the page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::Mutex;
use warp::reply::Response;

use crate::causes::chain;
use crate::clock::Clock;
use crate::comparison::{Comparison, ComparisonError, Overview, ReportQuery};
use crate::domain::run::RunChoice;
use crate::http::auth::Principal;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::page::{Mode, Range, ReportView, Viewing, render_report};
use crate::telemetry::Throttle;

/// How long a report is shown before a new one is made, however many people look.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Most reports kept at once.
const MAX_SHELVES: usize = 32;
/// How long it is shown at most while a new one is made, or cannot be.
const MAX_STALE: Duration = Duration::from_secs(600);

/// What `/` needs.
pub struct Dashboard {
    comparison: Comparison,
    one_url: Option<String>,
    clock: Arc<dyn Clock>,
    failures: Arc<Throttle>,
    /// By what is looked at.
    shelves: StdMutex<HashMap<Viewed, Arc<Shelf>>>,
}

/// What somebody looks at: a run, and how much of it.
pub(super) type Viewed = (RunChoice, Range);

/// Where the last report of what is looked at is kept.
#[derive(Default)]
struct Shelf {
    kept: StdMutex<Option<Kept>>,
    /// Held by whoever makes the next report.
    making: Arc<Mutex<()>>,
}

#[derive(Clone)]
struct Kept {
    /// The uptime at which it was ready.
    at: Duration,
    shown: Arc<Overview>,
}

impl Shelf {
    /// The report kept, where it is younger than `age` at `now`.
    fn younger_than(&self, age: Duration, now: Duration) -> Option<Arc<Overview>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        (now.saturating_sub(kept.at) < age).then_some(kept.shown)
    }
}

impl Dashboard {
    /// A dashboard of what `comparison` compares.
    #[must_use]
    pub fn new(comparison: Comparison, one_url: Option<String>, clock: Arc<dyn Clock>) -> Self {
        Dashboard { comparison, one_url, clock, failures: Arc::default(), shelves: StdMutex::default() }
    }

    /// The shelf of what is looked at. Of the others some go where there are too many: they are made again when they are asked for.
    fn shelf(&self, viewed: &Viewed) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.len() >= MAX_SHELVES && !shelves.contains_key(viewed) {
            let now = self.clock.uptime();
            shelves.retain(|_, shelf| shelf.younger_than(MAX_AGE, now).is_some());
            if shelves.len() >= MAX_SHELVES {
                shelves.clear();
            }
        }
        Arc::clone(shelves.entry(viewed.clone()).or_default())
    }

    /// The report of what is looked at. One that is a little old is shown at once while a new one is made: those who look are many when a report takes
    /// long to make.
    pub(super) async fn shown(&self, viewed: &Viewed) -> Result<Arc<Overview>, ComparisonError> {
        let shelf = &self.shelf(viewed);
        let now = self.clock.uptime();
        if let Some(fresh) = shelf.younger_than(MAX_AGE, now) {
            return Ok(fresh);
        }
        if let Some(stale) = shelf.younger_than(MAX_STALE, now) {
            if let Ok(making) = Arc::clone(&shelf.making).try_lock_owned() {
                let (comparison, clock, shelf, viewed) =
                    (self.comparison.clone(), Arc::clone(&self.clock), Arc::clone(shelf), viewed.clone());
                let failures = Arc::clone(&self.failures);
                // On its own: whoever happened to look first may leave.
                tokio::spawn(async move {
                    if let Err(error) = make(&comparison, &*clock, &shelf, &viewed).await
                        && let Some(left_out) = failures.admit(clock.uptime())
                    {
                        tracing::warn!(error = chain(&error), left_out, "the dashboard's report could not be made; the last one is shown");
                    }
                    drop(making);
                });
            }
            return Ok(stale);
        }
        let _making = shelf.making.lock().await;
        match shelf.younger_than(MAX_AGE, self.clock.uptime()) {
            Some(made_meanwhile) => Ok(made_meanwhile),
            None => make(&self.comparison, &*self.clock, shelf, viewed).await,
        }
    }
}

/// Makes a report of what is looked at and keeps it.
async fn make(comparison: &Comparison, clock: &dyn Clock, shelf: &Shelf, (run, range): &Viewed) -> Result<Arc<Overview>, ComparisonError> {
    // Without a choice the run of the moment, which may not be there yet.
    let run = Some(run.clone()).filter(|run| *run != RunChoice::Current);
    let shown = comparison.overview(&ReportQuery { run, last: range.length(), ..ReportQuery::default() }).await?;
    let shown = Arc::new(shown);
    let kept = Kept { at: clock.uptime(), shown: Arc::clone(&shown) };
    *shelf.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    Ok(shown)
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
        ("run" = Option<String>, Query, description = "The run: its id, its name, or current, which is the default", example = "current"),
        ("range" = Option<String>, Query, description = "run (the default): all of it; hour, day, week or month: its last"),
        ("refresh" = Option<String>, Query, description = "off: the page stays as it is"),
    ),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "A parameter is wrong"),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run's schedule was drawn from a seed that the arm does not know"),
    )
)]
pub async fn dashboard(dashboard: &Dashboard, caller: &Principal, raw_query: Option<&str>) -> Result<Response, Problem> {
    let viewing = viewing(raw_query)?;
    let shown = dashboard.shown(&(viewing.run.clone(), viewing.range)).await?;
    let view = ReportView { report: &shown.report, timeline: &shown.timeline, runs: &shown.runs, one_url: dashboard.one_url.as_deref() };
    reply::page(StatusCode::OK, render_report(&view, Mode::Served(viewing, &caller.visitor())))
}

fn viewing(raw_query: Option<&str>) -> Result<Viewing, Problem> {
    let mut query = Query::parse(raw_query)?;
    let range = |text: &str| Range::ALL.into_iter().find(|range| range.as_str() == text);
    let range = query.parsed("range", "run, hour, day, week or month", range)?.unwrap_or_default();
    let run = query.parsed("run", "a run's id or name, or current", |text| text.parse().ok())?.unwrap_or_default();
    let still = query.parsed("refresh", "off", |text| (text == "off").then_some(true))?.unwrap_or_default();
    query.finish()?;
    Ok(Viewing { run, range, still })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::schedule::Schedule;
    use crate::store::Store;
    use crate::store::testing::{database_url, new_store, store};

    #[test]
    fn queries_are_read_strictly() {
        assert_eq!(viewing(None).ok(), Some(Viewing::default()));
        assert_eq!(
            viewing(Some("refresh=off&range=month&run=a")).ok(),
            Some(Viewing { run: "a".parse().unwrap(), range: Range::Month, still: true })
        );
        for wrong in ["range=year", "refresh=on", "x=1"] {
            assert!(viewing(Some(wrong)).is_err(), "{wrong}");
        }
    }

    async fn dashboard_on(store: Store) -> (Dashboard, ManualClock) {
        let clock = ManualClock::new(datetime!(2026-11-23 12:00 UTC));
        let (config, _) = crate::config::comparison::from_process_environment().expect("a configuration");
        let comparison = Comparison::new(store, Schedule::default(), config, Arc::new(clock.clone()));
        (Dashboard::new(comparison, None, Arc::new(clock.clone())), clock)
    }

    #[tokio::test]
    async fn the_answer_carries_the_policy_and_one_report_serves_many() {
        let (shown, _) = dashboard_on(new_store().await).await;
        let response = dashboard(&shown, &Principal::anyone(), Some("range=hour")).await.unwrap_or_else(|_| panic!("an answer"));
        let policy = response.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let hour = (RunChoice::Current, Range::Hour);
        let (one, other) = (shown.shown(&hour).await, shown.shown(&hour).await);
        assert!(Arc::ptr_eq(&one.expect("a report"), &other.expect("a report")));
    }

    /// Locks the windows of `url`'s database until the client says ROLLBACK.
    async fn lock_windows(url: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE windows").await.unwrap();
        client
    }

    #[tokio::test]
    async fn an_old_report_is_shown_while_one_new_one_is_made() {
        let url = database_url().await;
        let (dashboard, clock) = dashboard_on(store(&url)).await;
        let day = (RunChoice::Current, Range::Day);
        let look = async || {
            let look = tokio::time::timeout(Duration::from_secs(2), dashboard.shown(&day));
            look.await.expect("nobody waits for the new one").expect("a report")
        };
        let old = look().await;
        clock.advance(Duration::from_secs(20));
        let locked = lock_windows(&url).await;
        for _ in 0..50 {
            assert!(Arc::ptr_eq(&look().await, &old));
        }
        // Making it takes longer than it will be shown for: it counts from when it was made.
        clock.advance(Duration::from_secs(20));
        locked.batch_execute("ROLLBACK").await.unwrap();
        let new = loop {
            let shown = look().await;
            if !Arc::ptr_eq(&shown, &old) {
                break shown;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(Arc::ptr_eq(&look().await, &new), "one new report was made");
        }
    }

    #[tokio::test]
    async fn a_report_that_is_too_old_is_not_shown() {
        let url = database_url().await;
        let (dashboard, clock) = dashboard_on(store(&url)).await;
        let day = (RunChoice::Current, Range::Day);
        let old = dashboard.shown(&day).await.expect("a report");
        clock.advance(Duration::from_secs(3_600));
        assert!(!Arc::ptr_eq(&dashboard.shown(&day).await.expect("a report"), &old));
    }
}
