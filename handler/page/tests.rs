//! The page as a whole: well-formed, free of non-finite numbers, safe against hostile text, honest when there is nothing to show.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::layout::{FILE_POLICY, POLICY};
use super::*;
use crate::domain::arm::ByArm;
use crate::domain::plan::Plan;
use crate::domain::price::{Meter, Price};
use crate::domain::probe::ProbeOutcomes;
use crate::domain::report::testing::{charged_days, inputs, run};
use crate::domain::report::{ChargedDay, Inputs, Interval, MetricName, Report};
use crate::domain::run::testing::document as run_document;
use crate::domain::run::{RunChoice, RunDocument, RunKind};
use crate::domain::timeline::Timeline;

const HOSTILE: &str = "<script>alert('1')</script>\"&<!--";

fn page_of(report: &Report, timeline: &Timeline, one_url: Option<&str>, mode: Mode<'_>) -> String {
    let html = render_report(&ReportView { report, timeline, runs: &runs(), one_url }, mode).expect("a page");
    sound(&html);
    html
}

/// Two runs to choose from: one with everything there may be, one with next to nothing.
fn runs() -> Vec<RunDocument> {
    let declared = run_document();
    let observed =
        RunDocument { id: uuid::Uuid::nil(), name: None, kind: RunKind::Observed, horizon: None, set_up: None, ..run_document() };
    vec![declared, observed]
}

