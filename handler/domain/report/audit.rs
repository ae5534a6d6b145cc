//! The model against the provider's bill, by resource and day. Must not know how the model comes to its figures, nor where charges are stored.
//!
//! Compared are usage charges in the currency of list prices, on days that lie in the run as a whole: providers charge by the hour or the day, and a run begins at any
//! minute. Effective cost is compared, which spreads what was paid ahead: a plan that a reservation covers is billed nothing, and is not free.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::{BigDecimal, ToPrimitive, Zero};
use serde::Serialize;
use time::Date;
use utoipa::ToSchema;

use super::inputs::ChargedDay;
use crate::domain::figures::{counted, money};
use crate::domain::price::iso_date;

/// Model and bill may differ by this much.
const MAX_RESIDUAL_SHARE: f64 = 0.10;
/// Days from which a difference says something.
const MIN_DAYS: usize = 3;
/// The category of what was used, in FOCUS.
const USAGE: &str = "Usage";

/// One arm's model against its bill.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Audit {
    /// Everything charged, a row for each currency and category: usage, purchase, tax, credit, adjustment.
    pub charged: Vec<CategorySum>,
    /// Whole days of the run, with what was modelled and what usage was charged in US dollars.
    pub days: Vec<AuditedDay>,
    /// What the model comes to on the days compared, before free grants.
    #[schema(value_type = Option<String>)]
    pub modelled: Option<BigDecimal>,
    /// What usage was charged for on those days: EffectiveCost.
    #[schema(value_type = Option<String>)]
    pub effective: Option<BigDecimal>,
    /// The charges less the model.
    #[schema(value_type = Option<String>)]
    pub residual: Option<BigDecimal>,
    /// The same as a share of the model.
    pub residual_share: Option<f64>,
    /// What is wrong with the bill, or sets it apart from the model.
    pub findings: Vec<String>,
    /// Why model and bill are too far apart for a verdict.
    pub withholds: Option<String>,
}

/// Charges of one currency and category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CategorySum {
    /// ISO 4217 code.
    pub currency: String,
    /// As FOCUS has it.
    pub category: String,
    /// Sum of BilledCost.
    #[schema(value_type = String)]
    pub billed: BigDecimal,
    /// Sum of EffectiveCost.
    #[schema(value_type = String)]
    pub effective: BigDecimal,
    /// Number of charges.
    pub charges: u64,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AuditedDay {
    /// The day, UTC.
    #[serde(serialize_with = "iso_date")]
    #[schema(value_type = String, format = Date, example = "2026-11-23")]
    pub day: Date,
    /// What the model comes to.
    #[schema(value_type = String)]
    pub modelled: BigDecimal,
    /// Usage charged: BilledCost; null where there is no charge.
    #[schema(value_type = Option<String>)]
    pub billed: Option<BigDecimal>,
    /// Usage charged: EffectiveCost.
    #[schema(value_type = Option<String>)]
    pub effective: Option<BigDecimal>,
}

/// What the model comes to on whole days of the run, without and with free grants.
#[derive(Debug, Clone, Default)]
pub struct Modelled {
    /// By day.
    pub days: BTreeMap<Date, BigDecimal>,
    /// All of them with each month's free grants taken off.
    pub with_grants: BigDecimal,
}

