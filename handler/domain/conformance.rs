//! Whether a file keeps FOCUS's rules: counted cell by cell on the texts as they stand, whatever the ledger makes of them.
//!
//! The rules are those that hold without condition in the FinOps Foundation's model of FOCUS 1.2 (model-1.2.0.1.json of its validator,
//! CC BY 4.0), under their ids there; 1.0 and 1.1 have the same for the columns they know. Must not know files or what is stored.

use serde::{Deserialize, Serialize};

use super::{currency, tags};

/// What a rule asks of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    /// The column is there.
    Present,
    /// Every row has a value.
    NotNull,
    /// A number without separators, signs of currency or spaces.
    Numeric,
    /// Not below zero.
    NotNegative,
    /// ISO 8601 in UTC: `2024-09-18T22:00:00Z`.
    DateTime,
    /// An ISO 4217 code in capitals.
    Currency,
    /// A JSON object of names and values.
    KeyValue,
    /// One of these, spelt so.
    OneOf(&'static [&'static str]),
}

/// One rule.
#[derive(Debug)]
struct Rule {
    id: &'static str,
    column: &'static str,
    check: Check,
}

const fn rule(id: &'static str, column: &'static str, check: Check) -> Rule {
    Rule { id, column, check }
}

const RULES: &[Rule] = &[
    rule("CostAndUsage-D-006-M", "BilledCost", Check::Present),
    rule("BilledCost-C-003-M", "BilledCost", Check::NotNull),
    rule("BilledCost-C-002-M", "BilledCost", Check::Numeric),
    rule("CostAndUsage-D-024-M", "BillingAccountId", Check::Present),
    rule("BillingAccountId-C-001-M", "BillingAccountId", Check::NotNull),
    rule("CostAndUsage-D-005-M", "BillingAccountName", Check::Present),
    rule("CostAndUsage-D-035-M", "BillingCurrency", Check::Present),
    rule("BillingCurrency-C-004-M", "BillingCurrency", Check::NotNull),
    rule("BillingCurrency-C-003-M", "BillingCurrency", Check::Currency),
    rule("CostAndUsage-D-010-M", "BillingPeriodEnd", Check::Present),
    rule("BillingPeriodEnd-C-003-M", "BillingPeriodEnd", Check::NotNull),
    rule("BillingPeriodEnd-C-002-M", "BillingPeriodEnd", Check::DateTime),
    rule("CostAndUsage-D-009-M", "BillingPeriodStart", Check::Present),
    rule("BillingPeriodStart-C-003-M", "BillingPeriodStart", Check::NotNull),
    rule("BillingPeriodStart-C-002-M", "BillingPeriodStart", Check::DateTime),
    rule("CapacityReservationStatus-C-006-M", "CapacityReservationStatus", Check::OneOf(&["Used", "Unused"])),
    rule("CostAndUsage-D-008-M", "ChargeCategory", Check::Present),
    rule("ChargeCategory-C-002-M", "ChargeCategory", Check::NotNull),
    rule("ChargeCategory-C-003-M", "ChargeCategory", Check::OneOf(&["Usage", "Purchase", "Tax", "Credit", "Adjustment"])),
    rule("CostAndUsage-D-026-M", "ChargeClass", Check::Present),
    rule("CostAndUsage-D-025-M", "ChargeDescription", Check::Present),
    rule("ChargeFrequency-C-002-M", "ChargeFrequency", Check::NotNull),
    rule("ChargeFrequency-C-003-M", "ChargeFrequency", Check::OneOf(&["One-Time", "Recurring", "Usage-Based"])),
    rule("CostAndUsage-D-028-M", "ChargePeriodEnd", Check::Present),
    rule("ChargePeriodEnd-C-003-M", "ChargePeriodEnd", Check::NotNull),
    rule("ChargePeriodEnd-C-002-M", "ChargePeriodEnd", Check::DateTime),
    rule("CostAndUsage-D-037-M", "ChargePeriodStart", Check::Present),
    rule("ChargePeriodStart-C-003-M", "ChargePeriodStart", Check::NotNull),
    rule("ChargePeriodStart-C-002-M", "ChargePeriodStart", Check::DateTime),
    rule("CommitmentDiscountCategory-C-005-M", "CommitmentDiscountCategory", Check::OneOf(&["Spend", "Usage"])),
    rule("CommitmentDiscountQuantity-C-002-M", "CommitmentDiscountQuantity", Check::Numeric),
    rule("CommitmentDiscountStatus-C-005-M", "CommitmentDiscountStatus", Check::OneOf(&["Active", "Expired", "Pending"])),
    rule("ConsumedQuantity-C-002-M", "ConsumedQuantity", Check::Numeric),
    rule("CostAndUsage-D-030-M", "ContractedCost", Check::Present),
    rule("ContractedCost-C-003-M", "ContractedCost", Check::NotNull),
    rule("ContractedCost-C-002-M", "ContractedCost", Check::Numeric),
    rule("ContractedUnitPrice-C-003-M", "ContractedUnitPrice", Check::Numeric),
    rule("CostAndUsage-D-031-M", "EffectiveCost", Check::Present),
    rule("EffectiveCost-C-003-M", "EffectiveCost", Check::NotNull),
    rule("EffectiveCost-C-002-M", "EffectiveCost", Check::Numeric),
    rule("CostAndUsage-D-023-M", "InvoiceIssuerName", Check::Present),
    rule("InvoiceIssuerName-C-003-M", "InvoiceIssuerName", Check::NotNull),
    rule("CostAndUsage-D-032-M", "ListCost", Check::Present),
    rule("ListCost-C-003-M", "ListCost", Check::NotNull),
    rule("ListCost-C-002-M", "ListCost", Check::Numeric),
    rule("ListUnitPrice-C-002-M", "ListUnitPrice", Check::Numeric),
    rule("ListUnitPrice-C-008-M", "ListUnitPrice", Check::NotNegative),
    rule("PricingCategory-C-007-M", "PricingCategory", Check::OneOf(&["Standard", "Committed", "Dynamic", "Other"])),
    rule("PricingCurrency-C-004-M", "PricingCurrency", Check::NotNull),
    rule("PricingCurrency-C-003-M", "PricingCurrency", Check::Currency),
    rule("PricingCurrencyContractedUnitPrice-C-002-M", "PricingCurrencyContractedUnitPrice", Check::Numeric),
    rule("PricingCurrencyEffectiveCost-C-003-M", "PricingCurrencyEffectiveCost", Check::NotNull),
    rule("PricingCurrencyEffectiveCost-C-002-M", "PricingCurrencyEffectiveCost", Check::Numeric),
    rule("PricingCurrencyListUnitPrice-C-002-M", "PricingCurrencyListUnitPrice", Check::Numeric),
    rule("PricingCurrencyListUnitPrice-C-008-M", "PricingCurrencyListUnitPrice", Check::NotNegative),
    rule("CostAndUsage-D-036-M", "PricingQuantity", Check::Present),
    rule("PricingQuantity-C-002-M", "PricingQuantity", Check::Numeric),
    rule("CostAndUsage-D-068-M", "PricingUnit", Check::Present),
    rule("CostAndUsage-D-038-M", "ProviderName", Check::Present),
    rule("ProviderName-C-003-M", "ProviderName", Check::NotNull),
    rule("CostAndUsage-D-021-M", "PublisherName", Check::Present),
    rule("PublisherName-C-003-M", "PublisherName", Check::NotNull),
    rule("CostAndUsage-D-040-M", "ServiceCategory", Check::Present),
    rule("ServiceCategory-C-002-M", "ServiceCategory", Check::NotNull),
    rule(
        "ServiceCategory-C-003-M",
        "ServiceCategory",
        Check::OneOf(&[
            "AI and Machine Learning",
            "Analytics",
            "Business Applications",
            "Compute",
            "Databases",
            "Developer Tools",
            "Multicloud",
            "Identity",
            "Integration",
            "Internet of Things",
            "Management and Governance",
            "Media",
            "Migration",
            "Mobile",
            "Networking",
            "Security",
            "Storage",
            "Web",
            "Other",
        ]),
    ),
    rule("CostAndUsage-D-041-M", "ServiceName", Check::Present),
    rule("ServiceName-C-003-M", "ServiceName", Check::NotNull),
    rule("ServiceSubcategory-C-002-M", "ServiceSubcategory", Check::NotNull),
    rule("SkuPriceDetails-C-001-M", "SkuPriceDetails", Check::KeyValue),
    rule("Tags-C-001-M", "Tags", Check::KeyValue),
];

