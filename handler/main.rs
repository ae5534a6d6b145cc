//! The story of the process: arguments → configuration → telemetry → application → serve → drain.

use std::process::ExitCode;

use clap::Parser;
use switchback::application::{Application, Timing};
use switchback::cli::{self, Arguments, Command, Failure, StopOn};
use switchback::config::Config;
use switchback::http::server;
use switchback::telemetry;

fn main() -> ExitCode {
    // One provider for all TLS; a second call would only find the first in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = match Arguments::parse().command() {
        Command::Serve => {
            Config::from_process_environment().map_err(Failure::from).and_then(|config| serve(config, &Timing::default(), StopOn::Signal))
        }
        Command::DevRole(role) => role.config().and_then(|config| serve(config, &role.timing(), StopOn::SignalOrParent)),
        command => cli::run(command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Serves one role until the process is told to stop, then drains.
fn serve(config: Config, timing: &Timing, stop_on: StopOn) -> Result<(), Failure> {
    telemetry::start(&config.logs);
    cli::runtime()?.block_on(async {
        let stop = cli::stop_token(stop_on)?;
        let listener = server::bind(config.listen).await?;
        tracing::info!(address = %config.listen, "listening");
        Ok(Application::new(config, timing)?.serve(listener, stop).await?)
    })
}
