//! Environment → [`Config`], parsed whole: every mistake is found before a port is bound.
//!
//! Owns the names and forms of settings (docs/configuration.md lists them). Must not know what they are used for.

pub mod comparison;
pub mod database;
mod environment;
pub mod keys;
pub mod settings;
pub mod telemetry;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::Uri;

pub use environment::process_setting;
pub use settings::ConfigError;

use crate::domain::arm::{Arm, ByArm};
use crate::domain::decision::Failover;
use crate::domain::schedule::Rule;
use crate::domain::ticket::TicketKey;
use comparison::ComparisonConfig;
use database::DatabaseConfig;
use environment::process_environment;
use keys::ApiKeys;
use settings::{Settings, duration_between, list, number_between};
use telemetry::TelemetryConfig;

/// Everything one process needs to know, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which role the process plays, with that role's settings.
    pub role: Role,
    /// Where to listen: loopback under the Functions host, else every interface.
    pub listen: SocketAddr,
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
    pub comparison: ComparisonConfig,
    /// Who may call.
    pub keys: ApiKeys,
    /// What needs no key.
    pub open: OpenPaths,
    /// Bounds on imports.
    pub imports: ImportLimits,
    /// Where charges and windows are kept.
    pub database: DatabaseConfig,
}

/// Which parts of the API are served without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenPaths {
    /// `/api/health/…`
    pub health: bool,
    /// `/api/openapi.json`, `/api/docs…`
    pub docs: bool,
    /// `/`
    pub dashboard: bool,
    /// Everything, to callers on this machine, where no key is configured.
    pub loopback: bool,
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

/// Origins browsers may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin.
    Any,
    /// These, as browsers send them: scheme, host and port. None: no cross-origin calls.
    Only(Vec<String>),
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub struct Logs {
    /// Level or filter directives.
    pub filter: String,
    /// Form of the lines.
    pub format: LogFormat,
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

/// An absolute http or https URL without query, fragment or user, and without a final slash: a path may be appended as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::str::FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refusal = || format!("'{text}' is not a base URL such as https://even.example.net");
        let uri: Uri = text.parse().map_err(|_| refusal())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https")).ok_or_else(refusal)?;
        let authority = uri.authority().map(http::uri::Authority::as_str).filter(|authority| !authority.is_empty()).ok_or_else(refusal)?;
        if authority.contains('@') || uri.query().is_some() || text.contains('#') {
            return Err(format!("'{text}' must hold no user, query or fragment"));
        }
        let path = uri.path().trim_end_matches('/');
        Ok(BaseUrl(format!("{scheme}://{authority}{path}")))
    }
}

/// The settings this program knows; anything else that begins with `SWITCHBACK_` is refused as a misspelling.
const KNOWN: &[&str] = &[
    "SWITCHBACK_AA_RUN",
    "SWITCHBACK_API_KEYS",
    "SWITCHBACK_ARM",
    "SWITCHBACK_CALL_TIMEOUT",
    "SWITCHBACK_CLIENT_KEY",
    "SWITCHBACK_CORS_ORIGINS",
    "SWITCHBACK_DATABASE_AUTH",
    "SWITCHBACK_EVEN_PLAN",
    "SWITCHBACK_EVEN_RESOURCE_IDS",
    "SWITCHBACK_EVEN_URL",
    "SWITCHBACK_FAILOVER",
    "SWITCHBACK_IMPORT_MAX_BYTES",
    "SWITCHBACK_IMPORT_TIMEOUT",
    "SWITCHBACK_LOG",
    "SWITCHBACK_LOG_FORMAT",
    "SWITCHBACK_MARGIN_ERROR_RATE",
    "SWITCHBACK_MARGIN_P95",
    "SWITCHBACK_MAX_CALLS",
    "SWITCHBACK_MAX_CONNECTIONS_PER_ADDRESS",
    "SWITCHBACK_ODD_PLAN",
    "SWITCHBACK_ODD_RESOURCE_IDS",
    "SWITCHBACK_ODD_URL",
    "SWITCHBACK_OPEN",
    "SWITCHBACK_POOL_SIZE",
    "SWITCHBACK_PRICES",
    "SWITCHBACK_REGION",
    "SWITCHBACK_ROLE",
    "SWITCHBACK_SCHEDULE",
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
        let (listen, under_functions_host) = read_listen(settings);
        let rule = settings.parsed("SWITCHBACK_SCHEDULE", Rule::default(), str::parse);
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
        let cors = settings.parsed("SWITCHBACK_CORS_ORIGINS", CorsOrigins::Only(Vec::new()), read_origins);
        let one_url = settings.parsed("SWITCHBACK_URL", None, |text| text.parse().map(Some));
        let logs = read_logs(settings);
        let telemetry = telemetry::read(settings);
        let database = database::read(settings).map(|database| database.within(limits.call_timeout));
        let role = match settings.required("SWITCHBACK_ROLE", "router or api").as_deref() {
            Some("router") => read_router(settings, database).map(Role::Router),
            Some("api") => read_api(settings, database).map(Role::Api),
            Some(other) => {
                settings.mistake("SWITCHBACK_ROLE", format!("'{other}' is not a role: expected router or api"));
                None
            }
            None => None,
        };
        Some(Config { role: role?, listen, under_functions_host, rule, ticket_key, limits, cors, one_url, logs, telemetry })
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

fn read_listen(settings: &mut Settings) -> (SocketAddr, bool) {
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("'{text}' is not a port"));
    let own = settings.parsed("PORT", 8080, port);
    match settings.parsed("FUNCTIONS_CUSTOMHANDLER_PORT", None, |text| port(text).map(Some)) {
        Some(port) => (SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port), true),
        None => (SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), own), false),
    }
}

