//! What an engineer wants to know of a report: margins, schedule, data, methods, burn-in, prices. Must not compute any figure.

use super::metrics::{interval, mark};
use super::parts::{PriceLine, capitalised, sentence};
use crate::domain::arm::ByArm;
use crate::domain::figures::{self, amount, count, decimals, difference, probability, share};
use crate::domain::price::PriceUsed;
use crate::domain::report::{Method, Metric, Report};
use crate::domain::statistics::Validity;

pub(super) struct Notes {
    pub facts: Vec<(&'static str, String)>,
    pub sensitivity: Vec<Trimmed>,
    pub methods: Vec<String>,
    pub prices: Vec<PriceLine>,
    pub limits: Vec<String>,
}

pub(super) struct Trimmed {
    pub trimmed: String,
    pub title: String,
    pub difference: String,
    pub interval: String,
    pub finding: &'static str,
}

pub(super) fn notes(report: &Report) -> Notes {
    Notes {
        facts: facts(report),
        sensitivity: sensitivity(report),
        methods: report.metrics.iter().map(method).collect(),
        prices: prices(report),
        limits: report.cost.notes.iter().map(|note| sentence(note)).collect(),
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let (schedule, margins, data) = (&report.schedule, &report.verdict.margins, &report.data);
    let excluded = &data.excluded;
    let unclosed = report.arms.even.unclosed_windows + report.arms.odd.unclosed_windows;
    let conforming = report.checks.conformance.conforming_share.map_or_else(|| "no decision".to_owned(), share);
    vec![
        ("Schedule", format!("{}; a minute lasts {} s", schedule.rule, decimals(schedule.minute_seconds, 0))),
        ("Burn-in", format!("{} s trimmed from each edge of a minute", decimals(schedule.burn_in_seconds, 1))),
        ("Margins", format!("declared before the run: {}", margins.in_words())),
        ("Conformance", format!("{conforming} of {} decisions", count(report.checks.conformance.decisions))),
        ("Pairs", format!("{} compared, {} of them with an arm without calls", count(data.pairs as u64), count(data.idle_pairs as u64))),
        (
            "Left out",
            format!(
                "{} windows that cannot be read, {} minutes without a partner",
                count(excluded.incomplete),
                count(excluded.without_partner)
            ),
        ),
        (
            "Rows",
            format!("{} stored windows read, {} unreadable, {} unclosed", count(data.rows), count(data.unreadable_rows), count(unclosed)),
        ),
    ]
}

fn sensitivity(report: &Report) -> Vec<Trimmed> {
    let shown = |metric: &&Metric| metric.name.headline().is_some();
    let rows = report.sensitivity.iter().flat_map(|burn_in| {
        burn_in.metrics.iter().filter(shown).map(|metric| Trimmed {
            trimmed: format!("{} s", decimals(burn_in.burn_in_seconds, 2)),
            title: capitalised(metric.name.title()),
            difference: difference(metric.unit, metric.difference),
            interval: interval(metric),
            finding: mark(metric.finding).word,
        })
    });
    rows.collect()
}

fn method(metric: &Metric) -> String {
    let how = match metric.method {
        Method::EqualWeightedCosines => "equal-weighted cosines over pairs",
        Method::Score => "score interval of few failures (Miettinen and Nurminen) with their design effect",
    };
    let looks = match metric.validity {
        Validity::FixedHorizon => "one look at the horizon",
        Validity::AnyTime => "valid however often it is looked at",
    };
    let mut words = format!("{}: {how}, {looks}, {} pairs", metric.name.title(), count(metric.pairs as u64));
    if let Some(lag1) = metric.lag1_autocorrelation {
        words.push_str(&format!(", lag-1 autocorrelation {}", decimals(lag1, 2)));
    }
    if metric.dominated_by_drift {
        words.push_str(" (drift dominates: run longer)");
    }
    if let Some(p) = metric.p_value_model_based {
        words.push_str(&format!(", model-based p = {}", probability(p)));
    }
    if let Some(p) = metric.p_value_randomisation {
        words.push_str(&format!(", p = {} by the randomisation test, for one look", probability(p)));
    }
    if let Some(adjusted) = metric.p_value_adjusted {
        words.push_str(&format!(" ({} after Holm’s adjustment)", probability(adjusted)));
    }
    if let Some(welch) = metric.welch {
        words.push_str(&format!(", Welch on the windows’ means {}", figures::interval(metric.unit, welch.low, welch.high)));
    }
    if let Some(ByArm { even, odd }) = metric.zero_event_upper_bounds {
        let bound = |rate| amount(metric.unit, rate);
        words.push_str(&format!(", no failure was seen: upper bounds {} on even, {} on odd", bound(even), bound(odd)));
    }
    sentence(&words)
}

fn prices(report: &Report) -> Vec<PriceLine> {
    let cost = &report.cost;
    let mut used: Vec<&PriceUsed> = cost.arms.even.prices.iter().chain(&cost.arms.odd.prices).chain(&cost.shared.prices).collect();
    used.sort_by_key(|price| price.meter);
    used.dedup();
    used.into_iter().map(PriceLine::of).collect()
}
