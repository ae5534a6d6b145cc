//! One instance's meter, shared by all its calls: the rule of `domain/metering.rs` over a single atomic word.
//! Must not know the rule itself, nor which window metered time is booked to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::metering::InstanceActivity;

/// Meters calls from any number of threads. No call waits for another: whoever finds the word changed tries again with what it finds, and
/// some call always gets through.
///
/// The times of racing threads may reach the word in another order than they were taken in. That moves the edge of a period by as much as the
/// threads were apart, and meters nothing twice.
#[derive(Debug, Default)]
// On a cache line of its own: it changes with every call.
#[repr(align(128))]
pub struct InstanceMeter(AtomicU64);

impl InstanceMeter {
    /// A call begins.
    pub fn begin(&self, uptime: Duration) {
        self.change(|activity| (activity.begin(uptime), 0));
    }

    /// A call ends; returns the milliseconds metered by that.
    pub fn end(&self, uptime: Duration) -> u64 {
        self.change(|activity| activity.end(uptime))
    }

    /// Meters what is active; returns the milliseconds metered by that.
    pub fn publish(&self, uptime: Duration) -> u64 {
        self.change(|activity| activity.publish(uptime))
    }

    /// Calls that began and have not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        InstanceActivity::from_bits(self.0.load(Ordering::Relaxed)).in_flight()
    }

    fn change(&self, event: impl Fn(InstanceActivity) -> (InstanceActivity, u64)) -> u64 {
        // Relaxed: the word is all there is, and nothing else is handed over with it.
        let mut bits = self.0.load(Ordering::Relaxed);
        loop {
            let (next, metered_ms) = event(InstanceActivity::from_bits(bits));
            match self.0.compare_exchange_weak(bits, next.to_bits(), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return metered_ms,
                Err(found) => bits = found,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Barrier, Mutex};
    use std::thread;

    use super::*;

    const THREADS: u64 = 8;
    const CALLS: u64 = 20_000;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// Runs `work` on all threads at once; the sum of what they return.
    fn race(work: impl Fn(u64) -> u64 + Sync) -> u64 {
        let start = Barrier::new(usize::try_from(THREADS).expect("few"));
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    let (start, work) = (&start, &work);
                    scope.spawn(move || {
                        start.wait();
                        work(thread)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        })
    }

    #[test]
    fn under_one_long_call_all_others_cost_nothing() {
        let (meter, now) = (InstanceMeter::default(), AtomicU64::new(0));
        meter.begin(ms(0));
        let metered = race(|_| {
            let calls = (0..CALLS).map(|_| {
                meter.begin(ms(now.fetch_add(1, Ordering::Relaxed)));
                meter.end(ms(now.fetch_add(1, Ordering::Relaxed)))
            });
            calls.sum()
        });
        assert_eq!((metered, meter.in_flight()), (0, 1));
        let last = 2 * THREADS * CALLS + 1;
        assert_eq!(meter.end(ms(last)), last.next_multiple_of(100));
        assert_eq!(meter.in_flight(), 0);
    }

    #[test]
    fn calls_that_race_for_both_ends_of_a_period_meter_it_once() {
        let meter = &InstanceMeter::default();
        for round in 0..2_000 {
            // Nobody has paid for this second, and both calls lie within it.
            let call = move |offset: u64| {
                meter.begin(ms(round * 2_000 + offset));
                meter.end(ms(round * 2_000 + offset + 10))
            };
            let metered = thread::scope(|scope| {
                let threads = [scope.spawn(move || call(0)), scope.spawn(move || call(1))];
                threads.map(|thread| thread.join().expect("no panic"))
            });
            assert_eq!((metered.iter().sum::<u64>(), meter.in_flight()), (1_000, 0), "round {round}");
        }
    }

    #[test]
    fn however_calls_race_no_time_is_metered_twice_and_none_in_flight_is_lost() {
        let (meter, now) = (InstanceMeter::default(), AtomicU64::new(0));
        // Gaps, so that periods end and begin again all the time, and a publisher beside the calls.
        let tick = || ms(now.fetch_add(37, Ordering::Relaxed));
        let metered = race(|thread| {
            let calls = (0..CALLS).map(|_| {
                if thread == 0 {
                    return meter.publish(tick());
                }
                meter.begin(tick());
                meter.end(tick())
            });
            calls.sum()
        });
        let last = now.load(Ordering::Relaxed);
        assert_eq!(meter.in_flight(), 0);
        // The mark is never behind what was metered, and a stretch reaches at most a second past the clock.
        assert!(metered <= last + 1_000, "{metered} of {last}");
        assert_eq!(meter.publish(ms(last + 5_000)), 0, "nothing is active");
    }

    #[test]
    fn whichever_thread_comes_next_the_time_in_which_any_is_active_is_metered() {
        // Each event takes its time and reaches the meter before the next one: otherwise the clock, which moves by events, would run on by
        // as much as a thread was kept waiting between the two.
        let (meter, now) = (InstanceMeter::default(), Mutex::new(0_u64));
        let event = |step: u64, change: fn(&InstanceMeter, Duration) -> u64| {
            let mut now = now.lock().expect("no panic");
            *now += step;
            change(&meter, ms(*now))
        };
        let begin = |meter: &InstanceMeter, uptime| {
            meter.begin(uptime);
            0
        };
        let metered = race(|thread| {
            let calls = (0..CALLS).map(|_| {
                if thread == 0 {
                    return event(0, InstanceMeter::publish);
                }
                event(37, begin);
                event(37, InstanceMeter::end)
            });
            calls.sum()
        });
        let last = *now.lock().expect("no panic");
        assert!(metered <= last + 1_000, "{metered} of {last}");
        assert!(metered >= last / 2, "{metered} of {last}: callers hardly ever pause");
        assert_eq!((meter.in_flight(), meter.publish(ms(last + 5_000))), (0, 0), "nothing is active");
    }
}
