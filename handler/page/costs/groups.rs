//! Sums arranged for a page: by currency, then by group over all periods, greatest first. Adds exactly. Must not know how anything is drawn.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, ToPrimitive, Zero};
use time::{Duration, OffsetDateTime};

use super::explorer::Sum;

/// Most days that are drawn one by one, those without charges included.
const MAX_DAYS: i64 = 800;

/// The sums of one currency.
pub struct Ledger<'a> {
    pub currency: &'a str,
    pub total: BigDecimal,
    pub charges: i64,
    /// The groups, greatest first, what they leave over last.
    pub groups: Vec<CostGroup<'a>>,
    /// The starts of the periods that have charges, in order.
    pub periods: Vec<OffsetDateTime>,
}

/// A group over all periods.
pub struct CostGroup<'a> {
    key: (bool, &'a [Option<String>]),
    pub amount: Option<BigDecimal>,
    pub charges: i64,
    sums: BTreeMap<OffsetDateTime, &'a BigDecimal>,
}

impl<'a> Ledger<'a> {
    /// The currencies, those with most charges first.
    pub fn of(sums: &'a [Sum]) -> Vec<Ledger<'a>> {
        let mut by_currency: BTreeMap<&str, Vec<&Sum>> = BTreeMap::new();
        for sum in sums {
            by_currency.entry(&sum.currency).or_default().push(sum);
        }
        let mut ledgers: Vec<Ledger<'_>> = by_currency.into_iter().map(|(currency, sums)| Ledger::single(currency, &sums)).collect();
        ledgers.sort_by_key(|ledger| std::cmp::Reverse(ledger.charges));
        ledgers
    }

    fn single(currency: &'a str, sums: &[&'a Sum]) -> Self {
        let mut groups: BTreeMap<(bool, &[Option<String>]), CostGroup<'_>> = BTreeMap::new();
        for sum in sums {
            let key = (sum.is_rest, sum.group.as_slice());
            let group = groups.entry(key).or_insert_with(|| CostGroup { key, amount: None, charges: 0, sums: BTreeMap::new() });
            group.charges += sum.charges;
            if let Some(amount) = &sum.amount {
                group.amount = Some(group.amount.take().unwrap_or_default() + amount);
                group.sums.extend(sum.period_start.map(|period| (period, amount)));
            }
        }
        let mut groups: Vec<CostGroup<'_>> = groups.into_values().collect();
        groups.sort_by(|one, other| one.key.0.cmp(&other.key.0).then_with(|| other.amount.cmp(&one.amount)));
        let mut periods: Vec<OffsetDateTime> = sums.iter().filter_map(|sum| sum.period_start).collect();
        periods.sort_unstable();
        periods.dedup();
        let total = groups.iter().filter_map(|group| group.amount.as_ref()).sum();
        Ledger { currency, total, charges: groups.iter().map(|group| group.charges).sum(), groups, periods }
    }

    /// Part of the total that `group` is; none where amounts of both signs make up the total.
    pub fn share_of(&self, group: &CostGroup<'_>) -> Option<f64> {
        let mixed = self.groups.iter().filter_map(|group| group.amount.as_ref()).any(|amount| *amount < BigDecimal::zero());
        let (amount, total) = (group.amount.as_ref()?.to_f64()?, self.total.to_f64()?);
        (!mixed && total > 0.0).then(|| amount / total)
    }

    /// The starts of all periods to draw: of days, those without charges too, where they are not too many.
    pub fn timeline(&self, by_day: bool) -> Vec<OffsetDateTime> {
        let (Some(first), Some(last)) = (self.periods.first(), self.periods.last()) else { return Vec::new() };
        let days = (*last - *first).whole_days();
        if !by_day || days > MAX_DAYS {
            return self.periods.clone();
        }
        (0..=days).map(|day| *first + Duration::days(day)).collect()
    }

    /// The groups with a sum in the period that starts at `moment`: position, group, exact sum, and the sum as it is drawn.
    pub fn parts_at(&self, moment: OffsetDateTime) -> impl Iterator<Item = (usize, &CostGroup<'a>, &BigDecimal, f64)> {
        self.groups.iter().enumerate().filter_map(move |(position, group)| {
            let amount = *group.sums.get(&moment)?;
            Some((position, group, amount, amount.to_f64()?))
        })
    }
}

impl CostGroup<'_> {
    /// Its position among those with a colour of their own; none for what is left over.
    pub fn series(&self, position: usize) -> Option<usize> {
        (!self.key.0).then_some(position)
    }

    /// Its value, where it has a single one.
    pub fn value(&self) -> Option<&str> {
        match self.key {
            (false, [Some(value)]) => Some(value),
            _ => None,
        }
    }

    pub fn title(&self) -> String {
        title(self.key.1, self.key.0)
    }
}

/// A group in words.
pub fn title(group: &[Option<String>], is_rest: bool) -> String {
    if is_rest {
        return "All others".to_owned();
    }
    let values: Vec<&str> = group.iter().map(|value| value.as_deref().filter(|value| !value.is_empty()).unwrap_or("(none)")).collect();
    if values.is_empty() { "Everything".to_owned() } else { values.join(" · ") }
}
