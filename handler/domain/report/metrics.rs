//! What is compared: each metric with its difference, interval and finding. Must not know checks or verdicts.

use std::thread::ScopedJoinHandle;

use serde::Serialize;

use super::Sensitivity;
use super::accumulator::{Gathered, burn_in_seconds};
use super::blocks::BlockHistograms;
use super::series::PairRow;
use crate::domain::arm::{Arm, ByArm, even_first};
use crate::domain::billing::{Billing, UsePrices};
use crate::domain::figures::Unit;
use crate::domain::pairs::Mapping;
use crate::domain::price::Meter;
use crate::domain::schedule::Rule;
use crate::domain::statistics::bootstrap::{Stratum, quantile_differences};
use crate::domain::statistics::family::holm;
use crate::domain::statistics::moments::is_autocorrelated;
use crate::domain::statistics::welch::welch;
use crate::domain::statistics::{
    Blocks, CONFIDENCE, Estimate, Method, Moments, RatioEstimate, RatioPair, cube_root, upper_bound_of_unseen,
};
use crate::domain::window::BurnIn;

/// Names of the metrics; lower is better for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// Mean of the windows' mean latencies, ms.
    LatencyMean,
    /// Median latency, ms.
    LatencyP50,
    /// 95th percentile of latency, ms.
    LatencyP95,
    /// 99th percentile of latency, ms.
    LatencyP99,
    /// Calls answered 5xx, a share of all.
    ErrorRate,
    /// List price of the run by 1,000 calls the arm served, USD, without free grants.
    CostObserved,
    /// List price by 1,000 calls if the arm's plan alone took all the traffic, USD, without free grants.
    CostProjected,
}

impl MetricName {
    /// What the metric's figures are measured in.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            MetricName::LatencyMean | MetricName::LatencyP50 | MetricName::LatencyP95 | MetricName::LatencyP99 => Unit::Milliseconds,
            MetricName::ErrorRate => Unit::Share,
            MetricName::CostObserved | MetricName::CostProjected => Unit::UsdPer1000Calls,
        }
    }

    /// The metric's name in a sentence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            MetricName::LatencyMean => "mean latency",
            MetricName::LatencyP50 => "median latency",
            MetricName::LatencyP95 => "p95 latency",
            MetricName::LatencyP99 => "p99 latency",
            MetricName::ErrorRate => "error rate",
            MetricName::CostObserved => "observed cost by 1,000 calls",
            MetricName::CostProjected => "projected cost by 1,000 calls",
        }
    }
}

/// A 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl From<(f64, f64)> for Interval {
    fn from((low, high): (f64, f64)) -> Self {
        Interval { low, high }
    }
}

/// How the odd arm compares with the even arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The interval lies below 0, and not by the chance that several comparisons have together.
    Better,
    /// The interval lies above 0, and not by the chance that several comparisons have together.
    Worse,
    /// No difference is shown, and the interval lies within the margin on both sides.
    Equivalent,
    /// No difference is shown, and the interval reaches past the margin, or there is no margin.
    Inconclusive,
}

impl Finding {
    /// `shown`: whether an interval that excludes 0 counts.
    fn of(interval: Interval, margin: Option<f64>, shown: bool) -> Self {
        match (interval.low, interval.high) {
            (_, high) if shown && high < 0.0 => Finding::Better,
            (low, _) if shown && low > 0.0 => Finding::Worse,
            (low, high) if margin.is_some_and(|margin| low > -margin && high < margin) => Finding::Equivalent,
            _ => Finding::Inconclusive,
        }
    }
}

/// What a mirrored schedule shows of effects that follow the minute's parity rather than the arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Confound {
    /// Half the difference between the two mappings' estimates, in the metric's unit.
    pub difference: f64,
    /// The mappings' difference over its standard error.
    pub z: f64,
    /// Whether |z| > 2.
    pub flagged: bool,
}

