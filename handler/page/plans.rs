//! Every plan's month under one traffic: which is the cheapest, where that changes, what each costs. What is asked stands in the address.
//! Must not compute any figure.

use askama::Template;
use bigdecimal::{BigDecimal, Zero as _};

use super::PageError;
use super::layout::{Frame, SitePart, Visitor};
use super::sections::parts::{Figure, PriceLine, sentence};
use super::sections::plans::{ComparedPlan, calls, figure, in_words, legend, named_crossings};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::break_even::{PlanCost, PlansDocument, TrafficBasis};
use crate::domain::figures::{decimals, milliseconds, money, share};

/// What is asked, as the address says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlansForm {
    /// Calls a day; as measured where it is empty.
    pub calls_per_day: String,
    /// Mean duration of a call; the traffic measured is scaled where it is empty.
    pub duration: String,
    /// Memory of an execution, MB.
    pub memory: String,
    /// Azure region.
    pub region: String,
    /// Only these plans.
    pub plans: String,
    /// The run.
    pub run: String,
}

/// The answer.
#[derive(Debug)]
pub struct PricedPlans {
    /// Every plan asked for.
    pub document: PlansDocument,
    /// What the arms run on.
    pub arms: ByArm<ComparedPlan>,
}

#[derive(Template)]
#[template(path = "plans.html")]
struct PlansPage<'a> {
    frame: Frame<'a>,
    form: Fields<'a>,
    refusal: Option<&'a str>,
    answer: Option<Answer>,
}

/// The form: what its fields hold, or show where they are empty.
struct Fields<'a> {
    given: &'a PlansForm,
    calls_per_day: String,
    duration: String,
    calls_measured: String,
    duration_measured: String,
}

struct Answer {
    stale_prices: Option<String>,
    headline: String,
    region: String,
    traffic: String,
    compared: Option<String>,
    links: Vec<Link>,
    figure: Option<Figure>,
    legend: String,
    crossings: Vec<String>,
    crossings_with_grants: Vec<String>,
    rows: Vec<Row>,
    prices: Vec<PriceLine>,
    notes: Vec<String>,
    json: String,
    command: Option<String>,
}

struct Link {
    text: &'static str,
    address: String,
    current: bool,
}

struct Row {
    plan: &'static str,
    arm: Option<&'static str>,
    month: String,
    with_grants: String,
    instances: String,
    note: String,
}

impl PlansForm {
    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let PlansForm { calls_per_day, duration, memory, region, plans, run } = self;
        let all = [
            ("calls_per_day", calls_per_day),
            ("duration", duration),
            ("memory", memory),
            ("region", region),
            ("plans", plans),
            ("run", run),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.as_str()))
    }

    fn address(&self, path: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The command that answers the same; none where a shell would read more into it.
    fn command(&self) -> Option<String> {
        let plain = |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./,_-+".contains(&byte));
        let option = |(name, value): (&str, &str)| plain(value).then(|| format!(" --{} {value}", name.replace('_', "-")));
        let options: Option<String> = self.pairs().map(option).collect();
        options.map(|options| format!("switchback plans{options}"))
    }
}

/// The page of what `given` asks: the answer, or that traffic must be given first; `refusal` is why neither can be.
///
/// # Errors
/// [`PageError`].
pub fn render_plans(
    given: &PlansForm,
    priced: Option<&PricedPlans>,
    refusal: Option<&str>,
    visitor: &Visitor,
) -> Result<String, PageError> {
    let page = PlansPage {
        frame: Frame::served("Plans", Some(SitePart::Plans), visitor),
        form: fields(given, priced, refusal),
        refusal,
        answer: priced.map(|priced| answer(given, priced)).transpose()?,
    };
    Ok(page.render()?)
}

fn fields<'a>(given: &'a PlansForm, priced: Option<&PricedPlans>, refusal: Option<&str>) -> Fields<'a> {
    let measured = priced.map(|priced| &priced.document.traffic).filter(|traffic| traffic.basis != TrafficBasis::Declared);
    // Where nothing was measured, an example may as well be asked at once.
    let example = priced.is_none() && refusal.is_none();
    let or = |value: &String, usual: &str| if example && value.is_empty() { usual.to_owned() } else { value.clone() };
    Fields {
        given,
        calls_per_day: or(&given.calls_per_day, "200000"),
        duration: or(&given.duration, "40ms"),
        calls_measured: measured.map(|traffic| decimals(traffic.calls_per_day, 0)).unwrap_or_default(),
        duration_measured: measured.map(|traffic| format!("{}ms", decimals(traffic.duration_ms, 1))).unwrap_or_default(),
    }
}

