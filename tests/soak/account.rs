//! What callers saw beside what the program counted, minute by minute and arm by arm.
//!
//! Each answer must be in its window and each redirect among the decisions; beyond them only calls whose answer never came may be counted.
//! What a killed worker had not written yet is missing, and may be: at most what it did in the two seconds before.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use switchback::domain::arm::Arm;

use crate::callers::{Place, PlaceSeen, Seen, SeenCalls};
use crate::faults::Kill;
use crate::stage::{MINUTE, Stage};

/// What a killed worker may take with it (docs/reliability.md).
const STATED_LOSS: Duration = Duration::from_secs(2);

/// A sum that was seen beside the one that was counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Beside {
    seen: u64,
    /// May be counted, or may not.
    uncertain: u64,
    counted: u64,
    /// Seen and not counted.
    missing: u64,
    /// What killed workers may have taken with them.
    stated: u64,
}

/// The account.
pub struct Account<'run> {
    seen: SeenCalls,
    kills: &'run [Kill],
    windows: BTreeMap<Place, u64>,
    decisions: BTreeMap<Place, u64>,
    unavailable: u64,
    unrouted: u64,
    /// Counts as they were read the time before.
    before: Option<(u64, u64)>,
    settled: bool,
}

impl<'run> Account<'run> {
    pub fn new(seen: &Seen, kills: &'run [Kill]) -> Self {
        let (windows, decisions) = (BTreeMap::new(), BTreeMap::new());
        Account { seen: seen.calls(), kills, windows, decisions, unavailable: 0, unrouted: 0, before: None, settled: false }
    }

