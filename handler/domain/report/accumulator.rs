//! Collects the stream a report is made from: failovers first, then windows in time order, one at a time. Memory grows with the number of
//! pairs, not of calls. Must not know estimators.

use super::gathered::{Gathered, Routed};
use super::inputs::Inputs;
use super::series::{Series, WindowSums, billed_by_bucket};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::Billing;
use crate::domain::decision::{DecisionCount, Reason};
use crate::domain::pairs::{Excluded, Pairing, Standing};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::{BurnIn, StoredWindow};

/// A minute whose rows are still coming in.
#[derive(Debug)]
struct OpenMinute {
    minute: Minute,
    windows: ByArm<Option<(WindowSums, Standing)>>,
}

/// Adds up decisions and windows.
#[derive(Debug)]
pub struct Accumulator {
    gathered: Gathered,
    /// What a call of each bucket is billed; empty where the plan is not paid by use.
    billed_ms: ByArm<Vec<u64>>,
    pairing: Pairing<WindowSums>,
    open: Option<OpenMinute>,
}

impl Accumulator {
    /// An accumulator for one report.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        let billed_ms = ByArm::build(|arm| match Billing::of(inputs.plans[arm]) {
            Billing::PerUse(rules) => billed_by_bucket(|bucket| rules.billed_ms_of_bucket(bucket)),
            Billing::Unpriced | Billing::PerHour(_) => Vec::new(),
        });
        let schedule = inputs.range.schedule;
        let gathered = Gathered {
            inputs,
            routed: Routed::default(),
            series: Series::new(schedule.rule()),
            totals: ByArm::default(),
            failovers: Vec::new(),
            seen: None,
            excluded: Excluded::default(),
            rows: 0,
            unreadable_rows: 0,
        };
        Accumulator { gathered, billed_ms, pairing: Pairing::new(schedule), open: None }
    }

    fn is_compared(&self, minute: Minute) -> bool {
        self.gathered.inputs.compares(minute)
    }

    /// Adds a count of decisions. Those that left the schedule come before the first window, the others at any time.
    pub fn decision(&mut self, count: &DecisionCount) {
        let decision = count.decision;
        if !self.is_compared(decision.minute) || count.calls == 0 {
            return;
        }
        let scheduled = self.gathered.schedule().arm_of(decision.minute) == decision.arm;
        match decision.reason {
            Reason::Schedule | Reason::Unsure if scheduled => self.gathered.routed.on_schedule += count.calls,
            Reason::Failover if !scheduled => self.gathered.routed.failed_over += count.calls,
            Reason::Unavailable => self.gathered.routed.unavailable += count.calls,
            Reason::Schedule | Reason::Unsure | Reason::Failover => self.gathered.routed.violations += count.calls,
        }
        if decision.reason != Reason::Unavailable {
            self.gathered.routed.sent[decision.arm] += count.calls;
        }
        if matches!(decision.reason, Reason::Failover | Reason::Unavailable) {
            match self.gathered.failovers.last() {
                Some(last) if *last == decision.minute => {}
                Some(last) if *last > decision.minute => {
                    if let Err(position) = self.gathered.failovers.binary_search(&decision.minute) {
                        self.gathered.failovers.insert(position, decision.minute);
                    }
                }
                _ => self.gathered.failovers.push(decision.minute),
            }
        }
    }

    /// Adds one stored row. Rows come in order of their minutes; those of one minute in any order. A row that cannot be read makes its
    /// window incomplete, one out of order is left out; both are counted.
    pub fn observe(&mut self, row: &StoredWindow<'_>) {
        if !self.is_compared(row.minute) {
            return;
        }
        self.gathered.rows += 1;
        match &self.open {
            Some(open) if open.minute == row.minute => {}
            Some(open) if open.minute > row.minute => {
                self.gathered.unreadable_rows += 1;
                return;
            }
            _ => {
                self.close_minute();
                self.open = Some(OpenMinute { minute: row.minute, windows: ByArm::default() });
                self.gathered.seen = Some((self.gathered.seen.map_or(row.minute, |(first, _)| first), row.minute));
            }
        }
        let totals = &mut self.gathered.totals[row.arm];
        totals.cold_starts += row.cold_starts;
        totals.probes += row.probes;
        totals.unrouted += row.unrouted;
        totals.unclosed += u64::from(!row.closed);
        let Some(open) = &mut self.open else { return };
        let (sums, standing) = open.windows[row.arm].get_or_insert_with(|| (WindowSums::default(), Standing::Complete));
        if !row.closed {
            *standing = Standing::Incomplete;
        }
        if sums.add(row.slices, &self.billed_ms[row.arm]).is_err() {
            self.gathered.unreadable_rows += 1;
            *standing = Standing::Incomplete;
        }
    }

    /// Adds up the open minute's windows and pairs them.
    fn close_minute(&mut self) {
        let Some(OpenMinute { minute, mut windows }) = self.open.take() else { return };
        let schedule = self.gathered.schedule();
        let scheduled = schedule.arm_of(minute);
        let paid_by_use = !(self.billed_ms.even.is_empty() && self.billed_ms.odd.is_empty());
        for arm in Arm::BOTH {
            let Some((sums, _)) = &windows[arm] else { continue };
            let kept = sums.kept(BurnIn::None);
            let totals = &mut self.gathered.totals[arm];
            if let Billing::PerUse(rules) = Billing::of(self.gathered.inputs.plans[arm]) {
                totals.usage.entry(month_of(schedule, minute)).or_default().add(rules.usage(kept.calls, sums.billed_ms));
            }
            if arm == scheduled {
                totals.windows += 1;
                totals.calls += kept.calls;
                totals.server_errors += kept.server_errors;
            } else {
                totals.off_schedule_calls += kept.calls;
            }
        }
        let Some((sums, standing)) = windows[scheduled].take() else { return };
        let standing = if self.gathered.failovers.binary_search(&minute).is_ok() { Standing::Failover } else { standing };
        if let Some(pair) = self.pairing.push(minute, standing, sums) {
            self.gathered.series.push(&pair, paid_by_use);
        }
    }

    /// Ends the stream.
    #[must_use]
    pub fn finish(mut self) -> Gathered {
        self.close_minute();
        self.gathered.series.finish();
        self.gathered.excluded = self.pairing.finish();
        self.gathered
    }
}

fn month_of(schedule: Schedule, minute: Minute) -> (i32, u8) {
    let start = schedule.starts_at(minute);
    (start.year(), u8::from(start.month()))
}
