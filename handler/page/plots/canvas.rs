//! A drawing surface on plotters: SVG whose colours are the page's, so that one drawing works on light, dark and paper.
//! Must not know what is drawn.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, RGBColor, SVGBackend};
use plotters::style::{Color as _, ShapeStyle, TextStyle};

/// The surface plots are drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// A drawing could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a plot could not be drawn: {0}")]
pub struct PlotError(String);

impl<E: std::error::Error + Send + Sync> From<plotters::drawing::DrawingAreaErrorKind<E>> for PlotError {
    fn from(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Self {
        PlotError(error.to_string())
    }
}

/// What something is drawn with: a role, whose colour the style sheet knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Words and axes.
    Text,
    /// Grid lines.
    Grid,
    /// The even arm.
    Even,
    /// The odd arm.
    Odd,
    /// What is better.
    Good,
    /// What is worse.
    Bad,
    /// What the reader must know.
    Warn,
    /// What can't be told.
    Muted,
    /// An area behind the figures.
    Band,
    /// The page itself: sets a mark off from what it stands on.
    Page,
}

impl Ink {
    const ALL: [Ink; 10] = [Ink::Text, Ink::Grid, Ink::Even, Ink::Odd, Ink::Good, Ink::Bad, Ink::Warn, Ink::Muted, Ink::Band, Ink::Page];

    /// The custom property of the style sheet that holds the colour.
    const fn property(self) -> &'static str {
        match self {
            Ink::Text => "--text",
            Ink::Grid => "--grid",
            Ink::Even => "--even",
            Ink::Odd => "--odd",
            Ink::Good => "--good",
            Ink::Bad => "--bad",
            Ink::Warn => "--warn",
            Ink::Muted => "--muted",
            Ink::Band => "--band",
            Ink::Page => "--page",
        }
    }

    /// Stands for the role while plotters draws; [`draw`] puts the property in its place.
    const fn stand_in(self) -> RGBColor {
        RGBColor(1, 2, self as u8)
    }

    /// A filled shape.
    pub fn filled(self) -> ShapeStyle {
        self.stand_in().filled()
    }

    /// A line of `width` pixels.
    pub fn line(self, width: u32) -> ShapeStyle {
        self.stand_in().stroke_width(width)
    }

    /// Words of `size` pixels.
    pub fn words(self, size: u32) -> TextStyle<'static> {
        use plotters::style::IntoFont as _;
        // plotters writes a font's size as its line height, 1.24 times what CSS calls its size.
        ("sans-serif", f64::from(size) * 1.24).into_font().color(&self.stand_in())
    }
}

/// One drawing: what stands inside an `<svg>` of this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// SVG elements; every text in them is escaped.
    pub body: String,
}

/// Lets `paint` draw on a surface of `width` by `height` pixels.
///
/// # Errors
/// [`PlotError`].
pub fn draw(width: u32, height: u32, paint: impl FnOnce(&Area<'_>) -> Result<(), PlotError>) -> Result<Drawing, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    let inner = svg.split_once('>').and_then(|(_, rest)| rest.trim_end().strip_suffix("</svg>"));
    let mut body = inner.ok_or_else(|| PlotError("the drawing is no SVG element".to_owned()))?.to_owned();
    for ink in Ink::ALL {
        let RGBColor(red, green, blue) = ink.stand_in();
        let mut stand_in = String::new();
        // Quotes are escaped within texts, so that this matches attributes alone. Writing to a string cannot fail.
        let _ = write!(stand_in, "=\"#{red:02X}{green:02X}{blue:02X}\"");
        body = body.replace(&stand_in, &format!("=\"var({})\"", ink.property()));
    }
    Ok(Drawing { width, height, body })
}

#[cfg(test)]
mod tests {
    use plotters::element::Text;

    use super::*;

    #[test]
    fn drawings_use_the_pages_colours_and_escape_text() {
        let hostile = "<script>\"#010200\"</script>&";
        let drawing = draw(100, 50, |area| Ok(area.draw(&Text::new(hostile, (1, 1), Ink::Even.words(13)))?)).expect("drawn");
        assert!(drawing.body.contains("fill=\"var(--even)\"") && !drawing.body.contains("=\"#"), "{}", drawing.body);
        assert!(drawing.body.contains("&lt;script&gt;&quot;#010200&quot;"), "{}", drawing.body);
        assert!(drawing.body.contains("font-size=\"13"), "{}", drawing.body);
    }

    #[test]
    fn every_ink_has_its_own_stand_in() {
        for (position, ink) in Ink::ALL.into_iter().enumerate() {
            assert_eq!(ink as usize, position);
        }
    }
}
