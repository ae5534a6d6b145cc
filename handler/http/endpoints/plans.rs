//! What the measured traffic, or a given one, would cost on every plan.

use std::time::Duration;

use time::Date;
use warp::reply::Response;

use crate::comparison::{Comparison, ReportQuery};
use crate::config::settings::{duration, list};
use crate::domain::billing::CONSUMPTION_MEMORY_MB;
use crate::domain::break_even::{PlanQuestion, PlansDocument, TrafficBasis, TrafficShape, compare_plans};
use crate::domain::plan::Plan;
use crate::domain::price::PriceBook;
use crate::domain::report::Report;
use crate::domain::run::RunChoice;
use crate::http::problem::Problem;
use crate::http::query::{Query, refusal};
use crate::http::reply::json;

/// Most memory of an execution that can be asked for, MB.
const MAX_MEMORY_MB: u32 = 4_096;

/// The parameters, as the description lists them; [`PlansQuery::read`] reads them.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described alone")]
pub(super) struct PlansParameters {
    /// Calls a day; those measured where none are given
    #[param(minimum = 0.001, maximum = 864_000_000_000_f64, example = 200_000.0)]
    calls_per_day: Option<f64>,
    /// With calls_per_day: mean duration of a call, such as 40ms; without it the traffic measured is scaled
    #[param(example = "40ms")]
    duration: Option<String>,
    /// With duration: memory of an execution on Functions Consumption, MB: 128 where none is given
    #[param(minimum = 1, maximum = 4_096, example = 512)]
    memory: Option<u32>,
    /// The Azure region whose prices hold; the arms' where none is named
    #[param(example = "westeurope")]
    region: Option<String>,
    /// Only these plans, separated by commas; of two, every point is named at which they cross
    #[param(example = "app-service/S1,functions/flex-512")]
    plans: Option<String>,
    /// The run whose traffic it is: its id, its name, or current, which is the default
    #[param(example = "current")]
    run: Option<String>,
}

/// A month of some traffic on every plan, and where the cheapest changes.
///
/// # Errors
/// 400 for a query that is wrong, or where no traffic was measured and none is given.
#[utoipa::path(
    get,
    path = "/api/plans",
    tag = "comparison",
    summary = "Price every plan",
    description = "A month of the traffic measured, or of a given one, on every plan of the catalogue; how it grows with the calls a day; and where the cheapest plan changes.",
    params(PlansParameters),
    responses(
        (status = 200, description = "The plans, the cheapest first", body = PlansDocument),
        (status = 400, description = "A parameter is wrong, or no traffic was measured and none is given"),
        (status = 404, description = "There is no such run"),
        (status = 409, description = "The run's schedule was drawn from a seed that the arm does not know"),
    )
)]
pub async fn plans(comparison: &Comparison, raw_query: Option<&str>) -> Result<Response, Problem> {
    let query = PlansQuery::read(raw_query)?;
    let (question, today) = match query.given(comparison).await? {
        Some((question, today)) => (Some(question), today),
        None => {
            let report = comparison.report(&query.report).await?;
            (query.measured(&report), report.generated_at.date())
        }
    };
    Ok(json(&compare_plans(&question.ok_or_else(unmeasured)?, today)))
}

/// The same for traffic that is given, at `prices`, in `region` where the query names none.
///
/// # Errors
/// 400 for a query that is wrong, or gives no traffic.
pub fn plans_of_given_traffic(raw_query: Option<&str>, prices: PriceBook, region: &str, today: Date) -> Result<Response, Problem> {
    let question = PlansQuery::read(raw_query)?.declared(prices, region).ok_or_else(unmeasured)?;
    Ok(json(&compare_plans(&question, today)))
}

/// Neither is traffic given nor was any measured.
pub(super) fn unmeasured() -> Problem {
    refusal("calls_per_day", "must be given, and duration, because no traffic was measured yet")
}

/// What is asked.
pub(super) struct PlansQuery {
    /// The traffic given; none where it is to be measured.
    traffic: Option<TrafficShape>,
    calls_per_day: Option<f64>,
    region: Option<String>,
    plans: Vec<Plan>,
    report: ReportQuery,
}

impl PlansQuery {
    /// The question about the traffic given, and the day its prices are seen on; none where none is given.
    ///
    /// # Errors
    /// The database fails.
    pub(super) async fn given(&self, comparison: &Comparison) -> Result<Option<(PlanQuestion, Date)>, Problem> {
        if self.traffic.is_none() {
            return Ok(None);
        }
        let (prices, today) = comparison.prices().await?;
        Ok(self.declared(prices, comparison.region()).map(|question| (question, today)))
    }

