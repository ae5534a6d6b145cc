//! One role, assembled: configuration in, a running server out.
//!
//! Owns which parts a role is made of and in which order they start and stop. Must not know how any part works.

pub mod measures;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::azure::ingestion::Ingest;
use crate::caller::Caller;
use crate::clock::{Clock, SystemClock};
use crate::comparison::Comparison;
use crate::config::{ApiConfig, Config, Role, RouterConfig};
use crate::domain::schedule::Schedule;
use crate::domain::ticket::TicketKey;
use crate::http::auth::Trust;
use crate::http::edge::{Edge, EdgeConfig, Routes};
use crate::http::endpoints::dashboard::Dashboard;
use crate::http::endpoints::timer::WatchTimer;
use crate::http::observed::Observer;
use crate::http::route_names::ROUTES;
use crate::http::routes::{self, ApiParts, RouterParts};
use crate::http::server;
use crate::outgoing::{ClientError, probing_client};
use crate::routing::{self, Routing, health};
use crate::store::{Store, StoreSetupError};
use crate::telemetry::metrics::Registry;
use crate::telemetry::{Destination, IngestionClient, Sampling, SamplingSecret, Sending, Telemetry};
use crate::windows::{self, Booking, CallCounter};

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
    sending: Sending,
    clock: Arc<dyn Clock>,
}

/// Longest time telemetry has to leave once calls are served.
const TELEMETRY_FLUSH: Duration = Duration::from_secs(2);
/// When everything is over after the process was told to stop: platforms end it five seconds after.
const LAST_MOMENT: Duration = Duration::from_millis(4_950);

/// What a role does beside serving.
struct Background<'parts> {
    tasks: &'parts mut JoinSet<()>,
    stop: &'parts CancellationToken,
    worker: Uuid,
    registry: &'parts Arc<Registry>,
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
        let worker = Uuid::now_v7();
        let (arm, counter, routes, mut telemetry) = match &config.role {
            Role::Router(router) => {
                let telemetry = telemetry(&config, &timing.clock, "router", &worker.to_string());
                let parts = Background { tasks: &mut background, stop: &stop_background, worker, registry: &telemetry.registry };
                (None, None, build_router(&config, router, schedule, timing, parts)?, telemetry)
            }
            Role::Api(api) => {
                let booking = if api.aa_run { Booking::Both } else { Booking::Arm(api.arm) };
                let counter = Arc::new(CallCounter::new(Arc::clone(&timing.clock), schedule, booking, worker, &ROUTES));
                let telemetry = telemetry(&config, &timing.clock, api.arm.as_str(), &worker.to_string());
                let (routes, store) = build_api(&config, api, schedule, timing, &telemetry.registry)?;
                measures::arm(&telemetry.registry, &counter, &store);
                background.spawn(windows::flush::windows(Arc::clone(&counter), store, stop_background.clone()));
                (Some(api.arm), Some(counter), routes, telemetry)
            }
        };
        let clock = Arc::clone(&timing.clock);
        let observer = Observer {
            clock: Arc::clone(&clock),
            schedule,
            arm,
            calls: Arc::clone(&telemetry.calls),
            recorder: telemetry.recorder.clone(),
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
                windows: counter,
                observer,
            },
            routes,
        );
        measures::edge(&telemetry.registry, &edge);
        let sending = telemetry.send();
        Ok(Application { edge, background, stop_background, sending, clock })
    }

    /// Serves until `stop`, lets calls in flight finish, then ends the background work.
    pub async fn serve(mut self, listener: TcpListener, stop: CancellationToken) {
        let stopping = async {
            stop.cancelled().await;
            self.clock.uptime()
        };
        let ((), stopped_at) = tokio::join!(server::serve(listener, self.edge, stop.clone()), stopping);
        self.stop_background.cancel();
        let background = async { while self.background.join_next().await.is_some() {} };
        // What the drain left of the time before the platform ends the process.
        let left = LAST_MOMENT.saturating_sub(self.clock.uptime().saturating_sub(stopped_at));
        tokio::join!(background, self.sending.flush(left.min(TELEMETRY_FLUSH)));
    }
}

fn build_router(
    config: &Config,
    router: &RouterConfig,
    schedule: Schedule,
    timing: &Timing,
    background: Background<'_>,
) -> Result<Routes, ApplicationError> {
    let Background { tasks, stop, worker, registry } = background;
    let arms_health = Arc::new(health::ArmsHealth::default());
    let client = probing_client()?;
    tasks.spawn(health::probe(
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
        tasks.spawn(routing::flush::decisions(Arc::clone(&routing), worker, store, Arc::clone(&timing.clock), stop.clone()));
    }
    measures::router(registry, &routing, store.as_ref());
    let watch = watch(config, store, timing)?;
    Ok(routes::router(Arc::new(RouterParts {
        routing,
        registry: Arc::clone(registry),
        watch,
        under_functions_host: config.under_functions_host,
    })))
}

fn build_api(
    config: &Config,
    api: &ApiConfig,
    schedule: Schedule,
    timing: &Timing,
    registry: &Arc<Registry>,
) -> Result<(Routes, Store), ApplicationError> {
    let store = Store::new(&api.database, Arc::clone(&timing.clock))?;
    let comparison = Comparison::new(store.clone(), schedule, api.comparison.clone(), Arc::clone(&timing.clock));
    let one_url = config.one_url.as_ref().map(ToString::to_string);
    let parts = ApiParts {
        config: api.clone(),
        trust: trust(api, config.under_functions_host),
        schedule,
        store: store.clone(),
        dashboard: Dashboard::new(comparison.clone(), one_url, Arc::clone(&timing.clock)),
        comparison,
        registry: Arc::clone(registry),
        call_timeout: config.limits.call_timeout,
        watch: watch(config, Some(store.clone()), timing)?,
        under_functions_host: config.under_functions_host,
    };
    Ok((routes::api(Arc::new(parts)), store))
}

fn trust(api: &ApiConfig, under_functions_host: bool) -> Trust {
    let trust = Trust::of(api.keys.clone(), under_functions_host);
    let served = match trust {
        Trust::Keys(_) => return trust,
        Trust::Loopback => "only callers on this machine are served",
        Trust::Nobody => "nobody is served but open paths",
    };
    tracing::warn!("no API keys are configured, so {served}: set SWITCHBACK_API_KEYS to open the API");
    trust
}

fn watch(config: &Config, store: Option<Store>, timing: &Timing) -> Result<WatchTimer, ClientError> {
    let caller = match &config.one_url {
        Some(url) => Some(Caller::new(url.clone(), Arc::clone(&timing.clock))?),
        None => None,
    };
    Ok(WatchTimer { caller, store })
}

fn telemetry(config: &Config, clock: &Arc<dyn Clock>, role: &'static str, worker: &str) -> Telemetry {
    let destination = config.telemetry.ingestion.clone().map(|ingestion| {
        let clock = Arc::clone(clock);
        Destination {
            instrumentation_key: ingestion.instrumentation_key.clone(),
            connect: Box::new(move || Ingest::new(&ingestion, clock).map(IngestionClient::new)),
        }
    });
    Telemetry::new(
        destination,
        Sampling { share: config.telemetry.sampling, secret: sampling_secret(config) },
        Arc::clone(clock),
        role,
        worker,
    )
}

/// The ticket key's own where there is one, which router and arms share; else this process's alone.
fn sampling_secret(config: &Config) -> SamplingSecret {
    SamplingSecret(config.ticket_key.as_ref().map_or_else(|| Uuid::new_v4().into_bytes(), TicketKey::sampling_secret))
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