/// Columns by which a file tells its version, latest first.
const VERSIONS: [(&str, &[&str]); 3] = [
    ("1.2", &["InvoiceId", "BillingAccountType", "SubAccountType", "PricingCurrency", "PricingCurrencyEffectiveCost"]),
    (
        "1.1",
        &[
            "CapacityReservationId",
            "CommitmentDiscountQuantity",
            "CommitmentDiscountUnit",
            "ServiceSubcategory",
            "SkuMeter",
            "SkuPriceDetails",
        ],
    ),
    ("1.0", &["ContractedCost", "ChargeClass", "RegionId", "ConsumedQuantity", "ProviderName"]),
];
const NO_VERSION: &str = "1.0-preview";

/// A rule that a file breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleViolation {
    /// The rule's id in the model of FOCUS 1.2.
    pub rule: String,
    /// The column it speaks of.
    pub column: String,
    /// What it asks for.
    pub requirement: String,
    /// Rows that break it; none where it is the header.
    pub rows: Option<u64>,
}

/// How far a file conforms.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConformanceReport {
    /// The latest version of FOCUS that a column of the file belongs to.
    pub version: String,
    /// Rows looked at.
    pub rows: u64,
    /// Rules that were checked.
    pub rules: u64,
    /// The rules that are broken, by column.
    pub violations: Vec<RuleViolation>,
}

