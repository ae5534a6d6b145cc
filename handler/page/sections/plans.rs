//! What the traffic would cost on every plan, and where the cheapest changes. Must not compute any figure.

use bigdecimal::ToPrimitive;

use super::super::plots::canvas::PlotError;
use super::super::plots::plans::{Curve, NamedPoint, PlansPlot, plot};
use super::parts::{Figure, sentence};
use crate::domain::arm::Arm;
use crate::domain::break_even::{Crossing, PlanCost, PlansDocument};
use crate::domain::figures::{counted, money};
use crate::domain::plan::Plan;
use crate::domain::report::Report;

pub(super) struct PlansSection {
    pub figure: Option<Figure>,
    /// Where the cheapest plan changes, in words.
    pub crossings: Vec<String>,
    pub caption: String,
}

/// The section; none where no traffic was measured.
pub(super) fn plans(report: &Report) -> Result<Option<PlansSection>, PlotError> {
    let Some(document) = report.plans(Vec::new(), None, None) else { return Ok(None) };
    // Which plan of all is the cheapest says nothing of the two that are compared.
    let compared: Vec<Plan> = report.arms.iter().map(|arm| arm.plan).filter(|plan| plan.listed().is_some()).collect();
    let both = compared.len() == 2 && compared[0] != compared[1];
    let between = if both { report.plans(compared, None, None).map(|plans| plans.crossings).unwrap_or_default() } else { Vec::new() };
    let crossings: Vec<&Crossing> = between.iter().chain(&document.crossings).collect();
    Ok(Some(PlansSection {
        figure: figure(report, &document, &crossings)?,
        caption: caption(&document),
        crossings: crossings.iter().map(|crossing| sentence(&in_words(crossing))).collect(),
    }))
}

fn figure(report: &Report, document: &PlansDocument, crossings: &[&Crossing]) -> Result<Option<Figure>, PlotError> {
    let arm_on = |plan: Plan| Arm::BOTH.into_iter().find(|arm| report.arms[*arm].plan == plan);
    let curve = |cost: &PlanCost| {
        let arm = arm_on(cost.plan);
        let interval = arm.and_then(|arm| report.cost.arms[arm].month_interval);
        Curve { name: cost.plan.to_string(), arm, points: cost.curve.clone(), interval }
    };
    let cost_at = |crossing: &Crossing| {
        let plan = document.plans.iter().find(|cost| cost.plan.as_str() == crossing.cheaper)?;
        // On logarithmic scales a straight line between two points is close enough to place a mark.
        let after = plan.curve.iter().position(|[calls, _]| *calls >= crossing.calls_per_day)?;
        Some(plan.curve[after][1])
    };
    let mark = |crossing: &&Crossing| {
        Some(NamedPoint { calls_per_day: crossing.calls_per_day, cost: cost_at(crossing)?, name: crossing.cheaper.clone() })
    };
    let drawn = plot(&PlansPlot {
        curves: document.plans.iter().map(curve).collect(),
        crossings: crossings.iter().filter_map(mark).collect(),
        calls_per_day: document.traffic.calls_per_day,
        seen: document.traffic.seen_calls_per_day,
    })?;
    let named = document.plans.iter().filter_map(|cost| {
        let month = cost.per_month.as_ref().filter(|month| month.to_f64().is_some_and(f64::is_finite))?;
        Some(format!("{} {} a month", cost.plan, money(month, "USD")))
    });
    let description = sentence(&named.collect::<Vec<_>>().join("; "));
    Ok(drawn.map(|plot| Figure { id: "plans", title: "A month’s cost against calls a day, every plan".to_owned(), description, plot }))
}

fn caption(document: &PlansDocument) -> String {
    let traffic = &document.traffic;
    format!(
        "The upright line is the traffic measured, {} a day. Solid curves lie within a factor of ten of it, dashed ones are extrapolated; \
         before free grants, prices of {}.",
        calls(traffic.calls_per_day),
        document.region
    )
}

fn in_words(crossing: &Crossing) -> String {
    format!("from {} a day on, {} is cheaper than {}", calls(crossing.calls_per_day), crossing.cheaper, crossing.dearer)
}

fn calls(number: f64) -> String {
    // Of a traffic shape, so at most a hundred times 864e9.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above 0 and bounded")]
    let whole = number.max(0.0).round() as u64;
    counted(whole, "call")
}