/// One metric, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// Which metric.
    pub name: MetricName,
    /// Unit of every figure that is no percentage.
    pub unit: Unit,
    /// The even arm's value.
    pub even: f64,
    /// The odd arm's value.
    pub odd: f64,
    /// Estimated difference, odd less even.
    pub difference: f64,
    /// The difference in percent of the even arm's value.
    pub difference_percent: Option<f64>,
    /// 95 % interval of the difference.
    pub interval: Interval,
    /// 95 % interval of the difference in percent.
    pub interval_percent: Option<Interval>,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// How the interval was computed.
    pub method: Method,
    /// Pairs it rests on.
    pub pairs: usize,
    /// Lag-1 autocorrelation of the pairs' differences.
    pub lag1_autocorrelation: Option<f64>,
    /// Two-sided p-value of no difference; model-based, since a fixed schedule randomises nothing.
    pub p_value_model_based: Option<f64>,
    /// The p-value adjusted for the other behaviours compared beside it (Holm); none where it was compared alone, as costs are.
    pub p_value_adjusted: Option<f64>,
    /// How the odd arm compares with the even arm.
    pub finding: Finding,
    /// The margin declared for it.
    pub margin: Option<f64>,
    /// Smallest true difference this run would find with a power of .80; none where nothing varies.
    pub minimal_detectable_effect: Option<f64>,
    /// Pairs a run needs to find a difference as large as the margin.
    pub pairs_needed_for_margin: Option<f64>,
    /// Under a mirrored schedule: what follows the minute's parity.
    pub confound: Option<Confound>,
    /// Welch's interval on the windows' means, as a second opinion.
    pub welch: Option<Interval>,
    /// Upper bounds of the arms' rates where no error was seen at all.
    #[serde(serialize_with = "even_first")]
    pub unseen_upper_bounds: Option<ByArm<f64>>,
}

/// A metric that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Which metric.
    pub name: MetricName,
    /// Why.
    pub reason: String,
}

/// Fewest pairs with calls on both arms before anything is found or decided.
pub(super) const MIN_PAIRS: usize = 10;
/// Fewest calls an arm for a 99th percentile.
const MIN_CALLS_FOR_P99: u64 = 1_000;
/// Fewest pairs of each mapping before a mirrored schedule's two estimates are averaged.
const MIN_PAIRS_OF_A_MAPPING: usize = 10;

const QUANTILES: [(MetricName, f64); 3] = [(MetricName::LatencyP50, 0.5), (MetricName::LatencyP95, 0.95), (MetricName::LatencyP99, 0.99)];

/// Metrics at the declared burn-in, what is withheld, and the metrics at every burn-in.
pub(super) fn all(gathered: &mut Gathered) -> (Vec<Metric>, Vec<Withheld>, Vec<Sensitivity>) {
    let pairs_per_block = gathered.series.blocks.each_mut().map(BlockHistograms::finish);
    let gathered = &*gathered;
    let mut withheld = Vec::new();
    let mut headline = Vec::new();
    let mut sensitivity = Vec::new();
    // The bootstrap is most of a long run's work, and one burn-in's knows nothing of another's. Two at a time: as many cores as a small plan
    // has, and each needs memory of its own.
    let computed = BurnIn::ALL.chunks(2).flat_map(|side_by_side| {
        std::thread::scope(|scope| {
            let spawn = |&burn_in: &BurnIn| scope.spawn(move || at_burn_in(gathered, burn_in, pairs_per_block));
            let threads: Vec<_> = side_by_side.iter().map(spawn).collect();
            let join = |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|reason| std::panic::resume_unwind(reason));
            threads.into_iter().map(join).collect::<Vec<_>>()
        })
    });
    for (burn_in, (metrics, held_back)) in BurnIn::ALL.into_iter().zip(computed) {
        if burn_in == gathered.inputs.burn_in {
            headline.clone_from(&metrics);
            withheld = held_back;
        }
        sensitivity.push(Sensitivity { burn_in_seconds: burn_in_seconds(gathered.inputs.range.schedule, burn_in), metrics });
    }
    headline.extend(cost(gathered, MetricName::CostObserved));
    headline.extend(cost(gathered, MetricName::CostProjected));
    (headline, withheld, sensitivity)
}

fn at_burn_in(gathered: &Gathered, burn_in: BurnIn, pairs_per_block: [usize; 2]) -> (Vec<Metric>, Vec<Withheld>) {
    let (mut metrics, mut withheld) = (Vec::new(), Vec::new());
    let mean = latency_mean(gathered, burn_in);
    metrics.extend(mean.clone());
    quantiles(gathered, burn_in, mean.as_ref(), pairs_per_block, &mut metrics, &mut withheld);
    metrics.extend(error_rate(gathered, burn_in));
    find_together(&mut metrics);
    (metrics, withheld)
}

