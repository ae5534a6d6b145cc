//! Settings of how long what was counted is kept. Must not know how anything is removed.

use std::time::Duration;

use super::settings::{Settings, duration_between};

const DAY: Duration = Duration::from_secs(86_400);
/// Thirteen months: a year can be compared with the one before.
const STANDARD: Duration = Duration::from_secs(397 * 86_400);
/// Long after the last of a day's rows can be written.
const MIN: Duration = Duration::from_secs(7 * 86_400);
const MAX: Duration = Duration::from_secs(3_660 * 86_400);

/// How long rows are kept before only the sums of their days are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Windows of the arms.
    pub windows: Duration,
    /// Decisions of the routers.
    pub decisions: Duration,
    /// Probes of supervision.
    pub probes: Duration,
}

pub(super) fn read(settings: &mut Settings) -> Retention {
    let mut kept = |setting, standard| settings.parsed(setting, standard, duration_between(MIN, MAX));
    Retention {
        windows: kept("SWITCHBACK_RETENTION_WINDOWS", STANDARD),
        decisions: kept("SWITCHBACK_RETENTION_DECISIONS", STANDARD),
        probes: kept("SWITCHBACK_RETENTION_PROBES", 90 * DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_a_time_too_short_is_refused() {
        let read_with = |value: &str| {
            let mut settings = Settings::new([("SWITCHBACK_RETENTION_WINDOWS".to_owned(), value.to_owned())]);
            (read(&mut settings).windows, settings.into_mistakes().len())
        };
        assert_eq!(read_with("400d"), (400 * DAY, 0));
        assert_eq!(read_with(""), (397 * DAY, 0));
        for wrong in ["6d", "0d", "4000d", "13 months", "d"] {
            assert_eq!(read_with(wrong).1, 1, "{wrong}");
        }
    }
}
