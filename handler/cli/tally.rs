//! What `watch` has seen so far, as a table.

use std::collections::VecDeque;
use std::fmt;

use comfy_table::CellAlignment;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::table::fitted;
use crate::caller::ObservedCall;
use crate::domain::arm::{Arm, ByArm};
use crate::domain::histogram::Histogram;
use crate::domain::probe::{ProbeOutcome, ProbeOutcomes};

/// Counts and latencies, in total and by the arm that answered.
#[derive(Debug, Default)]
pub struct Tally {
    outcomes: ProbeOutcomes,
    arms: ByArm<ArmTally>,
    redirect: Histogram,
    ticketed: u64,
    last: Option<String>,
    last_trouble: Option<String>,
}

#[derive(Debug, Default)]
struct ArmTally {
    outcomes: ProbeOutcomes,
    answer: Histogram,
    /// The latest answers, oldest first, in microseconds.
    latest_us: VecDeque<u64>,
}

/// Answers that a sparkline shows.
const SPARKS: usize = 40;

impl Tally {
    /// Adds one call.
    pub fn count(&mut self, observation: &ObservedCall) {
        let probe = &observation.probe;
        self.outcomes.count(probe.outcome);
        self.ticketed += u64::from(observation.ticketed);
        if let Some(redirect_us) = probe.redirect_us {
            self.redirect.record(redirect_us);
        }
        if let (Some(arm), Some(answer_us)) = (probe.arm, probe.answer_us) {
            let tally = &mut self.arms[arm];
            tally.outcomes.count(probe.outcome);
            tally.answer.record(answer_us);
            if tally.latest_us.len() == SPARKS {
                tally.latest_us.pop_front();
            }
            tally.latest_us.push_back(answer_us);
        }
        let arm = probe.arm.map_or("no arm", Arm::as_str);
        let minute = observation.minute.as_deref().unwrap_or("no minute");
        self.last = Some(format!("{minute} {arm} {}", probe.outcome.as_str()));
        if !matches!(probe.outcome, ProbeOutcome::Conformant) {
            let why = probe.detail.as_deref().unwrap_or("the scheduled arm was down");
            self.last_trouble = Some(format!("{minute} {}: {why}", probe.outcome.as_str()));
        }
    }

    /// Share of the calls that ended where they should; none before the first.
    #[must_use]
    pub fn conformance(&self) -> Option<f64> {
        self.outcomes.conformance()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = ["", "calls", "conformant", "failed over", "wrong arm", "unanswered", "p50 ms", "p95 ms"];
        let mut table = fitted(UTF8_HORIZONTAL_ONLY, titles);
        for arm in Arm::BOTH {
            let tally = &self.arms[arm];
            table.add_row(row(arm.as_str(), &tally.outcomes, &tally.answer));
        }
        table.add_row(row("one URL", &self.outcomes, &self.redirect));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(formatter, "{table}")?;
        // Both on one scale, so that they can be compared at a glance.
        let slowest = Arm::BOTH.into_iter().flat_map(|arm| &self.arms[arm].latest_us).max().copied().unwrap_or(0);
        for arm in Arm::BOTH {
            writeln!(
                formatter,
                "{:<5}{:<SPARKS$} up to {:.1} ms",
                arm.as_str(),
                sparkline(&self.arms[arm].latest_us, slowest),
                slowest as f64 / 1_000.0
            )?;
        }
        match self.conformance() {
            Some(share) => write!(formatter, "conformance {:.3} %", share * 100.0)?,
            None => write!(formatter, "no call has ended yet")?,
        }
        writeln!(formatter, ", {} with a ticket; last: {}", self.ticketed, self.last.as_deref().unwrap_or("-"))?;
        write!(formatter, "last trouble: {}", self.last_trouble.as_deref().unwrap_or("none"))
    }
}

/// One block a value, as high as its share of `highest`.
fn sparkline(values: &VecDeque<u64>, highest: u64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block =
        |value: &u64| usize::try_from(value.saturating_mul(7) / highest.max(1)).ok().and_then(|step| BLOCKS.get(step)).unwrap_or(&'█');
    values.iter().map(block).collect()
}

fn row(name: &str, outcomes: &ProbeOutcomes, latency: &Histogram) -> [String; 8] {
    let quantile_ms = |share| latency.quantile_us(share).map_or_else(|| "-".to_owned(), |us| format!("{:.1}", us / 1000.0));
    [
        name.to_owned(),
        outcomes.sent.to_string(),
        outcomes.conformant.to_string(),
        outcomes.failed_over.to_string(),
        outcomes.wrong_arm.to_string(),
        outcomes.unanswered.to_string(),
        quantile_ms(0.5),
        quantile_ms(0.95),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_has_a_block_for_each_value() {
        assert_eq!(sparkline(&VecDeque::from([0, 500, 1_000]), 1_000), "▁▄█");
        assert_eq!(sparkline(&VecDeque::new(), 0), "");
        assert_eq!(sparkline(&VecDeque::from([0]), 0), "▁");
    }
}