/// The audit of `charged` against `modelled`, in `currency`; none where nothing was charged.
#[must_use]
pub fn audit(charged: &[ChargedDay], modelled: &Modelled, currency: &str) -> Option<Audit> {
    if charged.is_empty() {
        return None;
    }
    let comparable = || charged.iter().filter(|row| row.category == USAGE && row.currency == currency);
    let sum = |day: Date, of: fn(&ChargedDay) -> &BigDecimal| {
        let rows: Vec<&BigDecimal> = comparable().filter(|row| row.day == day).map(of).collect();
        (!rows.is_empty()).then(|| rows.into_iter().sum::<BigDecimal>())
    };
    let audited = |(day, modelled): (&Date, &BigDecimal)| AuditedDay {
        day: *day,
        modelled: modelled.clone(),
        billed: sum(*day, |row| &row.billed),
        effective: sum(*day, |row| &row.effective),
    };
    let days: Vec<AuditedDay> = modelled.days.iter().map(audited).collect();
    let known = days.iter().any(|day| day.effective.is_some());
    let total = known.then(|| days.iter().map(|day| &day.modelled).sum::<BigDecimal>());
    let effective = known.then(|| days.iter().filter_map(|day| day.effective.as_ref()).sum::<BigDecimal>());
    let residual = effective.as_ref().zip(total.as_ref()).map(|(effective, total)| effective - total);
    let share =
        |part: &BigDecimal, whole: &BigDecimal| (!whole.is_zero()).then(|| part.to_f64().zip(whole.to_f64()).map(|(a, b)| a / b)).flatten();
    let residual_share = residual.as_ref().zip(total.as_ref()).and_then(|(residual, total)| share(residual, total));
    let findings = findings(charged, &days, currency);
    let withholds = effective
        .as_ref()
        .zip(total.as_ref())
        .filter(|_| days.len() >= MIN_DAYS)
        .and_then(|(effective, total)| too_far_apart(effective, total, &modelled.with_grants, currency, days.len(), &findings));
    Some(Audit { charged: by_category(charged), days, modelled: total, effective, residual, residual_share, findings, withholds })
}

/// Says so where the charges lie further from the model than they may, with free grants or without.
fn too_far_apart(
    effective: &BigDecimal,
    modelled: &BigDecimal,
    with_grants: &BigDecimal,
    currency: &str,
    days: usize,
    findings: &[String],
) -> Option<String> {
    let [effective_f, modelled_f, least] = [effective, modelled, with_grants].map(|amount| amount.to_f64().unwrap_or(f64::NAN));
    let within = (least * (1.0 - MAX_RESIDUAL_SHARE)..=modelled_f * (1.0 + MAX_RESIDUAL_SHARE)).contains(&effective_f);
    (!within).then(|| {
        let why = if findings.is_empty() { String::new() } else { format!(": {}", findings.join("; ")) };
        format!(
            "imported charges of {} over {} differ from the modelled {} by more than 10 %{why}",
            money(effective, currency),
            counted(days as u64, "day"),
            money(modelled, currency)
        )
    })
}

/// Sums by currency and category.
#[must_use]
pub fn by_category(charged: &[ChargedDay]) -> Vec<CategorySum> {
    let mut sums: BTreeMap<(&str, &str), CategorySum> = BTreeMap::new();
    for row in charged {
        let sum = sums.entry((&row.currency, &row.category)).or_insert_with(|| CategorySum {
            currency: row.currency.clone(),
            category: row.category.clone(),
            billed: BigDecimal::zero(),
            effective: BigDecimal::zero(),
            charges: 0,
        });
        sum.billed += &row.billed;
        sum.effective += &row.effective;
        sum.charges += row.charges;
    }
    sums.into_values().collect()
}