/// Settles findings so that all behaviours together show a difference where there is none in one run of twenty, as one alone would. A few
/// pairs that all point one way show nothing: a bootstrap of two is sure of itself half of the time.
fn find_together(metrics: &mut [Metric]) {
    let compared: Vec<&mut Metric> = metrics.iter_mut().filter(|metric| metric.p_value_model_based.is_some()).collect();
    let own: Vec<f64> = compared.iter().filter_map(|metric| metric.p_value_model_based).collect();
    for (metric, adjusted) in compared.into_iter().zip(holm(&own)) {
        metric.p_value_adjusted = Some(adjusted);
        let shown = adjusted < 1.0 - CONFIDENCE && metric.pairs >= MIN_PAIRS;
        metric.finding = Finding::of(metric.interval, metric.margin, shown);
    }
}

/// Fits an estimator to all items, or under a mirrored schedule to each mapping's and averages, with what differs between them.
pub(super) fn by_mapping<T: Copy>(
    rule: Rule,
    items: &[(Mapping, T)],
    fit: impl Fn(&[T]) -> Option<Estimate>,
) -> Option<(Estimate, Option<Confound>)> {
    let of = |mapping| -> Vec<T> { items.iter().filter(|(own, _)| *own == mapping).map(|(_, item)| *item).collect() };
    if rule == Rule::Mirrored {
        let (even_first, odd_first) = (of(Mapping::EvenFirst), of(Mapping::OddFirst));
        if even_first.len().min(odd_first.len()) >= MIN_PAIRS_OF_A_MAPPING
            && let (Some(one), Some(other)) = (fit(&even_first), fit(&odd_first))
        {
            let error = one.standard_error.hypot(other.standard_error);
            let apart = one.delta - other.delta;
            let z = if error > 0.0 { apart / error } else { 0.0 };
            let confound = Confound { difference: apart / 2.0, z, flagged: z.abs() > 2.0 };
            return Some((Estimate::mirrored(&one, &other), Some(confound)));
        }
    }
    let all: Vec<T> = items.iter().map(|(_, item)| *item).collect();
    Some((fit(&all)?, None))
}

fn metric(
    name: MetricName,
    ByArm { even, odd }: ByArm<f64>,
    estimate: &Estimate,
    confound: Option<Confound>,
    margin: Option<f64>,
) -> Metric {
    let interval = Interval::from(estimate.interval());
    let percent = |value: f64| (even > 0.0).then(|| value / even * 100.0);
    Metric {
        name,
        unit: name.unit(),
        even,
        odd,
        difference: estimate.delta,
        difference_percent: percent(estimate.delta),
        interval,
        interval_percent: percent(interval.low).zip(percent(interval.high)).map(Interval::from),
        standard_error: estimate.standard_error,
        method: estimate.method,
        pairs: estimate.pairs,
        lag1_autocorrelation: Some(estimate.lag1),
        p_value_model_based: Some(estimate.p_value()),
        p_value_adjusted: None,
        finding: Finding::of(interval, margin, true),
        margin,
        minimal_detectable_effect: (estimate.standard_error > 0.0).then(|| estimate.minimal_detectable_effect()),
        pairs_needed_for_margin: margin.and_then(|margin| estimate.pairs_needed(margin)),
        confound,
        welch: None,
        unseen_upper_bounds: None,
    }
}

fn busy_rows(gathered: &Gathered, burn_in: BurnIn) -> impl Iterator<Item = (Mapping, &PairRow)> {
    let rows = &gathered.series.rows[burn_in.index()];
    gathered.series.mappings.iter().copied().zip(rows).filter(|(_, row)| row.is_busy())
}

fn latency_mean(gathered: &Gathered, burn_in: BurnIn) -> Option<Metric> {
    let differences: Vec<(Mapping, f64)> =
        busy_rows(gathered, burn_in).map(|(mapping, row)| (mapping, row.mean_ms.odd - row.mean_ms.even)).collect();
    let (estimate, confound) = by_mapping(gathered.inputs.range.schedule.rule(), &differences, Estimate::of)?;
    let means = ByArm::build(|arm| busy_rows(gathered, burn_in).map(|(_, row)| row.mean_ms[arm]).collect::<Vec<f64>>());
    let values = ByArm { even: Moments::of(&means.even)?.mean, odd: Moments::of(&means.odd)?.mean };
    let mut metric = metric(MetricName::LatencyMean, values, &estimate, confound, Some(gathered.inputs.margins.latency_ms));
    metric.welch = welch(&means.even, &means.odd).map(|welch| Interval::from(welch.interval()));
    Some(metric)
}

