//! Cost of each arm side by side. Must not know what a cost is made of.

use plotters::element::{Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::canvas::{Ink, PlotError, draw};
use super::scale::from_zero;
use super::timeline::ink;
use super::{Plot, WORDS};
use crate::domain::arm::{Arm, ByArm};

/// One figure of both arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What the figure is.
    pub title: &'static str,
    /// The arms' figures with their texts; none where it is not known.
    pub sides: ByArm<Option<(f64, String)>>,
}

const TITLE: u32 = 24;
const BAR: u32 = 24;
const GAP: u32 = 14;

/// The groups one below the other, a bar for each arm.
///
/// # Errors
/// [`PlotError`].
pub fn plot(groups: &[Group]) -> Result<Plot, PlotError> {
    let known = |side: &Option<(f64, String)>| side.as_ref().map(|(value, _)| *value).filter(|value| value.is_finite());
    let range = from_zero(groups.iter().flat_map(|group| group.sides.iter().filter_map(known)));
    let rows = u32::try_from(groups.len()).unwrap_or(0);
    let group_height = TITLE + 2 * BAR + GAP;
    Plot::new(|width| {
        draw(width, rows * group_height, |area| {
            let (name, figure) = (46, 84);
            let longest = f64::from(width - name - figure - 8);
            let pixels = |value: f64| {
                // Between 1 and the width of the drawing.
                #[expect(clippy::cast_possible_truncation, reason = "a share of the drawing's width in pixels")]
                let length = (value / range.end * longest).round().clamp(1.0, longest) as i32;
                length
            };
            for (position, group) in (0..).zip(groups) {
                let top = position * signed(group_height);
                let start = Pos::new(HPos::Left, VPos::Center);
                area.draw(&Text::new(group.title, (0, top + signed(TITLE) / 2), Ink::Text.words(WORDS).pos(start)))?;
                for (arm, offset) in [(Arm::Even, 0), (Arm::Odd, signed(BAR))] {
                    let side = &group.sides[arm];
                    let top = top + signed(TITLE) + offset;
                    let middle = top + signed(BAR) / 2 - 1;
                    area.draw(&Text::new(arm.as_str(), (0, middle), Ink::Text.words(WORDS).pos(start)))?;
                    let left = signed(name);
                    let value = known(side);
                    let length = value.filter(|value| *value > 0.0).map_or(0, pixels);
                    if value.is_some_and(|value| value > 0.0) {
                        let corners = [(left, top + 2), (left + length, top + signed(BAR) - 4)];
                        area.draw(&Rectangle::new(corners, ink(arm).filled()))?;
                    }
                    let text = side.as_ref().map_or("unknown", |(_, text)| text.as_str()).to_owned();
                    area.draw(&Text::new(text, (left + length + 6, middle), Ink::Text.words(WORDS).pos(start)))?;
                }
            }
            Ok(())
        })
    })
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_within_the_drawing_and_unknown_figures_are_labelled() {
        let side = |value: f64, text: &str| Some((value, text.to_owned()));
        let groups = [
            Group { title: "observed", sides: ByArm { even: side(100.0, "$100.00"), odd: side(0.000_4, "$0.0004") } },
            Group { title: "projected", sides: ByArm { even: side(f64::NAN, "unknown"), odd: None } },
        ];
        let drawn = plot(&groups).expect("drawn");
        assert_eq!(drawn.narrow.body.matches("unknown").count(), 2);
        assert_eq!(drawn.narrow.body.matches("<rect").count(), 2);
        assert!(!drawn.wide.body.contains("NaN"));
    }
}
