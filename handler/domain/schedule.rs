//! Which arm a moment belongs to. Must not know whether that arm is well: failover is routing's business.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::arm::Arm;
use super::draw::Seed;
use super::moment;

/// How minutes map to arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    /// UTC minute % 2. An hour has an even number of minutes, so this is the parity of the minutes since the epoch.
    #[default]
    Parity,
    /// (minute + hour since the epoch) % 2: swaps the mapping every hour, so that a job which runs on even minutes does not look
    /// like a plan effect.
    Mirrored,
    /// Within each pair of minutes (2k, 2k + 1) the order of the arms is drawn from the seed.
    Random(Seed),
}

impl Rule {
    /// The rules' names in settings and JSON.
    pub const NAMES: [&str; 3] = ["parity", "mirrored", "random"];

    /// The rule's name in settings and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Parity => "parity",
            Rule::Mirrored => "mirrored",
            Rule::Random(_) => "random",
        }
    }

    /// The rule called `name`, drawn from `seed` where it is random.
    ///
    /// # Errors
    /// [`RuleError`] for a name that is none, and for a random schedule without a seed.
    pub fn named(name: &str, seed: Option<Seed>) -> Result<Self, RuleError> {
        match name {
            "parity" => Ok(Rule::Parity),
            "mirrored" => Ok(Rule::Mirrored),
            "random" => seed.map(Rule::Random).ok_or(RuleError::NoSeed),
            other => Err(RuleError::Unknown(other.chars().take(40).collect())),
        }
    }

    /// The seed a random schedule is drawn from.
    #[must_use]
    pub const fn seed(self) -> Option<Seed> {
        match self {
            Rule::Parity | Rule::Mirrored => None,
            Rule::Random(seed) => Some(seed),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Rule {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Rule::NAMES)).into()
    }
}

impl ToSchema for Rule {}

/// No schedule follows from a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text names no schedule.
    #[error("'{0}' is not a schedule: expected {names}", names = Rule::NAMES.join(" or "))]
    Unknown(String),
    /// A random schedule without what it is drawn from.
    #[error("a random schedule needs a seed")]
    NoSeed,
}

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
    pub fn arm_of(&self, minute: Minute) -> Arm {
        let by_parity = |turn: i64| if turn.rem_euclid(2) == 0 { Arm::Even } else { Arm::Odd };
        match self.rule {
            Rule::Parity => by_parity(minute.0),
            Rule::Mirrored => by_parity(minute.0.wrapping_add(minute.0.div_euclid(MINUTES_PER_HOUR))),
            Rule::Random(seed) => {
                let first = seed.first_arm(minute.0.div_euclid(2));
                if minute.0.rem_euclid(2) == 0 { first } else { first.other() }
            }
        }
    }

    /// The minute in which a call that arrives at `arm` at `moment` was routed, as far as its arrival tells: one that arrives within a twelfth of
    /// the other arm's minute, 5 s of a real one, was on its way since the minute before.
    #[must_use]
    pub fn routed_minute(&self, arm: Arm, moment: OffsetDateTime) -> Minute {
        let arrival = self.minute_at(moment);
        let on_its_way = self.elapsed(arrival, moment) < self.minute_length() / 12;
        if on_its_way && self.arm_of(arrival) != arm && self.arm_of(arrival.previous()) == arm { arrival.previous() } else { arrival }
    }

    /// The first minute of the pair that holds `minute`: an even-numbered minute since the epoch and the one after it are a pair.
    #[must_use]
    pub const fn pair_of(&self, minute: Minute) -> Minute {
        Minute(minute.0 - minute.0.rem_euclid(2))
    }

    /// The first instant of the pair that holds `moment`.
    #[must_use]
    pub fn pair_start(&self, moment: OffsetDateTime) -> OffsetDateTime {
        self.starts_at(self.pair_of(self.minute_at(moment)))
    }

    /// The first instant of the first whole pair at or after `moment`.
    #[must_use]
    pub fn next_whole_pair(&self, moment: OffsetDateTime) -> OffsetDateTime {
        let own = self.pair_of(self.minute_at(moment));
        if self.starts_at(own) == moment { moment } else { self.starts_at(Minute(own.0.saturating_add(2))) }
    }

    /// The minute's first instant.
    #[must_use]
    pub fn starts_at(&self, minute: Minute) -> OffsetDateTime {
        let since_epoch = time::Duration::milliseconds(minute.0.saturating_mul(self.minute_ms));
        OffsetDateTime::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// How long before `moment` the minute began; zero where it has yet to begin.
    #[must_use]
    pub fn elapsed(&self, minute: Minute, moment: OffsetDateTime) -> Duration {
        // In whole numbers: calendars take ten times as long, and this is asked of every call.
        let began_ns = i128::from(minute.0) * i128::from(self.minute_ms) * 1_000_000;
        let elapsed_ns = (moment.unix_timestamp_nanos() - began_ns).max(0);
        Duration::from_nanos(u64::try_from(elapsed_ns).unwrap_or(u64::MAX))
    }

    /// The first minute after `minute` that belongs to the other arm.
    #[must_use]
    pub fn next_switch(&self, minute: Minute) -> Minute {
        let arm = self.arm_of(minute);
        let mut next = minute.next();
        // Mirrored repeats an arm once, at the turn of the hour; so does a draw, where one pair ends as the next begins. None repeats it twice.
        while self.arm_of(next) == arm {
            next = next.next();
        }
        next
    }

    /// The minute as `Switchback-Minute` shows it: `2026-11-23T10:04Z`, with seconds where a shortened minute needs them.
    #[must_use]
    pub fn label(&self, minute: Minute) -> String {
        let start = self.starts_at(minute);
        let Some(stamp) = moment::to_the_millisecond(start) else { return minute.0.to_string() };
        let shown = if self.minute_ms == 60_000 { "2026-11-23T10:04".len() } else { "2026-11-23T10:04:02.000".len() };
        let mut label = String::with_capacity(shown + 1);
        label.push_str(str::from_utf8(&stamp[..shown]).unwrap_or_default());
        label.push('Z');
        label
    }
}

