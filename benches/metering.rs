//! What metering costs a call, beside what counting it into its window costs and the whole of a served call.
//!
//! Each line is measured twice: how far apart two of a kind come out is how much a line is good for.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchback::clock::SystemClock;
use switchback::domain::arm::Arm;
use switchback::domain::schedule::Schedule;
use switchback::windows::meter::InstanceMeter;
use switchback::windows::{Arrival, Booking, CallCounter, CallKind};
use uuid::Uuid;

const CALLS: u64 = 2_000_000;
const ROUNDS: usize = 9;

/// Nanoseconds a call: the median of some rounds.
#[expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]
fn measure(name: &str, mut call: impl FnMut(u64)) {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(&mut call);
            began.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<44} {:7.1} ns a call ({:.1} to {:.1})", rounds[ROUNDS / 2], rounds[ROUNDS / 4], rounds[ROUNDS * 3 / 4]);
}

fn main() {
    let meter = InstanceMeter::default();
    let metered = |call: u64| {
        let begins = Duration::from_micros(black_box(call * 25_000));
        meter.begin(begins);
        black_box(meter.end(begins + Duration::from_micros(black_box(20_000))));
    };
    let clock = Arc::new(SystemClock::new());
    let counter = Arc::new(CallCounter::new(clock.clone(), Schedule::default(), Booking::Arm(Arm::Even), Uuid::nil(), &["/"]));
    let counted = |_| {
        use switchback::clock::Clock as _;
        let (at, uptime) = (clock.now(), clock.uptime());
        let minute = counter.schedule().minute_at(at);
        let call = counter.begin(Arrival { minute, at, uptime, kind: CallKind::Call, route: 0, request_bytes: 0 });
        call.expect("a window is open").finish(200, 0);
    };
    for again in ["", ", once more"] {
        measure(&format!("the meter alone{again}"), metered);
        measure(&format!("counting and metering a call{again}"), counted);
    }
}
