//! Other programs that redirect, where they are installed, each on one core and as bare as it can be.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use crate::measure::{Contender, free_port, on_one_core};

/// Those that this machine has, and a loop that only answers.
pub fn installed() -> Vec<Contender> {
    let mut peers = vec![fixed_answer()];
    let folder = std::env::temp_dir().join(format!("switchback-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for configurations");
    peers.extend(find("nginx").map(|nginx| self::nginx(&nginx, &folder)));
    peers.extend(find("haproxy").map(|haproxy| self::haproxy(&haproxy, &folder)));
    peers
}

fn find(program: &str) -> Option<String> {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"].map(|place| PathBuf::from(place).join(program));
    let found = places.into_iter().find(|path| path.exists());
    if found.is_none() {
        println!("{program} is not installed: left out");
    }
    found.map(|path| path.display().to_string())
}

fn nginx(program: &str, folder: &std::path::Path) -> Contender {
    let (port, configuration) = (free_port(), folder.join("nginx.conf"));
    let folder = folder.display();
    let text = format!(
        "daemon off; master_process off; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000; server_tokens off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ add_header cache-control no-store always; return 307 http://even.example$request_uri; }} }}
}}
"
    );
    std::fs::write(&configuration, text).expect("a configuration");
    let mut command = on_one_core(program);
    command.arg("-c").arg(&configuration).args(["-e", "stderr"]);
    Contender::start_on(port, "nginx", command)
}

fn haproxy(program: &str, folder: &std::path::Path) -> Contender {
    let (port, configuration) = (free_port(), folder.join("haproxy.cfg"));
    let text = format!(
        "global
  maxconn 4096
  nbthread 1
defaults
  mode http
  timeout client 90s
  timeout server 90s
  timeout connect 5s
frontend router
  bind 127.0.0.1:{port}
  http-request redirect prefix http://even.example code 307
"
    );
    std::fs::write(&configuration, text).expect("a configuration");
    let mut command = on_one_core(program);
    command.args(["-db", "-f"]).arg(&configuration);
    Contender::start_on(port, "haproxy", command)
}

/// A tokio loop that reads a head to its end and writes one fixed answer.
fn fixed_answer() -> Contender {
    let own = std::env::current_exe().expect("the bench's own program").display().to_string();
    let port = free_port();
    let mut command = on_one_core(&own);
    command.args(["fixed-answer", &port.to_string()]);
    Contender::start_on(port, "fixed answer", command)
}

/// Serves as the fixed answer.
pub fn answer_forever(port: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse().expect("a port"))).expect("the port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(answer(stream));
        }
    });
}

async fn answer(mut stream: tokio::net::TcpStream) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    const ANSWER: &[u8] = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://even.example/api/costs?group_by=provider\r\ncache-control: no-store\r\nswitchback-arm: even\r\nswitchback-minute: 2026-11-26T13:30Z\r\nswitchback-reason: schedule\r\nx-request-id: 01a217dc-f10f-71af-b0e8-80ef98d6ecea\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\ncontent-length: 0\r\ndate: Thu, 26 Nov 2026 13:30:00 GMT\r\n\r\n";
    let (mut buffer, mut filled) = ([0; 4_096], 0);
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(length) if length > 0 => filled += length,
            _ => return,
        }
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            filled = 0;
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}
