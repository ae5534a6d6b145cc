//! Guardrails: how much each metric may have risen on the cheaper arm, against its margin. Drawn by hand: each row has a scale of its own.
//! Must not know what is measured.

use std::fmt::Write as _;

use super::canvas::{Drawing, PlotError};
use super::{Plot, WORDS};

/// One guardrail.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrail {
    /// The metric and what was found, in words.
    pub words: String,
    /// Both ends of the rise's interval, in parts of the margin.
    pub ends: [f64; 2],
    /// Whether the interval ends within the margin.
    pub kept: bool,
}

const ROW: f64 = 46.0;
/// What a row's scale holds, in parts of the margin: what lies outside is cut off at its ends.
const LOW: f64 = -0.5;
const HIGH: f64 = 1.5;

/// The guardrails one below the other: the margin is the line at the right, no change the line at the left.
///
/// # Errors
/// [`PlotError`].
pub fn plot(guardrails: &[Guardrail]) -> Result<Plot, PlotError> {
    Plot::new(|width| Ok(draw(guardrails, width)))
}

fn draw(guardrails: &[Guardrail], width: u32) -> Drawing {
    let mut body = String::new();
    let x = |part: f64| (part.clamp(LOW, HIGH) - LOW) / (HIGH - LOW) * (f64::from(width) - 2.0) + 1.0;
    let (mut top, mut height) = (0.0, 0_u32);
    for Guardrail { words, ends: [low, high], kept } in guardrails {
        let words = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            body,
            "<text x=\"0\" y=\"{:.1}\" font-family=\"sans-serif\" font-size=\"{WORDS}\" fill=\"var(--text)\">{words}</text>",
            top + 14.0
        );
        let track = top + 22.0;
        let (allowed, beyond) = (x(1.0) - x(LOW), x(HIGH) - x(1.0));
        let _ = writeln!(
            body,
            "<rect x=\"{:.1}\" y=\"{track:.1}\" width=\"{allowed:.1}\" height=\"14\" fill=\"var(--band)\"/><rect x=\"{:.1}\" y=\"{track:.1}\" width=\"{beyond:.1}\" height=\"14\" fill=\"var(--grid)\"/>",
            x(LOW),
            x(1.0)
        );
        if low.is_finite() && high.is_finite() {
            let (left, right) = (x(*low), x(*high));
            let colour = if *kept { "var(--good)" } else { "var(--bad)" };
            let _ = writeln!(
                body,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"8\" fill=\"{colour}\"/>",
                track + 3.0,
                (right - left).max(2.0)
            );
        }
        for (part, dash) in [(0.0, " stroke-dasharray=\"2 2\""), (1.0, "")] {
            let _ = writeln!(
                body,
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{1:.1}\" y2=\"{2:.1}\" stroke=\"var(--text)\" stroke-width=\"2\"{dash}/>",
                x(part),
                track - 1.0,
                track + 15.0
            );
        }
        top += ROW;
        height += 46;
    }
    Drawing { width, height: height.max(1), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_scaled_by_their_margins_and_cut_off_at_the_ends() {
        let guardrail = |ends, kept| Guardrail { words: "p95 <latency>".to_owned(), ends, kept };
        let rows = [guardrail([-0.1, 0.4], true), guardrail([-9.0, 9.0], false), guardrail([f64::NAN, f64::INFINITY], false)];
        let drawn = plot(&rows).expect("drawn").wide;
        assert_eq!(drawn.body.matches("height=\"8\"").count(), 2, "what is no number is not drawn");
        assert!(drawn.body.contains("var(--good)") && drawn.body.contains("&lt;latency&gt;") && !drawn.body.contains("NaN"));
        let whole = format!("<svg>{}</svg>", drawn.body);
        let document = roxmltree::Document::parse(&whole).expect("well-formed");
        let number = |node: &roxmltree::Node<'_, '_>, name: &str| -> f64 { node.attribute(name).expect("set").parse().expect("a number") };
        for bar in document.descendants().filter(|node| node.has_tag_name("rect")) {
            assert!(number(&bar, "x") >= 0.0 && number(&bar, "x") + number(&bar, "width") <= f64::from(drawn.width));
        }
    }
}
