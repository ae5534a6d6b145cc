//! Months by hand, against published answers, against a simulated meter, and where plans cross.

use std::time::Duration;

use bigdecimal::{BigDecimal, RoundingMode};
use proptest::prelude::*;
use time::macros::date;

use super::*;
use crate::domain::catalogue::{Catalogue, CataloguePlan};
use crate::domain::metering::InstanceActivity;
use crate::domain::plan::Plan;
use crate::domain::price::PriceBook;
use crate::domain::statistics::random::Random;

fn plan(name: &str) -> &'static CataloguePlan {
    Catalogue::embedded().plan(name).expect("a plan of the catalogue")
}

fn listed(meter: &str) -> Option<BigDecimal> {
    Catalogue::embedded().price(meter).map(|price| price.amount.clone())
}

fn traffic(calls_per_day: f64, duration_ms: u64, memory_mb: u32) -> TrafficShape {
    TrafficShape::declared(calls_per_day, Duration::from_millis(duration_ms), memory_mb).expect("traffic")
}

fn cost(name: &str, traffic: &TrafficShape, terms: Terms) -> MonthCost {
    month(plan(name), traffic, terms, listed).expect("a cost")
}

fn cents(amount: &BigDecimal) -> String {
    format!("{:.2}", amount.with_scale_round(2, RoundingMode::HalfUp))
}

const WITH_GRANTS: Terms = Terms { free_grants: true, min_instances: None };

fn lines(month: &MonthCost) -> Vec<String> {
    month.lines.iter().map(|line| cents(&line.cost)).collect()
}

#[test]
fn forty_short_calls_a_second_on_flex() {
    let month = cost("functions/flex-512", &traffic(40.0 * 86_400.0, 20, 512), Terms::default());
    assert_eq!(lines(&month), ["33.78", "42.05"]);
    assert_eq!(month.instances, Some(1.0));
    let granted = cost("functions/flex-512", &traffic(40.0 * 86_400.0, 20, 512), WITH_GRANTS);
    // 100,000 GB-s and 250,000 executions less.
    assert_eq!(cents(&(month.total - granted.total)), "2.70");
}

/// Infracost's function app examples: 3,540,123 executions × 495 ms × 490 MB, and 3,000,000 × 50 ms × 10 MB, a month.
#[test]
fn consumption_as_infracost_costs_it() {
    let month = cost("functions/consumption", &traffic(3_540_123.0 / 730.0 * 24.0, 495, 490), Terms::default());
    assert_eq!(month.lines[0].quantity.normalized().to_plain_string(), "876180.4425");
    assert_eq!(lines(&month), ["14.02", "0.71"]);
    let month = cost("functions/consumption", &traffic(3_000_000.0 / 730.0 * 24.0, 50, 10), Terms::default());
    assert_eq!(month.lines[0].quantity.normalized().to_plain_string(), "37500");
    assert_eq!(lines(&month), ["0.60", "0.60"]);
    assert_eq!(cents(&cost("functions/consumption", &traffic(3_000.0, 50, 10), WITH_GRANTS).total), "0.00");
}

/// Infracost's golden files: EP1 126.29 + 31.43 and EP2 252.58 + 62.85 a month of 730 h; plans by instances.
#[test]
fn dedicated_plans_are_hours_times_instances() {
    let quiet = traffic(1_000.0, 20, 512);
    assert_eq!(lines(&cost("functions/EP1", &quiet, Terms::default())), ["126.29", "31.43"]);
    assert_eq!(lines(&cost("functions/EP2", &quiet, Terms::default())), ["252.58", "62.85"]);
    for (name, expected) in [("S1", "69.35"), ("B1", "12.41"), ("P3v3", "452.60"), ("P1v4", "106.58")] {
        assert_eq!(cents(&cost(&format!("app-service/{name}"), &quiet, Terms::default()).total), expected, "{name}");
    }
    let two = Terms { min_instances: Some(2), ..Terms::default() };
    assert_eq!(cents(&cost("app-service/S1", &quiet, two).total), "138.70");
}

