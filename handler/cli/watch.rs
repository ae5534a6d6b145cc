//! `switchback watch`: supervision from outside.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::process::{StopOn, runtime, stop_token};
use super::tally::Tally;
use crate::caller::{Caller, ObservedCall, RouterState, RouterStateError};
use crate::clock::SystemClock;
use crate::config::{self, BaseUrl, access, process_setting, settings};
use crate::dev::announcement::Announcement;
use crate::domain::schedule::Schedule;

/// Call the one URL, follow its redirects, and say where they end.
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// The one URL [default: the development system's]; SWITCHBACK_CLIENT_KEY holds the key of a router that shows its routing to nobody else
    url: Option<BaseUrl>,
    /// Folder of the development system that is watched where no URL is named
    #[arg(long, default_value = ".switchback", value_name = "DIR")]
    data: PathBuf,
    /// Calls a second
    #[arg(long, default_value = "2/s", value_parser = super::values::rate, value_name = "N/s")]
    rate: f64,
    /// How long to watch, such as 5m; without it, until Ctrl-C
    #[arg(long = "for", value_parser = settings::duration, value_name = "TIME")]
    duration: Option<Duration>,
    /// Exit with 1 when the share of calls that ended where they should is below this, 0 to 1
    #[arg(long, default_value = "0.999", value_parser = settings::fraction, value_name = "SHARE")]
    min_conformance: f64,
    /// One JSON object a call instead of a table; also what a pipe gets
    #[arg(long)]
    json: bool,
}

const REDRAW: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_secs(1);
const IN_FLIGHT: usize = 64;

impl WatchArguments {
    pub fn run(self) -> Result<(), Failure> {
        let url = self.url()?;
        runtime()?.block_on(async {
            let stop = stop_token(StopOn::Signal)?;
            if let Some(duration) = self.duration {
                let over = stop.clone();
                // The time runs from here on, whatever the router does: `--for 5m` never takes longer.
                tokio::spawn(async move {
                    tokio::time::sleep(duration).await;
                    over.cancel();
                });
            }
            let key = process_setting("SWITCHBACK_CLIENT_KEY").map(|text| access::client_key(&text)).transpose();
            let key = key.map_err(|reason| Failure::input(format!("SWITCHBACK_CLIENT_KEY {reason}")))?;
            let seed = config::seed_from_process_environment()?;
            let caller = Caller::new(url.clone(), key, seed, Arc::new(SystemClock::new())).map_err(|error| Failure::operation(&error))?;
            let tally = match find_router(&caller, &url, &stop).await? {
                Some(router) => self.watch(Arc::new(caller), *router.schedule(), stop).await,
                None => Tally::default(),
            };
            self.judge(&tally)
        })
    }

    /// The URL that is named, else that of the development system in its folder.
    fn url(&self) -> Result<BaseUrl, Failure> {
        let announced = || Announcement::read(&self.data)?.url.parse().ok();
        self.url.clone().or_else(announced).ok_or_else(|| {
            let folder = self.data.display();
            Failure::input(format!("name the one URL, or start a development system with switchback dev: there is none in {folder}"))
        })
    }

    async fn watch(&self, caller: Arc<Caller>, schedule: Schedule, stop: CancellationToken) -> Tally {
        let table = !self.json && std::io::stdout().is_terminal();
        let mut tally = Tally::default();
        let (send, mut observations) = mpsc::channel::<ObservedCall>(IN_FLIGHT);
        let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / self.rate));
        let mut redraw = tokio::time::interval(REDRAW);
        let mut drawn_lines = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = ticks.tick() => {
                    // A full channel means that answers stopped coming: those in flight are enough to show the outage.
                    if let Ok(place) = send.clone().try_reserve_owned() {
                        let caller = Arc::clone(&caller);
                        tokio::spawn(async move { place.send(caller.observe(&schedule).await) });
                    }
                }
                Some(observation) = observations.recv() => {
                    tally.count(&observation);
                    if !table {
                        print_json(&observation);
                    }
                }
                _ = redraw.tick(), if table => drawn_lines = draw(&tally, drawn_lines),
            }
        }
        if table {
            draw(&tally, drawn_lines);
        }
        tally
    }

    fn judge(&self, tally: &Tally) -> Result<(), Failure> {
        match tally.conformance() {
            None => Err(Failure::Operation("no call was made, so there is nothing to judge".to_owned())),
            Some(share) if share < self.min_conformance => {
                Err(Failure::Operation(format!("conformance is {:.4} %, below {:.4} %", share * 100.0, self.min_conformance * 100.0)))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Waits for the router to answer; none once the time is up.
async fn find_router(caller: &Caller, url: &BaseUrl, stop: &CancellationToken) -> Result<Option<RouterState>, Failure> {
    loop {
        let answer = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            answer = caller.router_state() => answer,
        };
        match answer {
            Ok(state) => return Ok(Some(state)),
            Err(error @ (RouterStateError::NoRouter { .. } | RouterStateError::Closed(_) | RouterStateError::SeedUnknown)) => {
                return Err(Failure::input(error.to_string()));
            }
            Err(RouterStateError::Unreachable(reason)) => eprintln!("{url} does not answer: {reason}; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

fn print_json(observation: &ObservedCall) {
    if let Ok(line) = serde_json::to_string(observation) {
        println!("{line}");
    }
}

/// Draws the table over the one drawn before; the number of lines it took.
fn draw(tally: &Tally, drawn_lines: usize) -> usize {
    let table = tally.to_string();
    let mut out = std::io::stdout().lock();
    let up = if drawn_lines > 0 { format!("\u{1b}[{drawn_lines}A") } else { String::new() };
    // A terminal that is gone is noticed by the next signal.
    let _ = writeln!(out, "{up}\u{1b}[J{table}");
    table.lines().count()
}
