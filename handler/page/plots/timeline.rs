//! Calls, latency and errors minute by minute, each arm in its own colour and shape. Must not know where the figures come from.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Rectangle, TriangleMarker};
use plotters::prelude::{Cartesian2d, SVGBackend};

use super::canvas::{Area, Drawing, Ink, PlotError, draw};
use super::scale::{from_zero, places};
use super::{Plot, WORDS};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::figures::decimals;
use crate::domain::timeline::{MinuteSeen, Served, Timeline};

/// Space left of every plot over time for its labels, pixels: the same for all, so that minutes line up.
pub(super) const LEFT: u32 = 56;
pub(super) const BOTTOM: u32 = 24;
pub(super) const RIGHT: u32 = 30;
const HEIGHT: u32 = 190;

pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The colour of an arm.
pub(super) const fn ink(arm: Arm) -> Ink {
    match arm {
        Arm::Even => Ink::Even,
        Arm::Odd => Ink::Odd,
    }
}

/// Calls by minute: bars, the odd arm's hollow.
///
/// # Errors
/// [`PlotError`].
pub fn calls(timeline: &Timeline) -> Result<Plot, PlotError> {
    bars(timeline, |served| served.calls)
}

/// Calls answered 5xx by minute; none where there was no such call.
///
/// # Errors
/// [`PlotError`].
pub fn errors(timeline: &Timeline) -> Result<Option<Plot>, PlotError> {
    let any = timeline
        .minutes
        .iter()
        .any(|minute| Arm::BOTH.iter().any(|arm| minute.served[*arm].is_some_and(|served| served.server_errors > 0)));
    any.then(|| bars(timeline, |served| served.server_errors)).transpose()
}

fn bars(timeline: &Timeline, of: impl Fn(&Served) -> u64) -> Result<Plot, PlotError> {
    let value = |minute: &MinuteSeen, arm: Arm| minute.served[arm].as_ref().map_or(0.0, |served| of(served) as f64);
    let range = from_zero(timeline.minutes.iter().flat_map(|minute| Arm::BOTH.map(|arm| value(minute, arm))));
    over_time(timeline, range.start..range.end.max(1.0), |chart| {
        for (position, minute) in timeline.minutes.iter().enumerate() {
            for arm in [minute.scheduled, minute.scheduled.other()] {
                let height = value(minute, arm);
                if height <= 0.0 {
                    continue;
                }
                // Late arrivals and failovers, in the other arm's minute, stand as a narrower bar.
                let margin = if arm == minute.scheduled { 0.1 } else { 0.3 };
                let left = position as f64;
                let corners = [(left + margin, 0.0), (left + 1.0 - margin, height)];
                let style = if arm == Arm::Even { ink(arm).filled() } else { ink(arm).line(1) };
                chart.draw_series([Rectangle::new(corners, style)])?;
            }
        }
        Ok(())
    })
}

/// Median and 95th percentile of latency by minute: lines from window to window of one arm; circles for even, triangles for odd.
///
/// # Errors
/// [`PlotError`].
pub fn latency(timeline: &Timeline) -> Result<Plot, PlotError> {
    let points = |arm: Arm, of: fn(&Served) -> Option<f64>| {
        let value = move |minute: &MinuteSeen| minute.served[arm].as_ref().and_then(of).filter(|us| us.is_finite()).map(|us| us / 1_000.0);
        let seen = timeline.minutes.iter().enumerate().filter_map(move |(position, minute)| Some((position as f64 + 0.5, value(minute)?)));
        seen.collect::<Vec<(f64, f64)>>()
    };
    let p50 = ByArm::build(|arm| points(arm, |served| served.p50_us));
    let p95 = ByArm::build(|arm| points(arm, |served| served.p95_us));
    let range = from_zero(p50.iter().chain(p95.iter()).flatten().map(|(_, value)| *value));
    over_time(timeline, range, |chart| {
        for arm in Arm::BOTH {
            let (middle, high) = (&p50[arm], &p95[arm]);
            for (points, width) in [(middle, 1), (high, 2)] {
                chart.draw_series(unbroken(points).map(|stretch| PathElement::new(stretch.to_vec(), ink(arm).line(width))))?;
            }
            match arm {
                Arm::Even => chart.draw_series(high.iter().map(|point| Circle::new(*point, 3, ink(arm).filled())))?,
                Arm::Odd => chart.draw_series(high.iter().map(|point| TriangleMarker::new(*point, 5, ink(arm).filled())))?,
            };
        }
        Ok(())
    })
}