#[test]
fn dedicated_plans_step_when_calls_in_flight_pass_the_measured_capacity() {
    // 50 ms a call and ten in flight a core: 200 calls a second fill one core.
    let at = |calls_per_second: f64| traffic(calls_per_second * 86_400.0, 50, 512).with_capacity(10.0).expect("a capacity");
    for (calls, name, instances) in [(199.0, "app-service/B1", 1.0), (201.0, "app-service/B1", 2.0), (201.0, "app-service/B2", 1.0)] {
        assert_eq!(cost(name, &at(calls), Terms::default()).instances, Some(instances), "{calls} a second on {name}");
    }
    // A busy hour in a quiet day: a dedicated plan is sized for it, Elastic Premium follows it.
    let minutes = (0..1_440).map(|minute| if minute < 60 { 24_000 } else { 600 });
    let day = TrafficShape::measured(minutes, Duration::from_secs(60), Duration::from_millis(50), 100.0, 512);
    let day = day.and_then(|day| day.with_capacity(10.0)).expect("traffic");
    assert_eq!(cost("app-service/S1", &day, Terms::default()).instances, Some(2.0));
    let elastic = cost("functions/EP1", &day, Terms::default()).instances.expect("instances");
    assert!((elastic - (1.0 + 1.0 / 24.0)).abs() < 1e-9, "{elastic}");
}

#[test]
fn always_ready_pays_its_baseline_and_has_no_grants() {
    let quiet = traffic(1.0, 20, 512);
    // .5 GB × 2,628,000 s × $.000004.
    for terms in [Terms::default(), WITH_GRANTS] {
        assert_eq!(lines(&cost("functions/flex-512-always-ready", &quiet, terms)), ["5.26", "0.00", "0.00", "0.00", "0.00"]);
    }
    // 40 a second fill .8 of its four places: all of it is always ready's, 97 % of it at the lower price.
    let busy = cost("functions/flex-512-always-ready", &traffic(40.0 * 86_400.0, 20, 512), Terms::default());
    assert_eq!(lines(&busy), ["5.26", "20.79", "42.05", "0.00", "0.00"]);
    // Twice its four places: half of the calls go to an instance on demand.
    let over = cost("functions/flex-512-always-ready", &traffic(400.0 * 86_400.0, 20, 512), Terms::default());
    assert_eq!((over.instances, over.lines[2].cost.clone()), (Some(2.0), over.lines[4].cost.clone()));
    assert_eq!(lines(&over), ["5.26", "21.02", "210.24", "34.16", "210.24"]);
}

#[test]
fn replicas_are_active_until_a_cooldown_after_their_last_call() {
    // A call an hour of a second keeps half a core for 301 s an hour, but for hours in which two come within that.
    let hourly = cost("container-apps/0.5", &traffic(24.0, 1_000, 512), Terms::default());
    let share = 1.0 - (-301.0_f64 / 3_600.0).exp();
    assert_eq!(hourly.lines[0].cost, hourly.lines[0].quantity.clone() * listed("container-apps/vcpu-second").expect("a price"));
    let seconds = BigDecimal::try_from(share * 2_628_000.0 * 0.5).expect("a number").with_scale_round(0, RoundingMode::HalfUp);
    assert_eq!(hourly.lines[0].quantity.with_scale_round(0, RoundingMode::HalfUp), seconds);
    assert_eq!(hourly.lines[1].cost, BigDecimal::from(0), "nothing idles at no minimum");
    // One that is always there idles between calls, at an eighth of the core's price.
    let kept = cost("container-apps/0.5", &traffic(24.0, 1_000, 512), Terms { min_instances: Some(1), ..Terms::default() });
    assert_eq!((kept.instances, lines(&kept)), (Some(1.0), ["0.01", "3.94", "7.88", "0.00"].map(str::to_owned).to_vec()));
    assert_eq!(cents(&cost("container-apps/0.5", &traffic(24.0, 1_000, 512), WITH_GRANTS).total), "0.00");
}

#[test]
fn a_free_plan_costs_nothing_as_long_as_its_quota_surely_holds() {
    assert_eq!(cost("app-service/F1", &traffic(3_600.0, 1_000, 512), Terms::default()).total, BigDecimal::from(0));
    let refused = month(plan("app-service/F1"), &traffic(3_700.0, 1_000, 512), Terms::default(), listed);
    assert_eq!(refused, Err(NoCost::OverQuota { minutes: 60 }));
}

#[test]
fn a_plan_without_a_price_says_which_meter_lacks_it() {
    let found = month(plan("app-service/P2v4"), &traffic(10.0, 20, 512), Terms::default(), listed).expect_err("no price");
    assert_eq!(found.to_string(), "no price is known for app-service/P2v4/hour until switchback prices update fetches one");
}

