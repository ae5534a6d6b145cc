//! How Flex Consumption on demand meters an instance: by the time in which it serves at least one call, not by the call.
//! Must not know what a call is, what a second costs, nor how threads share a meter.
//!
//! The rule is the Functions host's own (azure-functions-host, `FlexConsumptionMetricsPublisher`): a period of activity lasts from the
//! first of overlapping calls to the end of the last. When it ends, and every five seconds while it lasts, the time since its begin or since
//! the mark, whichever is later, is metered: at least one second, rounded up to a tenth of one. The mark then stands where metered time ends, which
//! may lie ahead, so that a call in a second already metered costs nothing and no time is metered twice.
//!
//! Metered time is known only once it is metered: what is in flight when a process is killed is metered up to the last [`InstanceActivity::publish`].

use std::time::Duration;

/// Shortest stretch that is metered, µs.
const MIN_STRETCH_US: u64 = 1_000_000;
/// Stretches are rounded up to a multiple of this, µs.
const STEP_US: u64 = 100_000;
/// How often the host meters what is active.
pub const PUBLISH_INTERVAL: Duration = Duration::from_secs(5);

/// Bits of a mark: more than four years of µs. The other 17 count calls in flight.
const MARK_BITS: u32 = 47;
const MAX_MARK_US: u64 = (1 << MARK_BITS) - 1;
/// Most calls in flight that an instance is metered with; more are metered as so many.
pub const MAX_IN_FLIGHT: u32 = (1 << (u64::BITS - MARK_BITS)) - 1;

/// An instance as its meter sees it. A value: each event makes the next one, and says how many milliseconds it metered.
///
/// Times are uptimes of one process. One that runs behind an earlier one, as those of racing threads may, is read as no time passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InstanceActivity {
    in_flight: u32,
    /// Up to where time is metered or, during a period, where the time still to be metered begins, µs.
    mark_us: u64,
}

impl InstanceActivity {
    /// A call begins. Of a call's begin and another's end at the same instant the begin comes first: the period goes on.
    #[must_use]
    pub fn begin(self, uptime: Duration) -> Self {
        let mark_us = if self.in_flight == 0 { self.mark_us.max(micros(uptime)) } else { self.mark_us };
        InstanceActivity { in_flight: (self.in_flight + 1).min(MAX_IN_FLIGHT), mark_us }
    }

    /// A call ends; the last one in flight ends the period. An end without a begin changes nothing.
    #[must_use]
    pub fn end(self, uptime: Duration) -> (Self, u64) {
        match self.in_flight {
            0 => (self, 0),
            1 => InstanceActivity { in_flight: 0, ..self }.metered(uptime),
            more => (InstanceActivity { in_flight: more - 1, ..self }, 0),
        }
    }

    /// Meters what is active, as the host does every [`PUBLISH_INTERVAL`].
    #[must_use]
    pub fn publish(self, uptime: Duration) -> (Self, u64) {
        if self.in_flight == 0 { (self, 0) } else { self.metered(uptime) }
    }

    /// Calls that began and have not ended.
    #[must_use]
    pub const fn in_flight(self) -> u32 {
        self.in_flight
    }

    fn metered(self, uptime: Duration) -> (Self, u64) {
        let elapsed_us = micros(uptime).saturating_sub(self.mark_us);
        if elapsed_us == 0 {
            return (self, 0);
        }
        let stretch_us = elapsed_us.next_multiple_of(STEP_US).max(MIN_STRETCH_US);
        (InstanceActivity { mark_us: (self.mark_us + stretch_us).min(MAX_MARK_US), ..self }, stretch_us / 1_000)
    }

    /// The value in one word, for an atomic cell.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        ((self.in_flight as u64) << MARK_BITS) | self.mark_us
    }

    /// Reads what [`InstanceActivity::to_bits`] wrote.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        // The shift leaves 17 bits.
        let in_flight = (bits >> MARK_BITS) as u32;
        InstanceActivity { in_flight, mark_us: bits & MAX_MARK_US }
    }
}

fn micros(uptime: Duration) -> u64 {
    u64::try_from(uptime.as_micros()).unwrap_or(MAX_MARK_US).min(MAX_MARK_US)
}

#[cfg(test)]
#[path = "metering_tests.rs"]
mod tests;
