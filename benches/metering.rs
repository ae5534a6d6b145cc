//! What metering costs a call, beside what counting it into its window costs and the whole of a served call.
//!
//! Each line is measured twice: how far apart two of a kind come out is how much a line is good for.

#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

#[expect(dead_code, reason = "each bench uses a part of it")]
mod measure;

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use measure::{Contender, Load, program, side_by_side};
use switchback::clock::SystemClock;
use switchback::domain::arm::Arm;
use switchback::domain::schedule::Schedule;
use switchback::windows::meter::InstanceMeter;
use switchback::windows::{Arrival, Booking, CallCounter, CallKind};
use uuid::Uuid;

const CALLS: u64 = 2_000_000;
const ROUNDS: usize = 9;
const SERVED: Load = Load { rounds: 9, calls: 20_000, connections: 4, settling: Duration::ZERO };

/// Nanoseconds a call: the median of some rounds.
#[expect(clippy::disallowed_methods, reason = "a bench looks at the clock itself")]
fn measure(name: &str, mut call: impl FnMut(u64)) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            (0..CALLS).for_each(&mut call);
            began.elapsed().as_nanos() as f64 / CALLS as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<44} {:7.1} ns a call ({:.1} to {:.1})", rounds[ROUNDS / 2], rounds[ROUNDS / 4], rounds[ROUNDS * 3 / 4]);
    rounds[ROUNDS / 2]
}

/// An arm, asked for what it knows without a database: the cheapest call there is to meter.
fn arm(name: &'static str) -> Contender {
    let mut command = Command::new(program());
    command
        .arg("serve")
        .env_clear()
        .env("SWITCHBACK_ROLE", "api")
        .env("SWITCHBACK_ARM", "even")
        .env("SWITCHBACK_LOG", "off")
        .env("SWITCHBACK_OPEN", "loopback");
    command.env("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none?sslmode=disable");
    Contender::start(name, command).asked_for("/api/instance")
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
        call.expect("a window is open").finish(200, 0, clock.uptime());
    };
    let mut meter_ns = 0.0;
    for again in ["", ", once more"] {
        meter_ns = measure(&format!("the meter alone{again}"), metered);
        measure(&format!("counting and metering a call{again}"), counted);
    }
    let served = side_by_side("an arm's plainest answer", SERVED, vec![arm("served and metered"), arm("served and metered, once more")]);
    println!("metering is {:.2} % of the cheapest call's CPU", meter_ns / 10.0 / served[0]);
}
