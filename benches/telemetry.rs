//! What telemetry costs: CPU per redirect with telemetry off, at the standard sampling, and with every call recorded, side by side.

#![expect(clippy::panic, reason = "a bench that cannot go on ends")]

mod measure;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use measure::{Contender, side_by_side};

fn main() {
    let (arms, ingestion) = ([service(), service()], service());
    let router = |more: &[(&str, String)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchback"));
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
    side_by_side("telemetry, router's redirect", contenders);
}

/// A service that answers every request with 200 and an empty document: arm and ingestion service alike. It runs in this process, whose CPU
/// is not measured.
fn service() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
    address
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").ok()?;
    }
}
