//! Cost per 1,000 calls as a metric: what each pair's windows cost at list price, as numbers for statistics. Must not know exact money.

use bigdecimal::{BigDecimal, ToPrimitive, Zero};

use super::estimated::{ALPHA, Estimated};
use super::mappings::Pooling;
use super::ratios::RatioPairs;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::{HOURS_PER_MONTH, seconds};
use crate::domain::report::arm_use::MinuteUse;
use crate::domain::report::cost::{CostReport, CostScenario, InstanceBasis, Load, PricedPlan};
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::{RatioTerm, SeriesEstimator};

/// Which minutes an arm's window is charged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// Both of the pair, as the run was: a plan that is paid while it exists is paid in the other arm's minute too.
    AsObserved,
    /// Its own alone: as if each minute were one of its own, with all the traffic.
    FullLoad(InstanceBasis),
}

/// What an arm's window costs at list price, USD: a straight line in everything it was used for.
#[derive(Debug, Clone, Copy)]
struct WindowPrice {
    /// Idle, with the run's mean number of instances.
    idle: f64,
    instances: f64,
    per_instance: f64,
    per_active_second: f64,
    per_execution: f64,
    per_billed_second: f64,
    /// Whether metered time is charged for.
    by_activity: bool,
}

impl WindowPrice {
    fn of(gathered: &Gathered, arm: Arm, charged: Charged) -> Option<Self> {
        let priced = PricedPlan::of(&gathered.inputs, arm)?;
        let (basis, minutes) = match charged {
            Charged::AsObserved => (InstanceBasis::Measured, 2),
            Charged::FullLoad(basis) => (basis, 1),
        };
        let instances = basis.instances(&gathered.inputs, arm, &gathered.totals[arm].own)?;
        let duration_s = seconds(gathered.minute_ms()) * BigDecimal::from(minutes);
        let (zero, one) = (BigDecimal::zero, || BigDecimal::from(1));
        let idle = || Load {
            duration_s: duration_s.clone(),
            instances: instances.clone(),
            active_s: Some(zero()),
            executions: zero(),
            billed_s: zero(),
        };
        let cost = |load: &Load| priced.charge(load, false)?.iter().map(|line| &line.cost).sum::<BigDecimal>().to_f64();
        let at_rest = cost(&idle())?;
        let more = |load: Load| Some(cost(&load)? - at_rest);
        let per_active_second = more(Load { active_s: Some(one()), ..idle() })?;
        Some(WindowPrice {
            idle: at_rest,
            per_instance: more(Load { instances: &instances + one(), ..idle() })?,
            per_active_second,
            per_execution: more(Load { executions: one(), ..idle() })?,
            per_billed_second: more(Load { billed_s: one(), ..idle() })?,
            instances: instances.to_f64()?,
            by_activity: priced.charge(&Load { active_s: None, ..idle() }, false).is_none(),
        })
    }

    /// The cost of a window; none where metered time is charged for and not all of it was metered.
    fn cost(&self, charged: Charged, used: &MinuteUse, calls: f64) -> Option<f64> {
        if self.by_activity && !used.is_metered() {
            return None;
        }
        let (active_ms, beyond) = match charged {
            Charged::AsObserved => (used.metered_ms, f64::from(used.workers) - self.instances),
            Charged::FullLoad(InstanceBasis::Measured) => (used.full_load_ms, f64::from(used.workers) - self.instances),
            Charged::FullLoad(InstanceBasis::Declared) => (used.full_load_ms, 0.0),
        };
        let by_use = active_ms as f64 / 1_000.0 * self.per_active_second
            + calls * self.per_execution
            + used.billed_ms as f64 / 1_000.0 * self.per_billed_second;
        Some(self.idle + beyond * self.per_instance + by_use)
    }
}

