//! Collects the stream a report is made from: windows in time order, one at a time, decisions beside them, until their minutes are settled.
//! Memory grows with the number of pairs, not of calls. Must not know estimators.

use super::arm_use::billed_by_bucket;
use super::gathered::{Gathered, Routed, day_of};
use super::inputs::Inputs;
use super::outcomes::{MinuteArrivals, OutcomeSums, PairOutcomes};
use super::routes::{CallsByRoute, RouteCount};
use super::series::{Series, WindowSums};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::{DecisionCount, Reason};
use crate::domain::pairs::{Pairing, Standing};
use crate::domain::schedule::Minute;
use crate::domain::window::{BurnIn, StoredWindow};

/// A minute whose rows are still coming in.
#[derive(Debug, Clone)]
struct OpenMinute {
    minute: Minute,
    windows: ByArm<Option<OpenWindow>>,
}

/// One arm's rows of it.
#[derive(Debug, Clone)]
struct OpenWindow {
    sums: WindowSums,
    callers_left: u64,
    timed_out: u64,
    standing: Standing,
}

impl Default for OpenWindow {
    fn default() -> Self {
        OpenWindow { sums: WindowSums::default(), callers_left: 0, timed_out: 0, standing: Standing::Complete }
    }
}

/// Adds up decisions and windows.
#[derive(Debug, Clone)]
pub struct Accumulator {
    gathered: Gathered,
    /// What a call of each bucket is billed by itself; empty where the plan bills none by itself.
    billed_ms: ByArm<Vec<u64>>,
    pairing: Pairing<WindowSums>,
    outcomes: OutcomeSums,
    open: Option<OpenMinute>,
}

impl Accumulator {
    /// An accumulator for one report.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        let billed_ms = ByArm::build(|arm| billed_by_bucket(&inputs, arm));
        let (schedule, pairs) = (inputs.range.schedule, inputs.range.pairs());
        let gathered = Gathered {
            inputs,
            routed: Routed::default(),
            series: Series::new(schedule.rule(), pairs),
            totals: ByArm::default(),
            outcomes: PairOutcomes::default(),
            routes: CallsByRoute::default(),
            seen: None,
            rows: 0,
            unreadable_rows: 0,
        };
        Accumulator { gathered, billed_ms, pairing: Pairing::new(schedule), outcomes: OutcomeSums::new(schedule), open: None }
    }

    fn is_compared(&self, minute: Minute) -> bool {
        self.gathered.inputs.compares(minute)
    }

    /// Adds a count of decisions, in any order among minutes that are not settled.
    pub fn decision(&mut self, count: &DecisionCount) {
        let decision = count.decision;
        if !self.is_compared(decision.minute) || count.calls == 0 {
            return;
        }
        let scheduled = self.gathered.schedule().arm_of(decision.minute) == decision.arm;
        let (routed, of_minute) = (&mut self.gathered.routed, self.outcomes.decided(decision.minute));
        let (in_all, in_minute) = match decision.reason {
            Reason::Schedule | Reason::Unsure if scheduled => (&mut routed.on_schedule, &mut of_minute.sent),
            Reason::Failover if !scheduled => (&mut routed.failed_over, &mut of_minute.failed_over),
            Reason::Unavailable => (&mut routed.unavailable, &mut of_minute.unavailable),
            Reason::Schedule | Reason::Unsure | Reason::Failover => {
                routed.violations += count.calls;
                routed.sent[decision.arm] += count.calls;
                return;
            }
        };
        *in_all += count.calls;
        *in_minute = in_minute.saturating_add(u32::try_from(count.calls).unwrap_or(u32::MAX));
        if decision.reason != Reason::Unavailable {
            routed.sent[decision.arm] += count.calls;
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
        let minute_ms = u64::try_from(self.gathered.schedule().minute_length().as_millis()).unwrap_or(u64::MAX);
        let Some(open) = &mut self.open else { return };
        let window = open.windows[row.arm].get_or_insert_default();
        window.callers_left += row.callers_left;
        window.timed_out += row.timed_out;
        window.sums.used.add_worker(row.metered_ms, minute_ms);
        if window.sums.add(row.slices, &self.billed_ms[row.arm]).is_err() {
            self.gathered.unreadable_rows += 1;
            window.standing = Standing::Incomplete;
        }
    }

    /// Adds what one arm counted of a route, in any order; of the minute's own arm alone.
    pub fn route(&mut self, count: RouteCount) {
        let schedule = self.gathered.schedule();
        if self.is_compared(count.minute) && schedule.arm_of(count.minute) == count.arm {
            self.gathered.routes.add(schedule, count);
        }
    }

    /// Adds up the open minute's windows and pairs them.
    fn close_minute(&mut self) {
        let Some(OpenMinute { minute, mut windows }) = self.open.take() else { return };
        let schedule = self.gathered.schedule();
        let scheduled = schedule.arm_of(minute);
        for arm in Arm::BOTH {
            let Some(OpenWindow { sums, .. }) = &windows[arm] else { continue };
            let kept = sums.kept(BurnIn::None);
            let totals = &mut self.gathered.totals[arm];
            totals.by_day.entry(day_of(schedule, minute)).or_default().add(&sums.used, kept.calls);
            if arm == scheduled {
                totals.own.add(&sums.used, kept.calls);
                totals.windows += 1;
                totals.calls += kept.calls;
                totals.server_errors += kept.server_errors;
            } else {
                totals.off_schedule_calls += kept.calls;
            }
        }
        let Some(OpenWindow { sums, callers_left, timed_out, standing }) = windows[scheduled].take() else { return };
        let (kept, narrow) = (sums.kept(BurnIn::None), |count: u64| u32::try_from(count).unwrap_or(u32::MAX));
        let arrived = MinuteArrivals {
            calls: narrow(kept.calls),
            server_errors: narrow(kept.server_errors),
            callers_left: narrow(callers_left),
            timed_out: narrow(timed_out),
            standing,
        };
        self.outcomes.arrived(minute, arrived);
        if let Some(pair) = self.pairing.push(minute, standing, sums) {
            self.gathered.series.push(&pair);
        }
    }

    /// Says that every decision and window of the minutes before `end` was added.
    pub fn settle(&mut self, end: Minute) {
        if self.open.as_ref().is_some_and(|open| open.minute < end) {
            self.close_minute();
        }
        self.outcomes.settle(end);
    }

    /// Ends the stream.
    #[must_use]
    pub fn finish(mut self) -> Gathered {
        self.close_minute();
        self.gathered.series.finish();
        self.gathered.outcomes = self.outcomes.finish();
        self.gathered
    }
}
