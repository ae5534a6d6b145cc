//! Stacked bars, one for each period. Drawn by hand rather than by plotters: each part of a bar says what it is when a pointer rests on it.
//! Must not know what is added up.

use std::fmt::Write as _;

use super::canvas::{Drawing, PlotError};
use super::scale::{places, ticks};
use super::{Plot, WORDS};
use crate::domain::figures::decimals;

/// Series that have a colour of their own; all further ones share the last.
pub const COLOURS: usize = 8;

/// The bar of one period.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// The period, as the axis names it.
    pub label: String,
    /// Its parts.
    pub parts: Vec<StackPart>,
}

/// One part of a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct StackPart {
    /// Which series it belongs to; none for what is left over.
    pub series: Option<usize>,
    /// How long it is; below zero it hangs from the axis.
    pub value: f64,
    /// What it is, in words.
    pub title: String,
}

const HEIGHT: f64 = 300.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 28.0;
/// Least pixels between the middles of two labels of periods.
const LABEL_PITCH: f64 = 96.0;
/// Pixels of one letter of a label on the vertical axis.
const LETTER: f64 = 8.0;

/// The class of the colour of a series: the style sheet knows it.
#[must_use]
pub fn colour(series: Option<usize>) -> String {
    series.filter(|series| *series < COLOURS).map_or_else(|| "rest".to_owned(), |series| format!("s{}", series + 1))
}

/// The bars side by side.
///
/// # Errors
/// [`PlotError`].
pub fn plot(stacks: &[Stack]) -> Result<Plot, PlotError> {
    let sums = |keep: fn(f64) -> bool| {
        stacks
            .iter()
            .map(move |stack| stack.parts.iter().map(|part| part.value).filter(|value| value.is_finite() && keep(*value)).sum::<f64>())
    };
    let highest = sums(|value| value > 0.0).fold(0.0, f64::max);
    let lowest = sums(|value| value < 0.0).fold(0.0, f64::min);
    let range = if highest > lowest { lowest..highest } else { 0.0..1.0 };
    Plot::new(|width| Ok(Bars::new(f64::from(width), &range).draw(stacks, width)))
}

/// Where things stand in one drawing.
struct Bars {
    left: f64,
    width: f64,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
    places: usize,
}

impl Bars {
    fn new(width: f64, range: &std::ops::Range<f64>) -> Self {
        let ticks = ticks(range, 5);
        let low = ticks.first().copied().unwrap_or(range.start).min(range.start);
        let high = ticks.last().copied().unwrap_or(range.end).max(range.end);
        let places = places(&(low..high));
        let longest = ticks.iter().map(|tick| decimals(*tick, places).chars().count()).max().unwrap_or(1);
        // Labels are a few letters long.
        let left = LETTER * f64::from(u32::try_from(longest).unwrap_or(1)) + 10.0;
        Bars { left, width: width - left - 4.0, low, high, ticks, places }
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
    }

    fn draw(&self, stacks: &[Stack], width: u32) -> Drawing {
        let mut body = String::new();
        for tick in &self.ticks {
            let (y, left, right) = (self.y(*tick), self.left, self.left + self.width);
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(body, "<line x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--grid)\"/>");
            let text = decimals(*tick, self.places);
            let _ = writeln!(body, "{}", words(left - 6.0, y + 4.0, "end", &text));
        }
        let slot = self.width / f64::from(u32::try_from(stacks.len().max(1)).unwrap_or(1));
        let gap = if slot > 6.0 { slot * 0.2 } else { 0.0 };
        let mut last_label = f64::NEG_INFINITY;
        let mut left = self.left;
        for stack in stacks {
            self.bar(&mut body, stack, left + gap / 2.0, slot - gap);
            let middle = left + slot / 2.0;
            // A label is as wide as its pitch: the first and the last keep within the drawing.
            if middle - last_label >= LABEL_PITCH && middle >= self.left && middle + LABEL_PITCH / 2.5 <= f64::from(width) + slot {
                let at = middle.clamp(self.left, f64::from(width) - LABEL_PITCH / 2.5);
                let _ = writeln!(body, "{}", words(at, HEIGHT - 8.0, "middle", &stack.label));
                last_label = middle;
            }
            left += slot;
        }
        let (zero, left, right) = (self.y(0.0), self.left, self.left + self.width);
        let _ = writeln!(body, "<line x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{zero:.1}\" y2=\"{zero:.1}\" stroke=\"var(--text)\"/>");
        Drawing { width, height: 300, body }
    }

