//! From rows in a real PostgreSQL to a report.

use std::time::Duration;

use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::domain::arm::Arm;
use crate::domain::charge::{Charge, Entries, Value, read_value};
use crate::domain::columns;
use crate::domain::decision::{Decision, DecisionCount, Reason};
use crate::domain::histogram::bucket_of;
use crate::domain::import::ImportOrder;
use crate::domain::margins::Margins;
use crate::domain::plan::Plan;
use crate::domain::price::{Meter, Price, parse_overrides};
use crate::domain::report::{CostSource, MetricName, VerdictOutcome};
use crate::domain::run;
use crate::domain::schedule::Rule;
use crate::domain::window::{SLICES, Slice, Window, WindowCounts};
use crate::import::{ReadLimits, import};
use crate::store::testing::{database_url, new_store, store};

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-23 12:00:30 UTC);

pub(super) fn config() -> ComparisonConfig {
    ComparisonConfig {
        plans: ByArm { even: Plan::B1, odd: Plan::FLEX_512 },
        instances: ByArm::default(),
        region: "westeurope".into(),
        margins: Margins { failure_share: Some(0.01), ..Margins::default() },
        resource_ids: ByArm { even: vec!["/Sub/A/serverFarms/One".into()], odd: vec!["/sub/a/sites/odd".into()] },
        shared_resource_ids: Vec::new(),
        price_overrides: parse_overrides("app-service/B1/hour=0.018").unwrap(),
        seed: None,
    }
}

/// 40 calls of 20 ms on even and 24 ms on odd in every minute, with some jitter by minute.
fn window(schedule: &Schedule, minute: Minute, workers: ByArm<u128>) -> Window {
    let arm = schedule.arm_of(minute);
    let jitter = u64::try_from(minute.0 % 7).unwrap() * 100;
    let latency = if arm == Arm::Even { 20_000 } else { 24_000 } + jitter;
    let mut counts = WindowCounts { status_classes: [0, 40, 0, 0, 0], metered_ms: Some(24_100), ..WindowCounts::default() };
    for (index, slice) in counts.slices.0.iter_mut().enumerate() {
        let calls = if index == SLICES / 2 { 22 } else { 3 };
        let bucket = u16::try_from(bucket_of(latency)).unwrap();
        *slice =
            Slice { calls: calls.into(), server_errors: 0, latency_sum_us: latency * u64::from(calls), buckets: vec![(bucket, calls)] };
    }
    Window { minute, arm, worker: Uuid::from_u128(workers[arm]), closed: true, counts }
}

pub(super) async fn fill(store: &Store, schedule: &Schedule, minutes: i64, workers: ByArm<u128>) {
    let last = schedule.minute_at(NOW).0;
    let minutes: Vec<Minute> = (last - minutes..last).map(Minute).collect();
    let windows: Vec<Window> = minutes.iter().map(|minute| window(schedule, *minute, workers)).collect();
    store.write_windows(schedule, &windows, NOW).await.unwrap();
    let decisions: Vec<DecisionCount> = minutes
        .iter()
        .map(|minute| DecisionCount {
            decision: Decision { minute: *minute, arm: schedule.arm_of(*minute), reason: Reason::Schedule },
            calls: 40,
        })
        .collect();
    store.write_decisions(schedule, Uuid::from_u128(9), &decisions, NOW).await.unwrap();
}

fn comparison(store: Store) -> Comparison {
    Comparison::new(store, Schedule::default(), config(), Arc::new(ManualClock::new(NOW)))
}

#[tokio::test]
async fn stored_rows_become_a_report() {
    let store = new_store().await;
    fill(&store, &Schedule::default(), 120, ByArm { even: 1, odd: 2 }).await;
    let fetched = Price {
        meter: Meter::FLEX_GB_SECOND,
        region: "westeurope".into(),
        amount: "0.00003".parse().unwrap(),
        currency: "USD".into(),
        as_of: NOW.date(),
        fetched_at: None,
        source: "fetched".into(),
    };
    store.write_prices(&[fetched]).await.unwrap();
    let report = comparison(store).report(&ReportQuery::default()).await.unwrap();
    assert_eq!((report.data.pairs, report.arms.even.calls, report.checks.conformance.decisions), (60, 2_400, 4_800));
    let mean = report.metric(MetricName::LatencyMean).unwrap();
    assert!(mean.interval.low <= 4.0 && 4.0 <= mean.interval.high && mean.interval.low > 3.0, "{mean:?}");
    assert_eq!(report.cost.arms.even.prices[0].source, "override by setting or file");
    assert_eq!(report.cost.arms.odd.prices[0].source, "fetched");
    assert_eq!(report.cost.arms.odd.prices[1].region, "eastus", "the reference region stands in");
    assert!(!report.aa_run);
    assert_ne!(report.verdict.outcome, VerdictOutcome::Withheld, "{:?}", report.verdict);
}

