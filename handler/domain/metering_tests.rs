//! The meter against independent answers, and against a timeline that is painted millisecond by millisecond.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::domain::billing::ExecutionRule;
use crate::domain::statistics::random::Random;

#[derive(Deserialize)]
struct Answers {
    cases: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    name: String,
    calls: Vec<(u64, u64)>,
    metered_ms: u64,
    with_publish_ms: u64,
    per_call_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Begin,
    End,
    Publish,
}

const PUBLISH_MS: u64 = 5_000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// What the meter makes of calls (start and end, ms), until `killed` if it ever is.
fn metered(calls: &[(u64, u64)], publishing: bool, killed: u64) -> u64 {
    let last = calls.iter().map(|call| call.1).max().unwrap_or(0);
    let mut events: Vec<(u64, Event)> = calls.iter().flat_map(|call| [(call.0, Event::Begin), (call.1, Event::End)]).collect();
    if publishing {
        events.extend((1..=last / PUBLISH_MS).map(|interval| (interval * PUBLISH_MS, Event::Publish)));
    }
    events.sort_unstable();
    let mut activity = InstanceActivity::default();
    let mut total = 0;
    for (at, event) in events.into_iter().take_while(|(at, _)| *at <= killed) {
        let (next, metered) = match event {
            Event::Begin => (activity.begin(ms(at)), 0),
            Event::End => activity.end(ms(at)),
            Event::Publish => activity.publish(ms(at)),
        };
        activity = next;
        total += metered;
    }
    assert!(killed < last || activity.in_flight() == 0);
    total
}

/// The same by painting: each cell of `cell_ms` is active or not and paid or not, and what counts is how many are paid in the end. Calls
/// begin and end between cells.
fn painted(calls: &[(u64, u64)], publishing: bool, cell_ms: usize) -> u64 {
    let cell = |at: u64| usize::try_from(at).expect("a short list") / cell_ms;
    let last = cell(calls.iter().map(|call| call.1).max().unwrap_or(0));
    let mut active = vec![false; last + 1];
    for (start, end) in calls {
        active[cell(*start)..cell(*end)].fill(true);
    }
    let (shortest, step, interval) = (1_000 / cell_ms, 100 / cell_ms, cell(PUBLISH_MS));
    let mut paid = vec![false; last + 1 + shortest + step];
    let mut began = 0;
    for now in 1..=last {
        if active[now] && !active[now - 1] {
            began = now;
        }
        let ends = active[now - 1] && !active[now];
        let published = publishing && now % interval == 0 && active[now - 1];
        if (ends || published)
            && let Some(unpaid) = (began..now).find(|cell| !paid[*cell])
        {
            let stretch = (now - unpaid).div_ceil(step).max(shortest / step) * step;
            paid[unpaid..unpaid + stretch].fill(true);
        }
    }
    (paid.iter().filter(|paid| **paid).count() * cell_ms) as u64
}

/// tests/data/method/README.md.
#[test]
fn independent_answers_are_reproduced() {
    let answers: Answers = serde_json::from_str(include_str!("../../tests/data/method/flex-metering.json")).expect("the answers");
    assert_eq!(answers.cases.len(), 16);
    for answer in answers.cases {
        let of = |publishing| metered(&answer.calls, publishing, u64::MAX);
        assert_eq!((of(false), of(true)), (answer.metered_ms, answer.with_publish_ms), "{}", answer.name);
        let each_alone = |call: &(u64, u64)| ExecutionRule::FLEX_ALONE.billed_ms((call.1 - call.0) * 1_000);
        assert_eq!(answer.calls.iter().map(each_alone).sum::<u64>(), answer.per_call_ms, "{}", answer.name);
        assert_eq!((painted(&answer.calls, false, 1), painted(&answer.calls, true, 1)), (of(false), of(true)), "{}", answer.name);
    }
}

/// A thousand lists of a thousand calls, from nearly idle to always busy, in steps of 20 ms.
#[test]
fn the_meter_agrees_with_a_painted_timeline() {
    const STEP_MS: usize = 20;
    let mut random = Random::new(41);
    for gap in [1, 3, 10, 30, 80].into_iter().cycle().take(1_000) {
        let mut duration_of = |longest: usize| (random.below(longest + 1) * STEP_MS) as u64;
        let longest = duration_of(150);
        let mut at = 0;
        let calls: Vec<(u64, u64)> = (0..1_000)
            .map(|call| {
                at += duration_of(2 * gap);
                let longest = if call % 10 == 0 { usize::try_from(longest).expect("short") / STEP_MS } else { 3 };
                (at, at + duration_of(longest))
            })
            .collect();
        for publishing in [false, true] {
            assert_eq!(metered(&calls, publishing, u64::MAX), painted(&calls, publishing, STEP_MS), "publishing: {publishing}, {calls:?}");
        }
    }
}

#[test]
fn a_kill_leaves_what_was_metered_at_the_last_publish() {
    // Killed at 14.2 s, when the last publish was at 10 s.
    assert_eq!(metered(&[(700, 60_000)], true, 14_200), 9_300);
    assert_eq!(metered(&[(700, 60_000)], true, 4_999), 0, "nothing was published yet");
    assert_eq!(metered(&[(9_990, 60_000)], true, 10_000), 1_000, "a stretch is a second at least");
    // A stretch metered ahead is not taken back.
    assert_eq!(metered(&[(9_990, 60_000), (9_991, 10_100)], true, 10_500), 1_000);
}

#[test]
fn microseconds_count() {
    let activity = InstanceActivity::default().begin(Duration::from_micros(5));
    assert_eq!(activity.end(Duration::from_micros(6)).1, 1_000);
    assert_eq!(activity.end(Duration::from_micros(1_000_005)).1, 1_000);
    assert_eq!(activity.end(Duration::from_micros(1_000_006)).1, 1_100);
}

#[test]
fn two_instances_never_share_a_mark() {
    let one = InstanceActivity::default().begin(ms(0)).end(ms(20)).0;
    assert_eq!(one.begin(ms(500)).end(ms(520)).1, 0);
    assert_eq!(InstanceActivity::default().begin(ms(500)).end(ms(520)).1, 1_000);
}

#[test]
fn an_end_without_a_begin_and_a_clock_at_its_end_change_nothing() {
    assert_eq!(InstanceActivity::default().end(ms(5)), (InstanceActivity::default(), 0));
    let late = InstanceActivity::default().begin(Duration::MAX);
    assert_eq!(late.end(Duration::MAX).1, 0);
    assert_eq!(InstanceActivity::from_bits(late.to_bits()), late);
}

proptest! {
    #[test]
    fn a_word_holds_an_activity(in_flight in 0..=MAX_IN_FLIGHT, mark_us in 0..=MAX_MARK_US) {
        let activity = InstanceActivity { in_flight, mark_us };
        prop_assert_eq!(InstanceActivity::from_bits(activity.to_bits()), activity);
    }

    /// Racing threads bring times that are not in order: no time is metered twice even so.
    #[test]
    fn whatever_the_order_of_times_nothing_is_metered_twice(events in prop::collection::vec((0_u64..60_000, 0..3_u8), 1..300)) {
        let mut activity = InstanceActivity::default();
        let mut total_ms = 0;
        for (at, event) in events {
            let before = activity;
            let (next, metered) = match event {
                0 => (activity.begin(ms(at)), 0),
                1 => activity.end(ms(at)),
                _ => activity.publish(ms(at)),
            };
            prop_assert!(next.mark_us >= before.mark_us + metered * 1_000);
            activity = next;
            total_ms += metered;
        }
        prop_assert!(total_ms * 1_000 <= activity.mark_us);
    }
}
