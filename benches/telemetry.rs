//! What telemetry costs: CPU per redirect with telemetry off, at the standard sampling, and with every call recorded, side by side.

#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

#[expect(dead_code, reason = "each bench uses a part of it")]
mod measure;

use std::process::Command;
use std::time::Duration;

use measure::{Contender, Load, program, service, side_by_side};

const LOAD: Load = Load { rounds: 15, calls: 20_000, connections: 4, settling: Duration::from_millis(2_500) };

fn main() {
    let (arms, ingestion) = ([service(), service()], service());
    let router = |more: &[(&str, String)]| {
        let mut command = Command::new(program());
        command.arg("serve").env_clear().env("SWITCHBACK_ROLE", "router").env("SWITCHBACK_LOG", "error");
        command.env("SWITCHBACK_EVEN_URL", format!("http://{}", arms[0])).env("SWITCHBACK_ODD_URL", format!("http://{}", arms[1]));
        command.envs(more.iter().cloned());
        command
    };
    let connection = ("APPLICATIONINSIGHTS_CONNECTION_STRING", format!("InstrumentationKey=bench;IngestionEndpoint=http://{ingestion}"));
    let sampling = |share: &str| ("SWITCHBACK_TELEMETRY_SAMPLING", share.to_owned());
    let contenders = vec![
        Contender::start("telemetry off", router(&[])),
        Contender::start("telemetry off, once more", router(&[])),
        Contender::start("telemetry on, nothing sampled", router(&[connection.clone(), sampling("0")])),
        Contender::start("telemetry on, standard sampling", router(std::slice::from_ref(&connection))),
        Contender::start("telemetry on, every call recorded", router(&[connection, sampling("1")])),
    ];
    side_by_side("telemetry, router's redirect", LOAD, contenders);
}
