//! The packaged program under a simulated Functions host, in each of the host's modes, with every pitfall of its contract.

mod discovery;
mod local_settings;
mod package;
mod request;
mod simulator;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::database;
use crate::harness::system::{EVEN_MINUTE, System};
use crate::harness::wait_for;
use discovery::{discover, is_function_name};
use package::Package;
use request::{Body, Inbound};
use simulator::{Host, Invocation, Mode};

const EVEN: &str = "https://even.example";
const ODD: &str = "https://odd.example";
/// The key whose digest follows.
const KEY: &str = "test";
const API_KEYS: &str = "ci:write:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const FILE: &str = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName\n\
    0.25,EUR,Usage,2026-11-02T00:00:00Z,2026-11-01T00:00:00Z,0.25,Microsoft,Functions\n";

/// The router's app: its settings turn the API off.
const ROUTER: &[(&str, &str)] = &[
    ("SWITCHBACK_ROLE", "router"),
    ("SWITCHBACK_EVEN_URL", EVEN),
    ("SWITCHBACK_ODD_URL", ODD),
    ("SWITCHBACK_FAILOVER", "off"),
    ("AzureWebJobs.api.Disabled", "true"),
    ("AzureWebJobs.route.Disabled", "false"),
];

/// An arm's app: its settings turn the route off.
fn api<'a>(database: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("SWITCHBACK_ROLE", "api"), ("SWITCHBACK_ARM", "odd"), ("DATABASE_URL", database), ("SWITCHBACK_API_KEYS", API_KEYS)];
    [&own[..], &[("AzureWebJobs.route.Disabled", "true")], more].concat()
}

fn in_mode(mode: Mode) -> tempfile::TempDir {
    Package::get().with_host_json(|host| {
        let handler = host["customHandler"].as_object_mut().unwrap();
        handler.remove("enableProxyingHttpRequest");
        if mode == Mode::Forwarding {
            handler.insert("enableForwardingHttpRequest".to_owned(), json!(true));
        }
    })
}

#[test]
fn the_package_is_what_the_host_looks_for() {
    let mut paths: Vec<(&str, u32)> = Package::get().entries.iter().map(|entry| (entry.path.as_str(), entry.mode)).collect();
    paths.sort_unstable();
    let names: Vec<&str> = paths.iter().map(|(path, _)| *path).collect();
    let expected = ["api/function.json", "host.json", "route/function.json", "switchback", "watch/function.json"];
    assert_eq!(names, expected, "everything at the root, in no folder of its own");
    let modes: BTreeMap<&str, u32> = paths.into_iter().collect();
    assert_eq!(modes["switchback"], 0o755, "without its exec bit the handler never starts");
}

#[test]
fn each_apps_settings_choose_its_functions() {
    let root = &Package::get().root;
    let names = |settings: &[(&str, &str)]| -> Vec<String> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        discover(root, &settings).into_iter().map(|function| function.name).collect()
    };
    assert_eq!(names(&[]), ["api", "route", "watch"]);
    assert_eq!(names(ROUTER), ["route", "watch"]);
    assert_eq!(names(&api("", &[("AzureWebJobs.watch.Disabled", "true")])), ["api"]);
    // Both take every path, and the first by name wins: one app must never have both.
    let raw = discover(root, &BTreeMap::new()).into_iter().filter(discovery::Function::is_raw_http).count();
    assert_eq!(raw, 2);
    assert!(is_function_name("watch") && is_function_name("A-1_") && !is_function_name("host") && !is_function_name("1a"));
}