    fn bar(&self, body: &mut String, stack: &Stack, left: f64, width: f64) {
        let (mut above, mut below) = (0.0, 0.0);
        for part in stack.parts.iter().filter(|part| part.value.is_finite() && part.value != 0.0) {
            let from: &mut f64 = if part.value > 0.0 { &mut above } else { &mut below };
            let (start, end) = (*from, *from + part.value);
            *from = end;
            let (top, bottom) = (self.y(start.max(end)), self.y(start.min(end)));
            let (height, class, title) = ((bottom - top).max(0.0), colour(part.series), escaped(&part.title));
            let _ = writeln!(
                body,
                "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{title}</title></rect>"
            );
        }
    }
}

fn words(x: f64, y: f64, anchor: &str, text: &str) -> String {
    let text = escaped(text);
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-family=\"sans-serif\" font-size=\"{WORDS}\" fill=\"var(--text)\">{text}</text>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(label: &str, values: &[f64]) -> Stack {
        let part = |(series, value): (usize, &f64)| StackPart { series: Some(series), value: *value, title: format!("<{label}> {value}") };
        Stack { label: label.to_owned(), parts: values.iter().enumerate().map(part).collect() }
    }

    /// Top and height of each part.
    fn rectangles(drawing: &Drawing) -> Vec<(f64, f64)> {
        let whole = format!("<svg>{}</svg>", drawing.body);
        let document = roxmltree::Document::parse(&whole).expect("well-formed");
        let number = |node: &roxmltree::Node<'_, '_>, name: &str| node.attribute(name).expect("set").parse().expect("a number");
        document.descendants().filter(|node| node.has_tag_name("rect")).map(|node| (number(&node, "y"), number(&node, "height"))).collect()
    }

    #[test]
    fn parts_stack_up_and_credits_hang_down() {
        let drawn = plot(&[stack("a", &[3.0, 1.0, -2.0])]).expect("drawn");
        let [(first, three), (second, one), (third, two)] = rectangles(&drawn.wide)[..] else { panic!("{}", drawn.wide.body) };
        assert!((three / one - 3.0).abs() < 0.05 && (two / one - 2.0).abs() < 0.05, "lengths are in proportion");
        assert!((second + one - first).abs() < 0.2, "the second stands on the first");
        assert!((first + three - third).abs() < 0.2, "the credit hangs from where the first stands");
        assert!(drawn.wide.body.contains("<title>&lt;a&gt; 3</title>"), "text is escaped");
    }

    #[test]
    fn a_year_of_days_is_labelled_sparsely_and_nothing_is_drawn_for_no_number() {
        let days: Vec<Stack> = (0..366).map(|day| stack(&format!("2026-{day}"), &[f64::from(day), f64::NAN, 0.0])).collect();
        for drawing in [plot(&days).expect("drawn").wide, plot(&days).expect("drawn").narrow] {
            let labels = drawing.body.matches("text-anchor=\"middle\"").count();
            assert!((2..=12).contains(&labels), "{labels}");
            assert_eq!(rectangles(&drawing).len(), 365, "the first day is nothing");
            assert!(!drawing.body.contains("NaN"));
        }
        assert!(!plot(&[]).expect("drawn").wide.body.contains("NaN"));
    }

    #[test]
    fn series_past_the_last_colour_share_one() {
        assert_eq!([Some(0), Some(7), Some(8), None].map(colour), ["s1", "s8", "rest", "rest"]);
    }
}
