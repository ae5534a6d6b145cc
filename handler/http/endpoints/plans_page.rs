//! Every plan's month at `/plans`: what `GET /api/plans` answers, as a page whose address is its state.

use http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::dashboard::Dashboard;
use super::plans::{PlansParameters, PlansQuery, unmeasured};
use crate::comparison::Comparison;
use crate::domain::break_even::compare_plans;
use crate::http::auth::Principal;
use crate::http::problem::{Problem, ProblemKind};
use crate::http::reply::{self, wants_page};
use crate::page::{ComparedPlan, PlansForm, PricedPlans, Range, render_plans};

/// Every plan's month, for the traffic that `/` shows or for a given one.
///
/// # Errors
/// 400 for a wrong parameter, which a browser is told of on the page itself.
#[utoipa::path(
    get,
    path = "/plans",
    tag = "pages",
    summary = "Price every plan on a page",
    description = "What GET /api/plans answers, as a plot and a table, with a form for other traffic. Where nothing was measured yet, it asks for the traffic.",
    params(PlansParameters),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 400, description = "A parameter is wrong"),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run's schedule was drawn from a seed that the arm does not know"),
    )
)]
pub async fn show(
    comparison: &Comparison,
    dashboard: &Dashboard,
    caller: &Principal,
    headers: &HeaderMap,
    raw_query: Option<&str>,
) -> Result<Response, Problem> {
    let form = form(raw_query.unwrap_or_default());
    let page = |status, priced: Option<&PricedPlans>, refusal| reply::page(status, render_plans(&form, priced, refusal, &caller.visitor()));
    match priced(comparison, dashboard, raw_query).await {
        Ok(priced) => page(StatusCode::OK, priced.as_ref(), None),
        Err(problem) if problem.kind == ProblemKind::BadRequest && wants_page(headers) => {
            page(problem.kind.status(), None, Some(problem.words()))
        }
        Err(problem) => Err(problem),
    }
}

/// The answer; none where no traffic was measured and none is asked about.
async fn priced(comparison: &Comparison, dashboard: &Dashboard, raw_query: Option<&str>) -> Result<Option<PricedPlans>, Problem> {
    let query = PlansQuery::read(raw_query)?;
    let viewed = (query.run().cloned().unwrap_or_default(), Range::Run);
    let shown = dashboard.shown(&viewed).await?;
    let (question, today) = match query.given(comparison).await? {
        Some((question, today)) => (Some(question), today),
        None => (query.measured(&shown.report), shown.report.generated_at.date()),
    };
    let Some(mut question) = question else {
        return if query.is_about_measured() { Ok(None) } else { Err(unmeasured()) };
    };
    let mut arms = ComparedPlan::of(&shown.report);
    question.arms = ComparedPlan::pair(&arms);
    if !query.is_about_measured() {
        // What a run measured of its own traffic says nothing of another.
        arms = arms.map(|arm| ComparedPlan { month_interval: None, ..arm });
    }
    Ok(Some(PricedPlans { document: compare_plans(&question, today), arms }))
}

/// What the address says, right or wrong, for the form to show again.
fn form(raw_query: &str) -> PlansForm {
    let mut form = PlansForm::default();
    for (name, value) in form_urlencoded::parse(raw_query.as_bytes()).into_owned() {
        let field = match name.as_str() {
            "calls_per_day" => &mut form.calls_per_day,
            "duration" => &mut form.duration,
            "memory" => &mut form.memory,
            "region" => &mut form.region,
            "plans" => &mut form.plans,
            "run" => &mut form.run,
            // Refused by whoever reads the query.
            _ => continue,
        };
        *field = value;
    }
    form
}
