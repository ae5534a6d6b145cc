//! Sums that take longer than a page may: they go on while the page says so, and are there when it looks again.
//!
//! Kept by this process alone: a look that lands on another instance begins them anew. Must not know what a page shows of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::context::FutureExt;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::store::{CostQuery, CostRow, Store, StoreError};

/// How long a page waits for its sums: what people take for at once.
const PATIENCE: Duration = Duration::from_millis(200);
/// Sums that go on without a page; whoever asks for more waits for theirs.
const MAX_UNDER_WAY: usize = 4;
/// How long sums are kept for the page's next look, which comes after two seconds; then they are taken off the database.
const KEPT: Duration = Duration::from_secs(6);

/// Sums that pages have asked for and not seen yet.
#[derive(Debug)]
pub struct SumsUnderWay {
    under_way: Arc<Mutex<Vec<UnderWay>>>,
    kept: Duration,
}

type Adding = AbortOnDropHandle<Result<Vec<CostRow>, StoreError>>;

#[derive(Debug)]
struct UnderWay {
    /// Of this keeping: the next one has another.
    id: Uuid,
    query: CostQuery,
    adding: Adding,
}

impl Default for SumsUnderWay {
    fn default() -> Self {
        SumsUnderWay { under_way: Arc::default(), kept: KEPT }
    }
}

impl SumsUnderWay {
    /// The answer to `query`; none where it is still being made: whoever asks again shortly gets it, once.
    ///
    /// # Errors
    /// What the store says.
    pub async fn of(&self, store: &Store, query: CostQuery) -> Result<Option<Vec<CostRow>>, Problem> {
        let adding = self.take(&query).unwrap_or_else(|| add(store.clone(), query.clone()));
        let mut waiting = Waiting { sums: self, query, adding: Some(adding) };
        match tokio::time::timeout(PATIENCE, waiting.answer()).await {
            Ok(answer) => answer.map(Some),
            Err(_) if self.locked().len() < MAX_UNDER_WAY => Ok(None),
            Err(_) => waiting.answer().await.map(Some),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, query: &CostQuery) -> Option<Adding> {
        let mut under_way = self.locked();
        let position = under_way.iter().position(|own| own.query == *query)?;
        Some(under_way.remove(position).adding)
    }

    /// Keeps sums for the next look at them. Those of a question that somebody else has asked too are given up.
    fn keep(&self, query: CostQuery, adding: Adding) {
        // Without a runtime the process is ending.
        let Ok(runtime) = Handle::try_current() else { return };
        let mut under_way = self.locked();
        if under_way.len() == MAX_UNDER_WAY || under_way.iter().any(|own| own.query == query) {
            return;
        }
        let id = Uuid::new_v4();
        under_way.push(UnderWay { id, query, adding });
        let (all, kept) = (Arc::clone(&self.under_way), self.kept);
        runtime.spawn(async move {
            tokio::time::sleep(kept).await;
            all.lock().unwrap_or_else(PoisonError::into_inner).retain(|own| own.id != id);
        });
    }
}

/// A look at sums. Where it ends without them, they are kept for the next: a reader who reloads must not begin them anew.
struct Waiting<'sums> {
    sums: &'sums SumsUnderWay,
    query: CostQuery,
    /// None once it has ended.
    adding: Option<Adding>,
}

impl Waiting<'_> {
    async fn answer(&mut self) -> Result<Vec<CostRow>, Problem> {
        let Some(adding) = &mut self.adding else { return Ok(Vec::new()) };
        let ended = adding.await;
        self.adding = None;
        Ok(ended.map_err(Problem::internal)??)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(adding) = self.adding.take() {
            self.sums.keep(self.query.clone(), adding);
        }
    }
}

fn add(store: Store, query: CostQuery) -> Adding {
    AbortOnDropHandle::new(tokio::spawn(async move { store.costs(&query).await }.with_current_context()))
}

#[cfg(test)]
mod tests {
    use tokio_postgres::{Client, NoTls};

    use super::*;
    use crate::store::testing::{database_url, store};

    /// A ledger that a transaction of the client's has locked, so that sums take as long as it lasts.
    async fn locked() -> (Store, Client) {
        let url = database_url().await;
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE costs_by_service IN ACCESS EXCLUSIVE MODE").await.unwrap();
        (store(&url), client)
    }

    async fn is_under_way(sums: &SumsUnderWay, store: &Store, top: u32) -> bool {
        sums.of(store, CostQuery { top: Some(top), ..CostQuery::default() }).await.is_ok_and(|sums| sums.is_none())
    }

    #[tokio::test]
    async fn sums_that_take_long_are_there_when_asked_for_again() {
        let (store, lock) = locked().await;
        let sums = SumsUnderWay::default();
        for _ in 0..2 {
            assert!(is_under_way(&sums, &store, 1).await);
            assert_eq!(sums.locked().len(), 1, "the same question is asked once");
        }
        lock.batch_execute("COMMIT").await.unwrap();
        let answered = async { while is_under_way(&sums, &store, 1).await {} };
        tokio::time::timeout(Duration::from_secs(10), answered).await.expect("an answer");
        assert!(sums.locked().is_empty());
    }

    #[tokio::test]
    async fn a_reader_who_leaves_at_once_or_asks_beside_another_begins_nothing_anew() {
        let (store, _lock) = locked().await;
        let sums = SumsUnderWay::default();
        assert!(is_under_way(&sums, &store, 1).await);
        let begun = sums.locked()[0].adding.abort_handle().id();
        assert!(tokio::time::timeout(PATIENCE / 10, is_under_way(&sums, &store, 1)).await.is_err());
        assert_eq!(sums.locked()[0].adding.abort_handle().id(), begun);
        let both = tokio::join!(is_under_way(&sums, &store, 2), is_under_way(&sums, &store, 2));
        assert_eq!((both, sums.locked().len()), ((true, true), 2));
    }

    #[tokio::test]
    async fn what_nobody_asks_for_again_is_given_up_and_beyond_the_bound_readers_wait() {
        let (store, lock) = locked().await;
        let sums = SumsUnderWay { kept: Duration::from_millis(900), ..SumsUnderWay::default() };
        let all = futures_util::future::join_all((1..).take(MAX_UNDER_WAY).map(|top| is_under_way(&sums, &store, top))).await;
        assert_eq!(all, [true; MAX_UNDER_WAY]);
        let one_more = is_under_way(&sums, &store, 99);
        let unlocked = async {
            tokio::time::sleep(2 * PATIENCE).await;
            lock.batch_execute("COMMIT").await.unwrap();
        };
        assert!(!tokio::join!(one_more, unlocked).0, "it waited for its answer");
        let given_up = async {
            while !sums.locked().is_empty() {
                tokio::time::sleep(PATIENCE / 10).await
            }
        };
        tokio::time::timeout(Duration::from_secs(10), given_up).await.expect("nothing is kept");
    }
}
