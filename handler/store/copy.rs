//! Charges in the format of PostgreSQL's binary COPY. Must not know which table they go to, nor when.
//!
//! Source: PostgreSQL's manual, COPY, "Binary Format"; numeric.c for the digits of a numeric.

use bigdecimal::num_bigint::Sign;
use bigdecimal::{BigDecimal, ToPrimitive};
use bytes::{BufMut, Bytes, BytesMut};
use time::{Date, OffsetDateTime};

use super::batch::NewCharge;
use super::partition::MEASURES;
use crate::domain::billing_month::BillingMonth;
use crate::domain::charge::{Entries, Value};
use crate::domain::columns::{COLUMNS, COUNT};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const END: i16 = -1;
const NULL: i32 = -1;
/// Columns beside the domain's: id, import_no, billing_month, line, part, tags, extras.
const OWN_COLUMNS: usize = 7;
/// Columns of a roll-up beside its dimensions and measures: import_no, billing_month, day, charges.
const ROLLUP_COLUMNS: usize = 4;
/// Midnight of 2000-01-01 UTC, seconds since 1970: where PostgreSQL counts from.
const EPOCH_S: i64 = 946_684_800;
const NUMERIC_NEGATIVE: u16 = 0x4000;
const JSONB_VERSION: u8 = 1;

/// The columns rows are written for, in their order.
pub(super) fn columns() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    format!("id, import_no, billing_month, line, part, tags, extras, {}", names.join(", "))
}

/// Rows on their way into one COPY.
#[derive(Debug)]
pub(super) struct CopyRows {
    buffer: BytesMut,
}

impl CopyRows {
    /// None yet.
    pub fn new() -> CopyRows {
        let mut buffer = BytesMut::new();
        buffer.put_slice(SIGNATURE);
        CopyRows { buffer }
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Adds a charge.
    pub fn push(&mut self, new: &NewCharge, import_no: i64, month: BillingMonth) {
        let NewCharge { id, part, line, charge } = new;
        let buffer = &mut self.buffer;
        buffer.put_i16(i16::try_from(OWN_COLUMNS + COUNT).unwrap_or(i16::MAX));
        field(buffer, |buffer| buffer.put_slice(id.as_bytes()));
        field(buffer, |buffer| buffer.put_i64(import_no));
        date_field(buffer, month.first_day());
        match line {
            Some(line) => field(buffer, |buffer| buffer.put_i32(*line)),
            None => buffer.put_i32(NULL),
        }
        field(buffer, |buffer| buffer.put_i16(*part));
        for entries in [&charge.tags, &charge.extras] {
            json(buffer, entries);
        }
        charge.values().iter().for_each(|value| value_field(buffer, value));
    }

    /// Adds a row of a roll-up, for [`Rollup::copied`](super::partition::Rollup::copied).
    pub fn push_sums<'text>(
        &mut self,
        import_no: i64,
        month: BillingMonth,
        day: Date,
        dimensions: impl ExactSizeIterator<Item = Option<&'text str>>,
        charges: u64,
        sums: [Option<BigDecimal>; MEASURES.len()],
    ) {
        let columns = ROLLUP_COLUMNS + dimensions.len() + sums.len();
        let buffer = &mut self.buffer;
        buffer.put_i16(i16::try_from(columns).unwrap_or(i16::MAX));
        field(buffer, |buffer| buffer.put_i64(import_no));
        date_field(buffer, month.first_day());
        date_field(buffer, day);
        for text in dimensions {
            match text {
                Some(text) => field(buffer, |buffer| buffer.put_slice(text.as_bytes())),
                None => buffer.put_i32(NULL),
            }
        }
        field(buffer, |buffer| buffer.put_i64(i64::try_from(charges).unwrap_or(i64::MAX)));
        for sum in sums {
            match sum {
                Some(sum) => field(buffer, |buffer| numeric(buffer, &sum)),
                None => buffer.put_i32(NULL),
            }
        }
    }

    /// The bytes so far, and what follows them in the same COPY.
    pub fn split(self) -> (Bytes, CopyRows) {
        (self.buffer.freeze(), CopyRows { buffer: BytesMut::new() })
    }

    /// The finished bytes of one COPY.
    pub fn finish(mut self) -> Bytes {
        self.buffer.put_i16(END);
        self.buffer.freeze()
    }
}

/// Writes a field that holds a day.
fn date_field(buffer: &mut BytesMut, day: Date) {
    field(buffer, |buffer| buffer.put_i32(days(day)));
}

/// Writes a field that holds a column's value.
fn value_field(buffer: &mut BytesMut, value: &Value) {
    match value {
        Value::Absent => buffer.put_i32(NULL),
        Value::Text(text) => field(buffer, |buffer| buffer.put_slice(text.as_bytes())),
        Value::Amount(amount) => field(buffer, |buffer| numeric(buffer, amount.as_decimal())),
        Value::Moment(moment) => field(buffer, |buffer| buffer.put_i64(microseconds(*moment))),
    }
}

