//! The database's settings: `DATABASE_URL`, `SWITCHBACK_DATABASE_AUTH`, `SWITCHBACK_POOL_SIZE` and the identity Entra needs.
//!
//! Owns what a connection URL may say. Must not know how connections are made. No error text repeats the URL: it holds a password.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode};

use super::settings::{Settings, number_between};

/// How to reach the database, checked.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// Hosts, user, database and the password, if any; its own Debug hides the password.
    pub connection: tokio_postgres::Config,
    /// Whether the connection is encrypted.
    pub tls: Tls,
    /// How the program authenticates.
    pub authentication: Authentication,
    /// Most connections that callers' requests hold; the process's own work has [`OWN_CONNECTIONS`] beside them.
    pub pool_size: u32,
    /// How long one statement may take: less than the call it is made for, so that the database says so before the caller gives up.
    pub statement_timeout: Duration,
}

impl DatabaseConfig {
    /// The same, with statements that end before a call of `call_timeout` does.
    #[must_use]
    pub fn within(self, call_timeout: Duration) -> Self {
        DatabaseConfig { statement_timeout: call_timeout * 9 / 10, ..self }
    }
}

/// Encryption of the connection. There is no unverified TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain: a Unix socket or a loopback address.
    Off,
    /// TLS whose certificate and name are verified.
    Verified {
        /// PEM file of a private certificate authority that is trusted beside the public ones.
        private_authority: Option<PathBuf>,
    },
}

/// How the program authenticates to the database.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// With the URL's password, or with none where the server asks for none.
    Password,
    /// With a Microsoft Entra token of a managed identity.
    Entra(ManagedIdentity),
}

