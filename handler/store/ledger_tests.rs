//! The ledger's shape against a real PostgreSQL: what a migration carries over, what partitions and roll-ups hold, what clusters demand.

use diesel_async::SimpleAsyncConnection as _;
use tokio_postgres::{Client, NoTls};

use super::partition::{CHARGES, Partition, ROLLUPS};
use super::sums::MAX_GROUPS;
use super::testing::{cluster, database_url, new_store, store};
use super::*;
use crate::domain::import::{ImportOrder, Imported, OverlapRule};
use crate::import::{ReadLimits, import};

const SAMPLE: &str = include_str!("../../tests/data/focus-1.0-sample.csv");
const BEFORE: [(&str, &str); 3] = [
    ("20261123000001", include_str!("migrations/2026-11-23-000001_charges/up.sql")),
    ("20261123000002", include_str!("migrations/2026-11-23-000002_windows/up.sql")),
    ("20261123000003", include_str!("migrations/2026-11-23-000003_failovers/up.sql")),
];

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn import_text(store: &Store, text: String, order: &ImportOrder) -> Imported {
    let limits = ReadLimits { max_bytes: 1 << 30, strict: false, body_digest: None };
    import(store, order, std::io::Cursor::new(text), limits, |_| ()).await.unwrap()
}

fn by_provider() -> CostQuery {
    CostQuery { group_by: vec![Dimension::Provider], ..CostQuery::default() }
}

