//! Environment → [`Config`], parsed whole: every mistake is found before a port is bound.
//!
//! Owns the names and forms of settings (docs/configuration.md lists them). Must not know what they are used for.

pub mod access;
mod base_url;
pub mod comparison;
pub mod database;
mod environment;
pub mod keys;
mod listen;
pub mod retention;
pub mod settings;
pub mod telemetry;

use std::time::Duration;

use http::HeaderValue;
use tracing_subscriber::filter::{LevelFilter, Targets};

pub use access::{CorsOrigins, KeysConfig, OpenPaths};
pub use base_url::BaseUrl;
pub use environment::process_setting;
pub use listen::Listen;
pub use settings::ConfigError;

use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::Failover;
use crate::domain::draw::Seed;
use crate::domain::schedule::Rule;
use crate::domain::ticket::TicketKey;
use comparison::ComparisonConfig;
use database::DatabaseConfig;
use environment::process_environment;
use retention::Retention;
use settings::{Settings, duration_between, number_between};
use telemetry::TelemetryConfig;

/// Everything one process needs to know, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which role the process plays, with that role's settings.
    pub role: Role,
    /// Where to listen.
    pub listen: Listen,
    /// Whether the Functions host started the process and stands between it and its callers.
    pub under_functions_host: bool,
    /// How minutes map to arms.
    pub rule: Rule,
    /// Key of the tickets that prove routing; none: no tickets.
    pub ticket_key: Option<TicketKey>,
    /// Bounds on what callers may ask for.
    pub limits: Limits,
    /// Origins that browsers may call from.
    pub cors: CorsOrigins,
    /// The one URL callers know, for the Functions timer that watches it.
    pub one_url: Option<BaseUrl>,
    /// The API key the timer sends to the router.
    pub client_key: Option<HeaderValue>,
    /// What is logged, and how.
    pub logs: Logs,
    /// Where telemetry goes, and how much of it.
    pub telemetry: TelemetryConfig,
}

/// The part a process plays.
#[derive(Debug, Clone)]
pub enum Role {
    /// Answers 307.
    Router(RouterConfig),
    /// Serves the API as one arm.
    Api(ApiConfig),
}

/// The router's own settings.
#[derive(Debug, Clone)]
pub struct RouterConfig {
    /// The arms' base URLs.
    pub arms: ByArm<BaseUrl>,
    /// What to do when the scheduled arm is down.
    pub failover: Failover,
    /// Who may see what is not open.
    pub keys: KeysConfig,
    /// What needs no key.
    pub open: OpenPaths,
    /// Where decisions are written; none: they are only shown.
    pub database: Option<DatabaseConfig>,
}

/// An arm's own settings.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Which arm this instance is.
    pub arm: Arm,
    /// Whether this one instance is both arms: an A/A run.
    pub aa_run: bool,
    /// What the report needs to know of the run.
    pub comparison: Box<ComparisonConfig>,
    /// Who may call.
    pub keys: KeysConfig,
    /// What needs no key.
    pub open: OpenPaths,
    /// Bounds on imports.
    pub imports: ImportLimits,
    /// How long what was counted is kept.
    pub retention: Retention,
    /// Where charges and windows are kept.
    pub database: DatabaseConfig,
}

/// Bounds on calls.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls served at once.
    pub calls: usize,
    /// Time limit of one call.
    pub call_timeout: Duration,
    /// Connections open at once from one address; none: no bound.
    pub connections_per_address: Option<u32>,
}