/// Counts violations while a file, or an export's files, are read.
#[derive(Debug, Clone, Default)]
pub struct ConformanceTally {
    version: Option<usize>,
    rows: u64,
    absent: Vec<bool>,
    broken: Vec<u64>,
}

impl ConformanceTally {
    /// Looks at a header.
    pub fn header(&mut self, names: &[&str]) {
        let is_there = |column: &str| names.iter().any(|name| name.eq_ignore_ascii_case(column));
        self.absent.resize(RULES.len(), false);
        self.broken.resize(RULES.len(), 0);
        for (absent, rule) in self.absent.iter_mut().zip(RULES) {
            *absent |= rule.check == Check::Present && !is_there(rule.column);
        }
        let version = VERSIONS.iter().position(|(_, columns)| columns.iter().any(|column| is_there(column)));
        self.version = [self.version, version].into_iter().flatten().min();
    }

    /// Counts a row.
    pub fn row(&mut self) {
        self.rows += 1;
    }

    /// Looks at one cell of a row, through the rules [`rules_of`] its column; an empty text is no value.
    pub fn cell(&mut self, rules: &[usize], text: &str) {
        for index in rules {
            if let (Some(rule), Some(broken)) = (RULES.get(*index), self.broken.get_mut(*index)) {
                *broken += u64::from(!rule.check.holds(text));
            }
        }
    }

    /// What was found.
    #[must_use]
    pub fn report(&self) -> ConformanceReport {
        let found = RULES.iter().zip(self.absent.iter().zip(&self.broken)).filter(|(_, (absent, broken))| **absent || **broken > 0);
        let violation = |(rule, (absent, broken)): (&Rule, (&bool, &u64))| RuleViolation {
            rule: rule.id.to_owned(),
            column: rule.column.to_owned(),
            requirement: rule.check.requirement(),
            rows: (!absent).then_some(*broken),
        };
        ConformanceReport {
            version: self.version.map_or(NO_VERSION, |index| VERSIONS[index].0).to_owned(),
            rows: self.rows,
            rules: RULES.len() as u64,
            violations: found.map(violation).collect(),
        }
    }
}

/// The rules that speak of a column's cells.
#[must_use]
pub fn rules_of(column: &str) -> Vec<usize> {
    let of_cells = |rule: &Rule| rule.check != Check::Present && rule.column.eq_ignore_ascii_case(column);
    RULES.iter().enumerate().filter(|(_, rule)| of_cells(rule)).map(|(index, _)| index).collect()
}