#[tokio::test]
async fn a_range_excludes_other_minutes_and_those_not_yet_settled() {
    let store = new_store().await;
    fill(&store, &Schedule::default(), 60, ByArm { even: 1, odd: 2 }).await;
    let comparison = comparison(store);
    let asked =
        ReportQuery { from: Some(datetime!(2026-11-23 11:30 UTC)), to: Some(datetime!(2026-11-23 11:40 UTC)), ..ReportQuery::default() };
    assert_eq!(comparison.report(&asked).await.unwrap().data.rows, 10);
    let until_next_year = comparison.minutes(None, Some(datetime!(2027-01-01 0:00 UTC)));
    assert_eq!(until_next_year.ends_at(), datetime!(2026-11-23 12:00 UTC));
}

#[tokio::test]
async fn one_worker_on_both_arms_is_recognised_as_an_aa_run() {
    let store = new_store().await;
    fill(&store, &Schedule::default(), 60, ByArm { even: 1, odd: 1 }).await;
    let report = comparison(store).report(&ReportQuery::default()).await.unwrap();
    assert!(report.aa_run);
    assert_eq!(report.verdict.outcome, VerdictOutcome::AaFailed, "4 ms apart");
}

#[tokio::test]
async fn imported_charges_are_the_observed_cost_by_resource_whatever_the_case() {
    let store = new_store().await;
    fill(&store, &Schedule::default(), 60, ByArm { even: 1, odd: 2 }).await;
    let charge = |resource: &str, billed: &str, start: &str| {
        let cells = [
            ("billed_cost", billed),
            ("effective_cost", billed),
            ("billing_currency", "EUR"),
            ("charge_category", "Usage"),
            ("charge_period_start", start),
            ("charge_period_end", start),
            ("provider_name", "Microsoft"),
            ("service_name", "App Service"),
            ("resource_id", resource),
        ];
        let mut values = vec![Value::Absent; columns::COUNT];
        for (name, text) in cells {
            let position = columns::position(name);
            values[position] = read_value(&columns::COLUMNS[position], text).unwrap();
        }
        Charge::new(values, Entries::new(), Entries::new()).unwrap()
    };
    let rows = [
        charge("/SUB/a/serverfarms/one", "0.0123456789", "2026-11-23T11:30Z"),
        charge("/sub/A/SERVERFARMS/ONE", "0.1", "2026-11-23T11:40Z"),
        charge("/sub/a/serverfarms/one", "99", "2026-11-20T00:00Z"),
        charge("/sub/a/serverfarms/other", "99", "2026-11-23T11:40Z"),
    ];
    store.post_charges(rows.into(), None).await.unwrap();
    let report = comparison(store).report(&ReportQuery::default()).await.unwrap();
    let even = &report.cost.arms.even;
    let [charged] = &even.audit.as_ref().unwrap().charged[..] else { panic!("one currency and category: {:?}", even.audit) };
    assert_eq!((charged.billed.to_string().as_str(), charged.currency.as_str(), charged.charges), ("0.1123456789", "EUR", 2));
    assert_eq!(even.observed_from, CostSource::ListPrices, "what the figures beside it rest on");
    assert!(report.cost.arms.odd.audit.is_none());
}

/// Four days of B1 at $0.432, as a provider's file has them, with an error in all but the first.
const PLANTED: &str = "\
BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,ServiceName,ResourceId,CommitmentDiscountId
0.432,0.432,USD,Usage,2026-11-19T00:00:00Z,2026-11-20T00:00:00Z,Microsoft,App Service,/Sub/A/serverFarms/One,
0.082,0.082,USD,Tax,2026-11-19T00:00:00Z,2026-11-20T00:00:00Z,Microsoft,App Service,/sub/a/serverfarms/one,
0.432,0.432,USD,Usage,2026-11-21T00:00:00Z,2026-11-22T00:00:00Z,Microsoft,App Service,/sub/a/serverfarms/one,
0.432,0.432,USD,Usage,2026-11-21T00:00:00Z,2026-11-22T00:00:00Z,Microsoft,App Service,/sub/a/serverfarms/one,
0,0.3,USD,Usage,2026-11-22T00:00:00Z,2026-11-23T00:00:00Z,Microsoft,App Service,/sub/a/serverfarms/one,/reservations/r1
0.4,0.4,EUR,Usage,2026-11-22T00:00:00Z,2026-11-23T00:00:00Z,Microsoft,App Service,/sub/a/serverfarms/one,
";

