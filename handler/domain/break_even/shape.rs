//! The shape of traffic: how many calls come when, how long they take, and how much of the time an instance is metered for them.
//! Must not know plans or prices.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::billing::ExecutionRule;

/// Shortest stretch that activity is metered for, s.
pub const SHORTEST_STRETCH_S: f64 = 1.0;
const SECONDS_PER_DAY: f64 = 86_400.0;
/// Most calls in a day that a shape may have: ten million a second.
const MAX_CALLS_PER_DAY: f64 = 864e9;
/// Shares of time that say how bursty traffic is; beyond them hardly anything changes with it.
const TELLING_SHARES: std::ops::RangeInclusive<f64> = 0.02..=0.98;

/// Traffic as a month's cost depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficShape {
    /// Calls a second, and in which share of the time.
    rates: Vec<(f64, f64)>,
    /// Mean duration of a call, s.
    duration_s: f64,
    /// Mean duration of a call as Consumption bills it, ms.
    execution_ms: f64,
    /// Memory of an execution, MB.
    memory_mb: u32,
    /// Calls in flight that one core serves as well as measured; none where no run has measured it.
    in_flight_per_vcpu: Option<f64>,
    /// How many times as likely a second is to be metered as for calls that know nothing of each other.
    burstiness_odds: f64,
}

/// Why there is no such traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// No calls, or more than any service has.
    #[error("calls a day must be a number above 0 and at most 864,000,000,000")]
    Calls,
    /// A duration of nothing, or longer than a day.
    #[error("a call's duration must be above 0 and at most a day")]
    Duration,
    /// A capacity of nothing.
    #[error("the calls in flight that a core serves must be a number above 0")]
    Capacity,
}

impl TrafficShape {
    /// `calls_per_day` evenly over the day, each taking `duration` and using `memory_mb`.
    ///
    /// # Errors
    /// No calls, no duration, or more of either than there can be.
    pub fn declared(calls_per_day: f64, duration: Duration, memory_mb: u32) -> Result<Self, ShapeError> {
        let latency_us = u64::try_from(duration.as_micros()).map_err(|_| ShapeError::Duration)?;
        let execution_ms = ExecutionRule::CONSUMPTION.billed_ms(latency_us);
        TrafficShape::of(vec![(calls_per_day / SECONDS_PER_DAY, 1.0)], duration, execution_ms as f64, memory_mb)
    }

    /// What a run measured: the calls of each of its minutes, quiet ones included, the mean duration of a call, and that duration as Consumption
    /// bills it (at least 100 ms, rounded up to 1 ms), in the mean.
    ///
    /// # Errors
    /// As [`TrafficShape::declared`].
    pub fn measured(
        calls_by_minute: impl IntoIterator<Item = u64>,
        minute: Duration,
        duration: Duration,
        execution_ms: f64,
        memory_mb: u32,
    ) -> Result<Self, ShapeError> {
        let mut minutes: BTreeMap<u64, u32> = BTreeMap::new();
        for calls in calls_by_minute {
            *minutes.entry(calls).or_default() += 1;
        }
        let all: f64 = minutes.values().map(|count| f64::from(*count)).sum();
        let rate = |(calls, count): (u64, u32)| (calls as f64 / minute.as_secs_f64(), f64::from(count) / all);
        TrafficShape::of(minutes.into_iter().map(rate).collect(), duration, execution_ms, memory_mb)
    }

    fn of(rates: Vec<(f64, f64)>, duration: Duration, execution_ms: f64, memory_mb: u32) -> Result<Self, ShapeError> {
        let duration_s = duration.as_secs_f64();
        let is_possible = |value: f64, most: f64| 0.0 < value && value <= most;
        if !is_possible(duration_s, SECONDS_PER_DAY) || !is_possible(execution_ms, SECONDS_PER_DAY * 1_000.0) {
            return Err(ShapeError::Duration);
        }
        let shape = TrafficShape { rates, duration_s, execution_ms, memory_mb, in_flight_per_vcpu: None, burstiness_odds: 1.0 };
        if is_possible(shape.calls_per_day(), MAX_CALLS_PER_DAY) { Ok(shape) } else { Err(ShapeError::Calls) }
    }

