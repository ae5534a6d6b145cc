//! One import's rows of one billing month: a partition of the charges, and of each roll-up. Names, bounds and the statements that make,
//! attach and remove them, the same on plain PostgreSQL and on an elastic cluster.
//!
//! Must not know when which of them is run.

use crate::domain::billing_month::BillingMonth;

/// Number that stands for charges posted by themselves.
pub(super) const POSTED: i64 = 0;
/// The ledger's own table.
pub(super) const CHARGES: &str = "charges";
/// Dimensions every roll-up has, beside the day.
pub(super) const COMMON_DIMENSIONS: [&str; 7] =
    ["billing_currency", "provider_name", "billing_account_id", "invoice_id", "service_name", "charge_category", "charge_class"];
/// What is added up.
pub(super) const MEASURES: [&str; 4] = ["billed_cost", "effective_cost", "list_cost", "contracted_cost"];
/// Taken first on an elastic cluster, whose shards would otherwise be changed in parallel; plain PostgreSQL lets it pass.
pub(super) const ONE_SHARD_AFTER_ANOTHER: &str = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'";

/// Sums of charges by day and dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rollup {
    /// Its table.
    pub table: &'static str,
    /// The dimension it has beside the common ones.
    pub dimension: Option<&'static str>,
}

/// Every roll-up, narrowest first.
pub(super) const ROLLUPS: [Rollup; 3] = [
    Rollup { table: "costs_by_service", dimension: None },
    Rollup { table: "costs_by_sub_account", dimension: Some("sub_account_id") },
    Rollup { table: "costs_by_region", dimension: Some("region_id") },
];

impl Rollup {
    /// Its dimensions beside the day, as columns of charges.
    pub fn dimensions(self) -> impl Iterator<Item = &'static str> {
        COMMON_DIMENSIONS.into_iter().chain(self.dimension)
    }

    /// Its columns, in the order they are copied and filled.
    pub fn copied(self) -> impl Iterator<Item = &'static str> {
        ["import_no", "billing_month", "day"].into_iter().chain(self.dimensions()).chain(["charges"]).chain(MEASURES)
    }

    /// Its rows for one import and billing month, summed from that partition of the charges.
    fn fill(self, target: &str, charges: &str) -> String {
        let copied: Vec<&str> = self.copied().collect();
        let dimensions: Vec<&str> = self.dimensions().collect();
        let sums: Vec<String> = MEASURES.iter().map(|measure| format!("sum({measure})")).collect();
        let (copied, dimensions, sums) = (copied.join(", "), dimensions.join(", "), sums.join(", "));
        format!(
            "INSERT INTO {target} ({copied}) \
             SELECT import_no, billing_month, (charge_period_start AT TIME ZONE 'UTC')::date AS started_on, {dimensions}, count(*), {sums} \
             FROM {charges} GROUP BY import_no, billing_month, started_on, {dimensions}"
        )
    }
}

/// An import's partition of one billing month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partition {
    /// The import's number.
    pub import_no: i64,
    /// The month.
    pub month: BillingMonth,
}

impl Partition {
    /// The partitioned tables it has a part of, in the order they are locked: a reader asks charges before roll-ups.
    fn parents(self) -> impl Iterator<Item = &'static str> {
        let rollups = ROLLUPS.iter().filter(move |_| self.import_no != POSTED).map(|rollup| rollup.table);
        std::iter::once(CHARGES).chain(rollups)
    }

    /// Name of its part of `parent`.
    pub fn table(self, parent: &str) -> String {
        format!("{parent}_{}_{}", self.import_no, self.month.to_string().replace('-', ""))
    }

    /// Makes its part of `parent`, not attached yet. The check lets the server attach it without reading it.
    pub fn create(self, parent: &str) -> String {
        let (table, day, no) = (self.table(parent), self.month.first_day(), self.import_no);
        format!(
            "CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS, \
             CONSTRAINT {table}_bounds CHECK (billing_month = DATE '{day}' AND import_no = {no}))"
        )
    }

    /// Statements that index its charges once they are all there.
    pub fn index(self) -> Vec<String> {
        let charges = self.table(CHARGES);
        vec![
            format!("ALTER TABLE {charges} ADD CONSTRAINT {charges}_pkey PRIMARY KEY (id, billing_month, import_no)"),
            format!("CREATE INDEX ON {charges} (charge_period_start, id)"),
            format!("CREATE INDEX ON {charges} (lower(resource_id))"),
            format!("ANALYZE {charges}"),
        ]
    }

    /// The statement that fills its part of a roll-up from its charges.
    pub fn sum_up(self, rollup: Rollup) -> String {
        rollup.fill(&self.table(rollup.table), &self.table(CHARGES))
    }

    /// Statements that make it part of the ledger.
    pub fn attach(self) -> Vec<String> {
        let (day, no) = (self.month.first_day(), self.import_no);
        let attach = |parent| {
            let table = self.table(parent);
            format!("ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES FROM ('{day}', {no}) TO ('{day}', {})", no + 1)
        };
        self.parents().map(attach).collect()
    }

    /// Statements that take it out of the ledger, with all it holds.
    pub fn remove(self) -> Vec<String> {
        let remove = |parent| {
            let table = self.table(parent);
            [format!("ALTER TABLE {parent} DETACH PARTITION {table}"), format!("DROP TABLE {table}")]
        };
        self.parents().flat_map(remove).collect()
    }

    /// Statements that remove what was written of it before it was attached.
    pub fn discard(self) -> Vec<String> {
        self.parents().map(|parent| format!("DROP TABLE IF EXISTS {}", self.table(parent))).collect()
    }
}

/// Locks the ledger against readers too, which detaching does anyway, but in one order, so that no two wait for each other.
pub(super) fn lock_ledger() -> String {
    let rollups: Vec<&str> = ROLLUPS.iter().map(|rollup| rollup.table).collect();
    format!("LOCK TABLE {CHARGES}, {} IN ACCESS EXCLUSIVE MODE", rollups.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> Partition {
        Partition { import_no: 7, month: "2026-09".parse().unwrap() }
    }

    #[test]
    fn a_partition_is_attached_between_its_number_and_the_next() {
        assert_eq!(
            partition().attach()[0],
            "ALTER TABLE charges ATTACH PARTITION charges_7_202609 FOR VALUES FROM ('2026-09-01', 7) TO ('2026-09-01', 8)"
        );
        assert_eq!(partition().attach().len(), 1 + ROLLUPS.len());
    }

    #[test]
    fn charges_come_before_rollups_as_readers_ask_for_them() {
        assert!(lock_ledger().starts_with("LOCK TABLE charges, costs_by_service"));
        assert!(partition().remove()[0].starts_with("ALTER TABLE charges DETACH"));
    }

    #[test]
    fn posted_charges_have_no_rollups() {
        let posted = Partition { import_no: POSTED, ..partition() };
        assert_eq!(posted.attach().len(), 1);
    }
}
