//! What the router's redirect costs: CPU beside other programs that redirect, and instructions, which repeat.
//!
//! `make bench-redirect` compares, `make instructions` counts and holds the count against benches/instructions.json.

#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod instructions;
#[expect(dead_code, reason = "each bench uses a part of it")]
#[path = "../measure/mod.rs"]
mod measure;
mod peers;

use std::process::Command;
use std::time::Duration;

use measure::{Contender, Load, on_one_core, program, service, side_by_side};

/// Origin of a call from a browser's page. No trace: one for all calls would have all of them recorded, or none.
const BROWSER: &str = "Origin: https://app.example\r\n";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fixed-answer", port] => peers::answer_forever(port),
        ["instructions"] => instructions::check(),
        ["instructions", "--store"] => instructions::store(),
        [] => compare(64),
        [connections] => compare(connections.parse().expect("a number of connections")),
        _ => panic!("usage: redirect [CONNECTIONS | instructions [--store]]"),
    }
}

/// A router with strict parity between two services that are well, and nothing else.
fn plain(mut command: Command) -> Command {
    let (even, odd) = (service(), service());
    command.arg("serve").env_clear().env("SWITCHBACK_ROLE", "router").env("SWITCHBACK_LOG", "error").env("SWITCHBACK_FAILOVER", "off");
    command.env("SWITCHBACK_EVEN_URL", format!("http://{even}")).env("SWITCHBACK_ODD_URL", format!("http://{odd}"));
    command
}

/// The router with everything that may be on: tickets, telemetry at standard sampling, CORS.
fn with_everything(command: Command) -> Command {
    let mut command = plain(command);
    let connection = format!("InstrumentationKey=bench;IngestionEndpoint=http://{}", service());
    command.env("APPLICATIONINSIGHTS_CONNECTION_STRING", connection).env("SWITCHBACK_CORS_ORIGINS", "https://app.example");
    command.env("SWITCHBACK_TICKET_KEY", "0123456789abcdef0123456789abcdef");
    command
}

fn compare(connections: usize) {
    let load = Load { rounds: 5, calls: 100_000 / connections * connections, connections, settling: Duration::from_millis(2_500) };
    let router = || on_one_core(&program());
    let mut contenders = vec![
        Contender::start("router, plain", plain(router())),
        Contender::start("router, plain, once more", plain(router())),
        Contender::start("router, with everything", with_everything(router())).with_headers(BROWSER),
    ];
    contenders.extend(peers::installed());
    side_by_side("redirect on one core", load, contenders);
}
