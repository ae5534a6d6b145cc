//! One role of the development system as a child process: its lines are prefixed, its end is noticed, and it never outlives this process.

use std::io::IsTerminal;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use crate::config::process_setting;

/// A role to run.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// The name its lines begin with.
    pub name: String,
    /// Arguments after `dev-role`.
    pub arguments: Vec<String>,
    /// Settings, beside those this process was given.
    pub environment: Vec<(String, String)>,
}

/// How long a role may drain before it is killed.
const DRAIN: Duration = Duration::from_secs(6);
const NAME_WIDTH: usize = 6;

/// The exit code of a process that refuses its configuration (EX_USAGE of sysexits.h).
const MISCONFIGURED: i32 = 64;

/// A role refused its configuration, and said why.
#[derive(Debug, thiserror::Error)]
#[error("{role} refuses its configuration: fix what it lists above")]
pub struct Misconfigured {
    role: String,
}

/// How a role ended by itself.
enum Ended {
    Misconfigured,
    With(String),
}

/// A running role.
pub struct Process {
    config: ProcessConfig,
    child: Child,
    // Open for as long as the role is to run. Kept here because waiting for a child closes what it holds itself.
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Keeps a role running until `stop`: when it ends, it is started again after `pause`. One that refuses its configuration would refuse
    /// it for ever: everything is told to stop.
    ///
    /// # Errors
    /// [`Misconfigured`], once the role said what is wrong.
    pub async fn keep_running(config: ProcessConfig, pause: Duration, stop: CancellationToken) -> Result<(), Misconfigured> {
        while !stop.is_cancelled() {
            let status = match Process::start(config.clone()) {
                Ok(process) => match process.run(&stop).await {
                    Some(Ended::Misconfigured) => {
                        stop.cancel();
                        return Err(Misconfigured { role: config.name });
                    }
                    Some(Ended::With(status)) => status,
                    None => return Ok(()),
                },
                Err(error) => error.to_string(),
            };
            print_line(&config.name, &format!("ended: {status}; starting it again in {pause:?}"));
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        Ok(())
    }

    fn start(config: ProcessConfig) -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("dev-role").args(&config.arguments).envs(config.environment.iter().cloned());
        // Its standard input ends with this process, which tells it to stop; its own group keeps a terminal's Ctrl-C from it, so that
        // there is one shutdown order.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(lines) = child.stdout.take() {
            tokio::spawn(copy_lines(config.name.clone(), lines));
        }
        if let Some(lines) = child.stderr.take() {
            tokio::spawn(copy_lines(config.name.clone(), lines));
        }
        let lifeline = child.stdin.take();
        Ok(Process { config, child, lifeline })
    }

    /// Waits for the role's end; none when it was asked to.
    async fn run(mut self, stop: &CancellationToken) -> Option<Ended> {
        tokio::select! {
            ended = self.child.wait() => {
                return Some(match ended {
                    Ok(status) if status.code() == Some(MISCONFIGURED) => Ended::Misconfigured,
                    Ok(status) => Ended::With(status.to_string()),
                    Err(error) => Ended::With(error.to_string()),
                });
            }
            () = stop.cancelled() => {}
        }
        drop(self.lifeline.take());
        if tokio::time::timeout(DRAIN, self.child.wait()).await.is_err() {
            print_line(&self.config.name, "did not drain in time: it is killed");
            // An error means that it ended meanwhile.
            let _ = self.child.kill().await;
        }
        None
    }
}

async fn copy_lines(name: String, source: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(source).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        print_line(&name, &line);
    }
}

/// Prints a line under the name of whom it comes from.
pub fn print_line(name: &str, line: &str) {
    if std::io::stdout().is_terminal() && process_setting("NO_COLOR").is_none() {
        let colour = match name {
            "even" => 36,
            "odd" => 35,
            "report" => 32,
            _ => 33,
        };
        println!("\u{1b}[{colour}m{name:<NAME_WIDTH$}\u{1b}[0m | {line}");
    } else {
        println!("{name:<NAME_WIDTH$} | {line}");
    }
}
