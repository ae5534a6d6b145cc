//! What is looked at, as the address says it. Must not know any figure.

use bigdecimal::BigDecimal;
use time::OffsetDateTime;

/// Names and titles of periods, as they are offered.
pub const PERIODS: &[(&str, &str)] = &[("day", "Day"), ("month", "Month"), ("billing_period", "Billing period"), ("none", "All together")];
/// Names and titles of costs.
pub const METRICS: &[(&str, &str)] =
    &[("billed", "Billed"), ("effective", "Effective"), ("list", "At list prices"), ("contracted", "Contracted")];
/// Names and titles of what charges can be grouped by, beside tags.
pub const GROUPINGS: &[(&str, &str)] = &[
    ("provider", "Provider"),
    ("service", "Service"),
    ("resource", "Resource"),
    ("region", "Region"),
    ("account", "Billing account"),
    ("sub_account", "Sub-account"),
    ("invoice", "Invoice"),
    ("charge_category", "Charge category"),
    ("charge_class", "Charge class"),
    ("currency", "Currency"),
    ("dataset", "Dataset"),
    ("import", "Import"),
];
/// Titles of filters that are no grouping's name.
const FILTERS: &[(&str, &str)] = &[("resource_id", "Resource"), ("category", "Charge category"), ("billing_period", "Billing period")];

/// What somebody looks at: metric, grouping, period, time, filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explorer {
    /// billed, effective, list or contracted.
    pub metric: String,
    /// What it is grouped by, as the API has it.
    pub group_by: String,
    /// none, day, month or billing_period.
    pub period: String,
    /// How many groups are told apart.
    pub top: String,
    /// First moment, as it was given.
    pub from: String,
    /// First moment after, as it was given.
    pub to: String,
    /// Further filters, by the API's names.
    pub filters: Vec<(String, String)>,
}

impl Default for Explorer {
    fn default() -> Self {
        let text = str::to_owned;
        Explorer {
            metric: text("billed"),
            group_by: text("service"),
            period: text("day"),
            top: text("8"),
            from: String::new(),
            to: String::new(),
            filters: Vec::new(),
        }
    }
}

/// One sum to show.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    /// First moment of the period; none where nothing is cut into periods.
    pub period_start: Option<OffsetDateTime>,
    /// A value for each grouping; none where charges have none.
    pub group: Vec<Option<String>>,
    /// Whether it is what the greatest groups leave over.
    pub is_rest: bool,
    /// Its currency.
    pub currency: String,
    /// The exact sum; none where no charge has this cost.
    pub amount: Option<BigDecimal>,
    /// Charges in it.
    pub charges: i64,
}

impl Explorer {
    /// The parameters of the address, those that are as usual left out.
    fn pairs(&self) -> Vec<(&str, &str)> {
        let usual = Explorer::default();
        let own = [
            ("metric", &self.metric, &usual.metric),
            ("group_by", &self.group_by, &usual.group_by),
            ("period", &self.period, &usual.period),
            ("top", &self.top, &usual.top),
            ("from", &self.from, &usual.from),
            ("to", &self.to, &usual.to),
        ];
        let changed = own.into_iter().filter(|(_, value, usual)| value != usual).map(|(name, value, _)| (name, value.as_str()));
        changed.chain(self.filters.iter().map(|(name, value)| (name.as_str(), value.as_str()))).collect()
    }

    /// The query the API answers: everything said.
    #[must_use]
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let own = [("metric", &self.metric), ("group_by", &self.group_by), ("period", &self.period), ("top", &self.top)];
        query.extend_pairs(own.into_iter().chain([("from", &self.from), ("to", &self.to)]).filter(|(_, value)| !value.is_empty()));
        query.extend_pairs(&self.filters).finish()
    }

    /// The address of this view.
    #[must_use]
    pub fn address(&self) -> String {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs()).finish();
        if query.is_empty() { "/costs".to_owned() } else { format!("/costs?{query}") }
    }

    /// The address of the same as a file of comma-separated values.
    pub(super) fn csv_address(&self) -> String {
        let pairs = self.pairs();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).append_pair("format", "csv").finish();
        format!("/costs?{query}")
    }

    pub(super) fn has_periods(&self) -> bool {
        self.period != "none"
    }

    pub(super) fn is_by_day(&self) -> bool {
        self.period == "day"
    }

    pub(super) fn period_title(&self) -> &'static str {
        match self.period.as_str() {
            "day" => "by day",
            "month" => "by month",
            _ => "by billing period",
        }
    }

    /// The same for the charges of one group alone, told apart by what comes next; none where a group cannot be filtered by.
    #[must_use]
    pub(super) fn within(&self, value: &str) -> Option<Explorer> {
        let (filter, next) = match self.group_by.as_str() {
            "provider" => ("provider", "service"),
            "service" => ("service", "resource"),
            "resource" => ("resource_id", "charge_category"),
            "region" => ("region", "service"),
            "account" => ("account", "sub_account"),
            "sub_account" => ("sub_account", "service"),
            "invoice" => ("invoice", "service"),
            "charge_category" => ("category", "service"),
            "charge_class" => ("charge_class", "service"),
            "currency" => ("currency", "service"),
            "dataset" => ("dataset", "service"),
            "import" => ("import", "service"),
            tag if tag.starts_with("tag.") && !tag.contains([',', '"', '\\']) => (tag, "service"),
            _ => return None,
        };
        let mut filters: Vec<_> = self.filters.iter().filter(|(name, _)| name != filter).cloned().collect();
        filters.push((filter.to_owned(), value.to_owned()));
        Some(Explorer { group_by: next.to_owned(), filters, ..self.clone() })
    }
}

/// What a filter is called; a tag goes by its own name.
pub fn title_of(filter: &str) -> &'static str {
    let known = GROUPINGS.iter().chain(FILTERS).find(|(name, _)| *name == filter);
    known.map_or("", |(_, title)| title)
}
