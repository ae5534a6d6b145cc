//! One role, assembled: configuration in, a running server out.
//!
//! Owns which parts a role is made of and in which order they start and stop. Must not know how any part works.

pub mod measures;
mod roles;
mod timing;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use roles::{ApplicationError, BackgroundDied};
pub use timing::Timing;

use crate::azure::ingestion::Ingest;
use crate::clock::Clock;
use crate::config::{Config, Role};
use crate::domain::schedule::Schedule;
use crate::domain::ticket::TicketKey;
use crate::http::connection::Shared;
use crate::http::connections::Connections;
use crate::http::edge::{Edge, EdgeConfig};
use crate::http::lame_duck::{LameDuck, NOTICE};
use crate::http::observed::Observer;
use crate::http::redirector::Redirector;
use crate::http::server;
use crate::telemetry::{AccessLog, Destination, IngestionClient, Sampling, SamplingSecret, Sending, Telemetry, Throttle};
use roles::{Background, Setup};

/// A role ready to serve.
pub struct Application {
    edge: Edge,
    redirector: Option<Redirector>,
    background: Background,
    sending: Sending,
    clock: Arc<dyn Clock>,
    lame_duck: Option<Arc<LameDuck>>,
    connections: Arc<Connections>,
    access: Option<Arc<AccessLog>>,
}

/// Longest time telemetry has to leave once calls are served.
const TELEMETRY_FLUSH: Duration = Duration::from_secs(2);
/// Longest time the last lines of the access log have to be written.
const ACCESS_LOG_FLUSH: Duration = Duration::from_millis(50);
/// When everything is over after the process was told to stop: platforms end it five seconds after.
const LAST_MOMENT: Duration = Duration::from_millis(4_950);
/// How long calls in flight may go on once the port is closed.
const DRAINED: Duration = Duration::from_millis(4_500).saturating_sub(NOTICE);

impl Application {
    /// Assembles the role `config` asks for and starts its background work. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a client for outgoing calls cannot be made.
    pub fn new(config: Config, timing: &Timing) -> Result<Self, ApplicationError> {
        let schedule = Schedule::with_minute(config.rule, timing.minute);
        let worker = Uuid::now_v7();
        let mut telemetry = telemetry(&config, &timing.clock, role_name(&config.role), &worker.to_string());
        let mut background = Background { tasks: JoinSet::new(), stop: CancellationToken::new() };
        let setup = Setup { config: &config, timing, schedule, worker, registry: &telemetry.registry };
        let role = match &config.role {
            Role::Router(router) => setup.router(router, &mut background)?,
            Role::Api(api) => setup.arm(api, &mut background)?,
        };
        let access = config.logs.access.map(AccessLog::start).transpose().map_err(ApplicationError::AccessLog)?.map(Arc::new);
        let observer = Observer {
            clock: Arc::clone(&timing.clock),
            schedule,
            arm: role.arm,
            calls: Arc::clone(&telemetry.calls),
            recorder: telemetry.recorder.clone(),
            access: access.clone(),
        };
        let edge = EdgeConfig {
            clock: Arc::clone(&timing.clock),
            schedule,
            ticket_key: config.ticket_key,
            arm: role.arm,
            front: role.front,
            cors: config.cors,
            max_calls: config.limits.calls,
            slow: timing.slow,
            windows: role.windows,
            observer,
        };
        let lame_duck = role.lame_duck;
        let edge = Edge::new(edge, role.routes);
        let redirector = role.routing.and_then(|routing| Redirector::new(&edge, routing));
        let connections = Arc::new(Connections::new(Arc::clone(&timing.clock), config.limits.connections_per_address));
        measures::edge(&telemetry.registry, &edge, &connections);
        access.iter().for_each(|access| measures::access(&telemetry.registry, access));
        let sending = telemetry.send();
        Ok(Application { edge, redirector, background, sending, clock: Arc::clone(&timing.clock), lame_duck, connections, access })
    }

    /// Serves until `stop`, tells the router, lets calls in flight finish, then ends the background work.
    ///
    /// # Errors
    /// [`BackgroundDied`] where a task that must run for as long as the process does ended before: the process is to be started anew.
    pub async fn serve(mut self, listener: TcpListener, stop: CancellationToken) -> Result<(), BackgroundDied> {
        let close = CancellationToken::new();
        let shared = Shared {
            edge: self.edge.clone(),
            redirector: self.redirector.take(),
            connections: Arc::clone(&self.connections),
            clock: Arc::clone(&self.clock),
            stop: close.clone(),
            refused: Throttle::default(),
        };
        let stopping = async {
            let died = tokio::select! {
                () = stop.cancelled() => None,
                died = self.background.died() => Some(died),
                () = self.sending.died() => Some(BackgroundDied("telemetry")),
            };
            let stopped_at = self.clock.uptime();
            let notice = self.lame_duck.as_ref().map_or(Duration::ZERO, |lame_duck| lame_duck.begin(stopped_at));
            if !notice.is_zero() {
                tracing::info!(
                    notice_ms = notice.as_millis(),
                    "stopping: liveness says so, and calls are served until the router has noticed"
                );
                tokio::time::sleep(notice).await;
            }
            tracing::info!("closing the port and letting calls in flight finish");
            close.cancel();
            (died, stopped_at)
        };
        let ((), (died, stopped_at)) = tokio::join!(server::serve(listener, shared, DRAINED), stopping);
        self.background.stop.cancel();
        let background = async { while self.background.tasks.join_next().await.is_some() {} };
        // What the drain left of the time before the platform ends the process.
        let left = LAST_MOMENT.saturating_sub(self.clock.uptime().saturating_sub(stopped_at));
        tokio::join!(background, self.sending.flush(left.min(TELEMETRY_FLUSH)));
        if let Some(access) = self.access {
            access.flush(ACCESS_LOG_FLUSH);
        }
        died.map_or(Ok(()), Err)
    }
}

fn role_name(role: &Role) -> &'static str {
    match role {
        Role::Router(_) => "router",
        Role::Api(api) => api.arm.as_str(),
    }
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
