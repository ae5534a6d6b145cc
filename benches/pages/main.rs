//! How long the pages take, over a month of windows and a large ledger: each asked once of an arm that has just started, and then again.
//! Prints what was seen; times assert nothing, since how busy the machine is decides.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench ends by panicking")]

#[path = "../ledger/generator.rs"]
mod generator;
#[expect(dead_code, reason = "contenders and loads are other benches'")]
#[path = "../measure/mod.rs"]
mod measure;
mod month;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use switchback::clock::{Clock, SystemClock};
use switchback::config::database;
use switchback::dev::postgres::ScratchCluster;
use switchback::domain::import::{ImportOrder, Imported};
use switchback::import::{ReadLimits, import};
use switchback::store::Store;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 40, strict: true, body_digest: None };
const PAGES: [&str; 10] = [
    "/",
    "/plans",
    "/costs",
    "/costs?group_by=region&period=month",
    "/costs?group_by=resource&service=Storage",
    "/costs?group_by=resource&period=month",
    "/imports",
    "/runs",
    "/runs/current",
    "/api/docs",
];
/// Arms started for each page; the median of their first answers counts.
const STARTS: usize = 5;
/// Times a page is asked once more of each; the slowest counts.
const AGAIN: usize = 5;

fn main() {
    let rows = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let rows: u64 = rows.map_or(Ok(1_000_000), |rows| rows.parse()).expect("a number of rows");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cluster = ScratchCluster::start().unwrap();
        let url = cluster.new_database(None).await.unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let store = Store::new(&database::from_url(&url).unwrap(), Arc::clone(&clock)).unwrap();
        store.migrate().await.unwrap();
        let start = clock.now() - time::Duration::days(30);
        for arm in ["even", "odd"] {
            begin_run(&url, arm, start);
        }
        month::fill(&store, start, clock.now()).await;
        fill_ledger(&store, rows).await;
        analyze(&url).await;
        println!("{rows} charges, 30 days of windows\n{:<46} {:>8} {:>8}", "page", "first", "again");
        for page in PAGES {
            let (mut firsts, mut again) = (Vec::new(), Duration::ZERO);
            for _ in 0..STARTS {
                let arm = Arm::start(&url, "even", None);
                firsts.push(arm.time(page));
                again = again.max((0..AGAIN).map(|_| arm.time(page)).max().unwrap());
            }
            firsts.sort();
            let [first, again] = [firsts[STARTS / 2], again].map(|time| time.as_secs_f64() * 1e3);
            println!("{page:<46} {first:5.0} ms {again:5.0} ms");
        }
    });
}

/// Has the server count what it holds, as it does by itself within a minute.
async fn analyze(url: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("ANALYZE").await.unwrap();
}

async fn fill_ledger(store: &Store, rows: u64) {
    let file = tempfile::NamedTempFile::new().unwrap();
    generator::write(rows, BufWriter::new(file.as_file())).unwrap();
    let order = ImportOrder { dataset: "bill".parse().ok(), ..ImportOrder::default() };
    let imported = import(store, &order, File::open(file.path()).unwrap(), LIMITS, |_| ()).await.unwrap();
    assert!(matches!(imported, Imported::New(found) if found.summary.accepted == rows));
}

/// Lets an arm record what it serves with as if it had started at `start`: the run begins there.
fn begin_run(database: &str, arm: &str, start: OffsetDateTime) {
    let arm = Arm::start(database, arm, Some(start));
    thread::sleep(Duration::from_secs(3));
    drop(arm);
}

struct Arm {
    process: Child,
    port: u16,
}

impl Arm {
    /// Starts an arm, whose clock begins at `clock`, and waits until it is ready.
    fn start(database: &str, name: &str, clock: Option<OffsetDateTime>) -> Arm {
        let port = measure::free_port();
        let mut command = Command::new(measure::program());
        command.args(["dev-role", "--listen", &format!("127.0.0.1:{port}")]);
        if let Some(clock) = clock {
            command.args(["--clock", &clock.format(&Rfc3339).unwrap()]);
        }
        // A setting that it does not know is refused.
        command.env_remove("SWITCHBACK_BINARY").envs([
            ("SWITCHBACK_ROLE", "api"),
            ("SWITCHBACK_ARM", name),
            ("SWITCHBACK_EVEN_PLAN", "app-service/S1"),
            ("SWITCHBACK_ODD_PLAN", "functions/flex-512"),
            ("SWITCHBACK_REGION", "eastus"),
            ("SWITCHBACK_OPEN", "health,docs,loopback"),
            ("SWITCHBACK_CALL_TIMEOUT", "60s"),
            ("DATABASE_URL", database),
        ]);
        // Its standard input is what keeps it running.
        let process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let arm = Arm { process, port };
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() && arm.get("/api/health/ready").starts_with("HTTP/1.1 200") {
                return arm;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("the arm does not get ready: {}", arm.get("/api/health/ready"));
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html\r\nConnection: close\r\n\r\n", self.port);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// How long a page takes, from the connection to its last byte.
    fn time(&self, path: &str) -> Duration {
        let started = SystemClock::new();
        let answer = self.get(path);
        let took = started.uptime();
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.trim_end().ends_with("</html>"),
            "{path}: {}",
            answer.get(..300).unwrap_or(&answer)
        );
        took
    }
}

impl Drop for Arm {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
