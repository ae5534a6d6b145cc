//! Sums that take longer than a page may: they go on while the page says so, and are there when it looks again.
//!
//! Must not know what a page shows of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::context::FutureExt;
use tokio_util::task::AbortOnDropHandle;

use crate::clock::Clock;
use crate::http::problem::Problem;
use crate::store::{CostQuery, CostRow, Store, StoreError};

/// How long a page waits for its sums: what people take for at once.
const PATIENCE: Duration = Duration::from_millis(200);
/// Sums that may be under way; beyond, those asked for longest ago are given up.
const MAX_UNDER_WAY: usize = 16;
/// How long nobody need ask for sums before they are given up.
const MAX_UNASKED: Duration = Duration::from_secs(60);

/// Sums that pages have asked for and not seen yet. Dropped ones are taken off the database too.
#[derive(Debug)]
pub struct SumsUnderWay {
    clock: Arc<dyn Clock>,
    under_way: Mutex<Vec<UnderWay>>,
}

type Adding = AbortOnDropHandle<Result<Vec<CostRow>, StoreError>>;

#[derive(Debug)]
struct UnderWay {
    query: CostQuery,
    /// The uptime at which somebody asked last.
    asked_at: Duration,
    adding: Adding,
}

impl SumsUnderWay {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> SumsUnderWay {
        SumsUnderWay { clock, under_way: Mutex::default() }
    }

    /// The answer to `query`; none where it is still being made: whoever asks again shortly gets it, once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn of(&self, store: &Store, query: CostQuery) -> Result<Option<Vec<CostRow>>, Problem> {
        let mut adding = self.take(&query).unwrap_or_else(|| add(store.clone(), query.clone()));
        match tokio::time::timeout(PATIENCE, &mut adding).await {
            Ok(sums) => Ok(Some(sums.map_err(Problem::internal)??)),
            Err(_) => {
                self.keep(query, adding);
                Ok(None)
            }
        }
    }

    fn take(&self, query: &CostQuery) -> Option<Adding> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.uptime();
        under_way.retain(|own| now.saturating_sub(own.asked_at) < MAX_UNASKED);
        let position = under_way.iter().position(|own| own.query == *query)?;
        Some(under_way.remove(position).adding)
    }

    fn keep(&self, query: CostQuery, adding: Adding) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() == MAX_UNDER_WAY {
            under_way.remove(0);
        }
        under_way.push(UnderWay { query, asked_at: self.clock.uptime(), adding });
    }
}

fn add(store: Store, query: CostQuery) -> Adding {
    AbortOnDropHandle::new(tokio::spawn(async move { store.costs(&query).await }.with_current_context()))
}

#[cfg(test)]
mod tests {
    use tokio_postgres::{Client, NoTls};

    use super::*;
    use crate::clock::ManualClock;
    use crate::store::testing::{database_url, store};

    /// A ledger that a transaction of the client's has locked, so that sums take as long as it lasts.
    async fn locked() -> (Store, Client) {
        let url = database_url().await;
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE costs_by_service IN ACCESS EXCLUSIVE MODE").await.unwrap();
        (store(&url), client)
    }

    #[tokio::test]
    async fn sums_that_take_long_are_there_when_asked_for_again() {
        let (store, lock) = locked().await;
        let sums = SumsUnderWay::new(Arc::new(ManualClock::new(time::OffsetDateTime::UNIX_EPOCH)));
        let query = CostQuery::default();
        for _ in 0..2 {
            assert!(sums.of(&store, query.clone()).await.is_ok_and(|sums| sums.is_none()));
            assert_eq!(sums.under_way.lock().unwrap().len(), 1, "the same question is asked once");
        }
        lock.batch_execute("COMMIT").await.unwrap();
        let answered = async { while sums.of(&store, query.clone()).await.is_ok_and(|sums| sums.is_none()) {} };
        tokio::time::timeout(Duration::from_secs(10), answered).await.expect("an answer");
        assert!(sums.under_way.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_nobody_asks_for_again_is_given_up() {
        let (store, _lock) = locked().await;
        let clock = ManualClock::new(time::OffsetDateTime::UNIX_EPOCH);
        let sums = SumsUnderWay::new(Arc::new(clock.clone()));
        let of = |top| CostQuery { top: Some(top), ..CostQuery::default() };
        assert!(sums.of(&store, of(1)).await.is_ok_and(|sums| sums.is_none()));
        clock.advance(MAX_UNASKED);
        assert!(sums.of(&store, of(2)).await.is_ok_and(|sums| sums.is_none()));
        assert_eq!(sums.under_way.lock().unwrap().iter().map(|own| own.query.top).collect::<Vec<_>>(), [Some(2)]);
    }
}
