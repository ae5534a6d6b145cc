//! The development system: a private PostgreSQL, the two arms and the router, each its own process of this program.
//!
//! Owns starting, watching, restarting and ending them. Must not know what they serve.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::announcement::Announcement;
use super::postgres::{Cluster, ClusterError, Durability, NAME};
use super::process::{Misconfigured, Process, ProcessConfig};
use super::{sample, traffic, verdict};
use crate::clock::SystemClock;
use crate::config::{database, process_setting};
use crate::domain::arm::{Arm, ByArm};
use crate::domain::plan::Plan;
use crate::domain::schedule::{Rule, Schedule};
use crate::import::ImportError;
use crate::store::Store;

/// What to run.
#[derive(Debug)]
pub struct TopologyConfig {
    /// Ports of the router, arm even and arm odd.
    pub ports: [u16; 3],
    /// Folder of the private PostgreSQL.
    pub data: PathBuf,
    /// How minutes map to arms.
    pub rule: Rule,
    /// What each arm is said to run on.
    pub plans: ByArm<Plan>,
    /// The region whose prices count.
    pub region: String,
    /// Whether the sample bill is loaded into the private PostgreSQL.
    pub sample: bool,
    /// A shorter minute.
    pub minute: Option<Duration>,
    /// Calls a second that callers make; none: no callers.
    pub traffic_per_s: Option<f64>,
    /// An arm to slow down, and by how much.
    pub slow: Option<(Arm, Duration)>,
    /// Origins whose pages may call, beside the system's own.
    pub origins: Vec<String>,
    /// Whether both arms are one instance: an A/A run.
    pub one_instance: bool,
    /// How long to wait before a role that ended is started again.
    pub restart_after: Duration,
}

/// Why the development system could not start.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// A port is in use.
    #[error("port {port} is taken: end what listens there, or choose another with {flag}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// The system refuses a port.
    #[error("port {port} cannot be used: {source}; choose another with {flag}")]
    PortRefused {
        /// The port.
        port: u16,
        /// The flag that changes it.
        flag: &'static str,
        /// The system's word on it.
        source: std::io::Error,
    },
    /// The private PostgreSQL did not start.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date: {0}")]
    Schema(String),
    /// The sample bill could not be stored.
    #[error("the sample bill could not be loaded: {0}; --no-sample leaves it out")]
    Sample(#[from] ImportError),
    /// The announcement could not be left in the system's folder.
    #[error("the system could not be announced in its folder: {0}")]
    Announcement(#[from] std::io::Error),
}

/// The running system.
pub struct Topology {
    config: TopologyConfig,
    processes: Vec<ProcessConfig>,
    // Held for as long as the roles run; its server ends with it.
    _cluster: Option<Cluster>,
}

/// Bounds of the time between two looks at the report.
const SOONEST: Duration = Duration::from_secs(5);
const LATEST: Duration = Duration::from_secs(60);

const PORT_FLAGS: [&str; 3] = ["--port", "--even-port", "--odd-port"];

/// This program as somebody in this folder would name it.
fn program() -> String {
    let path = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("switchback"));
    let here = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).map(PathBuf::from).ok());
    here.unwrap_or(path).display().to_string()
}

impl TopologyConfig {
    /// What to open, and what is pretended.
    fn greeting(&self) -> String {
        let [router, even, odd] = self.ports;
        let odd = if self.one_instance { even } else { odd };
        let ByArm { even: on_even, odd: on_odd } = self.plans;
        let costs = if self.sample { "the sample bill, explored (FinOps Foundation, CC BY 4.0)" } else { "the ledger, explored" };
        format!(
            "one URL   http://localhost:{router}/          open it: the verdict as it is made\n\
             plans     http://localhost:{router}/plans     a month of the same traffic on every other plan\n\
             costs     http://localhost:{router}/costs     {costs}\n\
             API       http://localhost:{router}/api/docs  every operation, to be tried out\n\
             arm even  http://localhost:{even}/          pretended to run on {on_even}, {region}\n\
             arm odd   http://localhost:{odd}/          pretended to run on {on_odd}, {region}\n\
             terminal  {program} report, plans, costs, run list, watch: they need no options in this folder\n\
             --even-plan, --odd-plan and --region pretend something else; Ctrl-C ends all of it",
            region = self.region,
            program = program(),
        )
    }
}

impl Topology {
    /// Checks the ports, starts the database and migrates it. Nothing is left behind where it fails.
    ///
    /// # Errors
    /// [`TopologyError`], whose text says what to do about it.
    pub async fn start(config: TopologyConfig, stop: &CancellationToken) -> Result<Self, TopologyError> {
        check_ports(config.ports)?;
        let (database_url, cluster) = match process_setting("DATABASE_URL") {
            Some(url) => (url, None),
            None => start_cluster(config.data.clone()).await?,
        };
        if !stop.is_cancelled() {
            let store = migrated(&database_url).await?;
            // A database of one's own holds what its owner put there.
            if config.sample && cluster.is_some() {
                sample::load(&store).await?;
            }
        }
        if cluster.is_some() {
            let [router, ..] = config.ports;
            Announcement { url: format!("http://localhost:{router}"), region: config.region.clone() }.write(&config.data)?;
        }
        let processes = processes(&config, &database_url);
        Ok(Topology { config, processes, _cluster: cluster })
    }

