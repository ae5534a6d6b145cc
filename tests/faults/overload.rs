//! Three times as many calls as an arm can serve: the rest is turned away at once, and nobody takes the arm for dead.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};

use crate::harness::client::{caller, get_json};
use crate::harness::system::{EVEN_MINUTE, System};

/// Calls an arm serves at once, each for [`SERVICE`]: forty a second.
const PLACES: u32 = 16;
const SERVICE: Duration = Duration::from_millis(400);
const CAPACITY_PER_S: u32 = 40;
const LENGTH: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Answers {
    admitted: Vec<Duration>,
    turned_away: u32,
    other: Vec<String>,
}

impl Answers {
    fn p99(&mut self) -> Duration {
        self.admitted.sort_unstable();
        self.admitted[self.admitted.len() * 99 / 100]
    }
}

/// Calls `url` so many times a second whether or not earlier calls were answered, as callers do who know nothing of each other.
fn offer(url: &str, per_s: u32, length: Duration) -> Answers {
    let answers = Mutex::new(Answers::default());
    let gap = Duration::from_secs(1) / per_s;
    thread::scope(|scope| {
        let clock = SystemClock::new();
        let mut due = Duration::ZERO;
        while due < length {
            thread::sleep(due.saturating_sub(clock.uptime()));
            due += gap;
            scope.spawn(|| {
                let sent = SystemClock::new();
                let answer = caller().get(url).send();
                let mut answers = answers.lock().unwrap();
                match answer {
                    Ok(answer) if answer.status() == 200 => answers.admitted.push(sent.uptime()),
                    Ok(answer) if answer.status() == 503 && answer.headers().contains_key("retry-after") => answers.turned_away += 1,
                    Ok(answer) => answers.other.push(format!("{answer:?}")),
                    Err(error) => answers.other.push(error.to_string()),
                }
            });
        }
    });
    answers.into_inner().unwrap()
}

#[test]
fn three_times_the_capacity_leaves_health_at_200_both_arms_up_and_admitted_calls_as_fast() {
    let slow = format!("{}ms", SERVICE.as_millis());
    let system = System::start(
        |router| router.clock(EVEN_MINUTE),
        |arm| arm.clock(EVEN_MINUTE).slow(&slow).with("SWITCHBACK_MAX_CALLS", &PLACES.to_string()),
    );
    let url = system.url("/api/instance");
    let mut at_capacity = offer(&url, CAPACITY_PER_S * 3 / 4, LENGTH);
    let (stop, looks) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut past_it = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for arm in [&system.even, &system.odd] {
                    assert_eq!(caller().get(format!("{}/api/health/live", arm.url())).send().unwrap().status(), 200);
                }
                let arms = get_json(&system.url("/_switchback/health"))["arms"].clone();
                assert_eq!((&arms["even"], &arms["odd"]), (&"up".into(), &"up".into()));
                looks.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(100));
            }
        });
        let answers = offer(&url, 3 * CAPACITY_PER_S, LENGTH);
        stop.store(true, Ordering::Relaxed);
        answers
    });
    let (calm, busy) = (at_capacity.p99(), past_it.p99());
    println!(
        "at capacity: {} admitted, p99 {calm:?}; at three times it: {} admitted, p99 {busy:?}, {} turned away; {} looks at health",
        at_capacity.admitted.len(),
        past_it.admitted.len(),
        past_it.turned_away,
        looks.load(Ordering::Relaxed)
    );
    assert_eq!(past_it.other, [] as [String; 0], "an admitted call is a 200, every other a 503 with Retry-After");
    assert!(past_it.turned_away > 0, "more was offered than there was room for");
    assert!(busy <= 2 * calm, "p99 {busy:?} where it was {calm:?}");
    assert!(!system.router.process.output().contains("arm is"), "no arm changed its health: {}", system.router.process.output());
}
