//! A month's cost against calls a day for every plan, both on logarithmic scales. Must not know how a month is costed, nor the page.

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::combinators::IntoLogRange as _;
use plotters::coord::combinators::LogCoord;
use plotters::element::{Circle, PathElement, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Area, Ink, PlotError, draw};
use super::timeline::ink;
use super::{Plot, WORDS};
use crate::domain::arm::Arm;
use crate::domain::figures::decimals;

/// One plan's month over calls a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// The plan's name.
    pub name: String,
    /// The arm that runs on it.
    pub arm: Option<Arm>,
    /// Calls a day and US dollars a month, ascending.
    pub points: Vec<[f64; 2]>,
    /// At the traffic measured: the ends of the month's interval, where a run measured it.
    pub interval: Option<[f64; 2]>,
}

/// A point to be named.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPoint {
    /// Calls a day.
    pub calls_per_day: f64,
    /// US dollars a month.
    pub cost: f64,
    /// Its name.
    pub name: String,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct PlansPlot {
    /// Every plan that has a cost.
    pub curves: Vec<Curve>,
    /// Where the cheapest plan changes.
    pub crossings: Vec<NamedPoint>,
    /// The traffic asked for, calls a day.
    pub calls_per_day: f64,
    /// Within these calls a day curves rest on what was measured; beyond, they are dashed. None where nothing was measured.
    pub seen: Option<[f64; 2]>,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

const HEIGHT: u32 = 440;
/// Costs below this are not drawn, USD a month: a free plan has no place on a logarithmic scale.
const LEAST: f64 = 0.1;
const LEFT: u32 = 64;
const BOTTOM: u32 = 48;

/// The plot; none where no plan costs anything.
///
/// # Errors
/// [`PlotError`].
pub fn plot(plans: &PlansPlot) -> Result<Option<Plot>, PlotError> {
    let shown = || plans.curves.iter().flat_map(|curve| &curve.points).filter(|[_, cost]| *cost >= LEAST && cost.is_finite());
    let bounds = |of: fn(&[f64; 2]) -> f64| {
        let ends = shown().map(of).fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| (low.min(value), high.max(value)));
        (ends.0 < ends.1).then_some(ends.0..ends.1)
    };
    let (Some(calls), Some(costs)) = (bounds(|point| point[0]), bounds(|point| point[1])) else { return Ok(None) };
    let costs = costs.start / 1.2..costs.end * 1.2;
    let drawn = Plot::new(|width| {
        draw(width, HEIGHT, |area| {
            let mut chart = axes(area, width, calls.clone(), costs.clone())?;
            // The arms' plans last, above the others.
            let (others, arms): (Vec<&Curve>, Vec<&Curve>) = plans.curves.iter().partition(|curve| curve.arm.is_none());
            for curve in others.into_iter().chain(arms) {
                lines(&mut chart, plans, curve)?;
            }
            traffic(&mut chart, plans, &costs)?;
            marks(&mut chart, plans, width)
        })
    })?;
    Ok(Some(drawn))
}

fn axes<'a, 'b>(
    area: &'a Area<'b>,
    width: u32,
    calls: std::ops::Range<f64>,
    costs: std::ops::Range<f64>,
) -> Result<Chart<'a, 'b>, PlotError> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(10)
        .margin_right(16)
        .y_label_area_size(LEFT)
        .x_label_area_size(BOTTOM)
        .build_cartesian_2d(calls.log_scale(), costs.log_scale())?;
    chart
        .configure_mesh()
        .x_labels(if width > 500 { 8 } else { 4 })
        .y_labels(6)
        .max_light_lines(0)
        .bold_line_style(Ink::Grid.line(1))
        .axis_style(Ink::Text.line(1))
        .x_label_formatter(&|calls| short(*calls))
        .y_label_formatter(&|cost| format!("${}", short(*cost)))
        .x_desc("calls a day")
        .axis_desc_style(Ink::Text.words(WORDS))
        .label_style(Ink::Text.words(WORDS))
        .draw()?;
    Ok(chart)
}

/// A number as an axis has room for it: `0.5`, `20`, `200k`, `3M`.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        value if value >= 1e9 => (value / 1e9, "G"),
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e3 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let places = if scaled >= 10.0 || scaled.fract().abs() < 0.05 { 0 } else { 1 };
    format!("{}{unit}", decimals(scaled, places))
}

