//! The command line: what a person or a platform may ask this program to do.
//!
//! Owns arguments, exit codes and the text that commands print. Must not know how anything is done.

mod check;
mod dev;
mod health;
mod import;
mod key;
mod migrate;
mod prices;
mod report;
mod tally;
mod watch;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;

use crate::application::{ApplicationError, Timing};
use crate::causes;
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError, settings};
use crate::domain::schedule::Schedule;
use crate::http::server::BindError;

/// One URL, two Azure plans, one answer: which plan is worth its price.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    disable_help_subcommand = true,
    after_help = "Settings of `serve` are environment variables: see docs/configuration.md"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// The command asked for; `dev` where none was named.
    #[must_use]
    pub fn command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Dev(dev::Dev::standard()))
    }
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system on this machine: PostgreSQL, both arms, the router (the default)
    Dev(dev::Dev),
    /// Serve one role, from the environment
    Serve,
    /// Say everything that is wrong with the environment's configuration
    Check,
    /// Bring the database's schema up to date
    Migrate,
    /// Import FOCUS files, straight into the database or through a URL
    Import(import::ImportArguments),
    /// Call the one URL, follow its redirects, and say where they end; exit code 1 when too few end where they should
    Watch(watch::WatchArguments),
    /// Show the unit prices in use, or fetch newer ones
    Prices(prices::Prices),
    /// Compare the arms: latency, errors, cost, verdict
    Report(report::ReportCommand),
    /// Make an API key and print its SWITCHBACK_API_KEYS entry
    Key(key::Key),
    /// Ask a running instance whether it is up; exit code 0 if so (what container health checks call)
    Health(health::Health),
    /// One process of the development system
    #[command(hide = true)]
    DevRole(DevRole),
}

/// How `dev` runs its roles: `serve` with what only development may change.
#[derive(Debug, Args)]
pub struct DevRole {
    /// Address to listen on, instead of every interface
    #[arg(long)]
    pub listen: Option<std::net::SocketAddr>,
    /// How long a minute lasts
    #[arg(long, value_parser = minute)]
    pub minute: Option<Duration>,
    /// Moment the clock starts at
    #[arg(long, value_parser = moment)]
    pub clock: Option<OffsetDateTime>,
    /// Time added to every API call
    #[arg(long, value_parser = settings::duration)]
    pub slow: Option<Duration>,
}

impl DevRole {
    /// The environment's configuration, with the address asked for.
    ///
    /// # Errors
    /// [`Failure::Config`] where the environment is wrong.
    pub fn config(&self) -> Result<Config, Failure> {
        let mut config = Config::from_process_environment()?;
        config.listen = self.listen.unwrap_or(config.listen);
        Ok(config)
    }

    /// The clock and minute asked for.
    #[must_use]
    pub fn timing(&self) -> Timing {
        let clock = self.clock.map_or_else(SystemClock::new, SystemClock::starting_at);
        Timing { clock: std::sync::Arc::new(clock), minute: self.minute.unwrap_or(Schedule::MINUTE), slow: self.slow.unwrap_or_default() }
    }
}

/// Runs a command other than serving.
///
/// # Errors
/// [`Failure`], which knows its exit code.
pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Dev(dev) => dev.run(),
        Command::Check => check::run(),
        Command::Migrate => migrate::run(),
        Command::Import(import) => import.run(),
        Command::Watch(watch) => watch.run(),
        Command::Prices(prices) => prices.run(),
        Command::Report(report) => report.run(),
        Command::Key(key) => key.run(),
        Command::Health(health) => health.run(),
        Command::Serve | Command::DevRole(_) => Err(Failure::input("serving is started by main")),
    }
}

/// Why a command ended without doing what it was asked; the text is one line unless the configuration has several mistakes.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The environment is wrong: exit code 64 (EX_USAGE of sysexits.h).
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was asked for is wrong: exit code 2.
    #[error("{0}")]
    Input(String),
    /// It went wrong on the way: exit code 1.
    #[error("{0}")]
    Operation(String),
}

impl Failure {
    /// What was asked for is wrong.
    pub fn input(reason: impl Into<String>) -> Self {
        Failure::Input(reason.into())
    }

    /// It went wrong on the way; the text holds the whole chain of causes.
    pub fn operation(error: &dyn std::error::Error) -> Self {
        Failure::Operation(causes::chain(error))
    }

    /// Prints the failure on standard error.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        eprintln!("switchback: {self}");
        ExitCode::from(match self {
            Failure::Config(_) => 64,
            Failure::Input(_) => 2,
            Failure::Operation(_) => 1,
        })
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        Failure::operation(&error)
    }
}

impl From<ApplicationError> for Failure {
    fn from(error: ApplicationError) -> Self {
        Failure::operation(&error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::operation(&error)
    }
}

/// The runtime every command runs on.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// What ends a process that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOn {
    /// SIGTERM or SIGINT.
    Signal,
    /// Those, or the end of standard input: the development system's roles must not outlive it, however it ends.
    SignalOrParent,
}

/// A token that is cancelled once the process is told to stop.
///
/// # Errors
/// When signals cannot be received.
pub fn stop_token(on: StopOn) -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    if on == StopOn::SignalOrParent {
        let stop = token.clone();
        // A thread of its own: a runtime waits for its blocking reads before it ends.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            stop.cancel();
        });
    }
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(token)
}

fn minute(text: &str) -> Result<Duration, String> {
    settings::duration_between(Schedule::MIN_MINUTE, Schedule::MINUTE)(text)
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|error| format!("'{text}' is not a moment such as 2026-11-23T10:03:59.9Z: {error}"))
}

fn rate(text: &str) -> Result<f64, String> {
    match text.strip_suffix("/s").unwrap_or(text).parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err(format!("'{text}' is not a rate such as 50/s")),
    }
}
