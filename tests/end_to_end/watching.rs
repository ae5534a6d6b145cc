//! `switchback watch` from a shell: what it waits for, for how long, and how it exits.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use crate::harness::role::{clean, free_port, program};
use crate::harness::system::System;

fn watch(url: &str, options: &[&str]) -> Output {
    clean(Command::new(program()).args(["watch", url, "--rate", "20/s"]).args(options)).output().unwrap()
}

/// A server that answers its first calls as `first` says, then as `rest` does.
fn answering(first: &'static str, rest: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for (call, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let (status, body) = if call < 2 { (first, "") } else { ("200 OK", rest.as_str()) };
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        }
    });
    url
}

#[test]
fn without_a_url_and_a_development_system_it_says_what_it_needs() {
    let mut command = Command::new(program());
    let output = clean(command.args(["watch", "--data", "none-such"])).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("name the one URL") && said.contains("switchback dev"), "{said}");
}

#[test]
fn its_time_limit_covers_the_wait_for_a_router_and_no_call_is_a_failure() {
    let output = watch(&format!("http://127.0.0.1:{}", free_port()), &["--for", "1s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("does not answer") && said.contains("no call was made"), "{said}");
}

#[test]
fn it_waits_behind_a_front_door_and_refuses_what_is_no_router() {
    let router = answering("503 Service Unavailable", "{}".to_owned());
    let output = watch(&router, &["--for", "20s"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "it came to answer, as no router does: {said}");
    assert_eq!(said.matches("trying again").count(), 2, "{said}");
    assert!(said.contains("is no router"), "{said}");
}

#[test]
fn a_conforming_system_exits_0_with_one_json_line_per_call() {
    let system = System::start(|router| router, |arm| arm);
    let output = watch(&system.router.url(), &["--for", "5s", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.lines().count() >= 5);
    for line in lines.lines() {
        let call: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(call["outcome"], "conformant", "{line}");
    }
}
