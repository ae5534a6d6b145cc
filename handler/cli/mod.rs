//! The command line: what a person or a platform may ask this program to do.
//!
//! Owns arguments, exit codes and the text that commands print. Must not know how anything is done.

mod answer;
mod api;
mod check;
mod costs;
mod database;
mod dev;
mod failure;
mod health;
mod import;
mod key;
mod manual;
mod migrate;
mod plans;
mod prices;
mod process;
mod report;
mod runs;
mod table;
mod tally;
mod validate;
mod values;
mod watch;

use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand};
use time::OffsetDateTime;

pub use failure::Failure;
pub use process::{StopOn, runtime, stop_token};

use crate::application::Timing;
use crate::clock::SystemClock;
use crate::config::{Config, Listen, settings};
use crate::domain::schedule::Schedule;
use values::{minute, moment};

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
    Check(check::Check),
    /// Bring the database's schema up to date
    Migrate(migrate::Migrate),
    /// Import FOCUS files and exports, straight into the database or through a URL
    Import(import::ImportArguments),
    /// Say how far a FOCUS file keeps FOCUS's rules and what an import would make of it
    Validate(validate::Validate),
    /// Ask what was charged: grouped, by period, filtered, as a table, CSV or JSON lines
    Costs(costs::Costs),
    /// Call the one URL, follow its redirects, and say where they end; exit code 1 when too few end where they should
    Watch(watch::WatchArguments),
    /// Price every plan for the traffic measured, or for a given one, and say where the cheapest changes
    Plans(plans::Plans),
    /// Show the unit prices in use, or fetch newer ones
    Prices(prices::Prices),
    /// Declare, list, show, end, plan and replay runs: what is compared, from when to when, with which margins
    Run(runs::Runs),
    /// Compare the arms: latency, errors, cost, verdict
    Report(report::ReportCommand),
    /// Make an API key and print its SWITCHBACK_API_KEYS entry
    Key(key::Key),
    /// Ask a running instance whether it is up; exit code 0 if so (what container health checks call)
    Health(health::HealthCheck),
    /// Print what completes this program's commands in a shell, such as: source <(switchback completions bash)
    Completions(manual::Completions),
    /// Print the manual, as in: switchback man | man -l -
    Man(manual::Man),
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
        config.listen = self.listen.map_or(config.listen, Listen::from);
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
        Command::Check(check) => check.run(),
        Command::Migrate(migrate) => migrate.run(),
        Command::Import(import) => import.run(),
        Command::Validate(validate) => validate.run(),
        Command::Costs(costs) => costs.run(),
        Command::Watch(watch) => watch.run(),
        Command::Plans(plans) => plans.run(),
        Command::Prices(prices) => prices.run(),
        Command::Run(runs) => runs.run(),
        Command::Report(report) => report.run(),
        Command::Key(key) => key.run(),
        Command::Health(health) => health.run(),
        Command::Completions(completions) => {
            completions.print(<Arguments as CommandFactory>::command());
            Ok(())
        }
        Command::Man(man) => man.write(<Arguments as CommandFactory>::command()),
        Command::Serve | Command::DevRole(_) => Err(Failure::input("serving is started by main")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands that answer nothing to read: they serve, print scripts, or answer by their exit code alone.
    const WITHOUT_ANSWER: [&str; 6] = ["dev", "serve", "health", "completions", "man", "dev-role"];

    #[test]
    fn every_command_that_answers_has_its_answer_as_json() {
        fn lacking(command: &clap::Command, found: &mut Vec<String>) {
            if command.has_subcommands() {
                command.get_subcommands().for_each(|under| lacking(under, found));
            } else if !command.get_arguments().any(|argument| argument.get_long() == Some("json")) {
                found.push(command.get_name().to_owned());
            }
        }
        let mut found = Vec::new();
        lacking(&<Arguments as CommandFactory>::command(), &mut found);
        assert_eq!(found, WITHOUT_ANSWER);
    }
}