fn quantiles(
    gathered: &Gathered,
    burn_in: BurnIn,
    mean: Option<&Metric>,
    pairs_per_block: [usize; 2],
    metrics: &mut Vec<Metric>,
    withheld: &mut Vec<Withheld>,
) {
    let Some(mean) = mean else { return };
    let autocorrelated = mean.lag1_autocorrelation.is_some_and(|lag1| is_autocorrelated(lag1, mean.pairs));
    // Blocks already hold several pairs in a long run: then they are as long as moving blocks need to be.
    let run = |pairs: usize, per_block: usize| if autocorrelated { cube_root(pairs).div_ceil(per_block) } else { 1 };
    let stratum = |mappings: &[Mapping]| {
        let blocks = |arm| {
            let of_all = mappings.iter().flat_map(|mapping| gathered.series.blocks[mapping.index()].of(arm, burn_in.index()));
            Blocks::new(&of_all.collect::<Vec<_>>())
        };
        let pairs = gathered.series.mappings.iter().filter(|mapping| mappings.contains(mapping)).count();
        let per_block = mappings.iter().map(|mapping| pairs_per_block[mapping.index()]).max().unwrap_or(1);
        Stratum { a: blocks(Arm::Even), b: blocks(Arm::Odd), run: run(pairs, per_block) }
    };
    // As the mean is: where each mapping has enough pairs, what follows the minute's parity cancels.
    let strata = if mean.method == Method::Mirrored {
        vec![stratum(&[Mapping::EvenFirst]), stratum(&[Mapping::OddFirst])]
    } else {
        vec![stratum(&[Mapping::EvenFirst, Mapping::OddFirst])]
    };
    let calls = |of: fn(&Stratum) -> &Blocks| strata.iter().map(|stratum| of(stratum).calls()).sum::<u64>();
    let fewest_calls = calls(|stratum| &stratum.a).min(calls(|stratum| &stratum.b));
    let shown: Vec<(MetricName, f64)> =
        QUANTILES.into_iter().filter(|(name, _)| *name != MetricName::LatencyP99 || fewest_calls >= MIN_CALLS_FOR_P99).collect();
    if shown.len() < QUANTILES.len() {
        let reason = format!("an arm has {fewest_calls} calls; a 99th percentile needs {MIN_CALLS_FOR_P99}");
        withheld.push(Withheld { name: MetricName::LatencyP99, reason });
    }
    let levels: Vec<f64> = shown.iter().map(|(_, level)| *level).collect();
    let inputs = &gathered.inputs;
    let found = quantile_differences(&strata, &levels, inputs.draws, inputs.seed);
    for ((name, _), found) in shown.into_iter().zip(found) {
        let Some(found) = found else { continue };
        let margin = inputs.margins.latency_ms;
        let interval = Interval { low: found.low / 1_000.0, high: found.high / 1_000.0 };
        let estimate = Estimate {
            pairs: mean.pairs,
            delta: (found.b - found.a) / 1_000.0,
            standard_error: found.standard_error / 1_000.0,
            degrees_of_freedom: mean.pairs as f64 - 1.0,
            method: Method::Bootstrap,
            lag1: 0.0,
        };
        let mut metric = metric(name, ByArm { even: found.a / 1_000.0, odd: found.b / 1_000.0 }, &estimate, None, Some(margin));
        metric.interval = interval;
        metric.interval_percent = found.relative.map(|(low, high)| Interval { low: low * 100.0, high: high * 100.0 });
        metric.lag1_autocorrelation = None;
        metric.p_value_model_based = Some(found.p_value);
        metrics.push(metric);
    }
}

fn ratio_metric(rule: Rule, name: MetricName, pairs: &[(Mapping, RatioPair)], margin: Option<f64>) -> Option<Metric> {
    let all: Vec<RatioPair> = pairs.iter().map(|(_, pair)| *pair).collect();
    let pooled = RatioEstimate::of(&all)?;
    let (estimate, confound) = by_mapping(rule, pairs, |pairs| RatioEstimate::of(pairs).map(|ratio| ratio.difference))?;
    let mut metric = metric(name, ByArm { even: pooled.ratio_a, odd: pooled.ratio_b }, &estimate, confound, margin);
    metric.interval_percent = by_mapping(rule, pairs, |pairs| RatioEstimate::of(pairs)?.log_lift).map(|(lift, _)| {
        let (low, high) = lift.interval();
        Interval { low: low.exp_m1() * 100.0, high: high.exp_m1() * 100.0 }
    });
    Some(metric)
}