#[test]
fn what_is_no_traffic_is_refused() {
    let declared = |calls, duration| TrafficShape::declared(calls, duration, 512).expect_err("refused");
    let second = Duration::from_secs(1);
    for calls in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e12] {
        assert_eq!(declared(calls, second), ShapeError::Calls, "{calls}");
    }
    assert_eq!([declared(1.0, Duration::ZERO), declared(1.0, Duration::MAX)], [ShapeError::Duration; 2]);
    assert_eq!(TrafficShape::measured([], second, second, 1_000.0, 512), Err(ShapeError::Calls));
    assert_eq!(traffic(1.0, 20, 512).with_capacity(0.0), Err(ShapeError::Capacity));
}

/// Share of an hour or more in which one instance is metered for callers who know nothing of each other.
fn simulated_share(calls: f64, duration_s: f64, random: &mut Random) -> f64 {
    let (mut at, mut events) = (0.0, Vec::new());
    for _ in 0..20_000 {
        at += random.exponential() / calls;
        events.extend([(at, true), (at + duration_s, false)]);
    }
    events.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut activity = InstanceActivity::default();
    let mut total_ms = 0;
    for (at, begins) in events {
        let uptime = Duration::from_secs_f64(at);
        let (next, metered_ms) = if begins { (activity.begin(uptime), 0) } else { activity.end(uptime) };
        activity = next;
        total_ms += metered_ms;
    }
    total_ms as f64 / 1_000.0 / at
}

#[test]
fn the_share_of_metered_time_is_that_of_a_simulated_meter() {
    let mut random = Random::new(3);
    for duration_s in [0.005, 0.02, 0.04, 0.2, 0.5, 1.0, 3.0] {
        for calls in [0.05, 0.2, 1.0, 2.0, 5.0, 20.0, 40.0] {
            // The last period has to end within what is simulated.
            if calls * duration_s <= 4.0 {
                let (modelled, simulated) = (metered_share(calls, duration_s), simulated_share(calls, duration_s, &mut random));
                assert!((modelled - simulated).abs() < 0.03, "{calls} a second of {duration_s} s: {modelled}, not {simulated}");
            }
        }
    }
    // Without a length the renewal rule itself.
    assert!((metered_share(5.0, 1e-9) - 5.0 / 6.0).abs() < 1e-6);
}

#[test]
fn metered_time_is_calibrated_on_what_a_run_was_metered() {
    let plain = traffic(86_400.0, 20, 512);
    let bursty = plain.clone().calibrated(0.3);
    let share = |shape: &TrafficShape| cost("functions/flex-512", shape, Terms::default()).lines[0].quantity.clone();
    let observed = BigDecimal::try_from(0.3 * 2_628_000.0 / 2.0).expect("a number");
    assert_eq!(share(&bursty).with_scale_round(0, RoundingMode::HalfUp), observed.with_scale_round(0, RoundingMode::HalfUp));
    assert!(share(&bursty.scaled(4.0)) < share(&plain.scaled(4.0)) && share(&bursty.scaled(4.0)) > share(&bursty));
    // An instance that is always metered says nothing about gaps.
    assert_eq!(plain.clone().calibrated(1.0), plain);
    assert_eq!(plain.clone().calibrated(f64::NAN), plain);
}

/// The closed form: Flex 512 without grants costs .5 · 2,628,000 · $.000026 · share + $.40 · calls; S1 costs $69.35.
#[test]
fn s1_and_flex_cross_where_the_closed_form_says() {
    let shape = traffic(86_400.0, 20, 512);
    let found = break_even([plan("app-service/S1"), plan("functions/flex-512")], &shape, Terms::default(), listed);
    let [crossing] = found[..] else { panic!("{found:?}") };
    let flex = |calls_per_second: f64| 34.164 * metered_share(calls_per_second, 0.02) + 0.4 * calls_per_second * 2.628;
    assert!((flex(crossing / 86_400.0) - 69.35).abs() < 0.01, "{crossing}");
    assert!((33.0..35.0).contains(&(crossing / 86_400.0)), "{crossing}");
}

