//! FOCUS files of any size: forty-odd columns, with services, resources and tags as unevenly spread as in a real bill.

use std::io::{self, Write};

/// Columns beside those that are always there; their values are made from the row's number.
const HEADER: &str = "AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingAccountType,BillingCurrency,BillingPeriodEnd,\
BillingPeriodStart,ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,CommitmentDiscountId,\
CommitmentDiscountStatus,ConsumedQuantity,ConsumedUnit,ContractedCost,ContractedUnitPrice,EffectiveCost,InvoiceId,InvoiceIssuerName,ListCost,\
ListUnitPrice,PricingCategory,PricingCurrency,PricingQuantity,PricingUnit,ProviderName,PublisherName,RegionId,RegionName,ResourceId,ResourceName,\
ResourceType,ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,SkuPriceId,SubAccountId,SubAccountName,SubAccountType,Tags,\
x_SkuOfferId,x_CostCenter";
const SERVICES: [(&str, &str); 12] = [
    ("Virtual Machines", "Compute"),
    ("Storage", "Storage"),
    ("Azure SQL Database", "Databases"),
    ("Bandwidth", "Networking"),
    ("Azure Functions", "Compute"),
    ("Key Vault", "Security"),
    ("Log Analytics", "Management and Governance"),
    ("Azure Cosmos DB", "Databases"),
    ("Load Balancer", "Networking"),
    ("Container Registry", "Compute"),
    ("Event Hubs", "Integration"),
    ("Azure DNS", "Networking"),
];
const REGIONS: [&str; 8] =
    ["westeurope", "northeurope", "eastus", "eastus2", "uksouth", "francecentral", "germanywestcentral", "southeastasia"];

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    /// Below `bound`, the smaller the likelier: half of all draws fall into a quarter of the range.
    fn skewed(&mut self, bound: u64) -> u64 {
        let (one, other) = (self.next() % bound, self.next() % bound);
        one * other / bound
    }
}

/// Writes a file of `rows` rows, all billed in September 2026.
pub fn write(rows: u64, mut file: impl Write) -> io::Result<()> {
    writeln!(file, "{HEADER}")?;
    let mut numbers = Numbers(42);
    for row in 0..rows {
        let (service, category) = SERVICES[usize::try_from(numbers.skewed(12)).unwrap_or(0)];
        let region = REGIONS[usize::try_from(numbers.skewed(8)).unwrap_or(0)];
        let (resource, account, day) = (numbers.skewed(20_000), numbers.skewed(40), 1 + row * 29 / rows.max(1));
        let (units, price) = (1 + numbers.skewed(1_000), 1 + numbers.next() % 100_000);
        let (environment, team) = (["prod", "dev", "test", "stage"][usize::try_from(numbers.skewed(4)).unwrap_or(0)], numbers.skewed(60));
        let charge = if numbers.next().is_multiple_of(50) { "Credit" } else { "Usage" };
        let sign = if charge == "Credit" { "-" } else { "" };
        let cost = format!("{sign}{}.{:010}", units * price / 100_000, units * price % 100_000 * 100_000);
        writeln!(
            file,
            "{zone},{cost},/providers/Microsoft.Billing/billingAccounts/1234567,Contoso,Billing Profile,USD,2026-10-01T00:00:00Z,2026-09-01T00:00:00Z,\
             {charge},,{service} in {region} - metered by the hour,Usage-Based,2026-09-{next:02}T00:00:00Z,2026-09-{day:02}T00:00:00Z,,,\
             {units},Hours,{cost},0.{price:08},{cost},G0{invoice:07},Microsoft,{cost},0.{price:08},Standard,USD,{units},1 Hour,Microsoft,Microsoft,\
             {region},{region},/subscriptions/{account:08}-0000-4000-8000-000000000000/resourceGroups/rg-{team}/providers/Microsoft.Compute/things/thing-{resource},\
             thing-{resource},Thing,{category},{service},{category} (Other),SKU{price:06},Meter {price:06},SKUP{price:06},\
             /subscriptions/{account:08}-0000-4000-8000-000000000000,Subscription {account},Subscription,\
             \"{{\"\"environment\"\":\"\"{environment}\"\",\"\"team\"\":\"\"team-{team}\"\",\"\"cost centre\"\":\"\"{cc}\"\"}}\",MS-AZR-0017P,{cc}",
            zone = row % 3 + 1,
            next = day + 1,
            invoice = account / 4,
            cc = 1_000 + team,
        )?;
    }
    file.flush()
}
