//! Confidence intervals of differences around 0, with the margin declared as a band. Must not know how they were computed.

use plotters::chart::ChartBuilder;
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Ink, PlotError, draw};
use super::scale::{around_zero, places};
use super::{Plot, WORDS};
use crate::domain::figures::decimals;

/// One difference with its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What differs.
    pub title: &'static str,
    /// Lower end, estimate, upper end.
    pub ends: [f64; 3],
    /// Colour of the finding; the finding itself stands in words.
    pub ink: Ink,
    /// The finding in a word.
    pub finding: &'static str,
}

const ROW: u32 = 44;
const AXIS: u32 = 44;

/// The bars of one unit, one below the other; `unit` names the axis, `margin` is the largest difference that does not matter.
///
/// # Errors
/// [`PlotError`].
pub fn plot(bars: &[Bar], unit: &str, margin: Option<f64>) -> Result<Plot, PlotError> {
    let ends = || bars.iter().flat_map(|bar| bar.ends).filter(|end| end.is_finite());
    let furthest = ends().map(f64::abs).fold(0.0, f64::max);
    // A margin far beyond every interval would shrink them to dots: it is then left out of the plot; the table has it.
    let shown_margin = margin.filter(|margin| *margin > 0.0 && *margin <= furthest * 4.0);
    let range = around_zero(ends().chain(shown_margin.into_iter().flat_map(|margin| [-margin, margin])));
    let decimal_places = places(&range);
    let rows = u32::try_from(bars.len()).unwrap_or(0);
    Plot::new(|width| {
        let height = ROW * rows + AXIS;
        let count = f64::from(rows);
        draw(width, height, |area| {
            let mut chart = ChartBuilder::on(area)
                .margin_left(12)
                .margin_right(12)
                .x_label_area_size(AXIS)
                .build_cartesian_2d(range.clone(), 0.0..count)?;
            chart
                .configure_mesh()
                .disable_y_axis()
                .disable_mesh()
                .x_labels(if width > 500 { 9 } else { 5 })
                .axis_style(Ink::Text.line(1))
                .x_label_formatter(&|value| decimals(*value, decimal_places))
                .label_style(Ink::Text.words(WORDS))
                .x_desc(unit)
                .axis_desc_style(Ink::Text.words(WORDS))
                .draw()?;
            for (position, bar) in bars.iter().enumerate() {
                let [low, middle, high] = bar.ends;
                if !bar.ends.iter().all(|end| end.is_finite()) {
                    continue;
                }
                let top = count - position as f64;
                let (words, line) = (top - 0.1, top - 0.7);
                let anchor = Pos::new(HPos::Left, VPos::Top);
                let label = format!("{}: {}", bar.title, bar.finding);
                chart.draw_series([Text::new(label, (range.start, words), Ink::Text.words(WORDS).pos(anchor))])?;
                let (cap, reach) = (0.14, 0.24);
                if let Some(margin) = shown_margin {
                    chart.draw_series([Rectangle::new([(-margin, line - reach), (margin, line + reach)], Ink::Band.filled())])?;
                }
                chart.draw_series([PathElement::new([(0.0, line - reach), (0.0, line + reach)], Ink::Text.line(2))])?;
                chart.draw_series([
                    PathElement::new([(low, line), (high, line)], bar.ink.line(4)),
                    PathElement::new([(low, line - cap), (low, line + cap)], bar.ink.line(2)),
                    PathElement::new([(high, line - cap), (high, line + cap)], bar.ink.line(2)),
                ])?;
                chart.draw_series([Circle::new((middle, line), 5, bar.ink.filled())])?;
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distant_margin_and_non_finite_ends_do_not_distort_the_scale() {
        let bar = |ends| Bar { title: "p95 latency", ends, ink: Ink::Bad, finding: "worse" };
        let drawn = plot(&[bar([19.0, 20.0, 21.0]), bar([f64::NEG_INFINITY, f64::NAN, 1.0])], "ms", Some(5_000.0)).expect("drawn");
        for drawing in [&drawn.wide, &drawn.narrow] {
            assert!(!drawing.body.contains("--band") && drawing.body.contains("--bad"), "{}", drawing.body);
            assert_eq!(drawing.body.matches("p95 latency: worse").count(), 1);
        }
        let near = plot(&[bar([19.0, 20.0, 21.0])], "ms", Some(50.0)).expect("drawn");
        assert!(near.wide.body.contains("--band"));
    }
}