    fn declared(&self, prices: PriceBook, region: &str) -> Option<PlanQuestion> {
        let traffic = self.traffic.clone()?;
        let (region, plans) = (self.region.clone().unwrap_or_else(|| region.to_owned()), self.plans.clone());
        Some(PlanQuestion { traffic, basis: TrafficBasis::Declared, measured_calls_per_day: None, prices, region, plans, arms: None })
    }

    /// The question about the traffic measured, scaled where calls a day are given; none where none was measured.
    pub(super) fn measured(&self, report: &Report) -> Option<PlanQuestion> {
        report.plan_question(self.plans.clone(), self.calls_per_day, self.region.as_deref())
    }

    /// Whether it is about traffic as it was measured.
    pub(super) const fn is_about_measured(&self) -> bool {
        self.calls_per_day.is_none()
    }

    /// The run whose traffic it is; the current one where none is named.
    pub(super) const fn run(&self) -> Option<&RunChoice> {
        self.report.run.as_ref()
    }

    /// What a query asks.
    ///
    /// # Errors
    /// 400 for one that is wrong.
    pub(super) fn read(raw_query: Option<&str>) -> Result<Self, Problem> {
        let mut query = Query::parse(raw_query)?;
        let calls_per_day = query.parsed("calls_per_day", "a number above 0 and at most 864,000,000,000", |text| {
            text.parse().ok().filter(|calls| TrafficShape::declared(*calls, Duration::from_millis(1), 1).is_ok())
        })?;
        let duration = query.parsed("duration", "a time above 0 and at most a day, such as 40ms", |text| {
            duration(text).ok().filter(|duration| TrafficShape::declared(1.0, *duration, 1).is_ok())
        })?;
        let memory = |text: &str| text.parse().ok().filter(|memory| (1..=MAX_MEMORY_MB).contains(memory));
        let memory_mb = query.parsed("memory", "a number of megabytes from 1 to 4096", memory)?;
        let region = query.parsed("region", "the name of an Azure region, such as westeurope", |text| {
            let plain = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            plain.then(|| text.to_owned())
        })?;
        let plans = query.text("plans")?.map_or_else(|| Ok(Vec::new()), |text| listed(&text))?;
        let run = query.parsed("run", "a run's id or name, or current", |text| text.parse().ok())?;
        query.finish()?;
        let traffic = match (calls_per_day, duration) {
            (Some(calls), Some(duration)) => {
                let memory_mb = memory_mb.or_else(|| u32::try_from(CONSUMPTION_MEMORY_MB).ok()).unwrap_or(1);
                Some(TrafficShape::declared(calls, duration, memory_mb).map_err(|error| refusal("calls_per_day", &error.to_string()))?)
            }
            (None, Some(_)) => return Err(refusal("duration", "needs calls_per_day")),
            (_, None) if memory_mb.is_some() => return Err(refusal("memory", "needs duration")),
            (_, None) => None,
        };
        Ok(PlansQuery { traffic, calls_per_day, region, plans, report: ReportQuery { run, ..ReportQuery::default() } })
    }
}

fn listed(text: &str) -> Result<Vec<Plan>, Problem> {
    let plans: Vec<Plan> = list(text)
        .into_iter()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .map_err(|error| refusal("plans", &format!("names no plan: {error}")))?;
    if plans.contains(&Plan::LOCAL) { Err(refusal("plans", "can't name local: no price is known for it")) } else { Ok(plans) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_is_given_whole_or_not_at_all() {
        let read = |query: &str| PlansQuery::read(Some(query));
        let given = read("calls_per_day=200000&duration=40ms&memory=512&region=westeurope&plans=app-service/S1,functions/flex-512").ok();
        let given = given.expect("a query");
        let traffic = given.traffic.expect("traffic");
        assert_eq!((traffic.calls_per_day().round(), traffic.memory_mb(), given.plans), (200_000.0, 512, vec![Plan::S1, Plan::FLEX_512]));
        assert!(read("calls_per_day=5").is_ok_and(|scaled| scaled.traffic.is_none() && scaled.calls_per_day == Some(5.0)));
        assert!(PlansQuery::read(None).is_ok_and(|measured| measured.calls_per_day.is_none()));
        for wrong in [
            "calls_per_day=0",
            "calls_per_day=NaN",
            "calls_per_day=1e13",
            "calls_per_day=many",
            "calls_per_day=5&duration=40",
            "duration=40ms",
            "calls_per_day=5&duration=0ms",
            "memory=512",
            "calls_per_day=5&duration=1s&memory=5000",
            "region=West Europe",
            "plans=S1",
            "plans=local",
            "run=a/b",
            "plan=app-service/S1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
