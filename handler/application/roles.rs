//! What each role is made of. Must not know how any part works.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::measures;
use super::timing::Timing;
use crate::caller::Caller;
use crate::comparison::Comparison;
use crate::config::{ApiConfig, Config, KeysConfig, RouterConfig};
use crate::domain::arm::Arm;
use crate::domain::schedule::Schedule;
use crate::domain::shared_settings::SharedSettings;
use crate::http::auth::Trust;
use crate::http::endpoints::dashboard::Dashboard;
use crate::http::endpoints::sums_under_way::SumsUnderWay;
use crate::http::front::Front;
use crate::http::key_ring::{self, KeyRing};
use crate::http::lame_duck::LameDuck;
use crate::http::request::Routes;
use crate::http::routes::{self, ApiParts, RouterParts};
use crate::http::session::Sessions;
use crate::http::table::ARM_ROUTES;
use crate::http::timer::WatchTimer;
use crate::outgoing::{ClientError, probing_client};
use crate::recording::{self, RecordedRole};
use crate::routing::{self, Routing, health};
use crate::store::{Store, StoreSetupError, retention};
use crate::telemetry::metrics::Registry;
use crate::windows::{self, Booking, CallCounter};

/// What a role's parts are made from.
pub struct Setup<'process> {
    pub config: &'process Config,
    pub timing: &'process Timing,
    pub schedule: Schedule,
    /// The process's id among those of its role.
    pub worker: Uuid,
    pub registry: &'process Arc<Registry>,
}

/// What a role brings to the edge.
pub struct RoleParts {
    /// Which arm it is; none for the router.
    pub arm: Option<Arm>,
    /// Where its calls are counted; none for the router, which counts decisions.
    pub windows: Option<Arc<CallCounter>>,
    /// What it serves.
    pub routes: Routes,
    /// The router at work, where the role is one.
    pub routing: Option<Arc<Routing>>,
    /// The Functions host's own requests, where it stands before the process.
    pub front: Option<Front>,
    /// What tells the router that the process is about to stop; none for the router itself.
    pub lame_duck: Option<Arc<LameDuck>>,
}

/// What a role does beside serving.
pub struct Background {
    /// Each gives its name when it ends.
    pub tasks: JoinSet<&'static str>,
    /// Ends the tasks.
    pub stop: CancellationToken,
}

impl Background {
    /// Spawns a task that must run until [`Background::stop`].
    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            // Its name outlives its panic.
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a task of the process panicked");
            }
            name
        });
    }

    /// Waits for a task to end, which none does before it is told to.
    pub async fn died(&mut self) -> BackgroundDied {
        match self.tasks.join_next().await {
            Some(Ok(name)) => BackgroundDied(name),
            Some(Err(_)) => BackgroundDied("a task"),
            // A role without background work has none to lose.
            None => std::future::pending().await,
        }
    }
}

