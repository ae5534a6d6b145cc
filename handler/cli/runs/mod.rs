//! `switchback run`: what is compared, from when to when, with which margins, written down before it begins.

mod book;
mod place;
mod plan;
mod replay;
mod text;

use std::time::Duration;

use clap::{Args, Subcommand};
use time::OffsetDateTime;

use self::place::RunPlace;
use super::failure::Failure;
use super::process::runtime;
use super::values::read_moment;
use crate::config::comparison::{latency_margin, share_margin};
use crate::config::settings;
use crate::domain::margins::ChangedMargins;
use crate::domain::run::{RunChoice, RunName};
use crate::http::endpoints::runs::{NewExclusion, NewRun};

/// Runs.
#[derive(Debug, Args)]
pub struct Runs {
    #[command(subcommand)]
    command: RunCommand,
}

#[derive(Debug, Subcommand)]
enum RunCommand {
    /// Declare a run: its margins and its horizon are kept from before its first minute, and never change
    Declare(Declare),
    /// List the runs, newest first
    List {
        #[command(flatten)]
        place: RunPlace,
    },
    /// Show a run: what was served with, its margins, the minutes left out
    Show {
        /// Its id, its name, or current
        #[arg(default_value = "current")]
        run: RunChoice,
        #[command(flatten)]
        place: RunPlace,
    },
    /// End a run with the present pair of minutes; an observed run follows
    End {
        /// Its id, its name, or current
        run: RunChoice,
        #[command(flatten)]
        place: RunPlace,
    },
    /// Leave minutes out of every report, such as those around a deployment
    Exclude(Exclude),
    /// Say how long a run must be to see differences as large as the margins
    Plan(plan::PlanArguments),
    /// Draw a random run's schedule again from its seed; exit code 1 when the seed or a recorded minute says otherwise
    Replay(replay::ReplayArguments),
}

/// A run to declare.
#[derive(Debug, Args)]
struct Declare {
    /// Its name: letters, digits, '.', '_' and '-'
    #[arg(long)]
    name: RunName,
    /// How long it lasts, such as 90m, 24h or 7d; rounded up to whole pairs of minutes
    #[arg(long = "for", value_name = "TIME", value_parser = settings::duration)]
    lasts: Duration,
    /// Largest acceptable rise of the mean latency, or off [default: the arms' setting]
    #[arg(long, value_name = "TIME|off", value_parser = latency)]
    margin_mean: Option<Margin>,
    /// Largest acceptable rise of p95, or off [default: the arms' setting]
    #[arg(long, value_name = "TIME|off", value_parser = latency)]
    margin_p95: Option<Margin>,
    /// Largest acceptable rise of p99, or off [default: the arms' setting]
    #[arg(long, value_name = "TIME|off", value_parser = latency)]
    margin_p99: Option<Margin>,
    /// Largest acceptable rise of the share of calls that fail, 0 to 1, or off [default: the arms' setting]
    #[arg(long, value_name = "SHARE|off", value_parser = share)]
    margin_failure_share: Option<Margin>,
    #[command(flatten)]
    place: RunPlace,
}

/// Minutes to leave out.
#[derive(Debug, Args)]
struct Exclude {
    /// First moment to leave out, such as 2026-11-23T10:00Z; the whole pair it lies in is
    #[arg(long, value_parser = read_moment)]
    from: OffsetDateTime,
    /// First moment not to leave out
    #[arg(long, value_parser = read_moment)]
    to: OffsetDateTime,
    /// Why, in up to 200 characters
    #[arg(long)]
    reason: String,
    /// The run they must belong to [default: whichever they do; through a URL the run must be named]
    #[arg(long)]
    run: Option<RunChoice>,
    #[command(flatten)]
    place: RunPlace,
}

/// A margin, or none.
#[derive(Debug, Clone, Copy)]
struct Margin(Option<f64>);

fn latency(text: &str) -> Result<Margin, String> {
    latency_margin(text).map(Margin)
}

fn share(text: &str) -> Result<Margin, String> {
    share_margin(text).map(Margin)
}

impl Runs {
    /// Does what was asked.
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            match self.command {
                RunCommand::Declare(declare) => declare.run().await,
                RunCommand::List { place } => place.print(&place.book()?.list().await?, |list| text::list(&list.runs)),
                RunCommand::Show { run, place } => place.print(&place.book()?.read(&run).await?, text::run),
                RunCommand::End { run, place } => place.print(&place.book()?.end(&run).await?, text::run),
                RunCommand::Exclude(exclude) => exclude.run().await,
                RunCommand::Plan(plan) => plan.run().await,
                RunCommand::Replay(replay) => replay.run().await,
            }
        })
    }
}

impl Declare {
    async fn run(self) -> Result<(), Failure> {
        let set = |margin: Option<Margin>| margin.map(|Margin(margin)| margin);
        let margins = ChangedMargins {
            latency_mean_ms: set(self.margin_mean),
            latency_p95_ms: set(self.margin_p95),
            latency_p99_ms: set(self.margin_p99),
            failure_share: set(self.margin_failure_share),
        };
        let run = NewRun { name: self.name.to_string(), lasts: format!("{}ms", self.lasts.as_millis()), margins };
        self.place.print(&self.place.book()?.declare(&run).await?, text::run)
    }
}

impl Exclude {
    async fn run(self) -> Result<(), Failure> {
        let exclusion = NewExclusion { from: self.from, to: self.to, reason: self.reason };
        let excluded = self.place.book()?.exclude(self.run.as_ref(), exclusion).await?;
        self.place.print(&excluded, text::exclusion)
    }
}
