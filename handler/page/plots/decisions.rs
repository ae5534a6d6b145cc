//! What the router decided, minute by minute: which arm took the calls, and whether it was that arm's turn. Must not know why.

use plotters::element::{Cross, PathElement, Rectangle, Text, TriangleMarker};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Ink, PlotError};
use super::timeline::{chart, drawing, ink, labels, time_label};
use super::{Plot, WORDS};
use crate::domain::arm::Arm;
use crate::domain::timeline::Timeline;

const HEIGHT: u32 = 110;

/// Two rows, one for each arm: a block where its minute's calls went to it, a triangle where it took the other's, a cross where
/// nobody could.
///
/// # Errors
/// [`PlotError`].
pub fn plot(timeline: &Timeline) -> Result<Plot, PlotError> {
    let row = |arm: Arm| if arm == Arm::Even { 1.0 } else { 0.0 };
    Plot::new(|width| {
        drawing(timeline, width, HEIGHT, |area| {
            let mut chart = chart(area, timeline, 0.0..2.0)?;
            chart
                .configure_mesh()
                .disable_mesh()
                .x_labels(labels(width))
                .y_labels(0)
                .axis_style(Ink::Text.line(1))
                .x_label_formatter(&|position| time_label(timeline, *position))
                .label_style(Ink::Text.words(WORDS))
                .draw()?;
            let end = timeline.minutes.len() as f64;
            chart.draw_series([PathElement::new([(0.0, 1.0), (end, 1.0)], Ink::Grid.line(1))])?;
            for (position, minute) in timeline.minutes.iter().enumerate() {
                let left = position as f64;
                for arm in Arm::BOTH {
                    let (decided, bottom) = (&minute.decided[arm], row(arm));
                    let middle = (left + 0.5, bottom + 0.5);
                    if decided.schedule > 0 {
                        let corners = [(left + 0.1, bottom + 0.15), (left + 0.9, bottom + 0.85)];
                        let style = if arm == Arm::Even { ink(arm).filled() } else { ink(arm).line(1) };
                        chart.draw_series([Rectangle::new(corners, style)])?;
                    }
                    if decided.failover > 0 {
                        chart.draw_series([TriangleMarker::new(middle, 11, Ink::Page.filled())])?;
                        chart.draw_series([TriangleMarker::new(middle, 7, Ink::Warn.filled())])?;
                    }
                    if decided.unavailable > 0 {
                        chart.draw_series([Cross::new(middle, 7, Ink::Page.line(8)), Cross::new(middle, 5, Ink::Bad.line(3))])?;
                    }
                }
            }
            for (arm, y) in [(Arm::Even, 33), (Arm::Odd, 72)] {
                let anchor = Pos::new(HPos::Right, VPos::Center);
                area.draw(&Text::new(arm.as_str(), (46, y), Ink::Text.words(WORDS).pos(anchor)))?;
            }
            Ok(())
        })
    })
}