    /// The shape with the calls in flight that one core was seen to serve, by which dedicated plans are given instances.
    ///
    /// # Errors
    /// A capacity that is no number above 0.
    pub fn with_capacity(self, in_flight_per_vcpu: f64) -> Result<Self, ShapeError> {
        let right = in_flight_per_vcpu > 0.0 && in_flight_per_vcpu.is_finite();
        if right { Ok(TrafficShape { in_flight_per_vcpu: Some(in_flight_per_vcpu), ..self }) } else { Err(ShapeError::Capacity) }
    }

    /// The shape with metered time calibrated on the run: one instance was metered in `observed` of the time. Callers that come together leave
    /// longer gaps than callers that know nothing of each other, and even ones shorter ones. Where nearly all or nearly none of the time is
    /// metered, gaps hardly show and nothing is calibrated.
    #[must_use]
    pub fn calibrated(self, observed: f64) -> Self {
        let modelled = self.activity_share(1);
        let odds = |share: f64| share / (1.0 - share);
        let telling = TELLING_SHARES.contains(&observed) && TELLING_SHARES.contains(&modelled);
        let burstiness_odds = if telling { self.burstiness_odds * odds(observed) / odds(modelled) } else { self.burstiness_odds };
        TrafficShape { burstiness_odds, ..self }
    }

    /// The same traffic, `factor` times as much of it.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        TrafficShape { rates: self.rates.iter().map(|(calls, share)| (calls * factor, *share)).collect(), ..self.clone() }
    }

    /// Calls in a day.
    #[must_use]
    pub fn calls_per_day(&self) -> f64 {
        self.calls_per_second() * SECONDS_PER_DAY
    }

    /// Calls a second, in the mean.
    #[must_use]
    pub fn calls_per_second(&self) -> f64 {
        self.rates.iter().map(|(calls, share)| calls * share).sum()
    }

    /// Mean duration of a call, s.
    #[must_use]
    pub const fn duration_s(&self) -> f64 {
        self.duration_s
    }

    /// Mean duration of a call as Consumption bills it, ms.
    #[must_use]
    pub const fn execution_ms(&self) -> f64 {
        self.execution_ms
    }

    /// Memory of an execution, MB.
    #[must_use]
    pub const fn memory_mb(&self) -> u32 {
        self.memory_mb
    }

    /// Calls in flight that `vcpu` cores serve as well as measured.
    pub(super) fn capacity(&self, vcpu: f64) -> Option<f64> {
        self.in_flight_per_vcpu.map(|calls| calls * vcpu)
    }

    /// The mean of `quantity` over the time, given calls a second.
    pub(super) fn over_time(&self, quantity: impl Fn(f64) -> f64) -> f64 {
        self.rates.iter().map(|(calls, share)| quantity(*calls) * share).sum()
    }

    /// The most that `quantity` comes to at any time.
    pub(super) fn at_peak(&self, quantity: impl Fn(f64) -> f64) -> f64 {
        self.rates.iter().map(|(calls, _)| quantity(*calls)).fold(0.0, f64::max)
    }

    /// Share of the time in which one of `instances` that share the calls is metered.
    pub(super) fn activity_share(&self, instances: u32) -> f64 {
        self.over_time(|calls| self.metered_share_at(calls / f64::from(instances)))
    }

    /// Share of the time in which an instance is metered that takes `calls` a second.
    pub(super) fn metered_share_at(&self, calls: f64) -> f64 {
        let share = metered_share(calls, self.duration_s);
        if share >= 1.0 { 1.0 } else { self.burstiness_odds * share / (1.0 + (self.burstiness_odds - 1.0) * share) }
    }
}

/// Share of the time in which an instance is metered that takes `calls` a second of `duration_s` each, where callers know nothing of each
/// other.
///
/// A cycle of metered time and a gap: gaps last 1/λ in the mean, and metered time e^(λD) (1 − D) + (e^(λD) − 1)/λ, which is the shortest stretch
/// for calls of no length (the share is then λ/(1 + λ)) and the busy period of M/G/∞ for calls of a second or longer. Between them it
/// interpolates; a simulated meter agrees within .03.
#[must_use]
pub fn metered_share(calls: f64, duration_s: f64) -> f64 {
    if calls <= 0.0 {
        return 0.0;
    }
    let busy = (calls * duration_s).exp();
    let gap_odds = calls * busy * (SHORTEST_STRETCH_S - duration_s).max(0.0) + (busy - 1.0);
    if gap_odds.is_finite() { gap_odds / (1.0 + gap_odds) } else { 1.0 }
}