/// Stretches of points of one arm whose minutes follow each other; a schedule leaves at most two minutes between them.
fn unbroken(points: &[(f64, f64)]) -> impl Iterator<Item = &[(f64, f64)]> {
    points.chunk_by(|one, next| next.0 - one.0 < 3.5)
}

fn over_time(
    timeline: &Timeline,
    range: std::ops::Range<f64>,
    paint: impl Fn(&mut Chart<'_, '_>) -> Result<(), PlotError>,
) -> Result<Plot, PlotError> {
    let decimal_places = places(&range);
    Plot::new(|width| {
        drawing(timeline, width, HEIGHT, |area| {
            let mut chart = chart(area, timeline, range.clone())?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .x_labels(labels(width))
                .y_labels(5)
                .y_max_light_lines(0)
                .bold_line_style(Ink::Grid.line(1))
                .axis_style(Ink::Text.line(1))
                .x_label_formatter(&|position| time_label(timeline, *position))
                .y_label_formatter(&|value| decimals(*value, decimal_places))
                .label_style(Ink::Text.words(WORDS))
                .draw()?;
            paint(&mut chart)
        })
    })
}

pub(super) fn drawing(
    timeline: &Timeline,
    width: u32,
    height: u32,
    paint: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<Drawing, PlotError> {
    debug_assert!(!timeline.minutes.is_empty(), "an empty timeline is said, not drawn");
    draw(width, height, paint)
}

pub(super) fn chart<'a, 'b>(area: &'a Area<'b>, timeline: &Timeline, range: std::ops::Range<f64>) -> Result<Chart<'a, 'b>, PlotError> {
    let minutes = timeline.minutes.len().max(1) as f64;
    let mut builder = ChartBuilder::on(area);
    Ok(builder
        .margin_top(8)
        .margin_right(RIGHT)
        .y_label_area_size(LEFT)
        .x_label_area_size(BOTTOM)
        .build_cartesian_2d(0.0..minutes, range)?)
}

pub(super) const fn labels(width: u32) -> usize {
    if width > 500 { 10 } else { 4 }
}

/// The time of day at `position`, minutes from the timeline's start; with seconds where a minute is shorter than a real one.
pub(super) fn time_label(timeline: &Timeline, position: f64) -> String {
    let Some(first) = timeline.minutes.first() else { return String::new() };
    // A position within the timeline.
    #[expect(clippy::cast_possible_truncation, reason = "an axis has as many positions as a timeline has minutes")]
    let minute = first.minute.0.saturating_add(position.round() as i64);
    let schedule = timeline.schedule;
    let at = schedule.starts_at(crate::domain::schedule::Minute(minute)).time();
    let short = schedule.minute_length() < crate::domain::schedule::Schedule::MINUTE;
    let seconds = if short { format!(":{:02}", at.second()) } else { String::new() };
    format!("{:02}:{:02}{seconds}", at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_across_a_gap() {
        let points = [(0.5, 1.0), (2.5, 1.0), (5.5, 1.0), (20.5, 1.0)];
        let lengths: Vec<usize> = unbroken(&points).map(<[_]>::len).collect();
        assert_eq!(lengths, [3, 1]);
        assert_eq!(unbroken(&[]).count(), 0);
    }
}