/// List price per 1,000 calls; none where no price is known for an arm's plan.
#[must_use]
pub fn cost(gathered: &Gathered, name: MetricName, charged: Charged, estimator: &mut SeriesEstimator) -> Option<Estimated> {
    let prices = ByArm::build(|arm| WindowPrice::of(gathered, arm, charged)).both()?;
    let pairs = gathered.series.used().filter_map(|(mapping, row, used)| {
        let calls = row.calls.map(f64::from);
        let term =
            |arm: Arm| Some(RatioTerm { numerator: prices[arm].cost(charged, &used[arm], calls[arm])?, denominator: calls[arm] / 1_000.0 });
        Some((mapping, ByArm::build(term).both()?))
    });
    // All pairs as one, whatever the schedule: a quiet hour's cost per call is high, and would outweigh a busy one's if mappings, which are
    // whole hours, were averaged. What a minute costs does not follow its parity.
    let pairs = RatioPairs::new(pairs);
    Some(pairs.compare(Pooling::AllPairs, name, gathered.inputs.margins.of(name), estimator)?.estimated)
}

/// Adds what only statistics tell: the interval of each arm's month, and of each scenario's difference. `compared` holds what the metrics were
/// judged from.
pub fn add_intervals(gathered: &Gathered, compared: &[Estimated], cost: &mut CostReport) {
    let mut estimator = SeriesEstimator::default();
    for arm in Arm::BOTH {
        cost.arms[arm].month_interval = month_interval(gathered, arm, &mut estimator);
    }
    add_scenario_intervals(gathered, compared, cost, &mut estimator);
}

/// The ends of the interval of a month of `arm`'s own minutes, USD.
fn month_interval(gathered: &Gathered, arm: Arm, estimator: &mut SeriesEstimator) -> Option<[f64; 2]> {
    let charged = Charged::FullLoad(InstanceBasis::Measured);
    let price = WindowPrice::of(gathered, arm, charged)?;
    let windows: Vec<f64> =
        gathered.series.used().filter_map(|(_, row, used)| price.cost(charged, &used[arm], row.calls[arm].into())).collect();
    let minute = estimator.mean(&windows)?;
    let reach = minute.half_width(gathered.inputs.validity(), ALPHA)?;
    let minutes = f64::from(HOURS_PER_MONTH) * 3_600.0 / gathered.schedule().minute_length().as_secs_f64();
    Some([minute.mean - reach, minute.mean + reach].map(|end| end * minutes))
}

/// The ends of the interval of each scenario's difference per 1,000 calls; none where it is not known.
///
/// Grants take the same off every month: they move the interval, and leave it as wide.
fn add_scenario_intervals(gathered: &Gathered, compared: &[Estimated], cost: &mut CostReport, estimator: &mut SeriesEstimator) {
    let calls = ByArm::build(|arm| cost.arms[arm].projected.as_ref()?.calls_per_month.to_f64()).both();
    for basis in InstanceBasis::ALL {
        let interval = |estimated: &Estimated| estimated.interval(gathered.inputs.validity(), ALPHA);
        let interval = match basis {
            // The projected cost as a metric.
            InstanceBasis::Measured => compared.iter().find(|estimated| estimated.name == MetricName::CostProjected).and_then(interval),
            InstanceBasis::Declared => {
                let charged = Charged::FullLoad(basis);
                self::cost(gathered, MetricName::CostProjected, charged, estimator).as_ref().and_then(interval)
            }
        };
        let (Some(interval), Some(calls)) = (interval, calls) else { continue };
        let month = |scenarios: &[CostScenario], free_grants| {
            let found = scenarios.iter().find(|scenario| scenario.instances == basis && scenario.free_grants == free_grants)?;
            found.per_month.as_ref().map(|month| month.as_ref().and_then(ToPrimitive::to_f64)).both()
        };
        let months = month(&cost.scenarios, false).zip(month(&cost.scenarios, true));
        let granted = months.map(|(alone, with_grants)| ByArm::build(|arm| (alone[arm] - with_grants[arm]) / calls[arm] * 1_000.0));
        for scenario in cost.scenarios.iter_mut().filter(|scenario| scenario.instances == basis) {
            let moved = granted.filter(|_| scenario.free_grants).map_or(0.0, |granted| granted.odd - granted.even);
            scenario.difference_per_1000_calls = Some([interval.low - moved, interval.high - moved]);
        }
    }
}
