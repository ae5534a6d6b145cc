//! The stream's end: failovers first, then windows in time order, one at a time, into what a report needs. Memory grows with pairs, not
//! with calls. Must not know estimators.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::series::{Series, WindowSums, billed_by_bucket};
use super::{ArmSummary, DataSummary, Inputs, Report, ScheduleSummary};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::billing::{Billing, Usage};
use crate::domain::decision::{DecisionCount, Reason};
use crate::domain::pairs::{Pairing, Standing};
use crate::domain::schedule::{Minute, Schedule};
use crate::domain::window::{BurnIn, StoredWindow};

/// What the router decided, summed over the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Routed {
    /// Calls sent to each arm.
    pub sent: ByArm<u64>,
    /// Calls sent to their minute's arm.
    pub on_schedule: u64,
    /// Calls sent to the other arm because theirs was down.
    pub failed_over: u64,
    /// Calls answered 503.
    pub unavailable: u64,
    /// Calls sent to the wrong arm without a recorded failover.
    pub violations: u64,
}

/// What an arm's windows add up to, paired or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub windows: u64,
    pub calls: u64,
    pub server_errors: u64,
    pub off_schedule_calls: u64,
    pub cold_starts: u64,
    pub probes: u64,
    pub unrouted: u64,
    pub unclosed: u64,
    /// Use by calendar month (year, month), where the plan is paid by use.
    pub usage: BTreeMap<(i32, u8), Usage>,
}

/// A minute whose rows are still coming in.
#[derive(Debug)]
struct OpenMinute {
    minute: Minute,
    windows: ByArm<Option<(WindowSums, Standing)>>,
}

/// Takes decisions and windows; gives a report.
#[derive(Debug)]
pub struct Accumulator {
    inputs: Inputs,
    /// What a call of each bucket is billed; empty where the plan is not paid by use.
    billed_ms: ByArm<Vec<u64>>,
    routed: Routed,
    /// Minutes with a failover, ascending.
    failovers: Vec<Minute>,
    open: Option<OpenMinute>,
    pairing: Pairing<WindowSums>,
    series: Series,
    totals: ByArm<Totals>,
    seen: Option<(Minute, Minute)>,
    rows: u64,
    unreadable_rows: u64,
}

/// Everything the rest of the report is computed from.
pub(super) struct Gathered {
    pub inputs: Inputs,
    pub routed: Routed,
    pub series: Series,
    pub totals: ByArm<Totals>,
    /// Minutes of each arm in which a call was sent to the other arm, or to none.
    pub failover_minutes: ByArm<u64>,
    /// Minutes from the first to the last seen, both included.
    pub minutes: u64,
}

impl Accumulator {
    /// An accumulator for one report.
    #[must_use]
    pub fn new(inputs: Inputs) -> Self {
        let billed_ms = ByArm::build(|arm| match Billing::of(inputs.plans[arm]) {
            Billing::PerUse(rules) => billed_by_bucket(|bucket| rules.billed_ms_of_bucket(bucket)),
            _ => Vec::new(),
        });
        Accumulator {
            billed_ms,
            routed: Routed::default(),
            failovers: Vec::new(),
            open: None,
            pairing: Pairing::new(inputs.range.schedule),
            series: Series::new(inputs.range.schedule.rule()),
            totals: ByArm::default(),
            seen: None,
            rows: 0,
            unreadable_rows: 0,
            inputs,
        }
    }

    fn in_range(&self, minute: Minute) -> bool {
        self.inputs.range.contains(minute)
    }

    /// Adds a count of decisions. Those that left the schedule come before the first window, the others at any time.
    pub fn decision(&mut self, count: &DecisionCount) {
        let decision = count.decision;
        if !self.in_range(decision.minute) || count.calls == 0 {
            return;
        }
        let scheduled = self.inputs.range.schedule.arm_of(decision.minute) == decision.arm;
        match decision.reason {
            Reason::Schedule | Reason::Unsure if scheduled => self.routed.on_schedule += count.calls,
            Reason::Failover if !scheduled => self.routed.failed_over += count.calls,
            Reason::Unavailable => self.routed.unavailable += count.calls,
            Reason::Schedule | Reason::Unsure | Reason::Failover => self.routed.violations += count.calls,
        }
        if decision.reason != Reason::Unavailable {
            self.routed.sent[decision.arm] += count.calls;
        }
        if matches!(decision.reason, Reason::Failover | Reason::Unavailable) {
            match self.failovers.last() {
                Some(last) if *last == decision.minute => {}
                Some(last) if *last > decision.minute => {
                    if let Err(position) = self.failovers.binary_search(&decision.minute) {
                        self.failovers.insert(position, decision.minute);
                    }
                }
                _ => self.failovers.push(decision.minute),
            }
        }
    }

