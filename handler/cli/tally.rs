//! What `watch` has seen so far, as a table.

use std::fmt;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};

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
}

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
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY);
        table.set_header(["", "calls", "conformant", "failed over", "wrong arm", "unanswered", "p50 ms", "p95 ms"]);
        for arm in Arm::BOTH {
            let tally = &self.arms[arm];
            table.add_row(row(arm.as_str(), &tally.outcomes, &tally.answer));
        }
        table.add_row(row("one URL", &self.outcomes, &self.redirect));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(formatter, "{table}")?;
        match self.conformance() {
            Some(share) => write!(formatter, "conformance {:.3} %", share * 100.0)?,
            None => write!(formatter, "no call has ended yet")?,
        }
        writeln!(formatter, ", {} with a ticket; last: {}", self.ticketed, self.last.as_deref().unwrap_or("-"))?;
        write!(formatter, "last trouble: {}", self.last_trouble.as_deref().unwrap_or("none"))
    }
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