#[test]
fn pings_are_answered_by_the_handler_and_never_redirected() {
    let host = Host::start(&Package::get().root, ROUTER);
    for ping in [host.first_ping.clone(), host.ping(), host.ping()] {
        assert_eq!((ping.status, ping.header("location")), (200, None), "the host follows redirects");
    }
    // The same path within an invocation is a caller's.
    let home = host.call(&Inbound::new("GET", "/"));
    assert_eq!(home.status, 307);
    assert!(home.header("location").unwrap().ends_with(".example/"));
    let database = database::migrated();
    let host = Host::start(&Package::get().root, &api(&database, &[]));
    assert_eq!((host.first_ping.status, host.first_ping.header("switchback-arm")), (200, None));
    assert_eq!(host.call(&Inbound::new("GET", "/").with("x-api-key", KEY)).header("switchback-arm"), Some("odd"));
}

#[test]
fn the_router_sends_calls_on_through_the_proxy() {
    let host = Host::start(&Package::get().root, ROUTER);
    assert_eq!(host.mode(), Mode::Proxying);
    for target in
        ["/", "/api/costs?a=1&A=2&a=1&f&x=%2f+%20", "/a%2Fb/c", "/stra%C3%9Fe?%00=%zz", "/evil.example//x?u=//evil.example", "/a?"]
    {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let reply =
                host.call(&Inbound::new(method, target).with("x-forwarded-host", "evil.example").with("upgrade-insecure-requests", "1"));
            let base = if reply.header("switchback-arm") == Some("even") { EVEN } else { ODD };
            assert_eq!((reply.status, reply.header("location")), (307, Some(format!("{base}{target}").as_str())), "{method} {target}");
        }
    }
    let chunks = Body::Chunks(vec![b"hello ".to_vec(), b"world".to_vec()]);
    assert_eq!(host.call(&Inbound::new("POST", "/api/imports").body(chunks)).status, 307);
    assert_eq!(host.call(&Inbound::new("GET", "/_switchback/health")).status, 200);
}

#[test]
fn behind_the_host_no_caller_counts_as_local() {
    let database = database::migrated();
    let settings = api(&database, &[]);
    let keyless: Vec<(&str, &str)> = settings.iter().copied().filter(|(name, _)| *name != "SWITCHBACK_API_KEYS").collect();
    let host = Host::start(&Package::get().root, &keyless);
    assert_eq!(host.call(&Inbound::new("GET", "/api/instance")).status, 401, "the host's own connections come from loopback");
    assert_eq!(host.call(&Inbound::new("GET", "/api/health/live")).status, 200);
}

#[test]
fn the_api_is_served_through_the_proxy_and_survives_the_hosts_kill() {
    let database = database::migrated();
    let mut host = Host::start(&Package::get().root, &api(&database, &[]));
    assert_eq!(host.call(&Inbound::new("GET", "/api/instance")).status, 401);
    assert_eq!(host.call(&Inbound::new("GET", "/api/instance").with("x-api-key", KEY)).json()["arm"], "odd");
    let upload = Inbound::new("POST", "/api/imports").with("x-api-key", KEY).with("content-type", "text/csv");
    let chunks = FILE.as_bytes().chunks(50).map(<[u8]>::to_vec).collect();
    let stored = host.call(&upload.body(Body::Chunks(chunks)));
    assert_eq!((stored.status, stored.json()["accepted"].as_u64()), (201, Some(1)), "{stored:?}");
    // The host gives no notice: what was acknowledged must be kept already.
    host.crash_and_restart();
    let costs = host.call(&Inbound::new("GET", "/api/costs").with("x-api-key", KEY)).json();
    assert_eq!(costs["costs"][0]["amount"], "0.25");
}

