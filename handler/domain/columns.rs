//! The FOCUS columns the ledger keeps as columns of its own, in one table: names, kinds, and which a charge cannot be without.
//!
//! Covers FOCUS 1.0 to 1.2, plus the provider columns of 1.3 and 1.4. The store's migrations declare the same columns; a test keeps
//! both in step. Must not know how a column is stored or sent.

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Free text.
    Text,
    /// An exact decimal: money, a price or a quantity.
    Amount,
    /// A moment, UTC.
    Moment,
}

/// One FOCUS column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name in JSON and in the store.
    pub name: &'static str,
    /// Name in FOCUS files.
    pub focus: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether every charge has a value there.
    pub required: bool,
}

const fn required(name: &'static str, focus: &'static str, kind: ColumnKind) -> Column {
    Column { name, focus, kind, required: true }
}

const fn optional(name: &'static str, focus: &'static str, kind: ColumnKind) -> Column {
    Column { name, focus, kind, required: false }
}

/// Number of columns.
pub const COUNT: usize = COLUMNS.len();

/// Every column, by name.
pub const COLUMNS: &[Column] = &[
    optional("availability_zone", "AvailabilityZone", ColumnKind::Text),
    optional("billed_cost", "BilledCost", ColumnKind::Amount),
    optional("billing_account_id", "BillingAccountId", ColumnKind::Text),
    optional("billing_account_name", "BillingAccountName", ColumnKind::Text),
    optional("billing_account_type", "BillingAccountType", ColumnKind::Text),
    required("billing_currency", "BillingCurrency", ColumnKind::Text),
    optional("billing_period_end", "BillingPeriodEnd", ColumnKind::Moment),
    optional("billing_period_start", "BillingPeriodStart", ColumnKind::Moment),
    optional("capacity_reservation_id", "CapacityReservationId", ColumnKind::Text),
    optional("capacity_reservation_status", "CapacityReservationStatus", ColumnKind::Text),
    required("charge_category", "ChargeCategory", ColumnKind::Text),
    optional("charge_class", "ChargeClass", ColumnKind::Text),
    optional("charge_description", "ChargeDescription", ColumnKind::Text),
    optional("charge_frequency", "ChargeFrequency", ColumnKind::Text),
    required("charge_period_end", "ChargePeriodEnd", ColumnKind::Moment),
    required("charge_period_start", "ChargePeriodStart", ColumnKind::Moment),
    optional("commitment_discount_category", "CommitmentDiscountCategory", ColumnKind::Text),
    optional("commitment_discount_id", "CommitmentDiscountId", ColumnKind::Text),
    optional("commitment_discount_name", "CommitmentDiscountName", ColumnKind::Text),
    optional("commitment_discount_quantity", "CommitmentDiscountQuantity", ColumnKind::Amount),
    optional("commitment_discount_status", "CommitmentDiscountStatus", ColumnKind::Text),
    optional("commitment_discount_type", "CommitmentDiscountType", ColumnKind::Text),
    optional("commitment_discount_unit", "CommitmentDiscountUnit", ColumnKind::Text),
    optional("consumed_quantity", "ConsumedQuantity", ColumnKind::Amount),
    optional("consumed_unit", "ConsumedUnit", ColumnKind::Text),
    optional("contracted_cost", "ContractedCost", ColumnKind::Amount),
    optional("contracted_unit_price", "ContractedUnitPrice", ColumnKind::Amount),
    optional("effective_cost", "EffectiveCost", ColumnKind::Amount),
    optional("host_provider_name", "HostProviderName", ColumnKind::Text),
    optional("invoice_id", "InvoiceId", ColumnKind::Text),
    optional("invoice_issuer_name", "InvoiceIssuerName", ColumnKind::Text),
    optional("list_cost", "ListCost", ColumnKind::Amount),
    optional("list_unit_price", "ListUnitPrice", ColumnKind::Amount),
    optional("pricing_category", "PricingCategory", ColumnKind::Text),
    optional("pricing_currency", "PricingCurrency", ColumnKind::Text),
    optional("pricing_currency_contracted_unit_price", "PricingCurrencyContractedUnitPrice", ColumnKind::Amount),
    optional("pricing_currency_effective_cost", "PricingCurrencyEffectiveCost", ColumnKind::Amount),
    optional("pricing_currency_list_unit_price", "PricingCurrencyListUnitPrice", ColumnKind::Amount),
    optional("pricing_quantity", "PricingQuantity", ColumnKind::Amount),
    optional("pricing_unit", "PricingUnit", ColumnKind::Text),
    optional("provider_name", "ProviderName", ColumnKind::Text),
    optional("publisher_name", "PublisherName", ColumnKind::Text),
    optional("region_id", "RegionId", ColumnKind::Text),
    optional("region_name", "RegionName", ColumnKind::Text),
    optional("resource_id", "ResourceId", ColumnKind::Text),
    optional("resource_name", "ResourceName", ColumnKind::Text),
    optional("resource_type", "ResourceType", ColumnKind::Text),
    optional("service_category", "ServiceCategory", ColumnKind::Text),
    optional("service_name", "ServiceName", ColumnKind::Text),
    optional("service_provider_name", "ServiceProviderName", ColumnKind::Text),
    optional("service_subcategory", "ServiceSubcategory", ColumnKind::Text),
    optional("sku_id", "SkuId", ColumnKind::Text),
    optional("sku_meter", "SkuMeter", ColumnKind::Text),
    optional("sku_price_details", "SkuPriceDetails", ColumnKind::Text),
    optional("sku_price_id", "SkuPriceId", ColumnKind::Text),
    optional("sub_account_id", "SubAccountId", ColumnKind::Text),
    optional("sub_account_name", "SubAccountName", ColumnKind::Text),
    optional("sub_account_type", "SubAccountType", ColumnKind::Text),
];

