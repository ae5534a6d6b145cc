//! Where a role listens: everywhere unless it is told an address, by IPv6 as by IPv4.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::harness::role::{Role, Server, clean, free_port, program};
use crate::harness::{database, wait_until};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
/// Loopback too, and no address anybody listens on by name.
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Whether this machine has IPv6 at all: containers often have not.
fn has_ipv6() -> bool {
    TcpListener::bind((V6, 0)).is_ok()
}

/// The status of a GET sent to `address`; none where nothing listens there.
fn status(address: IpAddr, port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(SocketAddr::new(address, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let host = SocketAddr::new(address, port);
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    Some(answer[9..12].to_owned())
}

/// An arm as a platform starts it, listening where `bind` says.
fn serve(bind: Option<&str>) -> Server {
    let role = Role::arm("even", &database::migrated()).served();
    let role = bind.iter().fold(role, |role, address| role.with("SWITCHBACK_BIND", address));
    let server = role.spawn(free_port());
    wait_until("the port to be open", || server.process.output().contains("listening"));
    server
}

#[test]
fn by_default_every_address_is_served_and_loopback_is_loopback_in_both_families() {
    let arm = serve(None);
    let mut addresses = vec![V4, OTHER];
    addresses.extend(has_ipv6().then_some(V6));
    for address in addresses {
        assert_eq!(status(address, arm.port, "/api/health/live").as_deref(), Some("200"), "{address}");
        // Admitted without a key: the arm knows its peer as this machine, also behind a socket for both families.
        assert_eq!(status(address, arm.port, "/api/imports").as_deref(), Some("200"), "{address}");
    }
}

#[test]
fn only_the_address_that_was_named_is_served() {
    let arm = serve(Some("127.0.0.2"));
    assert_eq!(status(OTHER, arm.port, "/api/health/live").as_deref(), Some("200"));
    assert_eq!(status(V4, arm.port, "/api/health/live"), None);
    if has_ipv6() {
        let arm = serve(Some("::1"));
        assert_eq!(status(V6, arm.port, "/api/imports").as_deref(), Some("200"));
        assert_eq!(status(V4, arm.port, "/api/health/live"), None);
    }
}

#[test]
fn the_health_command_asks_where_the_role_listens() {
    let arm = serve(Some("127.0.0.2"));
    let health = |bind: &str| {
        let settings =
            [("SWITCHBACK_ROLE", "router"), ("SWITCHBACK_EVEN_URL", "http://a.example"), ("SWITCHBACK_ODD_URL", "http://b.example")];
        let mut command = Command::new(program());
        let command = clean(&mut command).arg("health").envs(settings).env("PORT", arm.port.to_string()).env("SWITCHBACK_BIND", bind);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert!(health("127.0.0.2").contains("404"), "the arm answers: {}", health("127.0.0.2"));
    assert!(!health("127.0.0.1").contains("404"), "{}", health("127.0.0.1"));
}

#[test]
fn what_is_no_address_is_a_mistake() {
    let output = clean(&mut Command::new(program())).arg("check").env("SWITCHBACK_BIND", "localhost").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(said.contains("SWITCHBACK_BIND: 'localhost' is not an IP address"), "{said}");
}