impl Check {
    /// Whether a cell keeps it; but for [`Check::NotNull`], a cell without a value does.
    fn holds(self, text: &str) -> bool {
        if text.is_empty() || text == "NULL" {
            return self != Check::NotNull;
        }
        match self {
            Check::Present | Check::NotNull => true,
            Check::Numeric => is_number(text),
            Check::NotNegative => !text.starts_with('-') || !is_number(text) || !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
            Check::DateTime => is_utc(text.as_bytes()),
            Check::Currency => currency::parse(text) == Some(text),
            Check::KeyValue => text.starts_with('{') && tags::read(text).is_some(),
            Check::OneOf(values) => values.contains(&text),
        }
    }

    fn requirement(self) -> String {
        match self {
            Check::Present => "the column must be there".to_owned(),
            Check::NotNull => "must not be null".to_owned(),
            Check::Numeric => "must be a number such as 1.5 or 35.2E-7".to_owned(),
            Check::NotNegative => "must not be negative".to_owned(),
            Check::DateTime => "must be a UTC time such as 2024-09-18T22:00:00Z".to_owned(),
            Check::Currency => "must be a currency code of ISO 4217, in capitals".to_owned(),
            Check::KeyValue => "must be a JSON object of names and values".to_owned(),
            Check::OneOf(values) => format!("must be one of {}", values.join(", ")),
        }
    }
}

/// FOCUS's NumericFormat.
fn is_number(text: &str) -> bool {
    !text.starts_with('+') && text.parse::<f64>().is_ok_and(f64::is_finite) && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// FOCUS's DateTimeFormat, with decimals of a second or without.
fn is_utc(text: &[u8]) -> bool {
    let form = b"0000-00-00T00:00:00";
    let whole = text.get(..form.len()).is_some_and(|start| {
        start.iter().zip(form).all(|(byte, expected)| if *expected == b'0' { byte.is_ascii_digit() } else { byte == expected })
    });
    whole && text.strip_suffix(b"Z").is_some_and(|text| text[form.len()..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(column: &str, cells: &[&str]) -> Vec<(String, Option<u64>)> {
        let mut conformance = ConformanceTally::default();
        conformance.header(&[column]);
        let rules = rules_of(column);
        cells.iter().for_each(|cell| conformance.cell(&rules, cell));
        let of_column = |violation: &RuleViolation| violation.column == column;
        conformance.report().violations.into_iter().filter(of_column).map(|violation| (violation.rule, violation.rows)).collect()
    }

    #[test]
    fn cells_are_counted_by_the_rule_they_break() {
        let broken = |rule: &str, rows| vec![(rule.to_owned(), Some(rows))];
        assert_eq!(violations("BilledCost", &["1", "-0.5", "35.2E-7", "1,5", "$1"]), broken("BilledCost-C-002-M", 2));
        assert_eq!(violations("BilledCost", &["1", "", "NULL"]), broken("BilledCost-C-003-M", 2));
        assert_eq!(
            violations("ChargePeriodStart", &["2024-09-18T22:00:00Z", "2024-09-18", "2024-09-18 22:00:00"]),
            broken("ChargePeriodStart-C-002-M", 2)
        );
        assert_eq!(violations("BillingCurrency", &["USD", "usd", "US Dollar"]), broken("BillingCurrency-C-003-M", 2));
        assert_eq!(violations("ChargeCategory", &["Usage", "usage"]), broken("ChargeCategory-C-003-M", 1));
        assert_eq!(violations("Tags", &["{}", "{\"a\": \"b\"}", "[]", "\"a\": 1"]), broken("Tags-C-001-M", 2));
    }

    #[test]
    fn columns_that_must_be_there_are_missed_and_versions_told() {
        let mut conformance = ConformanceTally::default();
        conformance.header(&["BilledCost", "InvoiceId"]);
        let report = conformance.report();
        assert_eq!(report.version, "1.2");
        let missed: Vec<&RuleViolation> = report.violations.iter().filter(|violation| violation.rows.is_none()).collect();
        assert!(missed.iter().any(|violation| violation.rule == "CostAndUsage-D-041-M" && violation.column == "ServiceName"));
        assert!(missed.iter().all(|violation| violation.column != "BilledCost"));
        let mut preview = ConformanceTally::default();
        preview.header(&["Provider"]);
        assert_eq!(preview.report().version, "1.0-preview");
    }

    #[test]
    fn every_rule_has_its_own_id() {
        let ids: std::collections::HashSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
    }
}
