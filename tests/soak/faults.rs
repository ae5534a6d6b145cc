//! Which faults come when, drawn from a seed, and bringing them. One at a time, each with a calm after it in which what waited is written: a
//! worker that is killed while the database is away takes everything that waited with it, and that is stated too.

use std::fmt;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use switchback::clock::{Clock, SystemClock};
use switchback::domain::arm::Arm;
use switchback::domain::statistics::random::Random;

use crate::proxy::Fault as Network;
use crate::stage::Stage;

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    KillArm(Arm),
    StopArm(Arm),
    KillRouter,
    StopRouter,
    KillPostgres,
    CutConnections,
    Network(Network),
}

/// What is drawn from until all have been, and then again. PostgreSQL's end is there twice: it is the fault with most to lose.
const KINDS: [Fault; 13] = [
    Fault::KillPostgres,
    Fault::KillPostgres,
    Fault::KillArm(Arm::Even),
    Fault::KillArm(Arm::Odd),
    Fault::StopArm(Arm::Even),
    Fault::StopArm(Arm::Odd),
    Fault::KillRouter,
    Fault::StopRouter,
    Fault::CutConnections,
    Fault::Network(Network::Latency(Duration::from_millis(150))),
    Fault::Network(Network::Stall),
    Fault::Network(Network::HalfOpen),
    Fault::Network(Network::Refuse),
];

/// Shortest and longest time a fault lasts.
const LASTS: [Duration; 2] = [Duration::from_millis(500), Duration::from_millis(3_500)];
/// Calm before each fault, longer than any count waits to be written.
const CALM: Duration = Duration::from_secs(6);

/// A fault with how long it lasts.
#[derive(Debug, Clone, Copy)]
struct Planned {
    fault: Fault,
    lasts: Duration,
}

/// All faults of a run, in order.
pub struct Plan {
    faults: Vec<Planned>,
    length: Duration,
}

/// A worker that was killed: its counts since its last writing went with it.
#[derive(Debug, Clone, Copy)]
pub struct Kill {
    /// The arm; none for the router.
    pub arm: Option<Arm>,
    /// When, by the run's clock.
    pub at: Duration,
}

impl Plan {
    /// The faults that `length` has room for; every seed's first is PostgreSQL's end, so that no run is without.
    pub fn draw(seed: u64, length: Duration) -> Plan {
        let mut random = Random::new(seed);
        let (mut faults, mut bag) = (Vec::new(), vec![Fault::KillPostgres]);
        let mut at = Duration::ZERO;
        loop {
            if bag.is_empty() {
                bag.extend(KINDS);
            }
            let fault = bag.swap_remove(random.below(bag.len()));
            let lasts = LASTS[0] + (LASTS[1] - LASTS[0]).mul_f64(random.uniform());
            // The work of breaking and mending takes some time too.
            at += CALM + lasts + Duration::from_secs(1);
            if at > length && !faults.is_empty() {
                return Plan { faults, length };
            }
            faults.push(Planned { fault, lasts });
        }
    }

    /// Brings the faults, as far as there is time for them. Returns which workers were killed.
    pub fn bring(&self, stage: &mut Stage, clock: &SystemClock) -> Vec<Kill> {
        let mut kills = Vec::new();
        let mut postgres = 0;
        for planned in &self.faults {
            thread::sleep(CALM);
            if clock.uptime() > self.length && postgres > 0 {
                break;
            }
            println!("{:>7.1} s  {planned}", clock.uptime().as_secs_f64());
            postgres += u32::from(planned.fault == Fault::KillPostgres);
            kills.extend(planned.bring(stage, clock));
        }
        println!(
            "{:>7.1} s  calm from now on; PostgreSQL was killed {postgres} times, workers {} times",
            clock.uptime().as_secs_f64(),
            kills.len()
        );
        kills
    }
}

impl Planned {
    fn bring(&self, stage: &mut Stage, clock: &SystemClock) -> Option<Kill> {
        let hold = || thread::sleep(self.lasts);
        match self.fault {
            Fault::KillArm(arm) => {
                stage.arms[arm].process.kill();
                let at = clock.uptime();
                hold();
                stage.restart_arm(arm);
                return Some(Kill { arm: Some(arm), at });
            }
            Fault::KillRouter => {
                stage.router.process.kill();
                let at = clock.uptime();
                hold();
                stage.restart_router();
                return Some(Kill { arm: None, at });
            }
            Fault::StopArm(arm) => {
                stage.arms[arm].process.signal(Signal::STOP);
                hold();
                stage.arms[arm].process.signal(Signal::CONT);
            }
            Fault::StopRouter => {
                stage.router.process.signal(Signal::STOP);
                hold();
                stage.router.process.signal(Signal::CONT);
            }
            Fault::KillPostgres => {
                stage.cluster.kill().unwrap();
                hold();
                stage.cluster.restart().unwrap();
            }
            Fault::CutConnections => stage.proxy.cut(),
            Fault::Network(fault) => {
                stage.proxy.set(fault);
                // What refuses new connections does nothing to those that are there.
                if fault == Network::Refuse {
                    stage.proxy.cut();
                }
                hold();
                stage.proxy.set(Network::None);
            }
        }
        None
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasts.as_secs_f64();
        match self.fault {
            Fault::KillArm(arm) => write!(formatter, "SIGKILL arm {arm}, back after {seconds:.1} s"),
            Fault::StopArm(arm) => write!(formatter, "SIGSTOP arm {arm} for {seconds:.1} s"),
            Fault::KillRouter => write!(formatter, "SIGKILL router, back after {seconds:.1} s"),
            Fault::StopRouter => write!(formatter, "SIGSTOP router for {seconds:.1} s"),
            Fault::KillPostgres => write!(formatter, "SIGKILL PostgreSQL, back after {seconds:.1} s"),
            Fault::CutConnections => write!(formatter, "cut every connection to PostgreSQL"),
            Fault::Network(fault) => write!(formatter, "network to PostgreSQL: {fault:?} for {seconds:.1} s"),
        }
    }
}