    /// Reads the counts, past everything that was broken.
    pub fn read(&mut self, stage: &Stage) -> &mut Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&stage.database, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            // As the router writes a shortened minute: its start in UTC, to the millisecond.
            let minute = "to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
            let places = async |table: &str, which: &str| -> BTreeMap<Place, u64> {
                let query = format!("SELECT {minute}, arm, sum(calls)::bigint FROM {table} WHERE {which} GROUP BY 1, 2");
                let rows = client.query(&query, &[]).await.unwrap();
                let place = |row: &tokio_postgres::Row| (row.get::<_, String>(0), row.get::<_, &str>(1).parse::<Arm>().unwrap());
                rows.iter().map(|row| (place(row), u64::try_from(row.get::<_, i64>(2)).unwrap())).collect()
            };
            self.windows = places("windows", "calls > 0").await;
            self.decisions = places("decisions", "reason <> 'unavailable'").await;
            self.unavailable = places("decisions", "reason = 'unavailable'").await.values().sum();
            let row = client.query_one("SELECT coalesce(sum(unrouted), 0)::bigint FROM windows", &[]).await.unwrap();
            self.unrouted = u64::try_from(row.get::<_, i64>(0)).unwrap();
        });
        let counts = (self.windows.values().sum(), self.decisions.values().sum());
        self.settled = self.before.replace(counts) == Some(counts);
        // The next reading is later than any writing.
        std::thread::sleep(MINUTE / 2);
        self
    }

    /// Answers that no fault excuses.
    pub fn unexcused(&self) -> usize {
        self.seen.unexcused.len()
    }

    /// Whether the last two readings found the same.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    fn calls(&self) -> BTreeMap<Place, Beside> {
        let kills = |place: &Place| self.kills.iter().filter(|kill| kill.arm == Some(place.1)).copied().collect();
        self.beside(&self.windows, kills, |seen| (&seen.answered, seen.unanswered))
    }

    fn redirects(&self) -> BTreeMap<Place, Beside> {
        let kills = |_: &Place| self.kills.iter().filter(|kill| kill.arm.is_none()).copied().collect();
        // A call the router never answered may be in any minute.
        self.beside(&self.decisions, kills, |seen| (&seen.redirected, self.seen.unanswered))
    }

    fn beside<'seen>(
        &'seen self,
        counted: &BTreeMap<Place, u64>,
        kills: impl Fn(&Place) -> Vec<Kill>,
        of: impl Fn(&'seen PlaceSeen) -> (&'seen Vec<Duration>, u64),
    ) -> BTreeMap<Place, Beside> {
        let mut places: BTreeMap<Place, Beside> = counted.keys().map(|place| (place.clone(), Beside::default())).collect();
        for (place, seen) in &self.seen.places {
            let (times, uncertain) = of(seen);
            let lost = |time: &&Duration| kills(place).iter().any(|kill| **time <= kill.at && kill.at - **time <= STATED_LOSS);
            let stated = times.iter().filter(lost).count() as u64;
            places.insert(place.clone(), Beside { seen: times.len() as u64, uncertain, stated, ..Beside::default() });
        }
        for (place, beside) in &mut places {
            beside.counted = counted.get(place).copied().unwrap_or_default();
            beside.missing = beside.seen.saturating_sub(beside.counted);
        }
        places
    }

    /// Where the counts are not what they must be.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (what, places) in [("calls", self.calls()), ("decisions", self.redirects())] {
            for ((minute, arm), beside) in places {
                if beside.missing > beside.stated || beside.counted > beside.seen + beside.uncertain {
                    mistakes.push(format!("{what} of {arm} in {minute}: {beside:?}"));
                }
            }
        }
        let over = self.sum(&self.redirects()).counted.saturating_sub(self.sum(&self.redirects()).seen);
        if over > self.seen.unanswered {
            mistakes.push(format!("{over} more decisions than redirects, and {} calls without an answer", self.seen.unanswered));
        }
        if self.unrouted > self.sum(&self.calls()).uncertain {
            mistakes.push(format!("{} calls were counted as past the router; all came through it", self.unrouted));
        }
        mistakes.extend(self.seen.unexcused.iter().take(5).map(|answer| format!("answered as no fault excuses: {answer}")));
        if self.seen.sent == 0 || self.windows.len() < 4 {
            mistakes.push(format!("{} calls in {} windows are no soak", self.seen.sent, self.windows.len()));
        }
        mistakes
    }

    fn sum(&self, places: &BTreeMap<Place, Beside>) -> Beside {
        places.values().fold(Beside::default(), |sum, one| Beside {
            seen: sum.seen + one.seen,
            uncertain: sum.uncertain + one.uncertain,
            counted: sum.counted + one.counted,
            missing: sum.missing + one.missing,
            stated: sum.stated + one.stated,
        })
    }
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = &self.seen;
        let calls = self.calls();
        let exact = calls.values().filter(|beside| beside.counted == beside.seen).count();
        writeln!(
            formatter,
            "sent {}: {} answered by arms {:?}, {} turned away by the router, {} found no router and {} no arm listening, {} and {} got no answer",
            seen.sent,
            seen.statuses.values().sum::<u64>(),
            seen.statuses,
            seen.turned_away,
            seen.refused,
            seen.arm_refused,
            seen.unanswered,
            seen.places.values().map(|place| place.unanswered).sum::<u64>()
        )?;
        writeln!(
            formatter,
            "{} windows, {exact} of them exact to the call; {} decisions that no arm was there",
            calls.len(),
            self.unavailable
        )?;
        writeln!(
            formatter,
            "{:<10} {:>9} {:>11} {:>9} {:>9} {:>22}",
            "", "seen", "uncertain", "counted", "missing", "may be missing (2 s)"
        )?;
        let mut redirects = self.sum(&self.redirects());
        redirects.uncertain = seen.unanswered;
        for (what, beside) in [("calls", self.sum(&calls)), ("decisions", redirects)] {
            let Beside { seen, uncertain, counted, missing, stated } = beside;
            writeln!(formatter, "{what:<10} {seen:>9} {uncertain:>11} {counted:>9} {missing:>9} {stated:>22}")?;
        }
        Ok(())
    }
}