fn unix_ms(moment: OffsetDateTime) -> i64 {
    moment.unix_timestamp() * 1_000 + i64::from(moment.millisecond())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::{datetime, format_description};

    use super::*;

    #[test]
    fn what_has_passed_of_a_minute_is_exact_and_never_negative() {
        let schedule = Schedule::default();
        let (minute, start) = (schedule.minute_at(datetime!(2026-11-23 10:04 UTC)), datetime!(2026-11-23 10:04 UTC));
        for nanoseconds in [0, 1, 999_999_999, 59_999_999_999, 3_600_000_000_001] {
            let elapsed = Duration::from_nanos(nanoseconds);
            assert_eq!(schedule.elapsed(minute, start + elapsed), elapsed);
        }
        assert_eq!(schedule.elapsed(minute, start - Duration::from_nanos(1)), Duration::ZERO);
        assert_eq!(schedule.elapsed(Minute(i64::MAX), start), Duration::ZERO);
        let longest = schedule.elapsed(Minute(i64::MIN), start);
        assert_eq!(longest, Duration::from_nanos(u64::MAX), "as long as there is");
    }

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

    fn random() -> Schedule {
        Schedule::new(Rule::Random(Seed::new([7; 32])))
    }

    #[test]
    fn a_random_schedule_gives_each_arm_one_minute_of_every_pair_and_both_orders_occur() {
        let schedule = random();
        let first: Vec<Arm> = (-50..50).map(|pair| schedule.arm_of(Minute(2 * pair))).collect();
        let second: Vec<Arm> = (-50..50).map(|pair| schedule.arm_of(Minute(2 * pair + 1))).collect();
        assert!(first.iter().zip(&second).all(|(one, other)| *one == other.other()));
        assert!(first.contains(&Arm::Even) && first.contains(&Arm::Odd));
    }

    #[test]
    fn a_random_schedule_needs_its_seed_and_does_not_print_it() {
        assert_eq!(Rule::named("random", None), Err(RuleError::NoSeed));
        let rule = Rule::named("random", Some(Seed::new([7; 32]))).unwrap();
        assert_eq!((rule.to_string().as_str(), format!("{rule:?}").as_str()), ("random", "Random(Seed(redacted))"));
        assert_eq!(
            Rule::named("weekly", None).unwrap_err().to_string(),
            "'weekly' is not a schedule: expected parity or mirrored or random"
        );
    }

    #[test]
    fn a_whole_pair_begins_at_an_even_numbered_minute() {
        let schedule = Schedule::default();
        let at = |moment| schedule.next_whole_pair(moment);
        assert_eq!(at(datetime!(2026-11-23 10:04 UTC)), datetime!(2026-11-23 10:04 UTC));
        assert_eq!(at(datetime!(2026-11-23 10:04:00.000_001 UTC)), datetime!(2026-11-23 10:06 UTC));
        assert_eq!(at(datetime!(2026-11-23 10:05:59 UTC)), datetime!(2026-11-23 10:06 UTC));
        assert_eq!(schedule.pair_start(datetime!(2026-11-23 10:05:59 UTC)), datetime!(2026-11-23 10:04 UTC));
    }

    #[test]
    fn a_call_that_arrives_early_in_the_other_arms_minute_was_routed_in_the_minute_before() {
        let schedule = Schedule::default();
        let minute = |arm, moment| schedule.label(schedule.routed_minute(arm, moment));
        assert_eq!(minute(Arm::Even, datetime!(2026-11-23 10:05:04.999 UTC)), "2026-11-23T10:04Z");
        assert_eq!(
            minute(Arm::Even, datetime!(2026-11-23 10:05:05 UTC)),
            "2026-11-23T10:05Z",
            "a failover, or a caller who goes there directly"
        );
        assert_eq!(minute(Arm::Odd, datetime!(2026-11-23 10:05:01 UTC)), "2026-11-23T10:05Z");
        let mirrored = Schedule::new(Rule::Mirrored);
        let last_of_hour = mirrored.minute_at(datetime!(2026-11-23 10:59 UTC));
        let (same, other) = (mirrored.arm_of(last_of_hour), mirrored.arm_of(last_of_hour).other());
        let next = datetime!(2026-11-23 11:00:01 UTC);
        assert_eq!([same, other].map(|arm| mirrored.routed_minute(arm, next)), [last_of_hour.next(); 2], "neither arm's minute ended here");
    }

    #[test]
    fn a_shortened_minute_is_labelled_to_the_millisecond() {
        let schedule = Schedule::with_minute(Rule::Parity, Duration::from_secs(2));
        let minute = schedule.minute_at(datetime!(2026-11-23 10:04:03.5 UTC));
        assert_eq!(schedule.label(minute), "2026-11-23T10:04:02.000Z");
    }

    #[test]
    fn moments_before_the_epoch_lie_in_the_minute_they_are_in() {
        assert_eq!(unix_ms(datetime!(1969-12-31 23:59:59.9995 UTC)), -1);
        assert_eq!(Schedule::default().minute_at(datetime!(1969-12-31 23:59:59.5 UTC)), Minute(-1));
        assert_eq!(unix_ms(datetime!(2026-11-23 10:04:00.123999 UTC)), 1_795_428_240_123);
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
        fn a_label_is_the_minutes_first_instant(minute in 0_i64..2_000_000_000, minute_ms in 100_u64..60_000) {
            let plain = format_description!("[year]-[month]-[day]T[hour]:[minute]Z");
            let short = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
            for (schedule, form) in [
                (Schedule::default(), plain),
                (Schedule::with_minute(Rule::Parity, Duration::from_millis(minute_ms)), short),
            ] {
                let start = schedule.starts_at(Minute(minute));
                prop_assert_eq!(schedule.label(Minute(minute)), start.format(form)?);
            }
        }

        #[test]
        fn the_next_switch_is_near_and_to_the_other_arm(minute in -1_000_000_i64..1_000_000) {
            for schedule in [Schedule::default(), Schedule::new(Rule::Mirrored), random()] {
                let next = schedule.next_switch(Minute(minute));
                prop_assert!((1..=2).contains(&(next.0 - minute)));
                prop_assert_eq!(schedule.arm_of(next), schedule.arm_of(Minute(minute)).other());
            }
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