/// What holds for every page: no non-finite number, drawings that are well-formed XML with title and description, ids used once,
/// headings in order.
fn sound(html: &str) {
    for wrong in ["NaN", "inf<", "inf ", "inf\"", "-inf", "Infinity"] {
        assert!(!html.contains(wrong), "{wrong} in {html}");
    }
    let mut rest = html;
    while let Some(start) = rest.find("<svg class=\"plot") {
        let end = start + rest[start..].find("</svg>").expect("an end") + "</svg>".len();
        let drawing = roxmltree::Document::parse(&rest[start..end]).expect("well-formed");
        let root = drawing.root_element();
        assert_eq!(root.attribute("role"), Some("img"));
        let named: Vec<&str> = root.attribute("aria-labelledby").expect("a name").split(' ').collect();
        for element in ["title", "desc"] {
            let element = root.children().find(|child| child.has_tag_name(("http://www.w3.org/2000/svg", element))).expect("an element");
            assert!(element.text().is_some_and(|text| !text.trim().is_empty()));
            assert!(named.contains(&element.attribute("id").expect("an id")));
        }
        rest = &rest[end..];
    }
    let ids: Vec<&str> =
        html.match_indices(" id=\"").map(|(at, start)| html[at + start.len()..].split('"').next().unwrap_or_default()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id is used twice: {ids:?}");
    let levels: Vec<u8> =
        html.match_indices("<h").filter_map(|(at, _)| html.as_bytes().get(at + 2).copied().filter(u8::is_ascii_digit)).collect();
    assert_eq!(levels.first(), Some(&b'1'));
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a heading level is left out: {levels:?}");
    assert!(!html.contains("<script") && !html.contains(" style=") && !html.contains(" onload="), "the policy would refuse it");
}

#[test]
fn the_answer_comes_first_and_what_it_rests_on_follows() {
    let (report, timeline) = run(60, inputs(60));
    let html = page_of(&report, &timeline, Some("https://one.example.net"), Mode::File);
    let order = [
        "<h1 class=\"verdict",
        "a month with all of this traffic",
        "the cheaper plan, may cost your callers",
        "What this rests on",
        "Can the comparison be trusted?",
        "How odd compares with even",
        "What 1,000 calls cost",
        "What every plan would cost",
        "Minute by minute",
        "Supervision from outside",
        "What this run can see",
        "For the engineer",
    ];
    let positions: Vec<usize> = order.iter().map(|heading| html.find(heading).unwrap_or_else(|| panic!("{heading} is missing"))).collect();
    assert!(positions.is_sorted());
    assert_eq!(html.matches("<svg class=\"plot wide\"").count(), 10, "guardrails, three of intervals, two of cost, four of minutes");
    assert_eq!(html.matches("<svg class=\"plot narrow\"").count(), 10);
    for words in [
        "Arm even: app-service/S1",
        "Arm odd: functions/flex-512",
        "https://one.example.net",
        "1970-01-01T00:07Z",
        "40 failed over to it",
        "Minutes with a failover: 1",
        "$0.095",
        "+20.0 ms",
        "as quoted in a public hosting study",
        "No probe was recorded",
    ] {
        assert!(html.contains(words), "{words} is missing");
    }
    assert!(!html.contains("http-equiv=\"refresh\"") && !html.contains("<nav"), "a file stays as it is");
}

#[test]
fn a_served_page_refreshes_through_the_one_url_unless_told_not_to() {
    let (report, timeline) = run(30, inputs(30));
    let viewing = Viewing { range: Range::Week, ..Viewing::default() };
    let html = page_of(&report, &timeline, Some("https://one.example.net"), Mode::Served(viewing.clone(), &Visitor::default()));
    assert!(html.contains("content=\"15; url=https://one.example.net/?range=week\""), "{html}");
    assert!(html.contains("href=\"/?range=week&#38;refresh=off\""), "{html}");
    assert!(html.contains("<a href=\"/?range=week\" aria-current=\"true\">"));
    let html = page_of(&report, &timeline, None, Mode::Served(viewing.clone(), &Visitor::default()));
    assert!(html.contains("<meta http-equiv=\"refresh\" content=\"15\">"));
    let html = page_of(&report, &timeline, None, Mode::Served(Viewing { still: true, ..viewing }, &Visitor::default()));
    assert!(!html.contains("http-equiv=\"refresh\""));
}

#[test]
fn a_served_page_offers_the_other_runs_and_says_which_it_shows() {
    let (report, timeline) = run(30, Inputs { runs: vec![run_document()], ..inputs(30) });
    let html = page_of(&report, &timeline, None, Mode::Served(Viewing { range: Range::Day, ..Viewing::default() }, &Visitor::default()));
    let declared = "<a href=\"/?range=day&#38;run=00000000-0000-0000-0000-000000000007\" aria-current=\"true\">s1-or-b1 (declared), from";
    assert!(html.contains(declared), "{html}");
    assert!(
        html.contains("<a href=\"/?range=day&#38;run=00000000-0000-0000-0000-000000000000\">Before runs were recorded, from"),
        "{html}"
    );
    assert!(html.contains("Run s1-or-b1, declared, from 2026-11-22T12:00:00Z, until 2026-11-23T12:00:00Z; shown: "), "{html}");
}

#[test]
fn without_calls_the_page_says_how_to_get_some() {
    let (report, timeline) = run(0, inputs(10));
    let html = page_of(&report, &timeline, Some("http://localhost:8080"), Mode::File);
    assert!(html.contains("No call has been counted") && html.contains("switchback dev --traffic 50/s"), "{html}");
    assert!(html.contains("<h1 class=\"verdict warn\">Too early: no whole minute has been counted yet.</h1>"), "{html}");
    assert!(html.contains("What a month costs is known once calls were counted.") && html.contains("That takes about"), "{html}");
    assert!(html.contains("curl -L http://localhost:8080/api/instance") && !html.contains("<svg class"));
}

#[test]
fn too_few_minutes_and_unpriced_plans_are_explained_instead_of_drawn() {
    let unpriced = Inputs { plans: ByArm { even: Plan::LOCAL, odd: Plan::LOCAL }, ..inputs(3) };
    let (report, timeline) = run(3, unpriced);
    let html = page_of(&report, &timeline, None, Mode::File);
    assert!(html.contains("not yet ten pairs") && html.contains("No price is known for these plans"), "{html}");
    assert!(html.contains("It is too early to tell the plans apart.") && html.contains("That takes about 18.0 minutes more"), "{html}");
}

#[test]
fn hostile_text_stays_text() {
    let price = |meter| Price {
        meter,
        region: HOSTILE.to_owned(),
        amount: 1.into(),
        currency: "USD".to_owned(),
        as_of: time::macros::date!(2026 - 01 - 01),
        fetched_at: None,
        source: HOSTILE.to_owned(),
    };
    let mut hostile = inputs(40);
    hostile.region = HOSTILE.to_owned();
    hostile.prices = hostile.prices.with(Meter::all().map(price));
    let charged = vec![ChargedDay { currency: HOSTILE.to_owned(), category: HOSTILE.to_owned(), ..charged_days()[0].clone() }];
    hostile.charges = ByArm { even: charged.clone(), odd: Vec::new() };
    hostile.shared_charges = charged;
    hostile.probes = Some(ProbeOutcomes { sent: 3, conformant: 1, failed_over: 0, wrong_arm: 1, unanswered: 1 });
    let (mut report, timeline) = run(40, hostile);
    report.summary.push(HOSTILE.to_owned());
    report.checks.conformance.summary = HOSTILE.to_owned();
    report.cost.notes.push(HOSTILE.to_owned());
    let html = page_of(&report, &timeline, Some(HOSTILE), Mode::Served(Viewing::default(), &Visitor::default()));
    assert!(!html.contains("<script>") && !html.contains("<!--"), "{html}");
    assert!(html.matches("script&#62;alert(").count() > 5, "{html}");
    assert!(html.contains("33.33 % of 3 probes") && html.contains("Astray"), "{html}");
}

#[test]
fn non_finite_figures_are_shown_as_unknown() {
    let (mut report, mut timeline) = run(40, inputs(40));
    for metric in &mut report.metrics {
        metric.even = f64::NAN;
        metric.difference = f64::INFINITY;
        metric.interval = Interval { low: f64::NEG_INFINITY, high: f64::NAN };
        metric.minimal_detectable_effect = Some(f64::INFINITY);
        metric.pairs_needed_for_margin = Some(f64::NAN);
        metric.p_value_model_based = Some(f64::NAN);
        metric.margin = Some(f64::NAN);
    }
    report.schedule.burn_in_seconds = f64::NAN;
    for minute in &mut timeline.minutes {
        if let Some(served) = &mut minute.served.even {
            served.p95_us = Some(f64::NAN);
            served.p50_us = Some(f64::INFINITY);
        }
    }
    assert!(page_of(&report, &timeline, None, Mode::File).contains("unknown to unknown"));
}

fn plans_page(given: &PlansForm, plans: Vec<Plan>, report: &Report) -> String {
    let arms = ComparedPlan::of(report);
    let document = report.plans(plans, None, None).expect("measured traffic");
    let html = render_plans(given, Some(&PricedPlans { document, arms }), None, &Visitor::default()).expect("a page");
    sound(&html);
    html
}

#[test]
fn every_plan_is_priced_for_the_traffic_measured() {
    let (report, _) = run(60, inputs(60));
    let html = plans_page(&PlansForm::default(), Vec::new(), &report);
    let priced = report.plans(Vec::new(), None, None).expect("measured traffic");
    for cost in &priced.plans {
        assert!(html.contains(&format!("<th scope=\"row\">{}", cost.plan)), "{} is missing", cost.plan);
    }
    let cheapest = &priced.plans[0];
    assert!(html.contains(&format!("a day, {} is the cheapest: ", cheapest.plan)), "{html}");
    for words in [
        "The traffic measured: a call takes",
        "Of the two that are compared, app-service/S1 costs $69.35 a month",
        "<span class=\"tag even\">arm even</span>",
        "<span class=\"tag odd\">arm odd</span>",
        "href=\"/plans?plans=app-service%2FS1%2Cfunctions%2Fflex-512\">Only the two that are compared",
        "href=\"/api/plans\"",
        "<code>switchback plans</code>",
        "2026-07-31",
    ] {
        assert!(html.contains(words), "{words} is missing: {html}");
    }
    assert_eq!(html.matches("<svg class=\"plot wide\"").count(), 1);
}

#[test]
fn of_two_plans_one_is_cheaper_and_none_the_cheapest_of_all() {
    let (report, _) = run(60, inputs(60));
    let pair = vec![Plan::S1, Plan::FLEX_512];
    let crossings = report.plans(pair.clone(), None, None).expect("measured traffic").crossings;
    let html = plans_page(&PlansForm::default(), pair, &report);
    assert!(!crossings.is_empty() && html.matches("a day on, app-service/S1 is cheaper than functions/flex-512").count() >= 1, "{html}");
    assert!(!html.contains("of all"), "{html}");
}

#[test]
fn no_share_of_calls_that_fail_is_below_nothing() {
    let (mut report, timeline) = run(60, inputs(60));
    for metric in &mut report.metrics {
        // More calls arrived than were counted as sent.
        metric.even = if metric.name == MetricName::FailureShare { -0.008 } else { metric.even };
    }
    let html = page_of(&report, &timeline, None, Mode::File);
    assert!(html.contains("<dt>Calls that fail</dt><dd>0.000 %</dd>"), "{html}");
}

#[test]
fn the_form_shows_what_the_address_says_and_an_example_where_it_says_nothing() {
    let (report, _) = run(60, inputs(60));
    let given = PlansForm { calls_per_day: "5".to_owned(), run: "a; rm".to_owned(), ..PlansForm::default() };
    let html = plans_page(&given, vec![Plan::S1], &report);
    assert!(html.contains("name=\"calls_per_day\" min=\"0.001\" step=\"any\" value=\"5\""), "{html}");
    assert!(!html.contains("switchback plans --"), "what a shell would read otherwise is no command: {html}");
    let empty = render_plans(&PlansForm::default(), None, None, &Visitor::default()).expect("a page");
    sound(&empty);
    assert!(
        empty.contains("No traffic was measured yet") && empty.contains("value=\"200000\"") && empty.contains("value=\"40ms\""),
        "{empty}"
    );
    let refused = render_plans(&given, None, Some(HOSTILE), &Visitor::default()).expect("a page");
    sound(&refused);
    assert!(refused.contains("role=\"alert\"") && !refused.contains("No traffic was measured"), "{refused}");
}

#[test]
fn a_served_page_leaves_the_other_plans_to_their_own() {
    let (report, timeline) = run(60, inputs(60));
    let html = page_of(&report, &timeline, None, Mode::Served(Viewing::default(), &Visitor::default()));
    assert!(html.contains("<a href=\"/plans\">Price every plan</a>") && !html.contains("id=\"plans-wide-title\""), "{html}");
    let named = Viewing { run: RunChoice::Id(uuid::Uuid::nil()), ..Viewing::default() };
    let html = page_of(&report, &timeline, None, Mode::Served(named, &Visitor::default()));
    assert!(html.contains("<a href=\"/plans?run=00000000-0000-0000-0000-000000000000\">"), "{html}");
}

#[test]
fn the_policy_names_the_style_sheet_that_is_on_the_page() {
    let (report, timeline) = run(4, inputs(4));
    let html = page_of(&report, &timeline, None, Mode::File);
    let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style sheet").0;
    let digest = STANDARD.encode(Sha256::digest(style));
    for policy in [&POLICY, &FILE_POLICY] {
        assert!(policy.starts_with("default-src 'none';") && policy.contains(&format!("'sha256-{digest}'")), "{}", **policy);
    }
    assert!(html.contains("form-action &#39;none&#39;"), "a file has no forms");
}