#[tokio::test]
async fn errors_planted_in_a_bill_are_named_each() {
    let store = new_store().await;
    let schedule = Schedule::default();
    let first = datetime!(2026-11-19 0:00 UTC);
    let minutes = schedule.minute_at(NOW).0 - schedule.minute_at(first).0;
    fill(&store, &schedule, minutes, ByArm { even: 1, odd: 2 }).await;
    let limits = ReadLimits { max_bytes: 1 << 20, strict: true, body_digest: None };
    import(&store, &ImportOrder::default(), PLANTED.as_bytes(), limits, |_| ()).await.unwrap();
    let asked = ReportQuery { from: Some(first), ..ReportQuery::default() };
    let report = comparison(store).report(&asked).await.unwrap();
    let audit = report.cost.arms.even.audit.as_ref().unwrap();
    let days: Vec<String> = audit.days.iter().map(|day| format!("{} {}", day.day, day.modelled.normalized())).collect();
    assert_eq!(days, ["2026-11-19 0.432", "2026-11-20 0.432", "2026-11-21 0.432", "2026-11-22 0.432"]);
    let named = [
        "no usage is charged on 2026-11-20, modelled at $0.43",
        "on 2026-11-21 1 charge of /sub/a/serverfarms/one stands in the bill more than once",
        "charges in EUR stand apart: list prices are in USD",
        "on 2026-11-22 a reservation or savings plan covers /sub/a/serverfarms/one: billed $0.00, effective $0.30",
    ];
    assert_eq!(audit.findings.len(), named.len(), "{:?}", audit.findings);
    for (finding, words) in audit.findings.iter().zip(named) {
        assert!(finding.starts_with(words), "{finding}");
    }
    let sums: Vec<String> =
        audit.charged.iter().map(|sum| format!("{} {} {}", sum.currency, sum.category, sum.billed.normalized())).collect();
    assert_eq!(sums, ["EUR Usage 0.4", "USD Tax 0.082", "USD Usage 1.296"]);
    assert_eq!(audit.residual.as_ref().map(|residual| residual.normalized().to_string()), Some("-0.132".to_owned()));
}

/// Slices of `calls` calls spread over the minute, about 30 ms with a tail.
fn some_slices(seed: u64, calls: u32) -> Vec<u8> {
    use crate::domain::statistics::random::Random;
    let mut random = Random::new(seed);
    let mut histograms: [crate::domain::histogram::Histogram; SLICES] = Default::default();
    let mut slices = crate::domain::window::Slices::default();
    for _ in 0..calls {
        let latency = u64::try_from(20_000 + random.below(15_000) + random.below(10) / 9 * random.below(200_000)).unwrap();
        let slice = random.below(SLICES);
        histograms[slice].record(latency);
        slices.0[slice].latency_sum_us += latency;
    }
    for (slice, histogram) in slices.0.iter_mut().zip(histograms) {
        slice.calls = histogram.total();
        let narrow = |(bucket, count)| (u16::try_from(bucket).unwrap(), u32::try_from(count).unwrap());
        slice.buckets = histogram.occupied().map(narrow).collect();
    }
    slices.encode()
}

