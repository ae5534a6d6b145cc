//! The page's plots, one file each; each is drawn twice, for wide and for narrow screens. Must not know the page.

pub mod canvas;
pub mod cost;
pub mod decisions;
pub mod guardrails;
pub mod intervals;
pub mod plans;
mod scale;
pub mod stacked;
pub mod timeline;

use canvas::{Drawing, PlotError};

/// Widths plots are drawn at, pixels: as wide as the page's text, and as a telephone.
const WIDTHS: [u32; 2] = [960, 360];
/// Size of the words in plots, pixels.
const WORDS: u32 = 13;

/// One plot for both kinds of screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// For wide screens and paper.
    pub wide: Drawing,
    /// For narrow screens.
    pub narrow: Drawing,
}

impl Plot {
    fn new(of: impl Fn(u32) -> Result<Drawing, PlotError>) -> Result<Self, PlotError> {
        Ok(Plot { wide: of(WIDTHS[0])?, narrow: of(WIDTHS[1])? })
    }
}
