//! The explorer's page: sums arranged exactly, addresses that lead on, honesty where there is nothing.

use time::macros::datetime;

use super::*;

fn sum(day: u8, service: Option<&str>, amount: &str, charges: i64) -> Sum {
    Sum {
        period_start: Some(datetime!(2026-09-01 0:00 UTC).replace_day(day).expect("a day")),
        group: vec![service.map(str::to_owned)],
        is_rest: false,
        currency: "USD".to_owned(),
        amount: Some(amount.parse().expect("a number")),
        charges,
    }
}

fn page(explorer: &Explorer, sums: Vec<Sum>) -> String {
    render_costs(explorer, &Explored::Sums(sums), &Visitor::default()).expect("a page")
}

#[test]
fn groups_are_added_over_periods_exactly_and_the_rest_comes_last() {
    let rest = Sum { is_rest: true, ..sum(1, None, "100", 9) };
    let sums = [sum(1, Some("b"), "0.1", 1), sum(2, Some("b"), "0.2", 1), sum(1, Some("a"), "0.25", 1), sum(1, None, "0.01", 1), rest];
    let ledger = &Ledger::of(&sums)[0];
    let titles: Vec<String> = ledger.groups.iter().map(CostGroup::title).collect();
    assert_eq!(titles, ["b", "a", "(none)", "All others"]);
    assert_eq!(ledger.groups[0].amount.as_ref().map(ToString::to_string), Some("0.3".to_owned()), "no float was involved");
    assert_eq!((ledger.total.to_string(), ledger.charges), ("100.56".to_owned(), 13));
    assert_eq!(ledger.groups[3].series(3), None);
}

#[test]
fn days_without_charges_are_drawn_and_months_are_taken_as_they_are() {
    let sums = [sum(1, Some("a"), "1", 1), sum(9, Some("a"), "1", 1)];
    let ledger = &Ledger::of(&sums)[0];
    assert_eq!((ledger.timeline(true).len(), ledger.timeline(false).len()), (9, 2));
}

#[test]
fn shares_are_left_out_where_credits_make_up_the_total() {
    let sums = [sum(1, Some("a"), "2", 1), sum(1, Some("credit"), "-1", 1)];
    assert_eq!(Ledger::of(&sums)[0].share_of(&Ledger::of(&sums)[0].groups[0]), None);
    assert_eq!(Ledger::of(&sums[..1])[0].share_of(&Ledger::of(&sums[..1])[0].groups[0]), Some(1.0));
}

#[test]
fn the_address_says_what_is_looked_at_and_leads_on() {
    let explorer = Explorer { filters: vec![("provider".to_owned(), "Oracle & Co".to_owned())], ..Explorer::default() };
    assert_eq!(Explorer::default().address(), "/costs");
    assert_eq!(explorer.address(), "/costs?provider=Oracle+%26+Co");
    assert_eq!(explorer.within("Compute").expect("a filter").address(), "/costs?group_by=resource&provider=Oracle+%26+Co&service=Compute");
    assert_eq!(explorer.query(), "metric=billed&group_by=service&period=day&top=8&provider=Oracle+%26+Co");
    let html = page(&explorer, vec![sum(1, Some("<Compute>"), "1", 3)]);
    for words in [
        "href=\"/costs?group_by=resource&#38;provider=Oracle+%26+Co&#38;service=%3CCompute%3E\"",
        "href=\"/costs?provider=Oracle+%26+Co&#38;format=csv\"",
        "href=\"/costs\" aria-label=\"Remove the filter Provider: Oracle &#38; Co\"",
        "&#60;Compute&#62;",
        "<title>2026-09-01, &lt;Compute&gt;: $1.00</title>",
        "100.00 %",
    ] {
        assert!(html.contains(words), "{words} is missing: {html}");
    }
    assert!(!html.contains("<Compute>") && !html.contains("<script"), "{html}");
}

#[test]
fn tags_and_several_groupings_stay_in_the_address() {
    let by_tag = Explorer { group_by: "tag.env".to_owned(), ..Explorer::default() };
    assert_eq!(by_tag.within("prod").expect("a filter").address(), "/costs?tag.env=prod");
    let both = Explorer { group_by: "provider,service".to_owned(), ..Explorer::default() };
    assert!(both.within("x").is_none());
    assert!(page(&both, vec![sum(1, Some("a"), "1", 1)]).contains("value=\"provider,service\" selected"));
}

#[test]
fn an_empty_ledger_teaches_the_next_command_and_a_filter_that_finds_nothing_can_be_removed() {
    let html = page(&Explorer::default(), Vec::new());
    assert!(html.contains("switchback import") && !html.contains("<svg class"), "{html}");
    let filtered = Explorer { filters: vec![("service".to_owned(), "none such".to_owned())], ..Explorer::default() };
    assert!(page(&filtered, Vec::new()).contains("No charge matches"));
    let refused = render_costs(&filtered, &Explored::Refused("to must be later than from"), &Visitor::default()).expect("a page");
    assert!(refused.contains("to must be later than from") && !refused.contains("No charge matches"), "{refused}");
}

#[test]
fn a_page_whose_sums_are_under_way_says_so_and_looks_again() {
    let html = render_costs(&Explorer::default(), &Explored::UnderWay, &Visitor::default()).expect("a page");
    assert!(html.contains("Adding up") && html.contains("http-equiv=\"refresh\" content=\"2\"") && !html.contains("ledger is empty"));
    assert!(!page(&Explorer::default(), Vec::new()).contains("http-equiv=\"refresh\""));
}