/// Bounds on imports.
#[derive(Debug, Clone, Copy)]
pub struct ImportLimits {
    /// Time limit of one import.
    pub timeout: Duration,
    /// Largest import after decompression, in bytes.
    pub max_bytes: u64,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Logs {
    /// Which lines are written, by level and by the module they come from.
    pub filter: Targets,
    /// Form of the lines.
    pub format: LogFormat,
    /// Form of the line that each call gets; none: calls get none.
    pub access: Option<AccessLogFormat>,
}

/// Form of the access log's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// One JSON object a line.
    Json,
    /// The combined log format of Apache's httpd, with the call's id and its µs behind.
    Combined,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// The settings this program knows; anything else that begins with `SWITCHBACK_` is refused as a misspelling.
const KNOWN: &[&str] = &[
    "SWITCHBACK_AA_RUN",
    "SWITCHBACK_ACCESS_LOG",
    "SWITCHBACK_API_KEYS",
    "SWITCHBACK_API_KEYS_FILE",
    "SWITCHBACK_ARM",
    "SWITCHBACK_BIND",
    "SWITCHBACK_CALL_TIMEOUT",
    "SWITCHBACK_CLIENT_KEY",
    "SWITCHBACK_CORS_ORIGINS",
    "SWITCHBACK_DATABASE_AUTH",
    "SWITCHBACK_DISTRIBUTE",
    "SWITCHBACK_EVEN_INSTANCES",
    "SWITCHBACK_EVEN_PLAN",
    "SWITCHBACK_EVEN_RESOURCE_IDS",
    "SWITCHBACK_EVEN_URL",
    "SWITCHBACK_FAILOVER",
    "SWITCHBACK_IMPORT_MAX_BYTES",
    "SWITCHBACK_IMPORT_TIMEOUT",
    "SWITCHBACK_LOG",
    "SWITCHBACK_LOG_FORMAT",
    "SWITCHBACK_MARGIN_FAILURE_SHARE",
    "SWITCHBACK_MARGIN_MEAN",
    "SWITCHBACK_MARGIN_P95",
    "SWITCHBACK_MARGIN_P99",
    "SWITCHBACK_MAX_CALLS",
    "SWITCHBACK_MAX_CONNECTIONS_PER_ADDRESS",
    "SWITCHBACK_ODD_INSTANCES",
    "SWITCHBACK_ODD_PLAN",
    "SWITCHBACK_ODD_RESOURCE_IDS",
    "SWITCHBACK_ODD_URL",
    "SWITCHBACK_OPEN",
    "SWITCHBACK_POOL_SIZE",
    "SWITCHBACK_PRICES",
    "SWITCHBACK_REGION",
    "SWITCHBACK_RETENTION_DECISIONS",
    "SWITCHBACK_RETENTION_PROBES",
    "SWITCHBACK_RETENTION_WINDOWS",
    "SWITCHBACK_ROLE",
    "SWITCHBACK_ROUTER_OPEN",
    "SWITCHBACK_SCHEDULE",
    "SWITCHBACK_SCHEDULE_SEED",
    "SWITCHBACK_SHARED_RESOURCE_IDS",
    "SWITCHBACK_TELEMETRY_SAMPLING",
    "SWITCHBACK_TICKET_KEY",
    "SWITCHBACK_URL",
];

const DATABASE_URL_FORM: &str = "postgresql://user[:password]@host[:port]/database";

impl Config {
    /// Parses an environment.
    ///
    /// # Errors
    /// Every mistake there is, not only the first.
    pub fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut settings = Settings::new(environment);
        let config = Config::read(&mut settings);
        settings.refuse_unknown("SWITCHBACK_", KNOWN);
        match (config, settings.into_mistakes()) {
            (Some(config), mistakes) if mistakes.is_empty() => Ok(config),
            (_, mistakes) => Err(ConfigError(mistakes)),
        }
    }

    /// Parses this process's environment.
    ///
    /// # Errors
    /// Every mistake there is, not only the first.
    pub fn from_process_environment() -> Result<Self, ConfigError> {
        Config::from_environment(process_environment())
    }

    fn read(settings: &mut Settings) -> Option<Self> {
        let (listen, under_functions_host) = listen::read(settings);
        let seed = comparison::read_seed(settings);
        let rule = comparison::read_rule(settings, seed);
        let ticket_key = settings.parsed("SWITCHBACK_TICKET_KEY", None, |text| TicketKey::new(text).map(Some));
        let limits = Limits {
            calls: usize::try_from(settings.parsed("SWITCHBACK_MAX_CALLS", 512, number_between(1, 100_000))).unwrap_or(512),
            call_timeout: settings.parsed(
                "SWITCHBACK_CALL_TIMEOUT",
                Duration::from_secs(30),
                duration_between(Duration::from_millis(100), Duration::from_secs(230)),
            ),
            connections_per_address: settings
                .parsed("SWITCHBACK_MAX_CONNECTIONS_PER_ADDRESS", None, |text| number_between(1, 100_000)(text).map(Some))
                .and_then(|limit| u32::try_from(limit).ok()),
        };
        let cors = settings.parsed("SWITCHBACK_CORS_ORIGINS", CorsOrigins::Only(Vec::new()), access::read_origins);
        let one_url = settings.parsed("SWITCHBACK_URL", None, |text| text.parse().map(Some));
        let client_key = settings.parsed("SWITCHBACK_CLIENT_KEY", None, |text| access::client_key(text).map(Some));
        let logs = read_logs(settings);
        let telemetry = telemetry::read(settings);
        let database = database::read(settings).map(|database| database.within(limits.call_timeout));
        let role = match settings.required("SWITCHBACK_ROLE", "router or api").as_deref() {
            Some("router") => read_router(settings, database).map(Role::Router),
            Some("api") => read_api(settings, database, seed).map(Role::Api),
            Some(other) => {
                settings.mistake("SWITCHBACK_ROLE", format!("'{other}' is not a role: expected router or api"));
                None
            }
            None => None,
        };
        Some(Config { role: role?, listen, under_functions_host, rule, ticket_key, limits, cors, one_url, client_key, logs, telemetry })
    }
}

/// The database's settings of this process's environment alone, for commands that need nothing else.
///
/// # Errors
/// Every mistake in them.
pub fn database_from_process_environment() -> Result<DatabaseConfig, ConfigError> {
    let mut settings = Settings::new(process_environment());
    settings.required("DATABASE_URL", DATABASE_URL_FORM);
    match (database::read(&mut settings), settings.into_mistakes()) {
        (Some(config), mistakes) if mistakes.is_empty() => Ok(config),
        (_, mistakes) => Err(ConfigError(mistakes)),
    }
}

