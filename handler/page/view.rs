//! What the comparison's page shows, and how much of it. Must not know what stands on it.

use std::time::Duration;

use crate::domain::report::Report;
use crate::domain::run::{RunChoice, RunDocument};
use crate::domain::timeline::Timeline;
use crate::page::layout::Visitor;

/// How often a served page reloads itself.
pub(super) const REFRESH: Duration = Duration::from_secs(15);

/// What a page shows.
#[derive(Debug, Clone, Copy)]
pub struct ReportView<'a> {
    /// The comparison.
    pub report: &'a Report,
    /// Its last minutes.
    pub timeline: &'a Timeline,
    /// Every run, newest first.
    pub runs: &'a [RunDocument],
    /// The one URL callers know, where it is known here.
    pub one_url: Option<&'a str>,
}

/// What a page is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode<'a> {
    /// A file: it stays as it is.
    File,
    /// An answer: it leads to other ranges and reloads itself.
    Served(Viewing, &'a Visitor),
}

/// What a viewer of the served page chose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Viewing {
    /// The run.
    pub run: RunChoice,
    /// How much of it.
    pub range: Range,
    /// Whether the page stays as it is.
    pub still: bool,
}

/// How much of a run a served page shows, up to its end or to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Range {
    /// All of it.
    #[default]
    Run,
    /// Its last hour.
    Hour,
    /// Its last day.
    Day,
    /// Its last seven days.
    Week,
    /// Its last thirty days.
    Month,
}

impl Range {
    /// All of them, as they are offered.
    pub const ALL: [Range; 5] = [Range::Run, Range::Hour, Range::Day, Range::Week, Range::Month];

    /// Its name in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Range::Run => "run",
            Range::Hour => "hour",
            Range::Day => "day",
            Range::Week => "week",
            Range::Month => "month",
        }
    }

    /// How long it is; none for all of a run.
    #[must_use]
    pub const fn length(self) -> Option<time::Duration> {
        match self {
            Range::Run => None,
            Range::Hour => Some(time::Duration::HOUR),
            Range::Day => Some(time::Duration::DAY),
            Range::Week => Some(time::Duration::WEEK),
            Range::Month => Some(time::Duration::days(30)),
        }
    }
}
