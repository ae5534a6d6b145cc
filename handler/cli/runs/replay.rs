//! `switchback run replay`: a random run's schedule, drawn again.

use clap::Args;
use serde::Serialize;
use uuid::Uuid;

use super::place::store;
use crate::cli::answer::print;
use crate::cli::database::DatabaseChoice;
use crate::cli::failure::Failure;
use crate::domain::draw::Seed;
use crate::domain::minute_range::MinuteRange;
use crate::domain::run::{Replayed, RunChoice, RunDocument, RunState};
use crate::domain::schedule::Schedule;
use crate::store::Store;

/// The draw of a random run, checked.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// The seed: 64 hexadecimal digits
    #[arg(value_parser = str::parse::<Seed>)]
    seed: Seed,
    /// The run: its id, its name, or current [default: the last random one]
    #[arg(long)]
    run: Option<RunChoice>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseChoice,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome {
    run: Uuid,
    seed_sha256: String,
    /// Minutes in which the router decided.
    minutes: u64,
    /// Those whose scheduled arm the seed does not draw.
    mismatches: Vec<String>,
    /// Whether everyone can read the seed from now on.
    shown: bool,
}

impl ReplayArguments {
    /// Draws the run's schedule again and holds every recorded decision against it. The seed of a run that is over is shown from then on.
    pub async fn run(self) -> Result<(), Failure> {
        let failed = |error: crate::store::StoreError| Failure::operation(&error);
        let store = store(&self.database)?;
        let (log, now) = (store.run_log().await.map_err(failed)?, store.now());
        let documents = log.documents(now);
        let run = self.chosen(&documents)?;
        let digest = self.seed.digest().to_string();
        let committed = run.set_up.as_ref().and_then(|set_up| set_up.schedule.seed_sha256.as_deref());
        let Some(schedule) = run.set_up.as_ref().and_then(|set_up| set_up.schedule.schedule(&[self.seed])) else {
            let committed = committed.unwrap_or("none");
            return Err(Failure::Operation(format!(
                "this is not the run's seed: its SHA-256 is {digest}, the run committed to {committed}"
            )));
        };
        let replayed = replay(&store, run, schedule).await.map_err(failed)?;
        let label = |minute| schedule.label(minute);
        let shown = replayed.mismatches.is_empty() && run.state == RunState::Ended;
        if shown {
            store.show_seed(&self.seed).await.map_err(failed)?;
        }
        let outcome = Outcome {
            run: run.id,
            seed_sha256: digest,
            minutes: replayed.minutes,
            mismatches: replayed.mismatches.iter().copied().map(label).collect(),
            shown,
        };
        print(self.json, &outcome, |outcome| text(run, outcome))?;
        match outcome.mismatches.first() {
            None => Ok(()),
            Some(first) => Err(Failure::Operation(format!(
                "{} of {} minutes went to another arm than the seed draws, the first at {first}",
                outcome.mismatches.len(),
                outcome.minutes
            ))),
        }
    }

    fn chosen<'a>(&self, documents: &'a [RunDocument]) -> Result<&'a RunDocument, Failure> {
        let is_random = |run: &&RunDocument| run.set_up.as_ref().is_some_and(|set_up| set_up.schedule.seed_sha256.is_some());
        match &self.run {
            None => documents.iter().find(is_random).ok_or_else(|| Failure::input("there is no random run")),
            Some(choice) => {
                let found = documents.iter().find(|run| match choice {
                    RunChoice::Current => run.state == RunState::Running,
                    RunChoice::Id(id) => run.id == *id,
                    RunChoice::Named(name) => run.name.as_ref() == Some(name),
                });
                let run = found.ok_or_else(|| Failure::input(format!("there is no run '{choice}'")))?;
                if is_random(&run) { Ok(run) } else { Err(Failure::input(format!("run '{choice}' has no random schedule"))) }
            }
        }
    }
}

async fn replay(store: &Store, run: &RunDocument, schedule: Schedule) -> Result<Replayed, crate::store::StoreError> {
    let end = run.ends_at.map_or_else(|| store.now(), |end| end.min(store.now()));
    let range = MinuteRange::new(schedule, schedule.minute_at(run.starts_at), schedule.minute_at(end).next());
    let mut replayed = Replayed::default();
    store.observe_decisions(range, |count| replayed.hold(&schedule, &count.decision)).await?;
    Ok(replayed)
}

fn text(run: &RunDocument, outcome: &Outcome) -> String {
    let held = outcome.minutes.saturating_sub(outcome.mismatches.len() as u64);
    let shown = if outcome.shown { "; the seed is shown with the run from now on" } else { "" };
    format!("{}\n{held} of {} minutes with decisions went to the arm the seed draws{shown}", run.in_words(), outcome.minutes)
}