fn answer(given: &PlansForm, priced: &PricedPlans) -> Result<Answer, PageError> {
    let PricedPlans { document, arms } = priced;
    // Of two alone the cheapest is the cheaper one.
    let two = document.plans.len() == 2;
    let crossings =
        if two { named_crossings(&[], &document.crossings) } else { named_crossings(&document.crossings, &document.crossings_of_arms) };
    let with_grants = &document.crossings_with_grants;
    let with_grants = if two { named_crossings(&[], with_grants) } else { named_crossings(with_grants, &[]) };
    Ok(Answer {
        stale_prices: document.stale_prices.as_deref().map(sentence),
        headline: headline(document),
        region: document.region.clone(),
        traffic: traffic(document),
        compared: compared(document, arms),
        links: links(given, arms),
        figure: figure(document, &crossings, arms)?,
        legend: legend(document),
        crossings: in_words(&crossings),
        crossings_with_grants: in_words(&with_grants),
        rows: document.plans.iter().map(|cost| row(cost, arms)).collect(),
        prices: document.prices.iter().map(PriceLine::of).collect(),
        notes: document.notes.iter().map(|note| sentence(note)).collect(),
        json: given.address("/api/plans"),
        command: given.command(),
    })
}

fn headline(document: &PlansDocument) -> String {
    let at = calls(document.traffic.calls_per_day);
    match document.plans.first().and_then(|cheapest| Some((cheapest.plan, cheapest.per_month.as_ref()?))) {
        Some((plan, month)) => format!("At {at} a day, {plan} is the cheapest: {}", month_of(month)),
        None => format!("At {at} a day, no plan has a known price"),
    }
}

fn month_of(month: &BigDecimal) -> String {
    if month.is_zero() { "nothing".to_owned() } else { format!("{} a month", money(month, "USD")) }
}

fn traffic(document: &PlansDocument) -> String {
    let traffic = &document.traffic;
    let basis = match traffic.basis {
        TrafficBasis::Measured => "The traffic measured",
        TrafficBasis::Scaled => "The traffic measured, scaled",
        TrafficBasis::Declared => "The traffic given, spread evenly over the day",
    };
    format!(
        "{basis}: a call takes {} in the mean, and Flex Consumption would bill one instance for {} of the time.",
        milliseconds(traffic.duration_ms),
        share(traffic.metered_share)
    )
}

/// What the two plans cost that are compared; none where one of them is not among those shown.
fn compared(document: &PlansDocument, arms: &ByArm<ComparedPlan>) -> Option<String> {
    ComparedPlan::pair(arms)?;
    let month = |arm: Arm| document.plans.iter().find(|cost| cost.plan == arms[arm].plan)?.per_month.as_ref().map(month_of);
    let (even, odd) = (month(Arm::Even)?, month(Arm::Odd)?);
    Some(format!("Of the two that are compared, {} costs {even}, {} {odd}.", arms.even.plan, arms.odd.plan))
}

/// All plans, or only those of the arms, which names every point at which they cross.
fn links(given: &PlansForm, arms: &ByArm<ComparedPlan>) -> Vec<Link> {
    let Some(pair) = ComparedPlan::pair(arms) else { return Vec::new() };
    let both = pair.iter().map(|plan| plan.as_str()).collect::<Vec<_>>().join(",");
    let link = |text, plans: String| {
        let current = given.plans == plans;
        Link { text, address: PlansForm { plans, ..given.clone() }.address("/plans"), current }
    };
    vec![link("Every plan", String::new()), link("Only the two that are compared", both)]
}

fn row(cost: &PlanCost, arms: &ByArm<ComparedPlan>) -> Row {
    let amount = |month: &Option<BigDecimal>| month.as_ref().map_or_else(|| "unknown".to_owned(), |month| money(month, "USD"));
    Row {
        plan: cost.plan.as_str(),
        arm: Arm::BOTH.into_iter().find(|arm| arms[*arm].plan == cost.plan).map(Arm::as_str),
        month: amount(&cost.per_month),
        with_grants: amount(&cost.per_month_with_grants),
        instances: cost.instances.map_or_else(String::new, |instances| decimals(instances, 2)),
        note: cost.reason.as_deref().map(sentence).unwrap_or_default(),
    }
}
