//! Which plan is worth its price, by the rule declared before the run. Must not know how the figures came about.

use serde::Serialize;
use utoipa::ToSchema;

use super::checks::{Checks, Status};
use super::cost::{CostReport, CostScenario};
use super::gathered::Gathered;
use super::metric_name::MetricName;
use super::metrics::{Estimated, Finding, MIN_PAIRS, Metric};
use crate::domain::arm::Arm;
use crate::domain::figures::{counted, difference, duration, size_of_difference};
use crate::domain::margins::{GUARDED, Margins};
use crate::domain::run::RunDocument;
use crate::domain::statistics::Validity;

/// How the comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictOutcome {
    /// One arm is cheaper and no worse than the margins allow.
    Recommended,
    /// No arm can be recommended.
    NoRecommendation,
    /// The minutes asked for span several runs, and two set-ups are never compared as one.
    SeveralRuns,
    /// Too few pairs of windows.
    NotEnoughData,
    /// A check failed.
    Withheld,
    /// No price is known for a plan.
    NoPrice,
    /// Both arms are one instance and show no difference, as they should.
    AaPassed,
    /// Both arms are one instance and differ all the same: do not trust a comparison before it is known why.
    AaFailed,
}

/// The verdict with its grounds.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// How the comparison ends.
    pub outcome: VerdictOutcome,
    /// The arm to keep.
    pub recommended: Option<Arm>,
    /// Margins declared before the run.
    pub margins: Margins,
    /// What a recommendation still needs; empty where it stands, and where none is possible.
    pub missing: Vec<Missing>,
    /// Why: what is missing first.
    pub reasons: Vec<String>,
}

/// Something that a recommendation still needs.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Missing {
    /// Which metric is not within its bound yet; none where it is pairs of any kind.
    pub metric: Option<MetricName>,
    /// In words, with how long it would take.
    pub words: String,
    /// How much longer the run would have to be, at this traffic and if the difference stays what it is; none where more time would not do.
    pub more_seconds: Option<f64>,
}

/// What a verdict is made on.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// Everything gathered.
    pub gathered: &'a Gathered,
    /// The checks.
    pub checks: &'a Checks,
    /// The metrics.
    pub metrics: &'a [Metric],
    /// What they were judged from.
    pub estimated: &'a [Estimated],
    /// What the run cost.
    pub cost: &'a CostReport,
}

impl Grounds<'_> {
    fn metric(&self, name: MetricName) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// How many pairs in all would settle something about a metric.
    fn settled_after(&self, name: MetricName, pairs: impl Fn(&Estimated, Validity) -> Option<usize>) -> Option<usize> {
        let estimated = self.estimated.iter().find(|estimated| estimated.name == name)?;
        pairs(estimated, self.gathered.inputs.validity())
    }
}