    /// Adds one stored row. Rows come in order of their minutes; those of one minute in any order. A row that cannot be read makes its
    /// window incomplete, one out of order is left out; both are counted.
    pub fn observe(&mut self, row: &StoredWindow<'_>) {
        if !self.in_range(row.minute) {
            return;
        }
        self.rows += 1;
        match &self.open {
            Some(open) if open.minute == row.minute => {}
            Some(open) if open.minute > row.minute => {
                self.unreadable_rows += 1;
                return;
            }
            _ => {
                self.close_minute();
                self.open = Some(OpenMinute { minute: row.minute, windows: ByArm::default() });
                self.seen = Some((self.seen.map_or(row.minute, |(first, _)| first), row.minute));
            }
        }
        let totals = &mut self.totals[row.arm];
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
            self.unreadable_rows += 1;
            *standing = Standing::Incomplete;
        }
    }

    /// Hands the open minute's windows on.
    fn close_minute(&mut self) {
        let Some(OpenMinute { minute, mut windows }) = self.open.take() else { return };
        let scheduled = self.inputs.range.schedule.arm_of(minute);
        let paid_by_use = !(self.billed_ms.even.is_empty() && self.billed_ms.odd.is_empty());
        for arm in Arm::BOTH {
            let Some((sums, _)) = &windows[arm] else { continue };
            let kept = sums.kept(BurnIn::None);
            let totals = &mut self.totals[arm];
            if let Billing::PerUse(rules) = Billing::of(self.inputs.plans[arm]) {
                let month = month_of(self.inputs.range.schedule, minute);
                totals.usage.entry(month).or_default().add(rules.usage(kept.calls, sums.billed_ms));
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
        let standing = if self.failovers.binary_search(&minute).is_ok() { Standing::Failover } else { standing };
        if let Some(pair) = self.pairing.push(minute, standing, sums) {
            self.series.push(&pair, paid_by_use);
        }
    }

    /// The report of everything taken in, made at `generated_at`.
    #[must_use]
    pub fn finish(mut self, generated_at: OffsetDateTime) -> Report {
        self.close_minute();
        let inputs = self.inputs;
        let minutes = self.seen.map_or(0, |(first, last)| first.0.abs_diff(last.0) + 1);
        let idle_pairs = self.series.len() - self.series.busy_pairs();
        let data = DataSummary {
            rows: self.rows,
            unreadable_rows: self.unreadable_rows,
            first_window: self.seen.map(|(first, _)| inputs.range.schedule.starts_at(first)),
            last_window_end: self.seen.map(|(_, last)| inputs.range.schedule.starts_at(last.next())),
            pairs: self.series.len(),
            idle_pairs,
            excluded: self.pairing.finish(),
        };
        let arms = ByArm::build(|arm| {
            let totals = &self.totals[arm];
            ArmSummary {
                plan: inputs.plans[arm],
                windows: totals.windows,
                calls: totals.calls,
                server_errors: totals.server_errors,
                off_schedule_calls: totals.off_schedule_calls,
                cold_starts: totals.cold_starts,
                probes: totals.probes,
                unrouted_calls: totals.unrouted,
                unclosed_windows: totals.unclosed,
            }
        });
        let schedule = ScheduleSummary {
            rule: inputs.range.schedule.rule(),
            minute_seconds: inputs.range.schedule.minute_length().as_secs_f64(),
            burn_in_seconds: burn_in_seconds(inputs.range.schedule, inputs.burn_in),
        };
        let (from, to) = (inputs.range.starts_at(), inputs.range.ends_at());
        let failover_minutes =
            ByArm::build(|arm| self.failovers.iter().filter(|minute| inputs.range.schedule.arm_of(**minute) == arm).count() as u64);
        let mut gathered = Gathered { inputs, routed: self.routed, series: self.series, totals: self.totals, failover_minutes, minutes };
        let (metrics, withheld, sensitivity) = super::metrics::all(&mut gathered);
        let checks = super::checks::all(&gathered, &metrics);
        let cost = super::cost::report(&gathered);
        let verdict = super::verdict::decide(&gathered, &checks, &metrics, &cost);
        let mut report = Report {
            generated_at,
            from,
            to,
            schedule,
            aa_run: gathered.inputs.aa_run,
            arms,
            data,
            checks,
            metrics,
            withheld,
            sensitivity,
            cost,
            probes: gathered.inputs.probes,
            verdict,
            summary: Vec::new(),
        };
        report.summary = super::words::in_words(&report);
        report
    }
}

/// How long `burn_in` is under `schedule`, seconds.
pub(super) fn burn_in_seconds(schedule: Schedule, burn_in: BurnIn) -> f64 {
    schedule.minute_length().as_secs_f64() * f64::from(burn_in.sixtieths()) / 60.0
}

fn month_of(schedule: Schedule, minute: Minute) -> (i32, u8) {
    let start = schedule.starts_at(minute);
    (start.year(), u8::from(start.month()))
}
