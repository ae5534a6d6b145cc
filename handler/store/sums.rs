//! Charges added up by day and dimensions while they are read: the rows of an import's roll-ups, which then need not be summed from the charges
//! once more. Only so much is held; an import with more groups than that leaves the sums to the server. Must not know connections.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bigdecimal::{BigDecimal, ToPrimitive};
use bytes::Bytes;
use time::{Date, UtcOffset};

use super::copy::CopyRows;
use super::partition::{COMMON_DIMENSIONS, MEASURES, ROLLUPS, Rollup};
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::{Charge, Value};
use crate::domain::columns::{self, CHARGE_PERIOD_START};

/// Most groups that are held, 128 bytes each and as much again while their table grows.
pub(super) const MAX_GROUPS: usize = 100_000;
/// Most bytes of texts that are held.
const MAX_TEXT_BYTES: usize = 8 << 20;
/// Bytes of rows that are made at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A group: its day, as a Julian day, then the numbers of its texts: the common dimensions' and the roll-up's own, 0 where it has none.
type Key = [u32; 1 + COMMON_DIMENSIONS.len() + 1];
/// The groups of one roll-up in one month.
type Groups = HashMap<Key, Group>;

/// The sums of one import, where they were not too many.
#[derive(Debug)]
pub(super) struct RollupSums(Option<Held>);

#[derive(Debug)]
struct Held {
    texts: Texts,
    /// By month, and within it by roll-up, those with a dimension of their own: the others are sums of these.
    months: BTreeMap<BillingMonth, Vec<Groups>>,
    groups: usize,
    /// Where a charge has the dimensions that every roll-up has.
    common: [usize; COMMON_DIMENSIONS.len()],
    /// Where it has each roll-up's own.
    own: Vec<usize>,
    measures: [usize; MEASURES.len()],
}

/// There is more than is held.
struct TooMuch;

impl RollupSums {
    /// Nothing yet.
    pub fn new() -> RollupSums {
        RollupSums(Some(Held {
            texts: Texts::default(),
            months: BTreeMap::new(),
            groups: 0,
            common: COMMON_DIMENSIONS.map(columns::position),
            own: ROLLUPS.iter().filter_map(|rollup| rollup.dimension).map(columns::position).collect(),
            measures: MEASURES.map(columns::position),
        }))
    }

    /// Adds a charge billed in `month`.
    pub fn add(&mut self, month: BillingMonth, charge: &Charge) {
        if self.0.as_mut().is_some_and(|held| held.add(month, charge).is_err()) {
            self.0 = None;
        }
    }

    /// The rows of a roll-up's partition, for [`Rollup::copied`], as parts of one COPY; none where too much was met to hold it.
    pub fn rows(&self, rollup: Rollup, import_no: i64, month: BillingMonth) -> Option<impl Iterator<Item = Bytes>> {
        let held = self.0.as_ref()?;
        let of_month = held.months.get(&month)?;
        let own = ROLLUPS.iter().filter(|rollup| rollup.dimension.is_some()).position(|known| *known == rollup);
        let summed: Vec<(Key, Group)> = match own {
            Some(own) => of_month[own].iter().map(|(key, group)| (*key, *group)).collect(),
            None => without_own(of_month.first()?)?.into_iter().collect(),
        };
        let mut left = summed.into_iter().peekable();
        let mut rows = Some(CopyRows::new());
        Some(std::iter::from_fn(move || {
            let mut chunk = rows.take()?;
            while chunk.len() < CHUNK_BYTES
                && let Some((key, group)) = left.next()
            {
                let texts = key[1..].iter().take(COMMON_DIMENSIONS.len() + usize::from(own.is_some())).map(|text| held.texts.text(*text));
                let day = i32::try_from(key[0]).ok().and_then(|day| Date::from_julian_day(day).ok()).unwrap_or(month.first_day());
                chunk.push_sums(import_no, month, day, texts, group.charges, group.sums());
            }
            if left.peek().is_some() {
                let (bytes, next) = chunk.split();
                rows = Some(next);
                return Some(bytes);
            }
            Some(chunk.finish())
        }))
    }
}

/// The groups without what the roll-up alone has; none where a sum is too long.
fn without_own(groups: &Groups) -> Option<Groups> {
    let mut summed = Groups::new();
    for (key, group) in groups {
        let mut key = *key;
        key[key.len() - 1] = 0;
        summed.entry(key).or_default().merge(group).ok()?;
    }
    Some(summed)
}

impl Held {
    fn add(&mut self, month: BillingMonth, charge: &Charge) -> Result<(), TooMuch> {
        let values = charge.values();
        let mut key = Key::default();
        let day = match &values[CHARGE_PERIOD_START] {
            Value::Moment(start) => start.to_offset(UtcOffset::UTC).date(),
            _ => month.first_day(),
        };
        key[0] = u32::try_from(day.to_julian_day()).map_err(|_| TooMuch)?;
        for (number, position) in key[1..].iter_mut().zip(self.common) {
            *number = self.texts.number(&values[position])?;
        }
        let amounts = self.measures.map(|position| match &values[position] {
            Value::Amount(amount) => Some(amount.as_decimal()),
            _ => None,
        });
        let of_month = self.months.entry(month).or_insert_with(|| vec![Groups::new(); self.own.len()]);
        for (groups, position) in of_month.iter_mut().zip(&self.own) {
            key[key.len() - 1] = self.texts.number(&values[*position])?;
            let before = groups.len();
            groups.entry(key).or_default().add(amounts)?;
            self.groups += groups.len() - before;
        }
        if self.groups > MAX_GROUPS { Err(TooMuch) } else { Ok(()) }
    }
}