/// Writes a field behind its length, which is known once it is written.
fn field(buffer: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let at = buffer.len();
    buffer.put_i32(0);
    write(buffer);
    let length = i32::try_from(buffer.len() - at - 4).unwrap_or(i32::MAX);
    buffer[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn json(buffer: &mut BytesMut, entries: &Entries) {
    if entries.is_empty() {
        buffer.put_i32(NULL);
        return;
    }
    field(buffer, |buffer| {
        buffer.put_u8(JSONB_VERSION);
        // Texts in a map of texts always are JSON.
        let _ = serde_json::to_writer(buffer.writer(), entries);
    });
}

fn days(day: Date) -> i32 {
    i32::try_from((day.midnight().assume_utc().unix_timestamp() - EPOCH_S) / 86_400).unwrap_or(i32::MAX)
}

fn microseconds(moment: OffsetDateTime) -> i64 {
    (moment.unix_timestamp() - EPOCH_S) * 1_000_000 + i64::from(moment.microsecond())
}

/// Digits to the base of 10,000, most significant first, with the weight of the first and the number of decimals to show.
fn numeric(buffer: &mut BytesMut, decimal: &BigDecimal) {
    let (unscaled, scale) = decimal.as_bigint_and_scale();
    let scale = u16::try_from(scale).unwrap_or(0);
    // Digits are grouped from the decimal point on.
    let padding = (4 - scale % 4) % 4;
    let fraction_groups = i16::try_from((scale + padding) / 4).unwrap_or(i16::MAX);
    let mut found = [0; MAX_GROUPS_OF_NUMBER];
    let beyond: Vec<i16>;
    let groups = match unscaled.magnitude().to_u128().and_then(|number| number.checked_mul(10_u128.pow(u32::from(padding)))) {
        Some(number) => groups_of_number(number, &mut found),
        None => {
            beyond = groups_of_text(&unscaled.magnitude().to_string(), usize::from(padding));
            &beyond
        }
    };
    let weight = i16::try_from(groups.len()).unwrap_or(i16::MAX) - fraction_groups - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups.iter().rev().take_while(|group| **group == 0).count();
    let significant = groups.get(leading..groups.len() - trailing.min(groups.len() - leading)).unwrap_or_default();
    buffer.put_i16(i16::try_from(significant.len()).unwrap_or(i16::MAX));
    buffer.put_i16(if significant.is_empty() { 0 } else { weight - i16::try_from(leading).unwrap_or(0) });
    buffer.put_u16(if unscaled.sign() == Sign::Minus { NUMERIC_NEGATIVE } else { 0 });
    buffer.put_u16(scale);
    significant.iter().for_each(|group| buffer.put_i16(*group));
}

/// A u128 has up to 39 digits.
const MAX_GROUPS_OF_NUMBER: usize = 10;

/// The groups of a number, written to the end of `found`.
fn groups_of_number(mut number: u128, found: &mut [i16; MAX_GROUPS_OF_NUMBER]) -> &[i16] {
    let mut first = MAX_GROUPS_OF_NUMBER;
    while number > 0 && first > 0 {
        first -= 1;
        // Most amounts fit 64 bits, whose division is far cheaper.
        let (rest, group) = match u64::try_from(number) {
            Ok(number) => ((number / 10_000).into(), i16::try_from(number % 10_000)),
            Err(_) => (number / 10_000, i16::try_from(number % 10_000)),
        };
        found[first] = group.unwrap_or(0);
        number = rest;
    }
    &found[first..]
}

fn groups_of_text(digits: &str, padding: usize) -> Vec<i16> {
    let whole = digits.len() + padding;
    let text = format!("{}{digits}{}", "0".repeat(whole.next_multiple_of(4) - whole), "0".repeat(padding));
    text.as_bytes().chunks(4).map(|group| group.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::database_url;

    #[tokio::test]
    async fn numerics_arrive_digit_by_digit() {
        let (client, connection) = tokio_postgres::connect(&database_url().await, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("CREATE TABLE numbers (place int, number numeric)").await.unwrap();
        let texts = [
            "0",
            "0.00",
            "1",
            "-1",
            "10000",
            "0.0001",
            "0.00001",
            "-0.10",
            "100000000.00000000",
            "18.00663861840",
            "999999999999999999.99999999999999999999999999999999999999",
            "-123456789012345678.000000000000000000000000000000000001",
            "0.00000000000000000000000000000000000001",
            "9999",
            "99990000",
        ];
        let mut bytes = BytesMut::from(SIGNATURE);
        for (place, text) in (0..).zip(texts) {
            bytes.put_i16(2);
            field(&mut bytes, |bytes| bytes.put_i32(place));
            field(&mut bytes, |bytes| numeric(bytes, &text.parse().unwrap()));
        }
        bytes.put_i16(END);
        let sink = client.copy_in("COPY numbers FROM STDIN BINARY").await.unwrap();
        let mut sink = std::pin::pin!(sink);
        futures_util::SinkExt::send(&mut sink, bytes.freeze()).await.unwrap();
        sink.finish().await.unwrap();
        let stored = client.query("SELECT number::text FROM numbers ORDER BY place", &[]).await.unwrap();
        assert_eq!(stored.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), texts);
    }
}
