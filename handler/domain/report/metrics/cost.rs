//! Cost per 1,000 calls as a metric: what each pair's windows cost at list price, as numbers for statistics. Must not know exact money.

use bigdecimal::ToPrimitive;

use super::estimated::Estimated;
use super::mappings::Pooling;
use super::ratios::RatioPairs;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::Billing;
use crate::domain::price::Meter;
use crate::domain::report::gathered::Gathered;
use crate::domain::report::metric_name::MetricName;
use crate::domain::statistics::{RatioTerm, SeriesEstimator};
use crate::domain::window::BurnIn;

/// The calls a plan's cost is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denominator {
    /// Those the arm served.
    OwnCalls,
    /// All of them, as if the arm's plan were alone: a dedicated plan would cost the same, one paid by use in proportion.
    AllCalls,
}

/// What an arm's window costs at list price, USD.
#[derive(Debug, Clone, Copy)]
struct WindowPrice {
    /// Whatever it serves: both minutes of a pair, since a dedicated plan is paid in the other arm's too.
    fixed: f64,
    per_call: f64,
    per_billed_ms: f64,
    /// Whether the plan is paid while it exists, whatever it serves.
    dedicated: bool,
}

impl WindowPrice {
    fn of(gathered: &Gathered, arm: Arm) -> Option<Self> {
        let inputs = &gathered.inputs;
        let amount = |meter: Meter| inputs.prices.find(meter, &inputs.region)?.amount.to_f64();
        match Billing::of(inputs.plans[arm]) {
            Billing::Unpriced => None,
            Billing::PerHour(meter) => {
                let hours = gathered.schedule().minute_length().as_secs_f64() * 2.0 / 3_600.0;
                Some(WindowPrice { fixed: amount(meter)? * hours, per_call: 0.0, per_billed_ms: 0.0, dedicated: true })
            }
            Billing::PerUse(rules) => Some(WindowPrice {
                fixed: 0.0,
                per_call: amount(rules.executions)? / 1e6,
                per_billed_ms: amount(rules.gb_seconds)? * rules.memory_mb as f64 / 1_024.0 / 1_000.0,
                dedicated: false,
            }),
        }
    }

    fn cost(&self, calls: f64, billed_ms: f64) -> f64 {
        self.fixed + calls * self.per_call + billed_ms * self.per_billed_ms
    }
}

/// List price per 1,000 calls; none where no price is known for an arm's plan.
#[must_use]
pub fn cost(gathered: &Gathered, name: MetricName, denominator: Denominator, estimator: &mut SeriesEstimator) -> Option<Estimated> {
    let prices = ByArm::build(|arm| WindowPrice::of(gathered, arm)).both()?;
    let pairs = gathered.series.pairs(BurnIn::None).enumerate().map(|(pair, (mapping, row))| {
        let billed_ms = gathered.series.billed_ms.get(pair).copied().unwrap_or_default();
        let calls = row.calls.map(f64::from);
        let term = |arm: Arm| {
            let served = match denominator {
                Denominator::AllCalls if prices[arm].dedicated => calls.even + calls.odd,
                Denominator::AllCalls | Denominator::OwnCalls => calls[arm],
            };
            RatioTerm { numerator: prices[arm].cost(calls[arm], billed_ms[arm]), denominator: served / 1_000.0 }
        };
        (mapping, ByArm::build(term))
    });
    // All pairs as one, whatever the schedule: a quiet hour's cost per call is high, and would outweigh a busy one's if mappings, which are
    // whole hours, were averaged. What a minute costs does not follow its parity.
    let pairs = RatioPairs::new(pairs);
    Some(pairs.compare(Pooling::AllPairs, name, gathered.inputs.margins.of(name), estimator)?.estimated)
}