/// Position of the column with this name in JSON; `COUNT` where there is none.
#[must_use]
pub const fn position(name: &str) -> usize {
    let mut index = 0;
    while index < COLUMNS.len() {
        if same(COLUMNS[index].name.as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    COUNT
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Names of FOCUS 1.0-preview, which some providers still write, with those that took their place.
const FORMER_NAMES: [(&str, &str); 6] = [
    ("Provider", "ProviderName"),
    ("Publisher", "PublisherName"),
    ("InvoiceIssuer", "InvoiceIssuerName"),
    ("Region", "RegionId"),
    ("UsageQuantity", "ConsumedQuantity"),
    ("UsageUnit", "ConsumedUnit"),
];

/// Position of the column with this name in FOCUS files, whatever its case, and with or without underscores between its words.
#[must_use]
pub fn position_in_focus(header: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.focus.eq_ignore_ascii_case(header) || column.name.eq_ignore_ascii_case(header))
}

/// Position of the column that had this name in FOCUS 1.0-preview.
#[must_use]
pub fn position_by_former_name(header: &str) -> Option<usize> {
    FORMER_NAMES.iter().find(|(former, _)| former.eq_ignore_ascii_case(header)).and_then(|(_, name)| position_in_focus(name))
}

/// Where `billing_period_start` stands.
pub const BILLING_PERIOD_START: usize = position("billing_period_start");
/// Where `billed_cost` stands.
pub const BILLED_COST: usize = position("billed_cost");
/// Where `effective_cost` stands.
pub const EFFECTIVE_COST: usize = position("effective_cost");
/// Where `billing_currency` stands.
pub const BILLING_CURRENCY: usize = position("billing_currency");
/// Where `charge_category` stands.
pub const CHARGE_CATEGORY: usize = position("charge_category");
/// Where `charge_period_start` stands.
pub const CHARGE_PERIOD_START: usize = position("charge_period_start");
/// Where `charge_period_end` stands.
pub const CHARGE_PERIOD_END: usize = position("charge_period_end");
/// Where `provider_name` stands.
pub const PROVIDER_NAME: usize = position("provider_name");
/// Names that say who provides a charge, best first. FOCUS 1.3 puts the later ones in place of ProviderName, 1.4 drops it.
pub const PROVIDER_NAMES: [usize; 5] = [
    PROVIDER_NAME,
    position("service_provider_name"),
    position("host_provider_name"),
    position("publisher_name"),
    position("invoice_issuer_name"),
];

/// Whether a charge whose text in this column cannot be read is none. Anything else that is wrong costs no money: the charge counts
/// without it.
#[must_use]
pub fn is_essential(position: usize) -> bool {
    [BILLED_COST, EFFECTIVE_COST, BILLING_CURRENCY, CHARGE_CATEGORY, CHARGE_PERIOD_START, CHARGE_PERIOD_END].contains(&position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_either_name() {
        for (index, column) in COLUMNS.iter().enumerate() {
            assert_eq!(position(column.name), index);
            assert_eq!(position_in_focus(&column.focus.to_uppercase()), Some(index));
            let flat = column.name.replace('_', "");
            assert!(flat.eq_ignore_ascii_case(column.focus), "{} is not {} in snake_case", column.name, column.focus);
        }
        for index in [CHARGE_CATEGORY, CHARGE_PERIOD_START, CHARGE_PERIOD_END, PROVIDER_NAME].into_iter().chain(PROVIDER_NAMES) {
            assert!(index < COUNT);
        }
        assert_eq!(position_in_focus("x_Thing"), None);
    }
}