/// The verdict on everything before it.
#[must_use]
pub fn decide(grounds: Grounds<'_>) -> Verdict {
    let Grounds { gathered, checks, metrics, cost, .. } = grounds;
    let margins = gathered.inputs.margins;
    let without = |outcome, reasons| Verdict { outcome, recommended: None, margins, missing: Vec::new(), reasons };
    let spanned = gathered.inputs.spanned_runs();
    if !spanned.is_empty() {
        return without(VerdictOutcome::SeveralRuns, spanned.iter().map(RunDocument::in_words).collect());
    }
    let pairs = gathered.outcomes.busy();
    if pairs < MIN_PAIRS {
        let words = format!("{} of windows with calls so far; a verdict needs {MIN_PAIRS}", counted(pairs as u64, "pair"));
        let more_seconds = (MIN_PAIRS - pairs) as f64 * 2.0 * gathered.schedule().minute_length().as_secs_f64();
        let missing = vec![Missing { metric: None, words: words.clone(), more_seconds: Some(more_seconds) }];
        return Verdict { missing, ..without(VerdictOutcome::NotEnoughData, vec![words]) };
    }
    let failed = checks.lines().into_iter().filter(|check| check.status == Status::Failed);
    let failed: Vec<String> = failed.map(|check| format!("check failed, {}: {}", check.title, check.summary)).collect();
    if !failed.is_empty() {
        return without(VerdictOutcome::Withheld, failed);
    }
    if gathered.inputs.aa_run {
        let (outcome, reasons) = aa_verdict(metrics);
        return without(outcome, reasons);
    }
    let Some(price) = grounds.metric(MetricName::CostProjected) else {
        return without(VerdictOutcome::NoPrice, vec![no_price(cost)]);
    };
    let doubted =
        Arm::BOTH.iter().filter_map(|arm| cost.arms[*arm].audit.as_ref()?.withholds.as_ref().map(|words| format!("{arm}: {words}")));
    let doubted: Vec<String> = doubted.collect();
    if !doubted.is_empty() {
        return without(VerdictOutcome::Withheld, doubted);
    }
    let pace = Pace::of(gathered);
    match cheaper_arm(price, cost) {
        Ok(cheaper) => recommend(cheaper, grounds, pace),
        Err(Doubt::CoversZero) => {
            let until = grounds.settled_after(price.name, Estimated::pairs_to_exclude_zero);
            let missing =
                pace.missing(price, "neither plan is shown to be cheaper: the interval of the projected cost's difference covers 0", until);
            let reasons = vec![missing.words.clone()];
            Verdict { reasons, missing: vec![missing], ..without(VerdictOutcome::NoRecommendation, Vec::new()) }
        }
        Err(Doubt::Disagreement(words)) => {
            let missing = Missing { metric: Some(price.name), words: words.clone(), more_seconds: None };
            Verdict { missing: vec![missing], ..without(VerdictOutcome::NoRecommendation, vec![words]) }
        }
    }
}

/// Why no arm is shown to be cheaper.
enum Doubt {
    /// The projected cost's difference may be 0.
    CoversZero,
    /// It is shown under some assumptions alone: which.
    Disagreement(String),
}

/// The arm that is shown to cost less: the whole interval of the projected cost's difference lies on its side of 0, under every scenario of the
/// cost model.
fn cheaper_arm(price: &Metric, cost: &CostReport) -> Result<Arm, Doubt> {
    let cheaper = if price.interval.high < 0.0 {
        Arm::Odd
    } else if price.interval.low > 0.0 {
        Arm::Even
    } else {
        return Err(Doubt::CoversZero);
    };
    let (agree, disagree): (Vec<&CostScenario>, Vec<_>) = cost.scenarios.iter().partition(|scenario| scenario.cheaper() == Some(cheaper));
    if disagree.is_empty() {
        return Ok(cheaper);
    }
    if agree.iter().all(|scenario| !scenario.free_grants) && disagree.iter().all(|scenario| scenario.free_grants) {
        let words = format!(
            "{cheaper} is cheaper before the subscription's free grants, and is not shown to be with them: the plans are near break-even"
        );
        return Err(Doubt::Disagreement(words));
    }
    let named = |scenarios: Vec<&CostScenario>| scenarios.into_iter().map(CostScenario::in_words).collect::<Vec<_>>().join("; nor with ");
    let agreeing = agree.into_iter().map(CostScenario::in_words).collect::<Vec<_>>().join("; with ");
    Err(Doubt::Disagreement(format!("{cheaper} is cheaper with {agreeing}; it is not shown to be with {}", named(disagree))))
}

/// The cheaper arm, if it is worse by no more than every guardrail's margin.
fn recommend(cheaper: Arm, grounds: Grounds<'_>, pace: Pace) -> Verdict {
    let margins = grounds.gathered.inputs.margins;
    let (mut missing, mut kept) = (Vec::new(), Vec::new());
    for name in GUARDED {
        match guardrail(name, grounds, cheaper, pace) {
            Ok(words) => kept.push(words),
            Err(lacking) => missing.push(lacking),
        }
    }
    let mut reasons: Vec<String> = missing.iter().map(|missing| missing.words.clone()).collect();
    reasons.push(format!(
        "{cheaper} is cheaper: its plan alone would cost less per 1,000 calls, with instances as measured and as declared, with and without \
         free grants"
    ));
    reasons.extend(kept);
    let (outcome, recommended) = match missing.is_empty() {
        true => (VerdictOutcome::Recommended, Some(cheaper)),
        false => (VerdictOutcome::NoRecommendation, None),
    };
    Verdict { outcome, recommended, margins, missing, reasons }
}