/// What is wrong with the bill, or sets it apart from the model, each by name.
fn findings(charged: &[ChargedDay], days: &[AuditedDay], currency: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if days.iter().any(|day| day.effective.is_some()) {
        let missing = days.iter().filter(|day| day.effective.is_none());
        findings.extend(missing.map(|day| format!("no usage is charged on {}, modelled at {}", day.day, money(&day.modelled, currency))));
    }
    let repeated = charged.iter().filter(|row| row.repeated > 0);
    findings
        .extend(repeated.map(|row| {
            format!("on {} {} of {} stands in the bill more than once", row.day, counted(row.repeated, "charge"), row.resource)
        }));
    let others: BTreeSet<&str> = charged.iter().map(|row| row.currency.as_str()).filter(|other| *other != currency).collect();
    if !others.is_empty() {
        let named = others.into_iter().collect::<Vec<_>>().join(", ");
        findings.push(format!("charges in {named} stand apart: list prices are in {currency}"));
    }
    let committed = charged.iter().filter(|row| row.committed);
    findings.extend(committed.map(|row| {
        format!(
            "on {} a reservation or savings plan covers {}: billed {}, effective {}; what is paid is not the list price",
            row.day,
            row.resource,
            money(&row.billed, &row.currency),
            money(&row.effective, &row.currency)
        )
    }));
    findings
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    const PLAN: &str = "/subscriptions/a/serverfarms/plan";

    fn row(day: Date, currency: &str, category: &str, billed: &str, effective: &str) -> ChargedDay {
        let amount = |text: &str| text.parse().expect("an amount");
        ChargedDay {
            resource: PLAN.to_owned(),
            day,
            currency: currency.to_owned(),
            category: category.to_owned(),
            billed: amount(billed),
            effective: amount(effective),
            charges: 1,
            repeated: 0,
            committed: false,
        }
    }

    fn modelled() -> Modelled {
        let days = [date!(2026 - 11 - 20), date!(2026 - 11 - 21), date!(2026 - 11 - 22), date!(2026 - 11 - 23)];
        let day: BigDecimal = "2.28".parse().expect("an amount");
        Modelled { days: days.into_iter().map(|date| (date, day.clone())).collect(), with_grants: &day * BigDecimal::from(4) }
    }

    fn whole_bill() -> Vec<ChargedDay> {
        modelled().days.into_keys().map(|day| row(day, "USD", USAGE, "2.28", "2.28")).collect()
    }

    #[test]
    fn a_bill_that_is_right_has_no_finding_and_no_residual() {
        let mut bill = whole_bill();
        bill.push(row(date!(2026 - 11 - 20), "USD", "Tax", "0.40", "0.40"));
        let audit = audit(&bill, &modelled(), "USD").expect("charges");
        assert_eq!((audit.findings.len(), audit.withholds.clone(), audit.residual_share), (0, None, Some(0.0)), "{audit:?}");
        let categories: Vec<(&str, String)> = audit.charged.iter().map(|sum| (sum.category.as_str(), sum.billed.to_string())).collect();
        assert_eq!(categories, [("Tax", "0.40".to_owned()), (USAGE, "9.12".to_owned())], "usage apart from tax");
        assert!(super::audit(&[], &modelled(), "USD").is_none());
    }

    #[test]
    fn planted_errors_are_named_each() {
        let mut bill = whole_bill();
        // A missing day, a double charge, a second currency, a reservation.
        bill.remove(0);
        (bill[0].repeated, bill[0].billed, bill[0].effective) = (1, "4.56".parse().expect("an amount"), "4.56".parse().expect("an amount"));
        (bill[1].committed, bill[1].billed, bill[1].effective) = (true, BigDecimal::zero(), "1.37".parse().expect("an amount"));
        bill.push(row(date!(2026 - 11 - 23), "EUR", USAGE, "2.10", "2.10"));
        let audit = audit(&bill, &modelled(), "USD").expect("charges");
        for words in [
            "no usage is charged on 2026-11-20, modelled at $2.28",
            "on 2026-11-21 1 charge of /subscriptions/a/serverfarms/plan stands in the bill more than once",
            "charges in EUR stand apart: list prices are in USD",
            "on 2026-11-22 a reservation or savings plan covers /subscriptions/a/serverfarms/plan: billed $0.00, effective $1.37",
        ] {
            assert!(audit.findings.iter().any(|finding| finding.starts_with(words)), "{words}: {:?}", audit.findings);
        }
        assert_eq!(audit.findings.len(), 4);
        assert_eq!(audit.charged.iter().filter(|sum| sum.category == USAGE).count(), 2, "a row for each currency");
        assert_eq!(audit.residual.map(|residual| residual.to_string()), Some("-0.91".to_owned()));
    }

    #[test]
    fn three_days_ten_percent_apart_withhold_the_verdict() {
        let bill = |effective: &str, days: usize| -> Vec<ChargedDay> {
            modelled().days.into_keys().take(days).map(|day| row(day, "USD", USAGE, effective, effective)).collect()
        };
        let withheld = |bill: &[ChargedDay], modelled: &Modelled| audit(bill, modelled, "USD").expect("charges").withholds;
        assert_eq!(withheld(&bill("2.48", 4), &modelled()), None, "nine percent");
        let words = withheld(&bill("2.54", 4), &modelled()).expect("eleven percent");
        assert!(words.starts_with("imported charges of $10.16 over 4 days differ from the modelled $9.12 by more than 10 %"), "{words}");
        let two_days = Modelled { days: modelled().days.into_iter().take(2).collect(), ..modelled() };
        assert_eq!(withheld(&bill("9.00", 2), &two_days), None, "two days say little");
        // What free grants took off is no difference.
        let granted = Modelled { with_grants: "6".parse().expect("an amount"), ..modelled() };
        assert_eq!(withheld(&bill("1.60", 4), &granted), None);
    }
}
