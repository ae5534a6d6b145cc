//! What this process serves with, recorded once it has started and whenever it changes: what runs follow from.
//!
//! Must not know which runs follow.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::comparison::ComparisonConfig;
use crate::domain::arm::Arm;
use crate::domain::price::PriceBook;
use crate::domain::run::{ArmPart, ArmSetUp, PartSetUp, PricesUsed, RouterPart, ScheduleSetUp, SharedSetUp};
use crate::domain::schedule::Schedule;
use crate::store::writing::{Outage, TIMEOUT, interval};
use crate::store::{Store, StoreError};

/// Time between two looks for newer prices, the only part of a set-up that changes while a process runs.
const LOOK: Duration = Duration::from_secs(300);

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a process is, as far as its set-up goes.
#[derive(Debug, Clone)]
pub enum RecordedRole {
    /// A router.
    Router,
    /// An arm, or both of them in an A/A run.
    Arms {
        /// Which.
        arms: Vec<Arm>,
        /// What the process knows of the comparison.
        config: Box<ComparisonConfig>,
        /// Whether one instance is both arms.
        aa_run: bool,
    },
}

/// Records what this process serves with under `schedule`, until `stop`.
pub async fn record(serving: RecordedRole, schedule: Schedule, store: Store, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut recorder = Recorder { serving, schedule, store, since: clock.now(), clock, recorded: Vec::new() };
    let mut outage = Outage::new("set-up");
    while !stop.is_cancelled() {
        let recording = tokio::time::timeout(TIMEOUT, recorder.record()).await;
        let wait = if outage.note(recording, 1) { LOOK } else { interval(&schedule) };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

struct Recorder {
    serving: RecordedRole,
    schedule: Schedule,
    store: Store,
    clock: Arc<dyn Clock>,
    /// Since when the process serves with what is to be recorded.
    since: OffsetDateTime,
    recorded: Vec<PartSetUp>,
}

impl Recorder {
    /// Records what changed since it was recorded last. What other processes of the same part recorded meanwhile changes nothing here: in a
    /// rolling deployment the old ones must not take turns with the new ones.
    async fn record(&mut self) -> Result<(), StoreError> {
        let parts = self.parts().await?;
        if parts != self.recorded {
            for part in &parts {
                if self.store.record_set_up(part, self.since).await? {
                    tracing::info!(part = part.part(), "recorded a new set-up: a run begins with the next whole pair of minutes");
                }
            }
            self.recorded = parts;
        }
        // What changes later is noticed no earlier than now.
        self.since = self.clock.now();
        Ok(())
    }

    async fn parts(&self) -> Result<Vec<PartSetUp>, StoreError> {
        let schedule = ScheduleSetUp::of(&self.schedule);
        let (arms, config, aa_run) = match &self.serving {
            RecordedRole::Router => return Ok(vec![PartSetUp::Router(RouterPart { version: VERSION.to_owned(), schedule })]),
            RecordedRole::Arms { arms, config, aa_run } => (arms, config, *aa_run),
        };
        let prices = PriceBook::in_use(self.store.prices().await?, &config.price_overrides, self.clock.now().date());
        let shared = SharedSetUp {
            schedule,
            margins: config.margins,
            prices: PricesUsed::of(&prices, &config.region),
            shared_resource_ids: config.shared_resource_ids.clone(),
            aa_run,
        };
        let part = |arm: &Arm| {
            let own = ArmSetUp {
                plan: config.plans[*arm],
                instances: config.instances[*arm],
                region: config.region.clone(),
                version: VERSION.to_owned(),
                resource_ids: config.resource_ids[*arm].clone(),
            };
            PartSetUp::Arm(*arm, Box::new(ArmPart { own, shared: shared.clone() }))
        };
        Ok(arms.iter().map(part).collect())
    }
}
