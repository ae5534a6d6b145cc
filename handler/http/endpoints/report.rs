//! The report.

use warp::reply::Response;

use crate::comparison::{Comparison, ReportQuery};
use crate::domain::window::BurnIn;
use crate::http::problem::Problem;
use crate::http::query::{Query, refusal};
use crate::http::reply::json;

/// The comparison of the arms, with its checks, cost and verdict.
///
/// # Errors
/// 400 for a query that is wrong.
#[utoipa::path(
    get,
    path = "/api/report",
    tag = "comparison",
    summary = "Compare the arms",
    description = "The report: checks, metrics with intervals, cost observed and projected, and the verdict.",
    params(
        ("from" = Option<String>, Query, description = "First moment compared; a day before `to` where none is given"),
        ("to" = Option<String>, Query, description = "First moment not compared; now where none is given"),
        ("burn_in" = Option<u8>, Query, description = "Seconds trimmed from both edges of each window: 0, 5, 10 or 20; 0 where none is given"),
    ),
    responses(
        (status = 200, description = "The report", body = Object),
        (status = 400, description = "A parameter is wrong"),
    )
)]
pub async fn report(comparison: &Comparison, raw_query: Option<&str>) -> Result<Response, Problem> {
    Ok(json(&comparison.report(asked(raw_query)?).await?))
}

/// What a query asks the comparison for.
///
/// # Errors
/// 400 for a parameter that is wrong.
pub fn asked(raw_query: Option<&str>) -> Result<ReportQuery, Problem> {
    let mut query = Query::parse(raw_query)?;
    let (from, to) = (query.moment("from")?, query.moment("to")?);
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        return Err(refusal("to", "must be later than from"));
    }
    let read = |text: &str| BurnIn::ALL.into_iter().find(|burn_in| burn_in.sixtieths().to_string() == text);
    let burn_in = query.parsed("burn_in", "0, 5, 10 or 20", read)?.unwrap_or_default();
    query.finish()?;
    Ok(ReportQuery { from, to, burn_in })
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_query_says_what_is_compared() {
        assert_eq!(asked(None).ok(), Some(ReportQuery::default()));
        let full = asked(Some("from=2026-11-01&to=2026-11-02T12:00Z&burn_in=10")).ok();
        let expected =
            ReportQuery { from: Some(datetime!(2026-11-01 0:00 UTC)), to: Some(datetime!(2026-11-02 12:00 UTC)), burn_in: BurnIn::Ten };
        assert_eq!(full, Some(expected));
        for wrong in ["burn_in=7", "from=2026-11-02&to=2026-11-01", "since=1", "from=yesterday"] {
            assert!(asked(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