fn error_rate(gathered: &Gathered, burn_in: BurnIn) -> Option<Metric> {
    let side = |row: &PairRow, arm: Arm| (f64::from(row.server_errors[arm]), f64::from(row.calls[arm]));
    let rows = gathered.series.mappings.iter().copied().zip(&gathered.series.rows[burn_in.index()]);
    let pairs: Vec<(Mapping, RatioPair)> =
        rows.map(|(mapping, row)| (mapping, RatioPair { a: side(row, Arm::Even), b: side(row, Arm::Odd) })).collect();
    let inputs = &gathered.inputs;
    let mut metric = ratio_metric(inputs.range.schedule.rule(), MetricName::ErrorRate, &pairs, Some(inputs.margins.error_rate))?;
    if metric.even == 0.0 && metric.odd == 0.0 {
        let calls = |arm: Arm| gathered.series.rows[burn_in.index()].iter().map(|row| u64::from(row.calls[arm])).sum();
        let bounds = ByArm::build(|arm| upper_bound_of_unseen(calls(arm))).both()?;
        metric.interval = Interval { low: -bounds.even, high: bounds.odd };
        metric.finding = Finding::of(metric.interval, metric.margin, true);
        metric.unseen_upper_bounds = Some(bounds);
        metric.p_value_model_based = None;
    }
    Some(metric)
}

/// USD of one arm's window at list price, from its calls and billed milliseconds; of a pair's two minutes where it is paid by the hour.
fn window_cost(gathered: &Gathered, arm: Arm) -> Option<Box<dyn Fn(f64, f64) -> f64>> {
    use bigdecimal::ToPrimitive;
    let inputs = &gathered.inputs;
    let amount = |meter: Meter| inputs.prices.find(meter, &inputs.region)?.amount.to_f64();
    match Billing::of(inputs.plans[arm]) {
        Billing::Unpriced => None,
        Billing::PerHour(meter) => {
            let hours = inputs.range.schedule.minute_length().as_secs_f64() * 2.0 / 3_600.0;
            let cost = amount(meter)? * hours;
            Some(Box::new(move |_, _| cost))
        }
        Billing::PerUse(rules) => {
            let prices =
                UsePrices { gb_second: inputs.prices.find(rules.gb_seconds, &inputs.region)?.amount.clone(), million_executions: 0.into() };
            let gb_ms = prices.gb_second.to_f64()? * rules.memory_mb as f64 / 1_024.0 / 1_000.0;
            let call = amount(rules.executions)? / 1e6;
            Some(Box::new(move |calls, billed_ms| calls * call + billed_ms * gb_ms))
        }
    }
}

fn cost(gathered: &Gathered, name: MetricName) -> Option<Metric> {
    let of = ByArm::build(|arm| window_cost(gathered, arm)).both()?;
    let dedicated = ByArm::build(|arm| matches!(Billing::of(gathered.inputs.plans[arm]), Billing::PerHour(_)));
    let rows = gathered.series.mappings.iter().copied().zip(&gathered.series.rows[0]).enumerate();
    let pairs: Vec<(Mapping, RatioPair)> = rows
        .map(|(pair, (mapping, row))| {
            let billed_ms = gathered.series.billed_ms.get(pair).copied().unwrap_or_default();
            let side = |arm: Arm| {
                let own = f64::from(row.calls[arm]);
                let everyone = f64::from(row.calls.even) + f64::from(row.calls.odd);
                let served = if dedicated[arm] && name == MetricName::CostProjected { everyone } else { own };
                (of[arm](own, billed_ms[arm]), served / 1_000.0)
            };
            (mapping, RatioPair { a: side(Arm::Even), b: side(Arm::Odd) })
        })
        .collect();
    // All pairs as one, whatever the schedule: a quiet hour's cost by call is high, and would outweigh a busy one's if mappings, which are
    // whole hours, were averaged. What a minute costs does not follow its parity.
    ratio_metric(Rule::Parity, name, &pairs, None)
}
