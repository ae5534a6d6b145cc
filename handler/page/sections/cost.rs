//! Cost: side by side, observed and projected, with and without grants; shared parts apart. Must not compute any figure.

use bigdecimal::{BigDecimal, ToPrimitive};

use super::super::plots::canvas::PlotError;
use super::super::plots::cost::{Group, plot};
use super::parts::{Figure, sentence};
use crate::domain::arm::ByArm;
use crate::domain::figures::{UNKNOWN, hours, money};
use crate::domain::report::{ArmCost, Audit, CategorySum, Report};

pub(super) struct CostSection {
    pub figure: Option<Figure>,
    pub caption: String,
    pub rows: Vec<ArmCostLine>,
    pub shared: String,
}

pub(super) struct ArmCostLine {
    pub title: &'static str,
    pub even: String,
    pub odd: String,
}

impl ArmCostLine {
    fn new(title: &'static str, ByArm { even, odd }: ByArm<String>) -> Self {
        ArmCostLine { title, even, odd }
    }
}

type Pick = fn(&ArmCost) -> Option<&BigDecimal>;

/// Per 1,000 calls, in the order of bars and rows.
const PER_1000: [(&str, Pick); 4] = [
    ("Observed, as billed over the run", |cost| cost.observed.as_ref()?.per_1000_calls.as_ref()),
    ("Observed, with free grants", |cost| cost.observed_with_grants.as_ref()?.per_1000_calls.as_ref()),
    ("Projected, this plan alone with all calls", |cost| cost.projected.as_ref()?.per_1000_calls.as_ref()),
    ("Projected, with free grants", |cost| cost.projected.as_ref()?.per_1000_calls_with_grants.as_ref()),
];

const TOTALS: [(&str, Pick); 5] = [
    ("The run, as observed", |cost| cost.observed.as_ref().map(|figures| &figures.total)),
    ("The run, with free grants", |cost| cost.observed_with_grants.as_ref().map(|figures| &figures.total)),
    ("A month of 730 hours, this plan alone", |cost| cost.projected.as_ref().map(|projection| &projection.per_month)),
    ("A month, with free grants", |cost| cost.projected.as_ref().map(|projection| &projection.per_month_with_grants)),
    ("Supervision’s calls", |cost| cost.probes.as_ref()),
];

pub(super) fn cost(report: &Report) -> Result<CostSection, PlotError> {
    let arms = report.cost.arms.as_ref();
    let currency = report.cost.currency;
    let side = |pick: Pick| arms.map(|cost| pick(cost).map(|amount| (amount.to_f64().unwrap_or(f64::NAN), money(amount, currency))));
    let groups: Vec<Group> = PER_1000.into_iter().map(|(title, pick)| Group { title, sides: side(pick) }).collect();
    let known = groups.iter().any(|group| group.sides.iter().any(Option::is_some));
    let figure = if known { Some(figure(&groups)?) } else { None };
    let mut rows: Vec<ArmCostLine> = Vec::new();
    if known {
        let row = |title, sides: ByArm<Option<(f64, String)>>| {
            ArmCostLine::new(title, sides.map(|side| side.map_or_else(|| UNKNOWN.to_owned(), |(_, text)| text)))
        };
        rows.extend(PER_1000.into_iter().chain(TOTALS).map(|(title, pick)| row(title, side(pick))));
    }
    rows.extend(call_by_call(arms, currency));
    rows.extend(charged(arms));
    if !rows.is_empty() {
        rows.push(ArmCostLine::new("Observed figures rest on", arms.map(|cost| cost.observed_from.as_str().to_owned())));
    }
    let caption =
        format!("{currency} per 1,000 calls, then in all; a run of {}, prices of region {}", hours(&report.cost.hours), report.cost.region);
    Ok(CostSection { figure, caption, rows, shared: shared(report) })
}

fn figure(groups: &[Group]) -> Result<Figure, PlotError> {
    let text = |side: &Option<(f64, String)>| side.as_ref().map_or(UNKNOWN, |(_, text)| text.as_str()).to_owned();
    let described = groups.iter().map(|group| format!("{}: even {}, odd {}", group.title, text(&group.sides.even), text(&group.sides.odd)));
    Ok(Figure {
        id: "cost-bars",
        title: "Cost per 1,000 calls, side by side".to_owned(),
        description: sentence(&described.collect::<Vec<_>>().join("; ")),
        plot: plot(groups)?,
    })
}

/// What a price page is read to say, where a plan bills activity.
fn call_by_call(arms: ByArm<&ArmCost>, currency: &str) -> Option<ArmCostLine> {
    let months = arms.map(|cost| cost.per_month_call_by_call.as_ref());
    let text = |month: Option<&BigDecimal>| month.map_or_else(|| "not billed by use".to_owned(), |month| money(month, currency));
    let title = "A month if each call were billed by itself, which decides nothing";
    months.iter().any(Option::is_some).then(|| ArmCostLine::new(title, months.map(text)))
}

/// What the provider's bills say, where some were imported: a line for each currency and category, then what sets them apart from the model.
fn charged(arms: ByArm<&ArmCost>) -> Vec<ArmCostLine> {
    let audits = arms.map(|cost| cost.audit.as_ref());
    if audits.iter().all(Option::is_none) {
        return Vec::new();
    }
    let told = |of: fn(&Audit) -> String| audits.map(|audit| audit.map_or_else(|| "none imported".to_owned(), of));
    vec![
        ArmCostLine::new("Imported charges over the run", told(|audit| sums(&audit.charged))),
        ArmCostLine::new(
            "Whole days: usage charged, less the model",
            told(|audit| {
                let compared = audit.effective.as_ref().zip(audit.residual.as_ref());
                compared.map_or_else(
                    || "no whole day to compare".to_owned(),
                    |(effective, residual)| format!("{}, {} of them residual", money(effective, "USD"), money(residual, "USD")),
                )
            }),
        ),
        ArmCostLine::new(
            "What the audit found",
            told(|audit| if audit.findings.is_empty() { "nothing".to_owned() } else { sentence(&audit.findings.join("; ")) }),
        ),
    ]
}

fn sums(charged: &[CategorySum]) -> String {
    let sum = |sum: &CategorySum| {
        let (billed, effective) = (money(&sum.billed, &sum.currency), money(&sum.effective, &sum.currency));
        format!("{} {billed} billed, {effective} effective", sum.category.to_lowercase())
    };
    charged.iter().map(sum).collect::<Vec<_>>().join("; ")
}

fn shared(report: &Report) -> String {
    let (shared, currency) = (&report.cost.shared, report.cost.currency);
    let mut words = Vec::new();
    if let Some((total, each)) = shared.total.as_ref().zip(shared.each_arm.as_ref()) {
        words.push(format!(
            "database and registry come to {} over the run at list prices, {} for each arm when split evenly",
            money(total, currency),
            money(each, currency)
        ));
    }
    if !shared.charged.is_empty() {
        words.push(format!("imported charges of shared resources: {}", sums(&shared.charged)));
    }
    if words.is_empty() {
        words.push("no price is known for what both arms share (database, registry, telemetry)".to_owned());
    }
    words.iter().map(|words| sentence(words)).collect::<Vec<_>>().join(" ")
}
