//! A client that sends exactly the bytes it is given: what no well-behaved HTTP library would send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::DEADLINE;
use super::role::Server;

/// One connection.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

/// One response.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Wire {
    /// Connects to a role.
    pub fn to(server: &Server) -> Wire {
        Wire::to_port(server.port)
    }

    /// Connects to a port of this machine.
    pub fn to_port(port: u16) -> Wire {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Wire { stream: BufReader::new(stream) }
    }

    /// Sends bytes; fails the test where the other side takes no more.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Wire {
        self.try_send(bytes).unwrap();
        self
    }

    /// Sends bytes.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// Sends a request without a body that names this machine as its host.
    pub fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request(method, target, headers));
        self.reply_to(method)
    }

    /// Reads the reply to anything but HEAD.
    pub fn reply(&mut self) -> Reply {
        self.reply_to("GET")
    }

    /// Reads the next final reply; interim ones (1xx) are passed over.
    pub fn reply_to(&mut self, method: &str) -> Reply {
        loop {
            let (status, headers) = self.head();
            if (100..200).contains(&status) {
                continue;
            }
            let mut reply = Reply { status, headers, body: Vec::new() };
            if method != "HEAD" && !matches!(status, 204 | 304) {
                reply.body = self.body(&reply);
            }
            return reply;
        }
    }

    /// Reads one status line with its headers, interim or final.
    pub fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let line = self.line();
        let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return (status, headers);
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Whether part of a reply has arrived already.
    pub fn has_reply(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream.set_nonblocking(true).unwrap();
        let peeked = stream.peek(&mut [0]);
        stream.set_nonblocking(false).unwrap();
        matches!(peeked, Ok(length) if length > 0)
    }

    /// Whether the other side has closed, and said nothing more.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0) | Err(_))
    }

    fn body(&mut self, reply: &Reply) -> Vec<u8> {
        let mut body = Vec::new();
        if reply.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.line();
                let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("no chunk size: {size:?}"));
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..]).unwrap();
                assert_eq!(self.line(), "", "a chunk ends with a line break");
                if size == 0 {
                    return body;
                }
            }
        }
        match reply.header("content-length") {
            Some(length) => {
                body.resize(length.parse().unwrap(), 0);
                self.stream.read_exact(&mut body).unwrap();
            }
            None => {
                self.stream.read_to_end(&mut body).unwrap();
            }
        }
        body
    }

    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line).expect("a reply before the deadline");
        assert!(line.ends_with(b"\r\n"), "the connection ended within a line: {:?}", String::from_utf8_lossy(&line));
        line.truncate(line.len() - 2);
        // Header values are bytes; one char a byte keeps them exact.
        line.into_iter().map(char::from).collect()
    }
}

impl Reply {
    /// A reply made up by somebody in between: a status and nothing else.
    pub fn bare(status: u16) -> Reply {
        Reply { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A header's value; fails the test where the header came twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} came twice: {self:?}");
        value
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// A request's head.
pub fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}