/// A user-assigned managed identity and the token service that speaks for it.
#[derive(Clone)]
pub struct ManagedIdentity {
    /// Client id of the identity.
    pub client_id: String,
    /// The platform's local token service, `IDENTITY_ENDPOINT`.
    pub endpoint: String,
    /// What App Service and Functions want in `X-IDENTITY-HEADER`; a secret. None: the instance metadata service, which wants none.
    pub header: Option<String>,
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ManagedIdentity")
            .field("client_id", &self.client_id)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Connections for readiness and for what the process writes of itself.
pub const OWN_CONNECTIONS: u32 = 2;
/// A statement's time limit by default.
const DEFAULT_STATEMENT_TIMEOUT: Duration = Duration::from_secs(27);

/// The pool's size by default.
pub const DEFAULT_POOL_SIZE: u32 = 10;
const URL: &str = "DATABASE_URL";

/// Reads the database's settings; `None` where no URL is set or something is wrong with it.
pub(super) fn read(settings: &mut Settings) -> Option<DatabaseConfig> {
    let pool_size = settings.parsed("SWITCHBACK_POOL_SIZE", u64::from(DEFAULT_POOL_SIZE), number_between(1, 200));
    let pool_size = u32::try_from(pool_size).unwrap_or(DEFAULT_POOL_SIZE);
    let entra = settings.parsed("SWITCHBACK_DATABASE_AUTH", false, |text| match text {
        "password" => Ok(false),
        "entra" => Ok(true),
        other => Err(format!("'{other}' is not a way to authenticate: expected password or entra")),
    });
    let authentication = if entra {
        read_identity(settings, "SWITCHBACK_DATABASE_AUTH=entra").map(Authentication::Entra)
    } else {
        Some(Authentication::Password)
    };
    let (connection, tls) = settings.parsed(URL, None, |text| connection(text).map(Some))?;
    if entra && connection.get_password().is_some() {
        settings.mistake(URL, "holds a password, which SWITCHBACK_DATABASE_AUTH=entra does not use: take it out");
    }
    Some(DatabaseConfig { connection, tls, authentication: authentication?, pool_size, statement_timeout: DEFAULT_STATEMENT_TIMEOUT })
}

/// Reads a URL alone, with password authentication and the standard pool; what commands and tests start from.
///
/// # Errors
/// Says what is wrong with the URL, without repeating it.
pub fn from_url(url: &str) -> Result<DatabaseConfig, String> {
    let (connection, tls) = connection(url)?;
    Ok(DatabaseConfig {
        connection,
        tls,
        authentication: Authentication::Password,
        pool_size: DEFAULT_POOL_SIZE,
        statement_timeout: DEFAULT_STATEMENT_TIMEOUT,
    })
}

/// Where Container Instances and virtual machines answer: a link-local address that never leaves the machine.
const INSTANCE_METADATA: &str = "http://169.254.169.254/";

/// Reads the identity that `purpose`, a setting, asks for.
pub(super) fn read_identity(settings: &mut Settings, purpose: &str) -> Option<ManagedIdentity> {
    let client_id = settings.required("AZURE_CLIENT_ID", &format!("the client id of the managed identity, for {purpose}"));
    let platform = "set by App Service and Functions where an identity is assigned; elsewhere, see docs/configuration.md";
    let endpoint = settings.required("IDENTITY_ENDPOINT", platform);
    let metadata = endpoint.as_deref().is_some_and(|text| text.starts_with(INSTANCE_METADATA));
    let header = if metadata { Some(None) } else { settings.required("IDENTITY_HEADER", platform).map(Some) };
    let endpoint = endpoint.filter(|text| {
        let scheme = text.parse::<Uri>().ok().and_then(|uri| uri.scheme_str().map(str::to_owned));
        let known = scheme.is_some_and(|scheme| scheme == "http" || scheme == "https");
        if !known {
            settings.mistake("IDENTITY_ENDPOINT", "is not an http or https URL");
        }
        known
    });
    Some(ManagedIdentity { client_id: client_id?, endpoint: endpoint?, header: header? })
}

fn connection(url: &str) -> Result<(tokio_postgres::Config, Tls), String> {
    if !["postgresql://", "postgres://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("must begin postgresql:// or postgres://".to_owned());
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    if query.contains('@') {
        return Err("holds an unencoded character in its user or password: write ? as %3F, @ as %40, / as %2F, : as %3A".to_owned());
    }
    let (mut mode, mut authority, mut rest) = (None, None, Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let value = || decoded(parameter.split_once('=').map_or("", |(_, value)| value));
        match parameter.split('=').next() {
            Some("sslmode") => mode = Some(value()?),
            Some("sslrootcert") => authority = Some(PathBuf::from(value()?)),
            _ => rest.push(parameter),
        }
    }
    // The driver's own parser reads the rest; it knows neither verify-full nor sslrootcert.
    let driver_url = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
    let mut connection: tokio_postgres::Config = driver_url.parse().map_err(|error| refusal(&error))?;
    if connection.get_hosts().is_empty() && connection.get_hostaddrs().is_empty() {
        return Err("names no host: expected postgresql://user@host/database".to_owned());
    }
    if connection.get_dbname().is_none_or(str::is_empty) {
        return Err("names no database: expected postgresql://user@host/database".to_owned());
    }
    if connection.get_user().is_none_or(str::is_empty) {
        return Err("names no user: expected postgresql://user@host/database".to_owned());
    }
    let tls = encryption(&connection, mode.as_deref(), authority)?;
    connection.ssl_mode(if tls == Tls::Off { SslMode::Disable } else { SslMode::Require });
    Ok((connection, tls))
}

fn decoded(text: &str) -> Result<String, String> {
    percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| "holds a parameter that is not UTF-8".to_owned())
}

fn refusal(error: &tokio_postgres::Error) -> String {
    // "invalid connection string" alone says nothing; the source names the option, never a value.
    let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    format!("is not a connection URL ({reason}): expected postgresql://user[:password]@host[:port]/database")
}

fn encryption(connection: &tokio_postgres::Config, mode: Option<&str>, private_authority: Option<PathBuf>) -> Result<Tls, String> {
    let local = is_local(connection);
    match mode {
        None if local && private_authority.is_none() => Ok(Tls::Off),
        Some("disable") if local => Ok(Tls::Off),
        Some("disable") => Err("says sslmode=disable, which is allowed only for a Unix socket or a loopback address".to_owned()),
        Some("require" | "verify-full") if has_socket(connection) => {
            Err("asks for TLS over a Unix socket, which PostgreSQL does not offer: leave sslmode out".to_owned())
        }
        None | Some("require" | "verify-full") => Ok(Tls::Verified { private_authority }),
        Some("allow" | "prefer" | "verify-ca") => {
            Err("has a weak sslmode: expected require or verify-full, which both verify certificate and name".to_owned())
        }
        Some(_) => Err("has an unknown sslmode: expected disable, require or verify-full".to_owned()),
    }
}

fn has_socket(connection: &tokio_postgres::Config) -> bool {
    connection.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)))
}

