//! The way from what was gathered to the report. Must not know how any part is made.

use time::OffsetDateTime;

use super::checks::{Checks, check_carry_over};
use super::cost::cost;
use super::document::{ArmSummary, DataSummary, Report, ScheduleSummary};
use super::gathered::Gathered;
use super::metrics::{Compared, add_intervals, compare};
use super::traffic::traffic;
use super::verdict::{Grounds, decide};
use super::words::{Evidence, in_words};
use crate::domain::arm::ByArm;
use crate::domain::window::BurnIn;

/// The report of everything gathered, made at `generated_at`. Takes seconds for a year of windows.
#[must_use]
pub fn assemble(gathered: &Gathered, generated_at: OffsetDateTime) -> Report {
    let carry_over = check_carry_over(gathered);
    let burn_in = if carry_over.flagged { BurnIn::Twenty } else { gathered.inputs.burn_in };
    let Compared { metrics, estimated, withheld, sensitivity } = compare(gathered, burn_in);
    let checks = Checks::of(gathered, &metrics, carry_over);
    let mut cost = cost(gathered, generated_at.date());
    add_intervals(gathered, &estimated, &mut cost);
    let verdict = decide(Grounds { gathered, checks: &checks, metrics: &metrics, estimated: &estimated, cost: &cost });
    let arms = ByArm::build(|arm| ArmSummary::of(gathered, arm));
    let data = DataSummary::of(gathered);
    let exclusions = gathered.inputs.run().map_or_else(Vec::new, |run| run.exclusions.clone());
    let evidence =
        Evidence { arms: &arms, data: &data, checks: &checks, metrics: &metrics, cost: &cost, verdict: &verdict, exclusions: &exclusions };
    let summary = in_words(evidence);
    Report {
        generated_at,
        from: gathered.inputs.range.starts_at(),
        to: gathered.inputs.range.ends_at(),
        run: gathered.inputs.run().cloned(),
        spanned_runs: gathered.inputs.spanned_runs().to_vec(),
        schedule: ScheduleSummary::of(gathered, burn_in),
        aa_run: gathered.inputs.aa_run,
        arms,
        data,
        checks,
        metrics,
        withheld,
        sensitivity,
        by_route: gathered.routes.compare(gathered.inputs.validity()),
        cost,
        traffic: traffic(gathered),
        price_book: gathered.inputs.prices.clone(),
        probes: gathered.inputs.probes,
        verdict,
        summary,
    }
}
