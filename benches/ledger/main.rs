//! The ledger at the size of a real bill, beside PostgreSQL's own means: `import` against COPY into an equal table with the same indexes,
//! `costs` against the same sums in SQL. Prints what was seen; times assert nothing, since how busy the machine is decides, but every sum must be right.
#![expect(clippy::unwrap_used, reason = "a bench ends by panicking")]

mod generator;

use std::fs::File;
use std::io::{BufWriter, Read};
use std::sync::Arc;
use std::time::Duration;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use futures_util::SinkExt;
use switchback::clock::{Clock, SystemClock};
use switchback::config::database::{self, DatabaseConfig};
use switchback::dev::postgres::ScratchCluster;
use switchback::domain::import::{ImportOrder, Imported};
use switchback::import::{ReadLimits, import};
use switchback::store::{ChargeFilter, CostQuery, CostRow, Dimension, Period, Store};
use tokio_postgres::{Client, NoTls};

const LIMITS: ReadLimits = ReadLimits { max_bytes: 1 << 40, strict: true, body_digest: None };
/// Times each question is asked; the median counts.
const TIMES: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let rows: u64 = arguments.get(1).map_or(Ok(1_000_000), |rows| rows.parse()).expect("a number of rows");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match arguments.first().map(String::as_str) {
            Some("generate") => generator::write(rows, BufWriter::new(std::io::stdout().lock())).unwrap(),
            Some("import") => Bench::start(rows).await.import().await,
            Some("costs") => Bench::start(rows).await.costs().await,
            _ => eprintln!("ledger bench: say generate, import or costs, and a number of rows"),
        }
    });
}

struct Bench {
    rows: u64,
    _cluster: ScratchCluster,
    store: Store,
    client: Client,
    file: tempfile::NamedTempFile,
}

impl Bench {
    async fn start(rows: u64) -> Bench {
        let cluster = ScratchCluster::start().unwrap();
        let url = cluster.new_database(None).await.unwrap();
        // A slow answer is what a bench is to show.
        let config = database::from_url(&url).unwrap();
        let config = DatabaseConfig { statement_timeout: Duration::from_secs(600), ..config };
        let store = Store::new(&config, Arc::new(SystemClock::new())).unwrap();
        store.migrate().await.unwrap();
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let file = tempfile::NamedTempFile::new().unwrap();
        generator::write(rows, BufWriter::new(file.as_file())).unwrap();
        let bytes = file.as_file().metadata().unwrap().len();
        println!("{rows} rows, {} bytes a row", bytes / rows);
        Bench { rows, _cluster: cluster, store, client, file }
    }

    async fn imported(&self) -> Duration {
        let file = File::open(self.file.path()).unwrap();
        let started = SystemClock::new();
        let imported = import(&self.store, &ImportOrder::default(), file, LIMITS, |_| ()).await.unwrap();
        let Imported::New(found) = imported else { unreachable!("the database is new") };
        assert_eq!(found.summary.accepted, self.rows);
        started.uptime()
    }

    async fn import(self) {
        let took = self.imported().await;
        println!("import                          {:8.1} s, peak memory of this process {} MiB", took.as_secs_f64(), peak_memory());
        let size: i64 =
            self.number("SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree('charges') WHERE isleaf").await;
        let rollups = "SELECT sum(pg_total_relation_size(relid))::bigint FROM (VALUES ('costs_by_service'), ('costs_by_sub_account'), \
                       ('costs_by_region')) AS t (name), LATERAL pg_partition_tree(name::regclass) WHERE isleaf";
        let rollups: i64 = self.number(rollups).await;
        let indexes: i64 = self.number("SELECT sum(pg_indexes_size(relid))::bigint FROM pg_partition_tree('charges') WHERE isleaf").await;
        let rows = i64::try_from(self.rows).unwrap();
        let per_million = |bytes: i64| bytes / rows;
        println!(
            "size of a million rows          {:8} MB: indexes {}, roll-ups {}",
            per_million(size + rollups),
            per_million(indexes),
            per_million(rollups)
        );
        self.sums().await;
        self.client.batch_execute("CREATE TABLE equal (LIKE charges INCLUDING ALL)").await.unwrap();
        let part = "SELECT relid::regclass::text FROM pg_partition_tree('charges') WHERE isleaf";
        let part: String = self.client.query_one(part, &[]).await.unwrap().get(0);
        let text = tempfile::NamedTempFile::new().unwrap();
        let rows = self.client.copy_out(&format!("COPY {part} TO STDOUT (FORMAT csv)")).await.unwrap();
        let mut rows = std::pin::pin!(rows);
        while let Some(chunk) = futures_util::StreamExt::next(&mut rows).await {
            std::io::Write::write_all(&mut text.as_file(), &chunk.unwrap()).unwrap();
        }
        let started = SystemClock::new();
        copy(&self.client, text.path()).await;
        println!("\\copy into an equal table        {:8.1} s", started.uptime().as_secs_f64());
        let deep = self.store.charges(&ChargeFilter::default(), None, 1).await.unwrap();
        let middle = "SELECT charge_period_start, id FROM charges ORDER BY 1 DESC, 2 DESC OFFSET 200 LIMIT 1";
        let middle = self.client.query_one(middle, &[]).await.unwrap();
        let mut position = deep[0].position();
        (position.period_start, position.id) = (middle.get(0), middle.get(1));
        let first = median(async || drop(self.store.charges(&ChargeFilter::default(), None, 100).await.unwrap())).await;
        let last = median(async || drop(self.store.charges(&ChargeFilter::default(), Some(position), 100).await.unwrap())).await;
        println!("a page of 100: the first        {:8.1} ms, at the end {:.1} ms", first.as_secs_f64() * 1e3, last.as_secs_f64() * 1e3);
        let id = self.store.imports(None, 1).await.unwrap()[0].id;
        let started = SystemClock::new();
        assert!(self.store.delete_import(id).await.unwrap());
        println!("DELETE                          {:8.3} s", started.uptime().as_secs_f64());
    }

