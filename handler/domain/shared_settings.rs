//! What router and arms must have in common, or their counts do not fit together. Must not know how they learn of one another's.

use std::fmt;

use super::hex;
use super::schedule::Schedule;
use super::ticket::TicketKey;

/// The schedule and the key of tickets a role goes by, in a form that may be shown to anyone: of the key and of a draw's
/// seed only a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedSettings(String);

impl SharedSettings {
    /// Those of a role with this schedule and key.
    #[must_use]
    pub fn new(schedule: &Schedule, key: Option<&TicketKey>) -> Self {
        let key = key.map_or_else(|| "none".to_owned(), |key| hex::encode(&key.fingerprint()));
        let seed = schedule.rule().seed().map(|seed| format!("; seed_sha256={}", seed.digest())).unwrap_or_default();
        let minute_ms = schedule.minute_length().as_millis();
        SharedSettings(format!("schedule={}{seed}; minute_ms={minute_ms}; ticket_key={key}", schedule.rule()))
    }

    /// As text that is the same where the settings are.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SharedSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::draw::Seed;
    use crate::domain::schedule::Rule;

    #[test]
    fn another_rule_minute_or_key_is_told_apart_and_no_key_is_shown() {
        let key = |secret: &str| TicketKey::new(secret).unwrap();
        let secret = "0123456789abcdef0123456789abcdef";
        let own = SharedSettings::new(&Schedule::default(), Some(&key(secret)));
        assert_eq!(own, SharedSettings::new(&Schedule::default(), Some(&key(secret))));
        for other in [
            SharedSettings::new(&Schedule::new(Rule::Mirrored), Some(&key(secret))),
            SharedSettings::new(&Schedule::with_minute(Rule::Parity, Duration::from_secs(2)), Some(&key(secret))),
            SharedSettings::new(&Schedule::default(), Some(&key("fedcba9876543210fedcba9876543210"))),
            SharedSettings::new(&Schedule::default(), None),
        ] {
            assert_ne!(own, other);
        }
        let random = |seed| SharedSettings::new(&Schedule::new(Rule::Random(Seed::new([seed; 32]))), None);
        assert_ne!(random(7), random(8));
        assert!(!random(7).to_string().contains("070707"));
        assert!(!own.to_string().contains(secret) && own.as_str().starts_with("schedule=parity; minute_ms=60000; ticket_key="), "{own}");
    }
}
