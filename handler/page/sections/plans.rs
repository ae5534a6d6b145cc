//! What traffic would cost on every plan, and where the cheapest changes: as a plot, and in words. Must not compute any figure.

use bigdecimal::ToPrimitive;

use super::super::plots::canvas::PlotError;
use super::super::plots::plans::{Curve, NamedPoint, PlansPlot, plot};
use super::parts::{Figure, sentence};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::break_even::{Crossing, PlanCost, PlansDocument};
use crate::domain::figures::{counted, money};
use crate::domain::plan::Plan;
use crate::domain::report::Report;

pub(super) struct PlansSection {
    /// In a file, which leads nowhere else.
    pub figure: Option<Figure>,
    /// Where the cheapest plan changes, in words.
    pub crossings: Vec<String>,
    pub caption: Option<String>,
}

/// The plan that an arm runs on, as the other plans stand beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComparedPlan {
    /// The plan.
    pub plan: Plan,
    /// Ends of the interval of its month in US dollars, at the traffic shown, where a run measured it.
    pub month_interval: Option<[f64; 2]>,
}

impl ComparedPlan {
    /// Those of a report's arms.
    #[must_use]
    pub fn of(report: &Report) -> ByArm<Self> {
        ByArm::build(|arm| ComparedPlan { plan: report.arms[arm].plan, month_interval: report.cost.arms[arm].month_interval })
    }

    /// The plans of both arms, where they differ and each has a price: only then does one become cheaper than the other.
    #[must_use]
    pub fn pair(arms: &ByArm<Self>) -> Option<[Plan; 2]> {
        let pair = [arms.even.plan, arms.odd.plan];
        Some(pair).filter(|[even, odd]| even != odd && pair.iter().all(|plan| plan.listed().is_some()))
    }
}

/// What every plan costs, for a page in a file; none where no traffic was measured.
pub(super) fn in_file(report: &Report) -> Result<Option<PlansSection>, PlotError> {
    let Some(document) = report.plans(Vec::new(), None, None) else { return Ok(None) };
    let arms = ComparedPlan::of(report);
    let crossings = named_crossings(&document.crossings, &document.crossings_of_arms);
    let caption =
        format!("The upright line is the traffic measured, {} a day. {}", calls(document.traffic.calls_per_day), legend(&document));
    Ok(Some(PlansSection { figure: figure(&document, &crossings, &arms)?, caption: Some(caption), crossings: in_words(&crossings) }))
}

/// Where the two plans that are compared cross, beside which a served page links to all of them; none where no traffic was measured.
pub(super) fn served(report: &Report) -> Option<PlansSection> {
    report.traffic.as_ref()?;
    let pair = ComparedPlan::pair(&ComparedPlan::of(report));
    let between = pair.and_then(|pair| report.plans(pair.to_vec(), None, None)).map(|plans| plans.crossings).unwrap_or_default();
    Some(PlansSection { figure: None, crossings: in_words(&named_crossings(&[], &between)), caption: None })
}

/// A number of calls a day at which something changes.
pub(in crate::page) struct NamedCrossing<'a> {
    crossing: &'a Crossing,
    /// Whether it is the cheapest of all plans that changes, not the cheaper of two.
    of_all: bool,
}

/// How much two numbers of calls may differ that say the same.
const SAME: std::ops::RangeInclusive<f64> = 0.99..=1.01;

/// Where the cheapest of `all` plans changes, and where the cheaper of two does that are compared, where that is not the same.
pub(in crate::page) fn named_crossings<'a>(all: &'a [Crossing], between: &'a [Crossing]) -> Vec<NamedCrossing<'a>> {
    let said = |two: &Crossing| {
        let same = |one: &Crossing| (&one.cheaper, &one.dearer) == (&two.cheaper, &two.dearer);
        all.iter().any(|one| same(one) && SAME.contains(&(one.calls_per_day / two.calls_per_day)))
    };
    let of_two = between.iter().filter(|two| !said(two)).map(|crossing| NamedCrossing { crossing, of_all: false });
    of_two.chain(all.iter().map(|crossing| NamedCrossing { crossing, of_all: true })).collect()
}

/// Turns as sentences, in the order in which the plot numbers them.
pub(in crate::page) fn in_words(crossings: &[NamedCrossing<'_>]) -> Vec<String> {
    let words = |NamedCrossing { crossing, of_all }: &NamedCrossing<'_>| {
        let Crossing { calls_per_day, cheaper, dearer } = crossing;
        let from = calls(*calls_per_day);
        sentence(&if *of_all {
            format!("from {from} a day on, {cheaper} is the cheapest of all, no longer {dearer}")
        } else {
            format!("from {from} a day on, {cheaper} is cheaper than {dearer}")
        })
    };
    crossings.iter().map(words).collect()
}

/// Every plan's month over calls a day; none where no plan has a cost.
pub(in crate::page) fn figure(
    document: &PlansDocument,
    crossings: &[NamedCrossing<'_>],
    arms: &ByArm<ComparedPlan>,
) -> Result<Option<Figure>, PlotError> {
    let curve = |cost: &PlanCost| {
        let arm = Arm::BOTH.into_iter().find(|arm| arms[*arm].plan == cost.plan);
        Curve { name: cost.plan.to_string(), arm, points: cost.curve.clone(), interval: arm.and_then(|arm| arms[arm].month_interval) }
    };
    let cost_at = |crossing: &Crossing| {
        let plan = document.plans.iter().find(|cost| cost.plan.as_str() == crossing.cheaper)?;
        // On logarithmic scales a straight line between two points is close enough to place a mark.
        let after = plan.curve.iter().position(|[calls, _]| *calls >= crossing.calls_per_day)?;
        Some(plan.curve[after][1])
    };
    let mark = |NamedCrossing { crossing, .. }: &NamedCrossing<'_>| {
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
    Ok(drawn.map(|plot| Figure { id: "plans", title: "A month’s cost against calls a day".to_owned(), description, plot }))
}

/// How to read the curves.
pub(in crate::page) fn legend(document: &PlansDocument) -> String {
    let region = &document.region;
    if document.traffic.seen_calls_per_day.is_some() {
        format!(
            "Solid curves lie within a factor of ten of what was measured, dashed ones are extrapolated; before free grants, prices of {region}."
        )
    } else {
        format!("Before free grants, prices of {region}.")
    }
}

/// So many calls, in whole numbers.
pub(in crate::page) fn calls(number: f64) -> String {
    // Of a traffic shape, so at most a hundred times 864e9.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "above 0 and bounded")]
    let whole = number.max(0.0).round() as u64;
    counted(whole, "call")
}