#[test]
fn the_cheapest_plan_turns_from_use_to_hours_as_traffic_grows() {
    let plans = ["functions/flex-512", "functions/consumption", "app-service/B1", "app-service/P2v4"].map(plan);
    let found = crossings(&plans, &traffic(100_000.0, 40, 512), WITH_GRANTS, listed);
    let names: Vec<(&str, &str)> = found.iter().map(|crossing| (crossing.dearer.as_str(), crossing.cheaper.as_str())).collect();
    assert_eq!(names.last(), Some(&("functions/consumption", "app-service/B1")), "{found:?}");
    for crossing in &found {
        let at = |factor: f64, name: &str| cost(name, &traffic(crossing.calls_per_day * factor, 40, 512), WITH_GRANTS).total;
        assert!(at(1.01, &crossing.cheaper) <= at(1.01, &crossing.dearer), "{crossing:?}");
        assert!(at(0.99, &crossing.dearer) <= at(0.99, &crossing.cheaper), "{crossing:?}");
    }
}

proptest! {
    #[test]
    fn more_calls_never_cost_less_and_grants_never_cost_more(calls in 1.0_f64..1e8, more in 1.0_f64..10.0, duration_ms in 1_u64..5_000) {
        let shape = traffic(calls, duration_ms, 512).with_capacity(20.0).expect("a capacity");
        for plan in &Catalogue::embedded().plans {
            let of = |shape: &TrafficShape, terms| month(plan, shape, terms, listed).ok().map(|month| month.total);
            if let (Some(less), Some(more), Some(granted)) =
                (of(&shape, Terms::default()), of(&shape.scaled(more), Terms::default()), of(&shape, WITH_GRANTS))
            {
                prop_assert!(less >= granted, "{}", plan.name);
                prop_assert!(more >= less, "{}: {more} after {less}", plan.name);
            }
        }
    }
}

#[test]
fn a_table_of_two_plans_names_where_they_cross() {
    let question = PlanQuestion {
        traffic: traffic(40.0 * 86_400.0, 20, 512),
        basis: TrafficBasis::Declared,
        measured_calls_per_day: Some(40.0 * 86_400.0),
        prices: PriceBook::embedded(),
        region: "westeurope".to_owned(),
        plans: vec![Plan::S1, Plan::FLEX_512],
        arms: None,
    };
    let table = compare_plans(&question, date!(2026 - 11 - 26));
    let months: Vec<String> = table.plans.iter().filter_map(|plan| plan.per_month.as_ref()).map(ToString::to_string).collect();
    assert_eq!(months, ["69.35", "75.83"], "the cheapest first");
    let [crossing] = &table.crossings[..] else { panic!("{:?}", table.crossings) };
    assert_eq!((crossing.dearer.as_str(), crossing.cheaper.as_str()), ("functions/flex-512", "app-service/S1"));
    assert!((33.0..35.0).contains(&(crossing.calls_per_day / 86_400.0)), "{crossing:?}");
    assert!(table.crossings_with_grants[0].calls_per_day > crossing.calls_per_day, "grants keep Flex the cheaper one for longer");
    assert_eq!(table.traffic.seen_calls_per_day, Some([345_600.0, 34_560_000.0]));
    assert!(table.plans.iter().all(|plan| plan.curve.len() == 41));
    assert!(table.stale_prices.is_some_and(|words| words.contains("days old")));
    assert!(table.notes.iter().any(|note| note.contains("westeurope")), "eastus stands in");
}

#[test]
fn a_table_has_every_plan_and_says_why_one_has_no_cost() {
    let question = PlanQuestion {
        traffic: traffic(200_000.0, 40, 512),
        basis: TrafficBasis::Declared,
        measured_calls_per_day: None,
        prices: PriceBook::embedded(),
        region: "eastus".to_owned(),
        plans: Vec::new(),
        arms: Some([Plan::S1, Plan::FLEX_512]),
    };
    let table = compare_plans(&question, date!(2026 - 11 - 26));
    let [between] = &table.crossings_of_arms[..] else { panic!("{:?}", table.crossings_of_arms) };
    assert_eq!((between.dearer.as_str(), between.cheaper.as_str()), ("functions/flex-512", "app-service/S1"));
    assert!(!table.crossings.contains(between), "neither is ever the cheapest of all");
    assert_eq!(table.plans.len(), Catalogue::embedded().plans.len());
    let without: Vec<(&str, &str)> = table.plans.iter().filter_map(|plan| Some((plan.plan.as_str(), plan.reason.as_deref()?))).collect();
    assert_eq!(without.len(), 3, "{without:?}");
    assert!(without.iter().any(|(plan, reason)| *plan == "app-service/F1" && reason.contains("60 CPU minutes")), "{without:?}");
    assert!(table.plans.iter().rev().take(3).all(|plan| plan.per_month.is_none()), "they stand last");
}
