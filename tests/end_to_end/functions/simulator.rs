//! A simulated Azure Functions host: starts a package's custom handler and invokes its functions.
//!
//! Our own code, written from the public source of azure-functions-host 4.10xx as it was read. **It was not validated against the real
//! host**: what it shows is that the handler keeps the contract as we understand it. Must not know what the handler does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::discovery::{Function, discover};
use super::request::{Body, Inbound};
use crate::harness::role::{Process, clean, free_port};
use crate::harness::wait_for;
use crate::harness::wire::{Reply, Wire, request};

/// How the host hands HTTP to the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Proxying,
    Forwarding,
    Json,
}

/// A host that runs one app.
pub struct Host {
    root: PathBuf,
    settings: BTreeMap<String, String>,
    configuration: Value,
    pub functions: Vec<Function>,
    pub handler: Process,
    pub port: u16,
    /// What the first ping was answered.
    pub first_ping: Reply,
}

/// How a timer's invocation ended.
#[derive(Debug)]
pub enum Invocation {
    /// With these logs.
    Success(Vec<String>),
    /// With what the host would say of it.
    Failure(String),
}

impl Host {
    /// Starts an app and waits until its handler answers a ping; fails the test where it does not.
    pub fn start(root: &Path, settings: &[(&str, &str)]) -> Host {
        Host::try_start(root, settings).unwrap_or_else(|(code, output)| panic!("the handler ended with {code:?}:\n{output}"))
    }

    /// Starts an app; where its handler ends instead, its exit code and what it printed.
    pub fn try_start(root: &Path, settings: &[(&str, &str)]) -> Result<Host, (Option<i32>, String)> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let configuration: Value = serde_json::from_slice(&fs::read(root.join("host.json")).unwrap()).expect("host.json is JSON");
        assert_eq!(configuration["version"], "2.0", "the host refuses any other version");
        let functions = discover(root, &settings);
        let (handler, port, first_ping) = start_handler(root, &configuration, &settings)?;
        Ok(Host { root: root.to_owned(), settings, configuration, functions, handler, port, first_ping })
    }

    /// The host's own request for `/`, with which it asks whether the handler is up. Its client follows redirects.
    pub fn ping(&self) -> Reply {
        Wire::to_port(self.port).ask("GET", "/", &[("host", &format!("127.0.0.1:{}", self.port))])
    }

    /// Kills the handler as the host does when it shuts down or a function's time is up, and starts it again as it would after a crash.
    pub fn crash_and_restart(&mut self) {
        self.handler.kill();
        let restarted = start_handler(&self.root, &self.configuration, &self.settings);
        (self.handler, self.port, self.first_ping) = restarted.unwrap_or_else(|(code, output)| panic!("ended with {code:?}:\n{output}"));
    }

    /// How HTTP reaches the handler; proxying is looked at first.
    pub fn mode(&self) -> Mode {
        let handler = &self.configuration["customHandler"];
        match (&handler["enableProxyingHttpRequest"], &handler["enableForwardingHttpRequest"]) {
            (Value::Bool(true), _) => Mode::Proxying,
            (_, Value::Bool(true)) => Mode::Forwarding,
            _ => Mode::Json,
        }
    }

    /// A caller's request, as it comes to the app's address.
    pub fn call(&self, inbound: &Inbound) -> Reply {
        let prefix = self.configuration["extensions"]["http"]["routePrefix"].as_str().unwrap_or("api");
        let path = inbound.path();
        if path == "/admin" || path.starts_with("/admin/") {
            return Reply::bare(401);
        }
        // In the order of their names, and the first that matches: a wrong method falls through.
        let Some(function) = self.functions.iter().find(|function| function.takes(prefix, &inbound.method, path)) else {
            return Reply::bare(404);
        };
        match self.mode() {
            Mode::Proxying if function.is_raw_http() => inbound.proxied(self.port),
            Mode::Forwarding if function.is_raw_http() => inbound.forwarded(self.port),
            _ => self.call_as_json(function, inbound),
        }
    }

    /// Fires the timer of a function.
    pub fn tick(&self, function: &str) -> Invocation {
        let binding = self.timer_binding(function);
        let timer = json!({
            "Schedule": { "AdjustForDST": true },
            "ScheduleStatus": { "Last": "2026-11-23T10:03:30+00:00", "Next": "2026-11-23T10:04:30+00:00", "LastUpdated": "2026-11-23T10:03:30+00:00" },
            "IsPastDue": false,
        });
        self.invoke(function, &json!({ binding: timer }))
    }

    /// The name of a timer function's binding; fails the test where the function is not enabled.
    pub fn timer_binding(&self, function: &str) -> &str {
        let found = self.functions.iter().find(|candidate| candidate.name == function);
        found.unwrap_or_else(|| panic!("{function} is disabled")).timer().expect("a timer")
    }

    /// An invocation in JSON: `POST /<function>`, without a prefix, in chunks and without a length.
    pub fn invoke(&self, function: &str, data: &Value) -> Invocation {
        let sys =
            json!({ "MethodName": function, "UtcNow": "2026-11-23T10:04:30.0004Z", "RandGuid": "7e3d1f6e-8f0f-4f0e-9a7e-3f8d9b2d7a11" });
        let body = json!({ "Data": data, "Metadata": { "sys": sys } }).to_string();
        let mut wire = Wire::to_port(self.port);
        let head = [
            ("host", format!("127.0.0.1:{}", self.port)),
            ("content-type", "application/json; charset=utf-8".to_owned()),
            ("transfer-encoding", "chunked".to_owned()),
            ("x-azure-functions-hostversion", "4.1045.0.0".to_owned()),
            ("x-azure-functions-invocationid", "5f6c3c8e-2f4e-4b0f-9f0c-1d6d4a1b2c3d".to_owned()),
        ];
        wire.send(request("POST", &format!("/{function}"), &head.each_ref().map(|(name, value)| (*name, value.as_str()))));
        Body::Chunks(vec![body.into_bytes()]).send(&mut wire);
        judge(&wire.reply())
    }

    /// HTTP where neither raw mode is on.
    fn call_as_json(&self, function: &Function, inbound: &Inbound) -> Reply {
        let req = json!({ "Url": format!("http://localhost{}", inbound.target), "Method": inbound.method, "Query": {}, "Headers": {}, "Params": {} });
        match self.invoke(&function.name, &json!({ "req": req })) {
            Invocation::Failure(_) => Reply::bare(500),
            // A handler that speaks this mode would have put the response into Outputs; ours has none there.
            Invocation::Success(_) => Reply::bare(200),
        }
    }
}