/// A plan's curve: whole where it rests on what was measured, dashed where it is extrapolated.
fn lines(chart: &mut Chart<'_, '_>, plans: &PlansPlot, curve: &Curve) -> Result<(), PlotError> {
    let style = || curve.arm.map_or_else(|| Ink::Muted.line(1), |arm| ink(arm).line(3));
    let is_seen = |calls: f64| plans.seen.is_none_or(|[from, to]| (from..=to).contains(&calls));
    for (position, pair) in curve.points.windows(2).enumerate() {
        if pair.iter().any(|[_, cost]| *cost < LEAST || !cost.is_finite()) {
            continue;
        }
        let dashed = !pair.iter().all(|[calls, _]| is_seen(*calls));
        if !(dashed && position % 2 == 1) {
            chart.draw_series([PathElement::new([(pair[0][0], pair[0][1]), (pair[1][0], pair[1][1])], style())])?;
        }
    }
    Ok(())
}

/// The traffic asked for, and the intervals that rest on it.
fn traffic(chart: &mut Chart<'_, '_>, plans: &PlansPlot, costs: &std::ops::Range<f64>) -> Result<(), PlotError> {
    let calls = plans.calls_per_day;
    chart.draw_series([PathElement::new([(calls, costs.start), (calls, costs.end)], Ink::Text.line(1))])?;
    for (curve, [low, high]) in plans.curves.iter().filter_map(|curve| Some((curve, curve.interval?))) {
        let (low, high) = (low.max(costs.start), high.min(costs.end));
        let style = curve.arm.map_or_else(|| Ink::Muted.line(6), |arm| ink(arm).line(8));
        if low < high {
            chart.draw_series([PathElement::new([(calls, low), (calls, high)], style)])?;
        }
    }
    Ok(())
}

/// Crossings by number, which the words beside the plot repeat, and the arms' plans by name.
fn marks(chart: &mut Chart<'_, '_>, plans: &PlansPlot, width: u32) -> Result<(), PlotError> {
    let above = Pos::new(HPos::Center, VPos::Bottom);
    for (number, mark) in (1..).zip(plans.crossings.iter().filter(|mark| mark.cost >= LEAST)) {
        let point = (mark.calls_per_day, mark.cost);
        chart.draw_series([Circle::new(point, 5, Ink::Text.filled())])?;
        let near = |other: &NamedPoint| (0.4..2.5).contains(&(other.calls_per_day / mark.calls_per_day)) && other != mark;
        let room = width > 500 && !plans.crossings.iter().any(near);
        let name = if room { format!("{number} {}", mark.name) } else { number.to_string() };
        chart.draw_series([Text::new(name, (point.0, point.1 * 1.06), Ink::Text.words(WORDS).pos(above))])?;
    }
    let beside = Pos::new(HPos::Left, VPos::Bottom);
    for curve in plans.curves.iter().filter(|curve| curve.arm.is_some()) {
        let first = curve.points.iter().find(|[_, cost]| *cost >= LEAST);
        let words = curve.arm.map_or(Ink::Text, ink).words(WORDS).pos(beside);
        if let Some([calls, cost]) = first {
            chart.draw_series([Text::new(curve.name.clone(), (*calls * 1.1, *cost * 1.06), words)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, arm: Option<Arm>, cost: impl Fn(f64) -> f64) -> Curve {
        let points = (0..=40).map(|step| 10_f64.powf(3.0 + f64::from(step) / 10.0)).map(|calls| [calls, cost(calls)]).collect();
        Curve { name: name.to_owned(), arm, points, interval: arm.map(|_| [40.0, 60.0]) }
    }

    #[test]
    fn curves_are_whole_where_they_were_seen_and_dashed_beyond() {
        let plans = |seen| PlansPlot {
            curves: vec![
                curve("app-service/S1", Some(Arm::Even), |_| 69.35),
                curve("functions/flex-512", Some(Arm::Odd), |calls| calls * 1e-4),
                curve("app-service/F1", None, |_| 0.0),
            ],
            crossings: vec![NamedPoint { calls_per_day: 693_500.0, cost: 69.35, name: "app-service/S1".to_owned() }],
            calls_per_day: 1e5,
            seen,
        };
        let drawn = plot(&plans(None)).expect("drawn").expect("costs");
        let lines = |drawn: &Plot| drawn.wide.body.matches("<polyline").count();
        let measured = plot(&plans(Some([1e4, 1e6]))).expect("drawn").expect("costs");
        assert_eq!(lines(&measured) + 20, lines(&drawn), "half of the segments beyond");
        assert!(drawn.wide.body.contains("1 app-service/S1") && !drawn.narrow.body.contains("1 app-service/S1"));
        assert!(!drawn.wide.body.contains("NaN") && !drawn.wide.body.contains("app-service/F1"), "what is free is not drawn");
        let free = PlansPlot { curves: vec![curve("app-service/F1", None, |_| 0.0)], ..plans(None) };
        assert_eq!(plot(&free).expect("drawn"), None);
    }

    #[test]
    fn axes_have_room_for_their_numbers() {
        assert_eq!([0.5, 20.0, 1_500.0, 200_000.0, 3e6].map(short), ["0.5", "20", "1.5k", "200k", "3M"]);
    }
}