async fn amounts(store: &Store, query: &CostQuery) -> Vec<(Option<String>, Option<String>, i64)> {
    store.costs(query).await.unwrap().into_iter().map(|row| (row.group.into_iter().next().flatten(), row.amount, row.charges)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_release_before_keeps_every_charge() {
    let url = cluster().new_database(None).await.unwrap();
    let client = connect(&url).await;
    client
        .batch_execute("CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now())")
        .await
        .unwrap();
    for (version, sql) in BEFORE {
        client.batch_execute(sql).await.unwrap();
        client.batch_execute(&format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')")).await.unwrap();
    }
    let charge = |import: &str, billed: &str, start: &str, period: &str, tags: &str| {
        format!(
            "INSERT INTO charges (id, import_id, line, billed_cost, billing_currency, charge_category, charge_period_start, charge_period_end, \
             effective_cost, provider_name, service_name, billing_period_start, tags) \
             VALUES (gen_random_uuid(), {import}, 2, {billed}, 'USD', 'Usage', '{start}', '{start}', 1, 'Microsoft', 'S3', {period}, '{tags}');"
        )
    };
    let one = "'00000000-0000-7000-8000-000000000001'";
    let rows = [
        format!("INSERT INTO imports (id, digest, bytes, accepted, created_at) VALUES ({one}, sha256('x'), 5, 3, '2026-10-01');"),
        charge(one, "0.10", "2026-08-31", "'2026-09-01'", r#"{"Env": "a"}"#),
        charge(one, "0.200", "2026-09-30", "'2026-09-01'", "{}"),
        charge(one, "7", "2026-10-01", "NULL", "{}"),
        charge("NULL", "40", "2026-09-05", "NULL", "{}"),
    ];
    client.batch_execute(&rows.concat()).await.unwrap();
    drop(client);

    let store = store(&url);
    assert!(!store.migrate().await.unwrap().is_empty());
    assert_eq!(amounts(&store, &by_provider()).await, [(Some("Microsoft".into()), Some("47.300".into()), 4)]);
    let resource = CostQuery { group_by: vec![Dimension::Resource], ..CostQuery::default() };
    assert_eq!(amounts(&store, &resource).await, [(None, Some("47.300".into()), 4)], "charges and roll-ups agree");
    let months = CostQuery { group_by: vec![Dimension::BillingPeriod], ..CostQuery::default() };
    let expected =
        [("2026-09", "40.300", 3), ("2026-10", "7", 1)].map(|(month, amount, charges)| (Some(month.into()), Some(amount.into()), charges));
    assert_eq!(amounts(&store, &months).await, expected);
    let imports = store.imports(None, 10).await.unwrap();
    assert_eq!(
        imports[0].months.iter().map(|month| (month.month.to_string(), month.charges)).collect::<Vec<_>>(),
        [("2026-09".into(), 2), ("2026-10".into(), 1)]
    );
    let spelt = ChargeFilter { tags: vec![("ENV".into(), "a".into())], ..ChargeFilter::default() };
    assert_eq!(store.charges(&spelt, None, 10).await.unwrap().len(), 1, "tag keys of before are found whatever their case");
    // What is there goes on as what is new does.
    assert!(store.delete_import(imports[0].id).await.unwrap());
    assert_eq!(amounts(&store, &by_provider()).await, [(Some("Microsoft".into()), Some("40".into()), 1)]);
    assert!(matches!(import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await, Imported::New(_)));
}

#[tokio::test]
async fn rollups_answer_what_the_charges_do() {
    let store = new_store().await;
    import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await;
    let filter = ChargeFilter { from: Some(time::macros::datetime!(2024-09-10 0:00 UTC)), ..ChargeFilter::default() };
    // A time within a day is beyond the roll-ups.
    let within = ChargeFilter { from: Some(time::macros::datetime!(2024-09-09 23:59:59.999999 UTC)), ..ChargeFilter::default() };
    for (dimension, table) in [
        (Dimension::Service, "costs_by_service"),
        (Dimension::ChargeCategory, "costs_by_service"),
        (Dimension::SubAccount, "costs_by_sub_account"),
        (Dimension::Region, "costs_by_region"),
        (Dimension::Import, "costs_by_service"),
    ] {
        for period in [Period::None, Period::Day, Period::Month, Period::BillingPeriod] {
            for metric in [CostMetric::Billed, CostMetric::Effective, CostMetric::List, CostMetric::Contracted] {
                let query = |filter: &ChargeFilter| CostQuery {
                    metric,
                    group_by: vec![dimension.clone()],
                    period,
                    filter: filter.clone(),
                    top: None,
                };
                let (mut summed, mut added) = (Vec::new(), Vec::new());
                assert_eq!(store.observe_costs(&query(&filter), |row| summed.push(row)).await.unwrap(), table);
                assert_eq!(store.observe_costs(&query(&within), |row| added.push(row)).await.unwrap(), CHARGES);
                assert!(!summed.is_empty());
                assert_eq!(summed, added, "{dimension:?} {period:?} {metric:?}");
            }
        }
    }
}

#[tokio::test]
async fn more_groups_than_are_held_are_summed_from_the_charges() {
    let store = new_store().await;
    let header = "BilledCost,EffectiveCost,BillingCurrency,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ProviderName,SubAccountId\n";
    let row =
        |number: usize| format!("0.{number},{number}.50,USD,Usage,2024-09-01,2024-09-02,AWS,account-{}\n", number % (MAX_GROUPS + 500));
    let text = std::iter::once(header.to_owned()).chain((0..MAX_GROUPS + 1_000).map(row)).collect();
    assert!(matches!(import_text(&store, text, &ImportOrder::default()).await, Imported::New(_)));
    for dimension in [Dimension::Service, Dimension::SubAccount, Dimension::Region] {
        let query = |filter| CostQuery {
            metric: CostMetric::Effective,
            group_by: vec![dimension.clone()],
            period: Period::None,
            filter,
            top: None,
        };
        let from = |from| ChargeFilter { from: Some(from), ..ChargeFilter::default() };
        let (mut summed, mut added) = (Vec::new(), Vec::new());
        let whole_days = query(from(time::macros::datetime!(2024-09-01 0:00 UTC)));
        assert_ne!(store.observe_costs(&whole_days, |row| summed.push(row)).await.unwrap(), CHARGES);
        let within = query(from(time::macros::datetime!(2024-08-31 23:59:59.999999 UTC)));
        assert_eq!(store.observe_costs(&within, |row| added.push(row)).await.unwrap(), CHARGES);
        assert_eq!(summed.len(), if dimension == Dimension::SubAccount { MAX_GROUPS + 500 } else { 1 });
        assert_eq!(summed, added, "{dimension:?}");
    }
}

#[tokio::test]
async fn what_was_staged_in_vain_and_what_was_deleted_leaves_no_table() {
    let url = database_url().await;
    let (store, client) = (store(&url), connect(&url).await);
    let Imported::New(first) = import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await else { panic!("it is new") };
    let tables = "SELECT count(*) FROM pg_class WHERE relname ~ '^(charges|costs_by_\\w+)_[0-9]+_[0-9]{6}$' AND relkind = 'r'";
    let count = async || client.query_one(tables, &[]).await.unwrap().get::<_, i64>(0);
    let parts = i64::try_from(first.months.len() * (1 + ROLLUPS.len())).unwrap();
    assert_eq!(count().await, parts);
    let staged: i64 = client.query_one("SELECT count(*) FROM stages", &[]).await.unwrap().get(0);
    assert_eq!(staged, 0);
    // The same again is staged, found to be the same, and leaves no table.
    assert!(matches!(import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await, Imported::Again(_)));
    // Another text with the same charges overlaps, and leaves none either.
    let other = SAMPLE.replacen("\"dev\"", "\"dev2\"", 1).replace("11472", "11473");
    assert!(matches!(import_text(&store, other.clone(), &ImportOrder::default()).await, Imported::Overlapping(_)));
    let removed = async {
        while count().await > parts {
            tokio::time::sleep(Duration::from_millis(20)).await
        }
    };
    tokio::time::timeout(Duration::from_secs(10), removed).await.expect("what was staged in vain is removed");
    let both = ImportOrder { overlap: OverlapRule::Add, ..ImportOrder::default() };
    assert!(matches!(import_text(&store, other, &both).await, Imported::New(_)));
    assert!(store.delete_import(first.id).await.unwrap());
    assert_eq!(count().await, parts);
}

#[tokio::test]
async fn what_has_landed_stays_whoever_thinks_that_it_did_not() {
    let store = new_store().await;
    import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await;
    let before = amounts(&store, &by_provider()).await;
    // As an arm does that lost its connection at the very commit.
    let mut connection = store.import_connections.take().await.unwrap();
    for row in connection.query("SELECT import_no, billing_month FROM import_months", &[]).await.unwrap() {
        let partition = Partition { import_no: row.get(0), month: row.get::<_, time::Date>(1).into() };
        super::staging::discard(&mut connection, partition).await.unwrap();
    }
    connection.release();
    assert_eq!(amounts(&store, &by_provider()).await, before);
    let id = store.imports(None, 1).await.unwrap()[0].id;
    assert!(store.delete_import(id).await.unwrap());
}

#[tokio::test]
async fn the_schema_keeps_the_rules_of_elastic_clusters() {
    let url = database_url().await;
    let (store, client) = (store(&url), connect(&url).await);
    import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await;
    let texts = async |query: &str| client.query(query, &[]).await.unwrap().iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>();
    // One level of partitions.
    let nested = "SELECT child.relname::text FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid WHERE child.relkind = 'p'";
    assert_eq!(texts(nested).await, Vec::<String>::new());
    // Every unique key of charges holds the column it is distributed by, and the two it is partitioned by.
    let keys =
        texts("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'charges'::regclass AND contype IN ('p', 'u')").await;
    assert_eq!(keys, ["PRIMARY KEY (id, billing_month, import_no)"]);
    let ledger = "'charges'::regclass, 'costs_by_service'::regclass, 'costs_by_sub_account'::regclass, 'costs_by_region'::regclass";
    let unique = format!("SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indrelid IN ({ledger})");
    assert_eq!(texts(&unique).await, ["charges_pkey"]);
    // No references from or to distributed tables, no triggers, no defaults from sequences, no generated or identity columns.
    let references =
        format!("SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND (conrelid IN ({ledger}) OR confrelid IN ({ledger}))");
    assert_eq!(texts(&references).await, Vec::<String>::new());
    let triggers = format!("SELECT tgname::text FROM pg_trigger WHERE tgrelid IN ({ledger})");
    assert_eq!(texts(&triggers).await, Vec::<String>::new());
    let defaults = format!(
        "SELECT attname::text FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid IN ({ledger}) \
         AND (attgenerated <> '' OR attidentity <> '' OR pg_get_expr(adbin, adrelid) LIKE '%nextval%')"
    );
    assert_eq!(texts(&defaults).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_one_export_or_the_other_while_it_is_replaced() {
    let url = database_url().await;
    let header = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName,ServiceName\n";
    let export = |rows: usize, day: usize| format!("{header}{}", format!("1,USD,Usage,2026-09-30,2026-09-{day:02},1,A,B\n").repeat(rows));
    let order = ImportOrder { dataset: Some("d".parse().unwrap()), ..ImportOrder::default() };
    let (writer, reader) = (store(&url), store(&url));
    import_text(&writer, export(100, 1), &order).await;
    let done = tokio_util::sync::CancellationToken::new();
    let reading = tokio::spawn({
        let done = done.clone();
        async move {
            let dataset = ChargeFilter { dataset: Some("d".into()), ..ChargeFilter::default() };
            let (mut reads, mut wrong) = (0, Vec::new());
            while !done.is_cancelled() {
                for query in [
                    by_provider(),
                    CostQuery { filter: dataset.clone(), ..by_provider() },
                    CostQuery { group_by: vec![Dimension::Resource], ..CostQuery::default() },
                ] {
                    let rows = reader.costs(&query).await.unwrap();
                    reads += 1;
                    let charges: Vec<i64> = rows.iter().map(|row| row.charges).collect();
                    if !matches!(charges.as_slice(), [charges] if charges % 100 == 0) {
                        wrong.push((query.filter.clone(), charges));
                    }
                }
            }
            (reads, wrong)
        }
    });
    for round in 2..=12 {
        assert!(matches!(import_text(&writer, export(100 * round, round), &order).await, Imported::New(_)));
    }
    done.cancel();
    let (reads, wrong) = reading.await.unwrap();
    assert!(reads > 20 && wrong.is_empty(), "{} of {reads}: {wrong:?}", wrong.len());
}

#[tokio::test]
async fn posted_charges_stand_beside_imports_and_can_be_removed() {
    use crate::domain::charge::{Charge, Entries, Value, read_value};
    use crate::domain::columns::{self, COLUMNS};
    let store = new_store().await;
    import_text(&store, SAMPLE.to_owned(), &ImportOrder::default()).await;
    let before = amounts(&store, &by_provider()).await;
    let mut values = vec![Value::Absent; columns::COUNT];
    for (name, text) in [
        ("billed_cost", "1"),
        ("billing_currency", "USD"),
        ("charge_category", "Usage"),
        ("charge_period_start", "2024-09-01"),
        ("charge_period_end", "2024-09-02"),
        ("provider_name", "Posted"),
    ] {
        let position = columns::position(name);
        values[position] = read_value(&COLUMNS[position], text).unwrap();
    }
    let Posted::New(ids) = store.post_charges(vec![Charge::new(values, Entries::new(), Entries::new()).unwrap()], None).await.unwrap()
    else {
        panic!("it is new")
    };
    let with = amounts(&store, &by_provider()).await;
    assert!(with.contains(&(Some("Posted".into()), Some("1".into()), 1)) && with.len() == before.len() + 1, "{with:?}");
    let imported =
        store.charges(&ChargeFilter::default(), None, 1_001).await.unwrap().into_iter().find(|charge| charge.import_id.is_some()).unwrap();
    assert_eq!(store.delete_charge(imported.id).await.unwrap(), DeletedCharge::Imported(imported.import_id.unwrap()));
    assert_eq!(store.delete_charge(ids[0]).await.unwrap(), DeletedCharge::Deleted);
    assert_eq!(store.delete_charge(ids[0]).await.unwrap(), DeletedCharge::Missing);
    assert_eq!(amounts(&store, &by_provider()).await, before);
}

#[tokio::test]
async fn sums_have_no_bound_of_their_own() {
    let store = new_store().await;
    let header = "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,EffectiveCost,ProviderName\n";
    let row = "1000000000000000000,USD,Usage,2026-09-30,2026-09-01,1,A\n";
    import_text(&store, format!("{header}{}", row.repeat(30)), &ImportOrder::default()).await;
    // What a database of before may hold.
    let mut connection = store.connection().await.unwrap();
    let nines = "9".repeat(38);
    connection
        .batch_execute(&format!("UPDATE costs_by_service SET billed_cost = {nines}; UPDATE charges SET billed_cost = {nines}"))
        .await
        .unwrap();
    drop(connection);
    assert_eq!(amounts(&store, &by_provider()).await, [(Some("A".into()), Some(nines), 30)]);
    let resource = CostQuery { group_by: vec![Dimension::Resource], ..CostQuery::default() };
    assert_eq!(amounts(&store, &resource).await[0].1.as_ref().unwrap().len(), 40);
    assert_eq!(store.charges(&ChargeFilter::default(), None, 10).await.unwrap().len(), 10, "and the charges can be read");
}