/// Texts by number; 0 is the absent one.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl Texts {
    fn number(&mut self, value: &Value) -> Result<u32, TooMuch> {
        let Value::Text(text) = value else { return Ok(0) };
        if let Some(number) = self.numbers.get(text.as_str()) {
            return Ok(*number);
        }
        self.bytes += text.len();
        if self.bytes > MAX_TEXT_BYTES {
            return Err(TooMuch);
        }
        let text: Arc<str> = text.as_str().into();
        self.texts.push(Arc::clone(&text));
        let number = u32::try_from(self.texts.len()).map_err(|_| TooMuch)?;
        self.numbers.insert(text, number);
        Ok(number)
    }

    fn text(&self, number: u32) -> Option<&str> {
        let position = usize::try_from(number).ok()?.checked_sub(1)?;
        self.texts.get(position).map(|text| &**text)
    }
}

/// What a group adds up to, in exact decimals: `units` of the `scale`-th digit after the point.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    charges: u64,
    /// By measure; none without a single value.
    scales: [Option<u8>; MEASURES.len()],
    units: [i128; MEASURES.len()],
}

impl Group {
    fn add(&mut self, amounts: [Option<&BigDecimal>; MEASURES.len()]) -> Result<(), TooMuch> {
        self.charges += 1;
        for (measure, amount) in amounts.into_iter().enumerate() {
            let Some(amount) = amount else { continue };
            let (units, scale) = amount.as_bigint_and_scale();
            let units = units.to_i128().ok_or(TooMuch)?;
            self.add_units(measure, units, u8::try_from(scale).map_err(|_| TooMuch)?)?;
        }
        Ok(())
    }

    fn merge(&mut self, other: &Group) -> Result<(), TooMuch> {
        self.charges += other.charges;
        for (measure, scale) in other.scales.into_iter().enumerate() {
            if let Some(scale) = scale {
                self.add_units(measure, other.units[measure], scale)?;
            }
        }
        Ok(())
    }

    /// The sum has as many digits after the point as the addend with the most of them, as PostgreSQL's has.
    fn add_units(&mut self, measure: usize, units: i128, scale: u8) -> Result<(), TooMuch> {
        let own = self.scales[measure].unwrap_or(scale);
        let wide = own.max(scale);
        let scaled = |units: i128, from: u8| 10_i128.checked_pow(u32::from(wide - from)).and_then(|factor| units.checked_mul(factor));
        let sum = scaled(self.units[measure], own).zip(scaled(units, scale)).and_then(|(own, more)| own.checked_add(more));
        self.units[measure] = sum.ok_or(TooMuch)?;
        self.scales[measure] = Some(wide);
        Ok(())
    }

    fn sums(&self) -> [Option<BigDecimal>; MEASURES.len()] {
        std::array::from_fn(|measure| self.scales[measure].map(|scale| BigDecimal::new(self.units[measure].into(), scale.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::charge::{Entries, read_value};

    fn charge(sub_account: &str, cost: &str) -> Charge {
        let mut values = vec![Value::Absent; columns::COUNT];
        for (name, text) in [("billed_cost", cost), ("charge_period_start", "2024-09-01"), ("sub_account_id", sub_account)] {
            let position = columns::position(name);
            values[position] = read_value(&columns::COLUMNS[position], text).unwrap();
        }
        Charge::stored(values, Entries::new(), Entries::new())
    }

    fn month() -> BillingMonth {
        "2024-09".parse().unwrap()
    }

    fn length(sums: &RollupSums, rollup: Rollup) -> Option<usize> {
        sums.rows(rollup, 7, month()).map(|parts| parts.map(|part| part.len()).sum())
    }

    #[test]
    fn a_month_has_a_row_for_each_group_and_none_once_there_are_too_many() {
        let mut sums = RollupSums::new();
        (0..3).for_each(|_| sums.add(month(), &charge("a", "0.10")));
        let [by_service, by_sub_account, by_region] = ROLLUPS;
        let one = length(&sums, by_sub_account).unwrap();
        assert_eq!(length(&sums, by_service).unwrap() + 4 + 1, one, "a field of one letter more");
        sums.add(month(), &charge("b", "0.10"));
        assert!(length(&sums, by_sub_account).unwrap() > one, "another account is another row");
        assert_eq!(length(&sums, by_region).unwrap() - 4, length(&sums, by_service).unwrap(), "and no other row anywhere else");
        (0..MAX_GROUPS).for_each(|number| sums.add(month(), &charge(&number.to_string(), "1")));
        assert_eq!(ROLLUPS.map(|rollup| length(&sums, rollup)), [None; 3]);
    }

    #[test]
    fn sums_too_long_to_hold_are_left_to_the_server() {
        let mut sums = RollupSums::new();
        sums.add(month(), &charge("a", "999999999999999999"));
        sums.add(month(), &charge("a", "0.00000000000000000001"));
        assert!(length(&sums, ROLLUPS[0]).is_some(), "38 digits are held");
        sums.add(month(), &charge("a", "0.000000000000000000000001"));
        assert!(length(&sums, ROLLUPS[0]).is_none());
    }
}
