//! One role, assembled: configuration in, a running server out.
//!
//! Owns which parts a role is made of and in which order they start and stop. Must not know how any part works.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::azure::{ClientError, http_client};
use crate::caller::Caller;
use crate::clock::{Clock, SystemClock};
use crate::comparison::Comparison;
use crate::config::{ApiConfig, Config, Role, RouterConfig};
use crate::domain::schedule::Schedule;
use crate::http::auth::Auth;
use crate::http::dashboard::Dashboard;
use crate::http::edge::{Edge, EdgeConfig, Routes};
use crate::http::endpoints::timer::Watch;
use crate::http::route_names::ROUTES;
use crate::http::routes::{self, ApiParts, RouterParts};
use crate::http::server;
use crate::ledger::{Booking, Ledger, flush};
use crate::routing::{Routing, health};
use crate::store::{Store, StoreSetupError};

/// Where time comes from, and how long a minute lasts. Only development and tests have another than the standard.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Length of the schedule's minute.
    pub minute: Duration,
    /// Time added to every API call.
    pub slow: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing { clock: Arc::new(SystemClock::new()), minute: Schedule::MINUTE, slow: Duration::ZERO }
    }
}

/// A role ready to serve.
pub struct Application {
    edge: Edge,
    background: JoinSet<()>,
    stop_background: CancellationToken,
}

impl Application {
    /// Assembles the role `config` asks for and starts its background work. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a client for outgoing calls cannot be made.
    pub fn new(config: Config, timing: &Timing) -> Result<Self, ApplicationError> {
        let schedule = Schedule::with_minute(config.rule, timing.minute);
        let stop_background = CancellationToken::new();
        let mut background = JoinSet::new();
        let (arm, ledger, routes) = match &config.role {
            Role::Router(router) => (None, None, build_router(&config, router, schedule, timing, &mut background, &stop_background)?),
            Role::Api(api) => {
                let booking = if api.aa_run { Booking::Both } else { Booking::Arm(api.arm) };
                let ledger = Arc::new(Ledger::new(Arc::clone(&timing.clock), schedule, booking, &ROUTES));
                let (routes, store) = build_api(&config, api, schedule, timing)?;
                background.spawn(flush::windows(Arc::clone(&ledger), store, stop_background.clone()));
                (Some(api.arm), Some(ledger), routes)
            }
        };
        let edge = Edge::new(
            EdgeConfig {
                clock: Arc::clone(&timing.clock),
                schedule,
                ticket_key: config.ticket_key,
                arm,
                under_functions_host: config.under_functions_host,
                cors: config.cors,
                max_calls: config.limits.calls,
                slow: timing.slow,
                ledger,
            },
            routes,
        );
        Ok(Application { edge, background, stop_background })
    }

    /// Serves until `stop`, lets calls in flight finish, then ends the background work.
    pub async fn serve(mut self, listener: TcpListener, stop: CancellationToken) {
        server::serve(listener, self.edge, stop).await;
        self.stop_background.cancel();
        while self.background.join_next().await.is_some() {}
    }
}

fn build_router(
    config: &Config,
    router: &RouterConfig,
    schedule: Schedule,
    timing: &Timing,
    background: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Result<Routes, ApplicationError> {
    let arms_health = Arc::new(health::ArmsHealth::default());
    let client = http_client()?;
    background.spawn(health::probe(
        Arc::clone(&arms_health),
        router.arms.clone(),
        client,
        Arc::clone(&timing.clock),
        config.under_functions_host,
        stop.clone(),
    ));
    let routing =
        Routing::new(Arc::clone(&timing.clock), schedule, router.failover, router.arms.clone(), config.ticket_key.clone(), arms_health);
    let routing = Arc::new(routing);
    let store = match &router.database {
        Some(database) => Some(Store::new(database, Arc::clone(&timing.clock))?),
        None => None,
    };
    if let Some(store) = store.clone() {
        background.spawn(flush::decisions(Arc::clone(&routing), store, Arc::clone(&timing.clock), stop.clone()));
    }
    let watch = watch(config, store, timing)?;
    Ok(routes::router(Arc::new(RouterParts { routing, watch, under_functions_host: config.under_functions_host })))
}

fn build_api(config: &Config, api: &ApiConfig, schedule: Schedule, timing: &Timing) -> Result<(Routes, Store), ApplicationError> {
    if api.keys.is_empty() {
        let served =
            if config.under_functions_host { "nobody is served but open paths" } else { "only callers on this machine are served" };
        tracing::warn!("no API keys are configured, so {served}: set SWITCHBACK_API_KEYS to open the API");
    }
    let auth = Auth::new(api.keys.clone(), config.under_functions_host);
    let store = Store::new(&api.database, Arc::clone(&timing.clock))?;
    let comparison = Comparison::new(store.clone(), schedule, api.comparison.clone(), Arc::clone(&timing.clock));
    let one_url = config.one_url.as_ref().map(ToString::to_string);
    let parts = ApiParts {
        config: api.clone(),
        auth,
        schedule,
        store: store.clone(),
        dashboard: Dashboard::new(comparison.clone(), one_url, Arc::clone(&timing.clock)),
        comparison,
        call_timeout: config.limits.call_timeout,
        watch: watch(config, Some(store.clone()), timing)?,
        under_functions_host: config.under_functions_host,
    };
    Ok((routes::api(Arc::new(parts)), store))
}

fn watch(config: &Config, store: Option<Store>, timing: &Timing) -> Result<Watch, ClientError> {
    let caller = match &config.one_url {
        Some(url) => Some(Caller::new(url.clone(), Arc::clone(&timing.clock))?),
        None => None,
    };
    Ok(Watch { caller, store })
}

/// A part could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ApplicationError {
    /// The client for outgoing calls.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The way to the database.
    #[error(transparent)]
    Store(#[from] StoreSetupError),
}