/// Whether the cheaper arm's rise of a metric stays within its margin, with the reason either way.
fn guardrail(name: MetricName, grounds: Grounds<'_>, cheaper: Arm, pace: Pace) -> Result<String, Missing> {
    let title = name.title();
    let Some(margin) = grounds.gathered.inputs.margins.of(name) else {
        return Ok(format!("{cheaper}'s {title} is not judged: its margin is off"));
    };
    let Some(metric) = grounds.metric(name) else {
        return Err(Missing { metric: Some(name), words: format!("{cheaper}'s {title} can't be compared yet"), more_seconds: None });
    };
    let upper = metric.interval.rise_of(cheaper);
    let show = |rise| size_of_difference(metric.unit, rise);
    if upper <= 0.0 {
        return Ok(format!("{cheaper}'s {title} is no higher than {}'s; the margin is {}", cheaper.other(), show(margin)));
    }
    let how = if upper <= margin { "within" } else { "past" };
    let words = format!("{cheaper}'s {title} may be higher by up to {}, {how} the margin of {}", show(upper), show(margin));
    if upper <= margin {
        return Ok(words);
    }
    let until = grounds.settled_after(name, |estimated, validity| estimated.pairs_to_stay_within_margin(cheaper, validity));
    Err(pace.missing(metric, &words, until))
}

/// How fast a run gathers evidence.
#[derive(Debug, Clone, Copy)]
struct Pace {
    validity: Validity,
    elapsed_seconds: f64,
}

impl Pace {
    fn of(gathered: &Gathered) -> Self {
        let elapsed_seconds = gathered.minutes() as f64 * gathered.schedule().minute_length().as_secs_f64();
        Pace { validity: gathered.inputs.validity(), elapsed_seconds }
    }

    /// What `metric` still lacks, which `in_all` pairs would settle.
    fn missing(&self, metric: &Metric, lacking: &str, in_all: Option<usize>) -> Missing {
        let per_pair = self.elapsed_seconds / metric.pairs.max(1) as f64;
        let more = in_all.map(|pairs| pairs.saturating_sub(metric.pairs).max(1) as f64 * per_pair);
        let when = match (self.validity, more) {
            (_, None) => "; more time alone would not change that".to_owned(),
            (Validity::AnyTime, Some(more)) => {
                format!("; if the difference stays what it is, about {} more at this traffic settle it", duration(more))
            }
            (Validity::FixedHorizon, Some(more)) => {
                let in_all = duration(self.elapsed_seconds + more);
                format!(
                    "; this run is over: another one would settle it in about {in_all} at this traffic, if the difference stays what it is"
                )
            }
        };
        Missing { metric: Some(metric.name), words: format!("{lacking}{when}"), more_seconds: more }
    }
}

/// Why the projected costs can't be compared.
fn no_price(cost: &CostReport) -> String {
    let unpriced = Arm::BOTH.iter().map(|arm| &cost.arms[*arm]).filter(|arm| arm.projected.is_none());
    let mut plans: Vec<&str> = unpriced.map(|arm| arm.plan.as_str()).collect();
    plans.dedup();
    if plans.is_empty() { "no compared call has a known price".to_owned() } else { format!("no price is known for {}", plans.join(" or ")) }
}

/// The A/A verdict: any behaviour found better or worse. Findings already allow for how many behaviours are compared.
fn aa_verdict(metrics: &[Metric]) -> (VerdictOutcome, Vec<String>) {
    let differs = |metric: &&Metric| match metric.finding {
        Finding::Better | Finding::Worse => true,
        Finding::Equivalent | Finding::Inconclusive => false,
    };
    let told = |metric: &Metric| {
        let (name, by) = (metric.name.title(), difference(metric.unit, metric.difference));
        format!("{name} differs by {by} although both arms are one instance")
    };
    let behaviours = metrics.iter().filter(|metric| !metric.name.is_cost());
    let apart: Vec<String> = behaviours.filter(differs).map(told).collect();
    if !apart.is_empty() {
        return (VerdictOutcome::AaFailed, apart);
    }
    let reason = "both arms are one instance and no metric differs: the set-up finds nothing where there is nothing".to_owned();
    (VerdictOutcome::AaPassed, vec![reason])
}