    /// Holds the ledger's sums to the last digit against Python's decimals over the same file.
    async fn sums(&self) {
        let query = CostQuery { group_by: vec![Dimension::Service], ..CostQuery::default() };
        let ours = self.store.costs(&query).await.unwrap();
        let script = "import csv, decimal, sys\n\
                      decimal.getcontext().prec = 200\n\
                      sums = {}\n\
                      for row in csv.DictReader(open(sys.argv[1], newline='')):\n    \
                          name = row['ServiceName']\n    \
                          sums[name] = sums.get(name, 0) + decimal.Decimal(row['BilledCost'])\n\
                      for name, total in sums.items(): print(f'{name}\\t{total:f}')";
        let python = std::process::Command::new("python3").args(["-c", script]).arg(self.file.path()).output();
        let Some(python) = python.ok().filter(|output| output.status.success()) else { return println!("sums: there is no python3 here") };
        let python = String::from_utf8(python.stdout).unwrap();
        let theirs: Vec<(&str, BigDecimal)> =
            python.lines().filter_map(|line| line.split_once('\t')).map(|(name, total)| (name, total.parse().unwrap())).collect();
        let equal = |(name, total): &&(&str, BigDecimal)| {
            let same = |row: &&CostRow| row.group.first().is_some_and(|group| group.as_deref() == Some(*name));
            ours.iter().find(same).and_then(|row| row.amount.as_ref()?.parse::<BigDecimal>().ok()).as_ref() == Some(total)
        };
        let equal = theirs.iter().filter(equal).count();
        println!("sums by service                 {equal} of {} equal Python's decimals to the last digit", theirs.len());
        assert!(equal == theirs.len() && equal == ours.len(), "sums differ:\n{python}\n{ours:?}");
    }

    async fn costs(self) {
        println!("import {:.1} s", self.imported().await.as_secs_f64());
        self.client.batch_execute("VACUUM ANALYZE charges").await.unwrap();
        let questions = [
            ("service, month", vec![Dimension::Service], Period::Month, "service_name", "date_trunc('month', charge_period_start, 'UTC')"),
            ("sub-account", vec![Dimension::SubAccount], Period::None, "sub_account_id", "NULL::timestamptz"),
            ("region, day", vec![Dimension::Region], Period::Day, "region_id", "date_trunc('day', charge_period_start, 'UTC')"),
            ("tag.team", vec![Dimension::Tag("team".to_owned())], Period::None, "tags ->> 'team'", "NULL::timestamptz"),
            ("resource", vec![Dimension::Resource], Period::None, "lower(resource_id)", "NULL::timestamptz"),
        ];
        for (name, group_by, period, key, start) in questions {
            let query = CostQuery { group_by, period, ..CostQuery::default() };
            let mut table = "";
            let ours = median(async || table = self.store.observe_costs(&query, |_| ()).await.unwrap()).await;
            let sql = format!(
                "SELECT {key}, {start}, billing_currency, sum(billed_cost)::text, count(*) FROM charges GROUP BY 1, 2, 3 ORDER BY 2, sum(billed_cost) DESC"
            );
            let raw = median(async || drop(self.client.query(&sql, &[]).await.unwrap())).await;
            let share = ours.as_secs_f64() / raw.as_secs_f64();
            println!(
                "{name:<16} {:9.1} ms from {table:<22} raw SQL {:9.1} ms  ratio {share:.3}",
                ours.as_secs_f64() * 1e3,
                raw.as_secs_f64() * 1e3
            );
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

async fn copy(client: &Client, path: &std::path::Path) {
    let sink = client.copy_in::<_, Bytes>("COPY equal FROM STDIN (FORMAT csv)").await.unwrap();
    let mut sink = std::pin::pin!(sink);
    let (mut file, mut buffer) = (File::open(path).unwrap(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        sink.send(Bytes::copy_from_slice(&buffer[..read])).await.unwrap();
    }
    sink.finish().await.unwrap();
}

async fn median(mut work: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let started = SystemClock::new();
        work().await;
        times.push(started.uptime());
    }
    times.sort();
    times[TIMES / 2]
}

/// Most memory this process has held, MiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