/// Whether every address the driver may connect to is on this machine.
fn is_local(connection: &tokio_postgres::Config) -> bool {
    if !connection.get_hostaddrs().is_empty() {
        return connection.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    }
    connection.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let name = name.trim_start_matches('[').trim_end_matches(']');
            name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Tls {
        from_url(url).unwrap_or_else(|error| panic!("{url}: {error}")).tls
    }

    fn refused(url: &str) -> String {
        from_url(url).expect_err(url)
    }

    #[test]
    fn a_remote_host_is_always_verified() {
        let verified = Tls::Verified { private_authority: None };
        assert_eq!(tls("postgresql://u:p@db.example.net/d"), verified);
        assert_eq!(tls("postgres://u:p@db.example.net:6432/d?sslmode=require"), verified);
        assert_eq!(tls("postgresql://u@db.example.net/d?sslmode=verify-full"), verified);
        let private = Tls::Verified { private_authority: Some("/etc/my ca.pem".into()) };
        assert_eq!(tls("postgresql://u@127.0.0.1/d?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem"), private);
        assert!(refused("postgresql://u@db.example.net/d?sslmode=disable").contains("loopback"));
        assert!(refused("postgresql://u@db.example.net/d?sslmode=prefer").contains("weak"));
        assert!(refused("postgresql://u@db.example.net/d?sslmode=on").contains("unknown sslmode"));
        assert!(refused("postgresql://u@localhost,db.example.net/d?sslmode=disable").contains("loopback"), "every host counts");
        assert!(refused("postgresql://u@localhost/d?hostaddr=10.0.0.1&sslmode=disable").contains("loopback"), "the address counts");
    }

    #[test]
    fn sockets_and_loopback_may_be_plain() {
        for url in [
            "postgresql://u@%2Ftmp%2Fsock/d",
            "postgresql:///d?host=/tmp/sock&user=u",
            "postgresql://u@/d?host=/tmp/sock",
            "postgresql://u:p@localhost/d",
            "postgresql://u:p@[::1]:5433/d?sslmode=disable",
        ] {
            assert_eq!(tls(url), Tls::Off, "{url}");
        }
        assert!(refused("postgresql://u@%2Ftmp%2Fsock/d?sslmode=require").contains("socket"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_the_password_is_not() {
        assert!(refused("mysql://u@h/d").contains("postgresql://"));
        assert!(refused("host=h user=u").contains("postgresql://"));
        assert!(refused("postgresql://u:hunter2@h").contains("no database"));
        assert!(refused("postgresql:///d?user=u").contains("no host"));
        assert!(refused("postgresql://h/d").contains("no user"));
        assert!(refused("postgresql://u:hunter2@h/d?colour=blue").contains("colour"));
        for url in ["postgresql://u:hunter2@h:port/d", "postgresql://u:hunt?er2@h/d", "postgresql://u:hunter2@h/d?sslmode=hunter2"] {
            assert!(!refused(url).contains("hunt"), "{}", refused(url));
        }
        let config = from_url("postgresql://u:hunter2@h/d").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    }

    #[test]
    fn entra_needs_the_platform_and_no_password() {
        let identity = [("SWITCHBACK_DATABASE_AUTH", "entra"), ("DATABASE_URL", "postgresql://u:hunter2@db.example.net/d")];
        let mut settings = Settings::new(identity.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(read(&mut settings).is_none());
        let mistakes: Vec<String> = settings.into_mistakes().into_iter().map(|mistake| mistake.setting).collect();
        assert_eq!(mistakes, ["AZURE_CLIENT_ID", "DATABASE_URL", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"]);
        let platform = [
            ("SWITCHBACK_DATABASE_AUTH", "entra"),
            ("DATABASE_URL", "postgresql://u@db.example.net/d"),
            ("AZURE_CLIENT_ID", "7d7e"),
            ("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token"),
            ("IDENTITY_HEADER", "hunter2"),
        ];
        let mut settings = Settings::new(platform.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let config = read(&mut settings).expect("nothing is wrong");
        assert!(matches!(&config.authentication, Authentication::Entra(identity) if identity.client_id == "7d7e"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(settings.into_mistakes().is_empty());
    }

    #[test]
    fn the_instance_metadata_service_needs_no_header() {
        let settings = [
            ("SWITCHBACK_DATABASE_AUTH", "entra"),
            ("DATABASE_URL", "postgresql://u@db.example.net/d"),
            ("AZURE_CLIENT_ID", "7d7e"),
            ("IDENTITY_ENDPOINT", "http://169.254.169.254/metadata/identity/oauth2/token"),
        ];
        let mut settings = Settings::new(settings.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let config = read(&mut settings).expect("nothing is wrong");
        assert!(matches!(&config.authentication, Authentication::Entra(identity) if identity.header.is_none()));
        assert!(settings.into_mistakes().is_empty());
    }
}