/// Whether `switchback migrate` is to spread the ledger over an elastic cluster, by this process's environment.
///
/// # Errors
/// Where it is neither on nor off.
pub fn distribute_from_process_environment() -> Result<bool, ConfigError> {
    let mut settings = Settings::new(process_environment());
    let distribute = settings.parsed("SWITCHBACK_DISTRIBUTE", false, on_or_off);
    let mistakes = settings.into_mistakes();
    if mistakes.is_empty() { Ok(distribute) } else { Err(ConfigError(mistakes)) }
}

/// The seed of a random schedule in this process's environment, for commands that need nothing else.
///
/// # Errors
/// Where it is set and no seed.
pub fn seed_from_process_environment() -> Result<Option<Seed>, ConfigError> {
    let mut settings = Settings::new(process_environment());
    let seed = comparison::read_seed(&mut settings);
    let mistakes: Vec<_> = settings.into_mistakes().into_iter().filter(|mistake| mistake.setting == comparison::SEED).collect();
    if mistakes.is_empty() { Ok(seed) } else { Err(ConfigError(mistakes)) }
}

/// Levels by module. A word alone is a level: read as a module, a level misspelt would silence everything.
fn log_filter(text: &str) -> Result<Targets, String> {
    let is_module = |name: &str| name.chars().all(|character| character.is_alphanumeric() || "_:".contains(character));
    let is_right = |part: &&str| {
        let (module, level) = part.split_once('=').unwrap_or(("", part));
        is_module(module) && level.parse::<LevelFilter>().is_ok()
    };
    match text.split(',').map(str::trim).find(|part| !is_right(part)) {
        Some(part) => Err(format!("'{part}' is not a level: expected error, warn, info, debug, trace or off, or module=level")),
        None => text.parse().map_err(|error| format!("'{text}' is not a list of module=level: {error}")),
    }
}

fn read_logs(settings: &mut Settings) -> Logs {
    let format = settings.parsed("SWITCHBACK_LOG_FORMAT", LogFormat::Auto, |text| match text {
        "auto" => Ok(LogFormat::Auto),
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("'{other}' is not a log format: expected auto, human or json")),
    });
    let filter = settings.parsed("SWITCHBACK_LOG", Targets::new().with_default(LevelFilter::INFO), log_filter);
    let access = settings.parsed("SWITCHBACK_ACCESS_LOG", None, |text| match text {
        "off" => Ok(None),
        "json" => Ok(Some(AccessLogFormat::Json)),
        "combined" => Ok(Some(AccessLogFormat::Combined)),
        other => Err(format!("'{other}' is not a form of access log: expected off, json or combined")),
    });
    Logs { filter, format, access }
}

fn read_router(settings: &mut Settings, database: Option<DatabaseConfig>) -> Option<RouterConfig> {
    let mut arm = |setting| {
        settings.required(setting, "the arm's base URL");
        settings.parsed(setting, None, |text| text.parse::<BaseUrl>().map(Some))
    };
    let (even, odd) = (arm("SWITCHBACK_EVEN_URL"), arm("SWITCHBACK_ODD_URL"));
    if even.is_some() && even == odd {
        settings.mistake("SWITCHBACK_ODD_URL", "is the even arm's URL too: the arms must be two instances");
    }
    let failover = settings
        .parsed("SWITCHBACK_FAILOVER", Failover::On, |text| on_or_off(text).map(|on| if on { Failover::On } else { Failover::Off }));
    let keys = access::read_keys(settings);
    let open = settings.parsed("SWITCHBACK_ROUTER_OPEN", access::ROUTER_STANDARD, access::read_router_open);
    Some(RouterConfig { arms: ByArm { even: even?, odd: odd? }, failover, keys, open, database })
}

fn read_api(settings: &mut Settings, database: Option<DatabaseConfig>, seed: Option<Seed>) -> Option<ApiConfig> {
    settings.required("DATABASE_URL", DATABASE_URL_FORM);
    settings.required("SWITCHBACK_ARM", "even or odd");
    let arm = settings.parsed("SWITCHBACK_ARM", None, |text| text.parse::<Arm>().map(Some));
    let aa_run = settings.parsed("SWITCHBACK_AA_RUN", false, on_or_off);
    let comparison = Box::new(comparison::read(settings, seed));
    let keys = access::read_keys(settings);
    let open = settings.parsed("SWITCHBACK_OPEN", access::ARM_STANDARD, access::read_open);
    let imports = ImportLimits {
        timeout: settings.parsed(
            "SWITCHBACK_IMPORT_TIMEOUT",
            Duration::from_secs(220),
            duration_between(Duration::from_secs(1), Duration::from_secs(3600)),
        ),
        max_bytes: settings.parsed("SWITCHBACK_IMPORT_MAX_BYTES", 1 << 30, number_between(1, 1 << 40)),
    };
    Some(ApiConfig { arm: arm?, aa_run, comparison, keys, open, imports, retention: retention::read(settings), database: database? })
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("'{other}' is neither on nor off")),
    }
}

#[cfg(test)]
mod tests;