    /// Runs the roles until `stop`; a role that ends is started again after a while.
    ///
    /// # Errors
    /// [`Misconfigured`] where one refuses its configuration.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Misconfigured> {
        let mut roles = tokio::task::JoinSet::new();
        for process in &self.processes {
            roles.spawn(Process::keep_running(process.clone(), self.config.restart_after, stop.clone()));
        }
        println!("{}", self.config.greeting());
        let [router, even, _] = self.config.ports;
        if let Some(rate) = self.config.traffic_per_s {
            let calls = traffic::call(format!("http://localhost:{router}"), rate, stop.clone());
            roles.spawn(async move {
                calls.await;
                Ok(())
            });
            let minute = self.config.minute.unwrap_or(Schedule::MINUTE);
            let announced = verdict::announce(format!("http://localhost:{even}"), minute.clamp(SOONEST, LATEST), stop.clone());
            roles.spawn(async move {
                announced.await;
                Ok(())
            });
        }
        let mut outcome = Ok(());
        while let Some(ended) = roles.join_next().await {
            outcome = outcome.and(ended.unwrap_or(Ok(())));
        }
        outcome
    }
}

/// Binds all ports at once and releases them, so that a port given twice is found too.
fn check_ports(ports: [u16; 3]) -> Result<(), TopologyError> {
    let mut taken = Vec::new();
    for (port, flag) in ports.into_iter().zip(PORT_FLAGS) {
        taken.push(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| match source.kind() {
            std::io::ErrorKind::AddrInUse => TopologyError::PortTaken { port, flag },
            _ => TopologyError::PortRefused { port, flag, source },
        })?);
    }
    Ok(())
}

async fn start_cluster(data: PathBuf) -> Result<(String, Option<Cluster>), TopologyError> {
    let cluster = tokio::task::spawn_blocking(move || Cluster::start(&data, Durability::Kept))
        .await
        .map_err(|error| TopologyError::Schema(error.to_string()))??;
    cluster.ensure_database(NAME, None).await?;
    Ok((cluster.database_url(NAME), Some(cluster)))
}

async fn migrated(database_url: &str) -> Result<Store, TopologyError> {
    let schema_error = |error: &dyn std::error::Error| TopologyError::Schema(crate::causes::chain(error));
    let config = database::from_url(database_url).map_err(TopologyError::Schema)?;
    let store = Store::new(&config, Arc::new(SystemClock::new())).map_err(|error| schema_error(&error))?;
    store.migrate().await.map_err(|error| schema_error(&error))?;
    Ok(store)
}

fn processes(config: &TopologyConfig, database_url: &str) -> Vec<ProcessConfig> {
    let [router, even, odd] = config.ports;
    let url = |port| format!("http://localhost:{port}");
    // The pages of this very system may call one another.
    let own = config.ports.into_iter().flat_map(|port| [format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")]);
    let origins = own.chain(config.origins.iter().cloned()).collect::<Vec<_>>().join(",");
    let common = |role: &str| {
        let mut environment = vec![
            ("SWITCHBACK_ROLE".to_owned(), role.to_owned()),
            ("SWITCHBACK_SCHEDULE".to_owned(), config.rule.to_string()),
            ("SWITCHBACK_CORS_ORIGINS".to_owned(), origins.clone()),
            ("SWITCHBACK_URL".to_owned(), url(router)),
            ("SWITCHBACK_LOG_FORMAT".to_owned(), "human".to_owned()),
            ("DATABASE_URL".to_owned(), database_url.to_owned()),
        ];
        environment.extend(config.rule.seed().map(|seed| ("SWITCHBACK_SCHEDULE_SEED".to_owned(), seed.reveal())));
        environment
    };
    let process = |name: &str, port: u16, environment: Vec<(String, String)>, slow: Option<Duration>| {
        let mut arguments = vec!["--listen".to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()];
        if let Some(minute) = config.minute {
            arguments.extend(["--minute".to_owned(), format!("{}ms", minute.as_millis())]);
        }
        if let Some(slow) = slow {
            arguments.extend(["--slow".to_owned(), format!("{}ms", slow.as_millis())]);
        }
        ProcessConfig { name: name.to_owned(), arguments, environment }
    };
    let arm = |arm: Arm, port| {
        let mut environment = common("api");
        environment.push(("SWITCHBACK_ARM".to_owned(), arm.to_string()));
        environment.push(("SWITCHBACK_EVEN_PLAN".to_owned(), config.plans.even.to_string()));
        environment.push(("SWITCHBACK_ODD_PLAN".to_owned(), config.plans.odd.to_string()));
        environment.push(("SWITCHBACK_REGION".to_owned(), config.region.clone()));
        let open = process_setting("SWITCHBACK_OPEN").unwrap_or_else(|| "health,docs".to_owned());
        environment.push(("SWITCHBACK_OPEN".to_owned(), format!("{open},loopback")));
        if config.one_instance {
            environment.push(("SWITCHBACK_AA_RUN".to_owned(), "on".to_owned()));
        }
        let slow = config.slow.filter(|(slowed, _)| *slowed == arm).map(|(_, time)| time);
        process(arm.as_str(), port, environment, slow)
    };
    let mut router_environment = common("router");
    router_environment.push(("SWITCHBACK_EVEN_URL".to_owned(), url(even)));
    // Two arms must have two URLs: in an A/A run they are two names of one instance.
    let odd_url = if config.one_instance { format!("http://127.0.0.1:{even}") } else { url(odd) };
    router_environment.push(("SWITCHBACK_ODD_URL".to_owned(), odd_url));
    let mut processes = vec![arm(Arm::Even, even)];
    if !config.one_instance {
        processes.push(arm(Arm::Odd, odd));
    }
    processes.push(process("router", router, router_environment, None));
    processes
}