impl Setup<'_> {
    /// A router.
    pub fn router(&self, router: &RouterConfig, background: &mut Background) -> Result<RoleParts, ApplicationError> {
        let (clock, config) = (&self.timing.clock, self.config);
        let arms_health = Arc::new(health::ArmsHealth::default());
        background.spawn(
            "the prober of the arms",
            health::probe(
                Arc::clone(&arms_health),
                router.arms.clone(),
                probing_client()?,
                Arc::clone(clock),
                SharedSettings::new(&self.schedule, config.ticket_key.as_ref()),
                config.under_functions_host,
                background.stop.clone(),
            ),
        );
        let (arms, ticket_key) = (router.arms.clone(), config.ticket_key.clone());
        let routing = Arc::new(Routing::new(Arc::clone(clock), self.schedule, router.failover, arms, ticket_key, arms_health));
        let store = router.database.as_ref().map(|database| Store::new(database, Arc::clone(clock))).transpose()?;
        if let Some(store) = store.clone() {
            let (routing, clock, stop) = (Arc::clone(&routing), Arc::clone(clock), background.stop.clone());
            self.record(RecordedRole::Router, store.clone(), background);
            background.spawn("the writer of decisions", routing::flush::decisions(routing, self.worker, store, clock, stop));
        }
        measures::router(self.registry, &routing, store.as_ref());
        let trust = Trust::of(self.keys(&router.keys, background), Sessions::default(), None);
        let parts = RouterParts { routing: Arc::clone(&routing), open: router.open, trust, registry: Arc::clone(self.registry) };
        let routes = routes::router(Arc::new(parts));
        Ok(RoleParts { arm: None, windows: None, routes, routing: Some(routing), front: self.front(store)?, lame_duck: None })
    }

    /// An arm.
    pub fn arm(&self, api: &ApiConfig, background: &mut Background) -> Result<RoleParts, ApplicationError> {
        let (clock, config) = (&self.timing.clock, self.config);
        let booking = if api.aa_run { Booking::Both } else { Booking::Arm(api.arm) };
        let counter = Arc::new(CallCounter::new(Arc::clone(clock), self.schedule, booking, self.worker, ARM_ROUTES));
        let store = Store::new(&api.database, Arc::clone(clock))?;
        measures::arm(self.registry, &counter, &store);
        let stop = background.stop.clone();
        background.spawn("the writer of windows", windows::flush::windows(Arc::clone(&counter), store.clone(), stop));
        let arms = if api.aa_run { Arm::BOTH.to_vec() } else { vec![api.arm] };
        let serving = RecordedRole::Arms { arms, config: api.comparison.clone(), aa_run: api.aa_run };
        self.record(serving, store.clone(), background);
        let retention = retention::keep(store.clone(), api.retention, Arc::clone(clock), background.stop.clone());
        background.spawn("the remover of what is too old", retention);
        let lame_duck = Arc::new(LameDuck::default());
        let comparison = Comparison::new(store.clone(), self.schedule, (*api.comparison).clone(), Arc::clone(clock));
        let one_url = config.one_url.as_ref().map(ToString::to_string);
        let parts = ApiParts {
            config: api.clone(),
            trust: trust(self.keys(&api.keys, background), api, config),
            schedule: self.schedule,
            store: store.clone(),
            dashboard: Dashboard::new(comparison.clone(), one_url, Arc::clone(clock)),
            sums_under_way: SumsUnderWay::default(),
            comparison,
            registry: Arc::clone(self.registry),
            call_timeout: config.limits.call_timeout,
            lame_duck: Arc::clone(&lame_duck),
            settings: SharedSettings::new(&self.schedule, config.ticket_key.as_ref()),
            clock: Arc::clone(clock),
        };
        let routes = routes::api(Arc::new(parts));
        let (arm, windows, front) = (Some(api.arm), Some(counter), self.front(Some(store))?);
        Ok(RoleParts { arm, windows, routes, routing: None, front, lame_duck: Some(lame_duck) })
    }

    /// Records what the role serves with.
    fn record(&self, serving: RecordedRole, store: Store, background: &mut Background) {
        let recording = recording::record(serving, self.schedule, store, Arc::clone(&self.timing.clock), background.stop.clone());
        background.spawn("the recorder of the set-up", recording);
    }

    /// The keys a role knows, which follow their file where they have one.
    fn keys(&self, config: &KeysConfig, background: &mut Background) -> Arc<KeyRing> {
        let ring = Arc::new(KeyRing::new(config.keys.clone()));
        if let Some(file) = config.file.clone() {
            background.spawn("the reader of API keys", key_ring::follow(Arc::clone(&ring), file, background.stop.clone()));
        }
        ring
    }

    /// What the Functions host finds in this process, where it stands before it.
    fn front(&self, store: Option<Store>) -> Result<Option<Front>, ApplicationError> {
        if !self.config.under_functions_host {
            return Ok(None);
        }
        let seed = self.schedule.rule().seed();
        let caller = |url: &_| Caller::new(Clone::clone(url), self.config.client_key.clone(), seed, Arc::clone(&self.timing.clock));
        let caller = self.config.one_url.as_ref().map(caller).transpose()?;
        Ok(Some(Front { watch: WatchTimer { caller, store } }))
    }
}

fn trust(keys: Arc<KeyRing>, api: &ApiConfig, config: &Config) -> Trust {
    // Behind the Functions host every caller seems to be on this machine.
    let loopback = (api.open.loopback && !config.under_functions_host).then(|| config.cors.clone());
    let trust = Trust::of(keys, Sessions::new(config.ticket_key.as_ref()), loopback);
    match trust {
        Trust::Keys(..) => {}
        Trust::Loopback(_) => tracing::info!("no API keys are configured, so only callers on this machine are served"),
        Trust::Nobody => tracing::warn!(
            "no API keys are configured, so nobody is served but open paths: set SWITCHBACK_API_KEYS, or on a machine of your own \
             SWITCHBACK_OPEN=health,docs,loopback"
        ),
    }
    trust
}

/// A task that must run for as long as the process does ended before.
#[derive(Debug, thiserror::Error)]
#[error("{0} ended: the process cannot go on without it")]
pub struct BackgroundDied(pub &'static str);

/// A part could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The client for outgoing calls.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The access log.
    #[error("the access log could not be started: {0}")]
    AccessLog(#[source] std::io::Error),
    /// The way to the database.
    #[error(transparent)]
    Store(#[from] StoreSetupError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_named() {
        let background = || Background { tasks: JoinSet::new(), stop: CancellationToken::new() };
        let mut panicking = background();
        panicking.spawn("the writer of windows", async { panic!("no more ink") });
        panicking.spawn("the prober of the arms", std::future::pending());
        assert_eq!(panicking.died().await.to_string(), "the writer of windows ended: the process cannot go on without it");
        let mut ending = background();
        ending.spawn("the prober of the arms", std::future::ready(()));
        assert_eq!(ending.died().await.0, "the prober of the arms");
        let nothing = tokio::time::timeout(std::time::Duration::from_millis(20), background().died()).await.is_err();
        assert!(nothing, "a role without background work serves on");
    }
}