#[test]
fn only_the_host_can_invoke_the_timer() {
    let database = database::migrated();
    let body = Body::Length(json!({ "Data": { "watch": { "IsPastDue": false } }, "Metadata": {} }).to_string().into_bytes());
    let host = Host::start(&Package::get().root, &api(&database, &[]));
    for outsider in [
        Inbound::new("POST", "/watch"),
        Inbound::new("POST", "/watch").with("x-azure-functions-invocationid", "forged"),
        Inbound::new("POST", "/watch").with("x-forwarded-for", "").with("x-forwarded-host", "").with("x-forwarded-proto", ""),
        Inbound::new("POST", "/WATCH"),
        Inbound::new("POST", "/watch/"),
        Inbound::new("POST", "/%77atch"),
    ] {
        let reply = host.call(&outsider.clone().with("x-api-key", KEY).body(body.clone()));
        assert_eq!(reply.status, 404, "{outsider:?}");
    }
    // The router has nothing of its own there either.
    let host = Host::start(&Package::get().root, ROUTER);
    let reply = host.call(&Inbound::new("POST", "/watch").body(body));
    assert_eq!(reply.status, 307);
    assert!(reply.header("location").unwrap().ends_with(".example/watch"));
}

#[test]
fn the_timer_checks_the_one_url_and_both_arms() {
    let system = System::start(|router| router, |arm| arm);
    let url = system.url("");
    let settings = api(&system.database, &[("SWITCHBACK_URL", &url)]);
    for mode in [Mode::Proxying, Mode::Forwarding, Mode::Json] {
        let copy = (mode != Mode::Proxying).then(|| in_mode(mode));
        let root = copy.as_ref().map_or(Package::get().root.as_path(), tempfile::TempDir::path);
        let host = Host::start(root, &settings);
        assert_eq!(host.mode(), mode);
        let Invocation::Success(logs) = host.tick("watch") else { panic!("{mode:?}: {:?}", host.tick("watch")) };
        // One call through the one URL, one to each arm.
        assert_eq!(logs.len(), 3, "{logs:?}");
        assert!(logs.iter().all(|log| log.starts_with("conformant at ")), "{logs:?}");
    }
}

#[test]
fn the_timer_is_supervision_and_counts_as_no_call() {
    let database = database::migrated();
    let gone = format!("http://127.0.0.1:{}", crate::harness::role::free_port());
    let host = Host::start(&Package::get().root, &api(&database, &[("SWITCHBACK_URL", &gone)]));
    assert!(matches!(host.tick("watch"), Invocation::Success(_)));
    let window = wait_for("the window to be written", || {
        let windows = host.call(&Inbound::new("GET", "/api/windows").with("x-api-key", KEY)).json();
        windows["windows"].as_array()?.iter().find(|window| window["calls"] != 0 || window["probes"] != 0).cloned()
    });
    assert_eq!(window["calls"], 0, "watching must not change what is measured: {window}");
}

#[test]
fn the_timer_takes_whatever_form_the_host_gives_its_invocation() {
    let system = System::start(|router| router.clock(EVEN_MINUTE), |arm| arm);
    let url = system.url("");
    let host = Host::start(&Package::get().root, &api(&system.database, &[("SWITCHBACK_URL", &url)]));
    let binding = host.timer_binding("watch");
    let late = json!({ "Schedule": {}, "ScheduleStatus": null, "IsPastDue": true });
    for timer in
        [late.clone(), Value::String(late.to_string()), json!({}), json!({ "IsPastDue": false, "RetryContext": { "RetryCount": 1 } })]
    {
        let outcome = host.invoke("watch", &json!({ binding: timer }));
        assert!(matches!(outcome, Invocation::Success(_)), "{timer}: {outcome:?}");
    }
    let Invocation::Failure(reason) = host.invoke("watch", &json!({ "another": {} })) else { panic!("no data for the timer") };
    assert_eq!(reason, "status 400");
}

#[test]
fn a_timer_that_cannot_do_its_work_fails_and_never_hangs_the_host() {
    let database = database::migrated();
    let aimless = Host::start(&Package::get().root, &api(&database, &[]));
    let Invocation::Failure(reason) = aimless.tick("watch") else { panic!("there is nothing to watch") };
    assert_eq!(reason, "status 500");
    // With the router gone the check itself is done: what it found is in its logs.
    let gone = format!("http://127.0.0.1:{}", crate::harness::role::free_port());
    let watching = Host::start(&Package::get().root, &api(&database, &[("SWITCHBACK_URL", &gone)]));
    let Invocation::Success(logs) = watching.tick("watch") else { panic!("the outage is the outcome") };
    assert!(logs.iter().all(|log| log.starts_with("unanswered")), "{logs:?}");
}

