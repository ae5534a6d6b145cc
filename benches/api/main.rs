//! What the API costs: CPU per answer beside FastAPI with asyncpg, each on one core, over one database that holds the sample bill. The database's
//! own CPU is not counted. `SWITCHBACK_PEER_PYTHON` names a Python that has the peer's packages; without it the program is measured alone.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench ends by panicking")]

#[expect(dead_code, reason = "each bench uses a part of it")]
#[path = "../measure/mod.rs"]
mod measure;

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use measure::{Contender, Load, on_one_core, program, side_by_side};
use switchback::clock::SystemClock;
use switchback::config::{database, process_setting};
use switchback::dev::postgres::ScratchCluster;
use switchback::domain::import::{ImportOrder, Imported};
use switchback::import::{ReadLimits, import};
use switchback::store::Store;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/focus-1.0-sample.csv");
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/api/peer.py");
const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 30, strict: false, body_digest: None };
/// What is asked for, and how often in a round.
const QUESTIONS: [(&str, &str, usize); 2] =
    [("a plain answer", "/api/instance", 40_000), ("costs of the sample by service", "/api/costs?group_by=service", 10_000)];
const CONNECTIONS: usize = 16;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (_cluster, url) = runtime.block_on(sample_ledger());
    let python = process_setting("SWITCHBACK_PEER_PYTHON");
    if python.is_none() {
        println!("SWITCHBACK_PEER_PYTHON is not set: FastAPI is left out");
    }
    for (title, path, calls) in QUESTIONS {
        let load = Load { rounds: 5, calls, connections: CONNECTIONS, settling: Duration::from_millis(1_200) };
        let arm = |name| Contender::start(name, arm(&url)).asked_for(path);
        let peer = python.as_ref().map(|python| Contender::start("FastAPI, asyncpg", peer(python, &url)).asked_for(path));
        let contenders = peer.into_iter().chain([arm("arm"), arm("arm, once more")]);
        side_by_side(title, load, contenders.collect());
    }
}

async fn sample_ledger() -> (ScratchCluster, String) {
    let cluster = ScratchCluster::start().unwrap();
    let url = cluster.new_database(None).await.unwrap();
    let store = Store::new(&database::from_url(&url).unwrap(), Arc::new(SystemClock::new())).unwrap();
    store.migrate().await.unwrap();
    let imported = import(&store, &ImportOrder::default(), File::open(SAMPLE).unwrap(), LIMITS, |_| ()).await.unwrap();
    assert!(matches!(imported, Imported::New(_)));
    (cluster, url)
}

fn arm(url: &str) -> Command {
    let mut command = on_one_core(&program());
    command.arg("serve").env_clear().envs([
        ("SWITCHBACK_ROLE", "api"),
        ("SWITCHBACK_ARM", "even"),
        ("SWITCHBACK_EVEN_PLAN", "app-service/S1"),
        ("SWITCHBACK_ODD_PLAN", "functions/flex-512"),
        ("SWITCHBACK_OPEN", "health,docs,loopback"),
        ("SWITCHBACK_LOG", "error"),
        ("DATABASE_URL", url),
    ]);
    command
}

fn peer(python: &str, url: &str) -> Command {
    let mut command = on_one_core(python);
    command.arg(PEER).env("DATABASE_URL", url);
    command
}