/// A year of minutes, two workers an arm, 1,051,200 windows. By itself, as the next ones are: the bound is the whole process's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute to fill, and its bounds hold for the release profile: make bench-report"]
async fn a_year_of_windows_is_reported_within_two_seconds_and_200_mb() {
    a_year_under(Rule::Parity).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute to fill, and its bounds hold for the release profile: make bench-report"]
async fn a_mirrored_year_is_reported_within_two_seconds_and_200_mb() {
    a_year_under(Rule::Mirrored).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute to fill, and its bounds hold for the release profile: make bench-report"]
async fn a_random_year_is_reported_within_two_seconds_and_200_mb() {
    a_year_under(Rule::Random(Seed::new([7; 32]))).await;
}

async fn a_year_under(rule: Rule) {
    let store = new_store().await;
    let schedule = Schedule::new(rule);
    let minutes = 525_600_i64;
    let first = schedule.minute_at(NOW).0 - minutes;
    for arm in Arm::BOTH {
        let part = run::testing::arm_part_under(arm, &schedule);
        store.record_set_up(&part, schedule.starts_at(Minute(first))).await.unwrap();
    }
    // The database draws nothing.
    let odd_first: Vec<String> = rule.seed().map_or_else(Vec::new, |seed| {
        let pairs = first / 2..=(first + minutes) / 2;
        pairs.filter(|pair| seed.first_arm(*pair) == Arm::Odd).map(|pair| format!("({pair})")).collect()
    });
    let drawn = if odd_first.is_empty() { String::new() } else { format!("INSERT INTO odd_first VALUES {};", odd_first.join(",")) };
    let variants: Vec<String> =
        (0..64).map(|seed| format!("({seed}, '\\x{}'::bytea)", crate::domain::hex::encode(&some_slices(seed, 30)))).collect();
    let (rule, place) = match rule {
        Rule::Parity => ("parity", "minute % 2"),
        Rule::Mirrored => ("mirrored", "(minute + minute / 60) % 2"),
        Rule::Random(_) => ("random", "(minute + (SELECT count(*) FROM odd_first WHERE pair = minute / 2)) % 2"),
    };
    store
        .execute_for_test(&format!(
            "SET statement_timeout = 0; CREATE TEMP TABLE odd_first (pair bigint PRIMARY KEY); {drawn} \
             CREATE TEMP TABLE variants (id int PRIMARY KEY, slices bytea); INSERT INTO variants VALUES {}; \
             INSERT INTO windows SELECT to_timestamp(minute * 60.0), CASE WHEN {place} = 0 THEN 'even' ELSE 'odd' END, \
             ('00000000-0000-0000-0000-00000000000' || worker)::uuid, '{rule}', 60000, true, 30, 0, 0, '{{0,30,0,0,0}}', 0, 0, 0, 0, 0, \
             900000, slices, '{{}}', now() FROM generate_series({first}, {first} + {minutes} - 1) AS minute, \
             generate_series(1, 2) AS worker, variants WHERE id = (minute::bigint * 7919 + worker * 31) % 64; \
             INSERT INTO decisions SELECT to_timestamp(minute * 60.0), CASE WHEN {place} = 0 THEN 'even' ELSE 'odd' END, 'schedule', \
             '00000000-0000-0000-0000-000000000009', '{rule}', 60000, 60, now() \
             FROM generate_series({first}, {first} + {minutes} - 1) AS minute; ANALYZE;",
            variants.join(",")
        ))
        .await;
    let comparison = Comparison::new(store, schedule, config(), Arc::new(ManualClock::new(NOW)));
    let before_kb = resident_kb();
    let clock = SystemClock::new();
    let asked = ReportQuery { from: Some(schedule.starts_at(Minute(first))), ..ReportQuery::default() };
    let mut measured = Vec::new();
    for which in ["first", "second", "third"] {
        let started = clock.uptime();
        let report = comparison.report(&asked).await.unwrap();
        let took = clock.uptime() - started;
        println!("{rule}, {which}: {} rows in {took:?}; resident {before_kb} kB before, {} kB at most", report.data.rows, resident_kb());
        assert_eq!((report.data.rows, report.data.pairs, report.run.is_some()), (1_051_200, 262_800, true));
        measured.push((took, resident_kb()));
    }
    assert!(measured.iter().all(|(took, kb)| *took < Duration::from_secs(2) && *kb < 200_000), "{measured:?}");
}

/// Peak resident memory of this process, kB.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn past_a_short_queue_a_report_is_refused_at_once() {
    let url = database_url().await;
    let comparison = comparison(store(&url));
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("BEGIN; LOCK TABLE windows").await.unwrap();
    let report = |comparison: Comparison| async move { comparison.report(&ReportQuery::default()).await };
    let queued: Vec<_> = (0..=MAX_WAITING).map(|_| tokio::spawn(report(comparison.clone()))).collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let refused = tokio::time::timeout(Duration::from_secs(1), report(comparison.clone())).await.expect("an answer at once");
    assert!(matches!(&refused, Err(ComparisonError::Busy)), "{refused:?}");
    client.batch_execute("ROLLBACK").await.unwrap();
    for report in queued {
        report.await.unwrap().expect("its turn came");
    }
    report(comparison).await.expect("the queue is empty again");
}