fn read_logs(settings: &mut Settings) -> Logs {
    let format = settings.parsed("SWITCHBACK_LOG_FORMAT", LogFormat::Auto, |text| match text {
        "auto" => Ok(LogFormat::Auto),
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("'{other}' is not a log format: expected auto, human or json")),
    });
    let filter = settings.parsed("SWITCHBACK_LOG", "info".to_owned(), |text| {
        tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| format!("is not a filter: {error}"))
    });
    Logs { filter, format }
}

fn read_origins(text: &str) -> Result<CorsOrigins, String> {
    if text == "*" {
        return Ok(CorsOrigins::Any);
    }
    let origin = |text: &str| {
        let origin: BaseUrl = text.parse()?;
        if origin.as_str().matches('/').count() == 2 { Ok(origin.0) } else { Err(format!("'{text}' is not an origin: it has a path")) }
    };
    list(text).into_iter().map(origin).collect::<Result<Vec<_>, _>>().map(CorsOrigins::Only)
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
    Some(RouterConfig { arms: ByArm { even: even?, odd: odd? }, failover, database })
}

fn read_api(settings: &mut Settings, database: Option<DatabaseConfig>) -> Option<ApiConfig> {
    settings.required("DATABASE_URL", DATABASE_URL_FORM);
    settings.required("SWITCHBACK_ARM", "even or odd");
    let arm = settings.parsed("SWITCHBACK_ARM", None, |text| text.parse::<Arm>().map(Some));
    let aa_run = settings.parsed("SWITCHBACK_AA_RUN", false, on_or_off);
    let comparison = comparison::read(settings);
    let keys = settings.parsed("SWITCHBACK_API_KEYS", ApiKeys::default(), str::parse);
    let standard = OpenPaths { health: true, docs: true, dashboard: false, loopback: false };
    let open = settings.parsed("SWITCHBACK_OPEN", standard, read_open);
    let imports = ImportLimits {
        timeout: settings.parsed(
            "SWITCHBACK_IMPORT_TIMEOUT",
            Duration::from_secs(220),
            duration_between(Duration::from_secs(1), Duration::from_secs(3600)),
        ),
        max_bytes: settings.parsed("SWITCHBACK_IMPORT_MAX_BYTES", 1 << 30, number_between(1, 1 << 40)),
    };
    Some(ApiConfig { arm: arm?, aa_run, comparison, keys, open, imports, database: database? })
}

fn on_or_off(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(format!("'{other}' is neither on nor off")),
    }
}

fn read_open(text: &str) -> Result<OpenPaths, String> {
    let mut open = OpenPaths { health: false, docs: false, dashboard: false, loopback: false };
    for part in list(text) {
        match part {
            "health" => open.health = true,
            "docs" => open.docs = true,
            "dashboard" => open.dashboard = true,
            "loopback" => open.loopback = true,
            "none" => {}
            other => return Err(format!("'{other}' cannot be opened: expected health, docs, dashboard, loopback or none")),
        }
    }
    Ok(open)
}

#[cfg(test)]
mod tests;
