//! A TCP proxy in front of PostgreSQL that does what networks do on bad days. Must not know what passes through it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What happens to what passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: everything passes.
    None,
    /// Each chunk arrives this much later.
    Latency(Duration),
    /// Nothing passes in either direction; connections stay open, new ones are accepted and stay silent.
    Stall,
    /// Requests pass and responses don't.
    HalfOpen,
    /// New connections are closed at once.
    Refuse,
}

struct State {
    fault: Fault,
    open: Vec<TcpStream>,
}

/// The proxy; it ends with the process.
pub struct Proxy {
    state: Arc<Mutex<State>>,
}

const POLL: Duration = Duration::from_millis(10);

impl Proxy {
    /// A proxy in front of the server that `database_url` names, a URL whose host is a folder with PostgreSQL's socket.
    pub fn before(database_url: &str) -> (Proxy, String) {
        let rest = database_url.strip_prefix("postgresql://switchback@").expect("a scratch database's URL");
        let (host, database) = rest.split_once('/').expect("a database");
        let folder = percent_encoding::percent_decode_str(host).decode_utf8().expect("a folder").into_owned();
        let socket = PathBuf::from(folder).join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { fault: Fault::None, open: Vec::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let mut state = shared.lock().unwrap();
                // Dropped: the client sees the connection end.
                if state.fault == Fault::Refuse {
                    continue;
                }
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                state.open.push(client.try_clone().unwrap());
                drop(state);
                pass(client, server, &shared);
            }
        });
        (Proxy { state }, format!("postgresql://switchback@127.0.0.1:{port}/{database}?sslmode=disable"))
    }

    /// From now on, also for connections that are open.
    pub fn set(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    /// Closes every open connection at once.
    pub fn cut(&self) {
        for connection in self.state.lock().unwrap().open.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn pass(client: TcpStream, server: UnixStream, state: &Arc<Mutex<State>>) {
    let (client_in, server_in) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let questions = Arc::clone(state);
    thread::spawn(move || {
        copy(client_in, &server, &questions, |fault| matches!(fault, Fault::Stall));
        let _ = server.shutdown(Shutdown::Both);
    });
    let answers = Arc::clone(state);
    thread::spawn(move || {
        copy(server_in, &client, &answers, |fault| matches!(fault, Fault::Stall | Fault::HalfOpen));
        let _ = client.shutdown(Shutdown::Both);
    });
}

fn copy(mut from: impl Read, mut to: impl Write, state: &Mutex<State>, held: impl Fn(Fault) -> bool) {
    let mut buffer = [0; 65_536];
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        loop {
            let fault = state.lock().unwrap().fault;
            if let Fault::Latency(time) = fault {
                thread::sleep(time);
            }
            if !held(fault) {
                break;
            }
            thread::sleep(POLL);
        }
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