/// What the host makes of the answer to an invocation in JSON.
fn judge(reply: &Reply) -> Invocation {
    if (300..400).contains(&reply.status) {
        // The host's client follows it and posts again, to wherever it leads.
        return Invocation::Failure(format!("redirected to {:?}", reply.header("location")));
    }
    if !(200..300).contains(&reply.status) {
        return Invocation::Failure(format!("status {}", reply.status));
    }
    let text = String::from_utf8_lossy(&reply.body);
    assert!(!matches!(text.trim(), "" | "null"), "the host would hang on this answer until the function's time is up");
    match serde_json::from_slice::<Value>(&reply.body) {
        Ok(Value::Object(answer)) => {
            let logs = answer.get("Logs").and_then(Value::as_array).cloned().unwrap_or_default();
            Invocation::Success(logs.iter().map(|log| log.as_str().unwrap_or_default().to_owned()).collect())
        }
        Ok(other) => Invocation::Failure(format!("not an object: {other}")),
        Err(error) => Invocation::Failure(format!("not JSON: {error}")),
    }
}

type Started = Result<(Process, u16, Reply), (Option<i32>, String)>;

/// Starts the handler on a free port, and on another where somebody takes that one first.
fn start_handler(root: &Path, configuration: &Value, settings: &BTreeMap<String, String>) -> Started {
    const TRIES: usize = 5;
    let mut starts = (0..TRIES).map(|_| launch(root, configuration, settings));
    let is_over = |started: &Started| started.as_ref().err().is_none_or(|(_, output)| !output.contains("cannot listen"));
    starts.find(is_over).unwrap_or_else(|| panic!("every port that was free was taken when it was used"))
}

/// Starts the handler as host.json describes it and pings it until any HTTP status comes.
fn launch(root: &Path, configuration: &Value, settings: &BTreeMap<String, String>) -> Started {
    let description = &configuration["customHandler"]["description"];
    let expand = |value: &Value| expanded(value.as_str().unwrap_or_default(), settings);
    let named = expand(&description["defaultExecutablePath"]);
    let executable = if root.join(&named).is_file() { root.join(&named) } else { PathBuf::from(named) };
    // Joined without quotes: an argument with a space becomes two.
    let arguments: Vec<String> = description["arguments"].as_array().into_iter().flatten().map(expand).collect();
    let port = free_port();
    let mut command = Command::new(executable);
    clean(&mut command).args(arguments.join(" ").split_whitespace()).current_dir(root).envs(settings);
    for name in ["FUNCTIONS_CUSTOMHANDLER_PORT", "FUNCTIONS_HTTPWORKER_PORT"] {
        command.env(name, port.to_string());
    }
    for name in ["FUNCTIONS_CUSTOMHANDLER_WORKER_ID", "FUNCTIONS_HTTPWORKER_ID"] {
        command.env(name, "c5b1f0f6-7a5e-4f0b-8a39-2f1f7c0f5d2e");
    }
    command.env("FUNCTIONS_APP_ROOT_PATH", root);
    let mut handler = Process::start("handler", &mut command);
    let ping = wait_for("the handler to answer a ping", || {
        if let Some(status) = handler.ended() {
            return Some(Err((status.code(), handler.output())));
        }
        // Only an error of the socket means 'not yet'.
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
        Some(Ok(Wire::to_port(port).ask("GET", "/", &[("host", &format!("127.0.0.1:{port}"))])))
    })?;
    Ok((handler, port, ping))
}

/// Replaces `%NAME%` by the setting's value; one that is not set becomes nothing.
fn expanded(text: &str, settings: &BTreeMap<String, String>) -> String {
    let parts: Vec<&str> = text.split('%').collect();
    let value =
        |(index, part): (usize, &&str)| if index % 2 == 1 { settings.get(*part).cloned().unwrap_or_default() } else { (*part).to_owned() };
    parts.iter().enumerate().map(value).collect()
}