#[test]
fn the_older_forwarding_serves_calls_too_within_its_limits() {
    let copy = in_mode(Mode::Forwarding);
    let host = Host::start(copy.path(), ROUTER);
    assert_eq!(host.mode(), Mode::Forwarding);
    assert_eq!((host.first_ping.status, host.first_ping.header("location")), (200, None));
    let location = |target: &str| {
        let reply = host.call(&Inbound::new("GET", target).with("x-azure-functions-invocationid", "forged"));
        reply.header("location").unwrap_or_else(|| panic!("{target}: {reply:?}")).split_once(".example").unwrap().1.to_owned()
    };
    assert_eq!(location("/api/costs?a=1&a=2&f&x=y+z"), "/api/costs?a=1%2C2&f=&x=y%20z", "what the host makes of a query");
    assert_eq!(location("/a%3Fb"), "/a", "and of an escaped question mark");
    assert_eq!(location("/"), "/");
    let chunked = Inbound::new("POST", "/x").body(Body::Chunks(vec![b"x".to_vec()]));
    assert_eq!(host.call(&chunked).status, 500, "the host itself cannot forward chunks, which is why the package has proxying on");
    assert_eq!(host.call(&Inbound::new("POST", "/x").body(Body::Length(b"hello".to_vec()))).status, 307);
}

#[test]
fn without_raw_http_calls_fail_at_once() {
    let copy = in_mode(Mode::Json);
    let database = database::migrated();
    for settings in [ROUTER.to_vec(), api(&database, &[])] {
        let host = Host::start(copy.path(), &settings);
        assert_eq!((host.mode(), host.first_ping.status), (Mode::Json, 200));
        assert_eq!(host.call(&Inbound::new("GET", "/api/costs")).status, 500);
    }
}

#[test]
fn the_handler_never_exits_0_by_itself() {
    let root = &Package::get().root;
    // 0 would tell the host not to start it again.
    let (code, said) = Host::try_start(root, &[("SWITCHBACK_ROLE", "router")]).err().expect("the URLs are missing");
    assert_eq!(code, Some(64), "{said}");
    let reference = "@Microsoft.KeyVault(SecretUri=https://vault.vault.azure.net/secrets/ticket-key)";
    let unresolved = [ROUTER, &[("SWITCHBACK_TICKET_KEY", reference)]].concat();
    let (code, said) = Host::try_start(root, &unresolved).err().expect("the reference is not resolved");
    assert_eq!(code, Some(64));
    assert!(said.contains("SWITCHBACK_TICKET_KEY: is a Key Vault reference the platform did not resolve"), "{said}");
    // The host may close what it holds of the handler; only its signals end it.
    let mut host = Host::start(root, ROUTER);
    host.handler.close_input();
    for _ in 0..20 {
        assert_eq!(host.ping().status, 200);
    }
    assert_eq!(host.handler.ended(), None);
}

#[test]
fn host_json_may_refer_to_settings() {
    let copy = Package::get().with_host_json(|host| host["customHandler"]["description"]["arguments"] = json!(["%COMMAND%", "%UNSET%"]));
    let host = Host::start(copy.path(), &[ROUTER, &[("COMMAND", "serve")]].concat());
    assert_eq!(host.ping().status, 200);
}

#[test]
fn under_the_host_it_listens_on_loopback_and_logs_to_standard_output() {
    let host = Host::start(&Package::get().root, ROUTER);
    let log = wait_for("the first line", || Some(host.handler.output()).filter(|output| output.contains("listening")));
    assert!(log.contains(&format!("127.0.0.1:{}", host.port)), "{log}");
    assert_eq!(host.handler.errors(), "", "the host takes standard error for errors");
}
