//! What several sections are made of: marks, figures with their words, prices, sentences. Must not know any section.

use crate::domain::moment;
use crate::domain::price::PriceUsed;
use crate::page::plots::Plot;
use crate::page::plots::canvas::Drawing;

/// A mark that needs no colour to be understood.
#[derive(Clone, Copy)]
pub struct Mark {
    pub class: &'static str,
    pub symbol: &'static str,
    pub word: &'static str,
}

/// A plot with its words.
pub struct Figure {
    pub id: &'static str,
    pub title: String,
    pub description: String,
    pub plot: Plot,
}

impl Figure {
    pub fn drawings(&self) -> [(&'static str, &Drawing); 2] {
        [("wide", &self.plot.wide), ("narrow", &self.plot.narrow)]
    }
}

/// A unit price that was used, with its source and date.
pub struct PriceLine {
    pub meter: String,
    pub amount: String,
    pub region: String,
    pub as_of: String,
    pub source: String,
}

impl PriceLine {
    pub fn of(price: &PriceUsed) -> Self {
        PriceLine {
            meter: price.meter.to_string(),
            amount: format!("${}", price.amount.to_plain_string()),
            region: if price.region == "*" { "every region".to_owned() } else { price.region.clone() },
            as_of: price.as_of.to_string(),
            source: price.source.clone(),
        }
    }
}

/// A moment to the second, for reading.
pub fn at_second(moment: time::OffsetDateTime) -> String {
    let text = moment::format(moment.replace_nanosecond(0).unwrap_or(moment));
    text.replace('T', " ").replace('Z', " UTC")
}

/// A moment to the minute, for reading where the zone is said beside it.
pub fn at_minute(moment: time::OffsetDateTime) -> String {
    let text = moment::format(moment);
    format!("{} {}", &text.get(..10).unwrap_or(&text), text.get(11..16).unwrap_or_default())
}

/// The day of a moment.
pub fn at_day(moment: time::OffsetDateTime) -> String {
    moment::format(moment).chars().take(10).collect()
}

/// A statement of the report as a sentence.
pub fn sentence(words: &str) -> String {
    let end = if words.is_empty() || words.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{end}", capitalised(words))
}

pub fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
