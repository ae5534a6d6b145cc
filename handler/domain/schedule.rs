//! Which arm a moment belongs to. Must not know whether that arm is well: failover is routing's business.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::macros::format_description;
use utoipa::ToSchema;

use super::arm::Arm;
use super::listed::listed;

listed! {
    /// How minutes map to arms.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    pub enum Rule {
        /// UTC minute % 2. An hour has an even number of minutes, so this is the parity of the minutes since the epoch.
        #[default]
        Parity,
        /// (minute + hour since the epoch) % 2: swaps the mapping every hour, so that a job which runs on even minutes does not look
        /// like a plan effect.
        Mirrored,
    }
}

impl Rule {
    /// The rule's name in settings and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Parity => "parity",
            Rule::Mirrored => "mirrored",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Rule::ALL.into_iter().find(|rule| rule.as_str() == text).ok_or_else(|| UnknownRule(text.chars().take(40).collect()))
    }
}

/// The text names no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a schedule: expected {names}", names = Rule::ALL.map(Rule::as_str).join(" or "))]
pub struct UnknownRule(String);

/// Number of whole schedule minutes since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Minute(pub i64);

impl Minute {
    /// The minute after this one.
    #[must_use]
    pub const fn next(self) -> Minute {
        Minute(self.0.saturating_add(1))
    }

    /// The minute before this one.
    #[must_use]
    pub const fn previous(self) -> Minute {
        Minute(self.0.saturating_sub(1))
    }
}

const MINUTES_PER_HOUR: i64 = 60;

/// The rule with the length of its minute: sixty seconds, except where a development system shortens it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    rule: Rule,
    minute_ms: i64,
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::new(Rule::Parity)
    }
}

impl Schedule {
    /// Shortest minute a development system may ask for.
    pub const MIN_MINUTE: Duration = Duration::from_millis(100);
    /// The real minute.
    pub const MINUTE: Duration = Duration::from_secs(60);

    /// A schedule of real, sixty-second UTC minutes.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Schedule { rule, minute_ms: 60_000 }
    }

    /// A schedule whose minute lasts `minute`, at least [`Schedule::MIN_MINUTE`], at most the real one.
    #[must_use]
    pub fn with_minute(rule: Rule, minute: Duration) -> Self {
        let minute = minute.clamp(Self::MIN_MINUTE, Self::MINUTE);
        Schedule { rule, minute_ms: i64::try_from(minute.as_millis()).unwrap_or(60_000) }
    }

    /// The rule in force.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// How long a minute lasts.
    #[must_use]
    pub const fn minute_length(&self) -> Duration {
        Duration::from_millis(self.minute_ms.unsigned_abs())
    }

    /// The minute that holds `moment`; its first instant belongs to it, its end does not.
    #[must_use]
    pub fn minute_at(&self, moment: OffsetDateTime) -> Minute {
        Minute(unix_ms(moment).div_euclid(self.minute_ms))
    }

    /// The arm whose turn `minute` is.
    #[must_use]
    pub const fn arm_of(&self, minute: Minute) -> Arm {
        let turn = match self.rule {
            Rule::Parity => minute.0,
            Rule::Mirrored => minute.0.wrapping_add(minute.0.div_euclid(MINUTES_PER_HOUR)),
        };
        if turn.rem_euclid(2) == 0 { Arm::Even } else { Arm::Odd }
    }

    /// The minute's first instant.
    #[must_use]
    pub fn starts_at(&self, minute: Minute) -> OffsetDateTime {
        let nanos = i128::from(minute.0) * i128::from(self.minute_ms) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The first minute after `minute` that belongs to the other arm.
    #[must_use]
    pub fn next_switch(&self, minute: Minute) -> Minute {
        let arm = self.arm_of(minute);
        let mut next = minute.next();
        // Mirrored repeats an arm once, at the turn of the hour; no rule repeats it twice.
        while self.arm_of(next) == arm {
            next = next.next();
        }
        next
    }

    /// The minute as `Switchback-Minute` shows it: `2026-11-23T10:04Z`, with seconds where a shortened minute needs them.
    #[must_use]
    pub fn label(&self, minute: Minute) -> String {
        let start = self.starts_at(minute);
        let label = if self.minute_ms == 60_000 {
            start.format(format_description!("[year]-[month]-[day]T[hour]:[minute]Z"))
        } else {
            start.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"))
        };
        label.unwrap_or_else(|_| minute.0.to_string())
    }
}

fn unix_ms(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_boundary_belongs_to_the_minute_it_opens() {
        let schedule = Schedule::default();
        let last = schedule.minute_at(datetime!(2026-11-23 10:03:59.999_999_999 UTC));
        let first = schedule.minute_at(datetime!(2026-11-23 10:04:00 UTC));
        assert_eq!(schedule.arm_of(last), Arm::Odd);
        assert_eq!(schedule.arm_of(first), Arm::Even);
        assert_eq!(schedule.label(last), "2026-11-23T10:03Z");
        assert_eq!(schedule.label(first), "2026-11-23T10:04Z");
    }

    #[test]
    fn an_offset_of_odd_minutes_does_not_change_the_arm() {
        let schedule = Schedule::default();
        let kathmandu = datetime!(2026-11-23 15:49:30 +05:45);
        assert_eq!(schedule.arm_of(schedule.minute_at(kathmandu)), Arm::Even, "10:04:30 UTC");
    }

    #[test]
    fn mirrored_swaps_the_mapping_every_hour() {
        let schedule = Schedule::new(Rule::Mirrored);
        let arm = |moment| schedule.arm_of(schedule.minute_at(moment));
        assert_ne!(arm(datetime!(2026-11-23 10:04 UTC)), arm(datetime!(2026-11-23 11:04 UTC)));
        let last_of_hour = schedule.minute_at(datetime!(2026-11-23 10:59 UTC));
        assert_eq!(schedule.arm_of(last_of_hour), schedule.arm_of(last_of_hour.next()));
        assert_eq!(schedule.next_switch(last_of_hour), Minute(last_of_hour.0 + 2));
    }

    #[test]
    fn a_shortened_minute_is_labelled_to_the_millisecond() {
        let schedule = Schedule::with_minute(Rule::Parity, Duration::from_secs(2));
        let minute = schedule.minute_at(datetime!(2026-11-23 10:04:03.5 UTC));
        assert_eq!(schedule.label(minute), "2026-11-23T10:04:02.000Z");
    }

    proptest! {
        #[test]
        fn parity_is_the_utc_minutes(seconds in 0_i64..4_102_444_800, nanos in 0_i64..1_000_000_000) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds)? + time::Duration::nanoseconds(nanos);
            let schedule = Schedule::default();
            let minute = schedule.minute_at(moment);
            let expected = if moment.minute() % 2 == 0 { Arm::Even } else { Arm::Odd };
            prop_assert_eq!(schedule.arm_of(minute), expected);
            prop_assert!(schedule.starts_at(minute) <= moment);
            prop_assert!(moment < schedule.starts_at(minute.next()));
        }

        #[test]
        fn mirrored_is_minute_plus_hour(seconds in 0_i64..4_102_444_800) {
            let moment = OffsetDateTime::from_unix_timestamp(seconds)?;
            let schedule = Schedule::new(Rule::Mirrored);
            let expected = if (i64::from(moment.minute()) + seconds / 3600) % 2 == 0 { Arm::Even } else { Arm::Odd };
            prop_assert_eq!(schedule.arm_of(schedule.minute_at(moment)), expected);
        }
    }
}
