//! Reading moments as people and bills write them. Must not know what a moment is for, nor what time it is.

use time::macros::{format_description, time};
use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset};

use super::digits::decimal;

/// Reads `2024-09-18`, `2024-09-18 22:00:00`, `2024-09-18T22:00Z`, `2024-09-18T22:00:00.5+02:00`, `2024-09-18 22:00:00 UTC`; without an
/// offset it is UTC, as FOCUS has it. Years 1970 to 9999.
#[must_use]
pub fn parse(text: &str) -> Option<OffsetDateTime> {
    let bytes = text.as_bytes();
    let date = parse_date(bytes.get(..10)?)?;
    let Some((separator, rest)) = bytes[10..].split_first() else {
        return Some(date.midnight().assume_utc());
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (time, rest) = parse_time(rest)?;
    let offset = parse_offset(rest)?;
    // 24:00:00 is the end of the day it is written with.
    let (date, time) = match time {
        Some(time) => (date, time),
        None => date.next_day().map_or((date, LAST_MICROSECOND), |next| (next, time!(0:00))),
    };
    let moment = date.with_time(time).assume_utc().checked_sub(Duration::seconds(i64::from(offset.whole_seconds()))).unwrap_or(END_OF_TIME);
    (1970..=9999).contains(&moment.year()).then_some(moment)
}

/// The last moment of a day, in the microseconds PostgreSQL keeps.
const LAST_MICROSECOND: Time = time!(23:59:59.999_999);
/// What bills mean by a charge that never ends; an offset must not push it past the last year.
const END_OF_TIME: OffsetDateTime = OffsetDateTime::new_utc(Date::MAX, LAST_MICROSECOND);

/// The moment as RFC 3339 in UTC: `2024-09-18T22:00:00Z`, with microseconds where there are some.
#[must_use]
pub fn format(moment: OffsetDateTime) -> String {
    let moment = moment.to_offset(UtcOffset::UTC);
    let text = if moment.microsecond() == 0 {
        moment.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
    } else {
        moment.format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z"))
    };
    text.unwrap_or_default()
}

/// The moment to the millisecond, `2024-09-18T22:00:00.000Z` in ASCII; none outside of the years 0 to 9999. By hand, for what is written with every
/// call: a description of the form is read anew each time.
#[must_use]
pub fn to_the_millisecond(moment: OffsetDateTime) -> Option<[u8; 24]> {
    let moment = moment.to_offset(UtcOffset::UTC);
    let year = u32::try_from(moment.year()).ok().filter(|year| *year <= 9_999)?;
    let mut text = *b"0000-00-00T00:00:00.000Z";
    text[..4].copy_from_slice(&decimal::<4>(year));
    let numbers = [moment.month().into(), moment.day(), moment.hour(), moment.minute(), moment.second()];
    for (position, number) in numbers.into_iter().enumerate() {
        let at = 5 + 3 * position;
        text[at..at + 2].copy_from_slice(&decimal::<2>(number.into()));
    }
    text[20..23].copy_from_slice(&decimal::<3>(moment.millisecond().into()));
    Some(text)
}

fn parse_date(text: &[u8]) -> Option<Date> {
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = i32::from(number(&text[..2])?) * 100 + i32::from(number(&text[2..4])?);
    let month = Month::try_from(number(&text[5..7])?).ok()?;
    let date = Date::from_calendar_date(year, month, number(&text[8..10])?).ok()?;
    (year >= 1970).then_some(date)
}

/// The time of day and what follows it; the inner `None` is 24:00.
fn parse_time(text: &[u8]) -> Option<(Option<Time>, &[u8])> {
    let hour = number(text.get(..2)?)?;
    let minute = text.get(2..5).filter(|part| part[0] == b':').and_then(|part| number(&part[1..]))?;
    let mut rest = &text[5..];
    let mut second = 0;
    let mut nanosecond = 0;
    if rest.first() == Some(&b':') {
        second = number(rest.get(1..3)?)?;
        rest = &rest[3..];
        if rest.first() == Some(&b'.') {
            (nanosecond, rest) = parse_fraction(&rest[1..])?;
        }
    }
    if (hour, minute, second, nanosecond) == (24, 0, 0, 0) {
        return Some((None, rest));
    }
    Some((Some(Time::from_hms_nano(hour, minute, second, nanosecond).ok()?), rest))
}

/// Digits after the point of a second, cut to the microseconds PostgreSQL keeps.
fn parse_fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let microseconds = (0..6).fold(0, |value, index| value * 10 + text[..length].get(index).map_or(0, |byte| u32::from(byte - b'0')));
    Some((microseconds * 1_000, &text[length..]))
}

fn parse_offset(text: &[u8]) -> Option<UtcOffset> {
    // Snowflake and others put a space before it.
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, digits) = match text {
        [] | [b'Z' | b'z'] | b"UTC" | b"GMT" => return Some(UtcOffset::UTC),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (number(digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        5 if digits[2] == b':' => (number(&digits[..2])?, number(&digits[3..])?),
        _ => return None,
    };
    let signed = |value: u8| i8::try_from(value).ok().map(|value| value * sign);
    if minutes > 59 {
        return None;
    }
    UtcOffset::from_hms(signed(hours)?, signed(minutes)?, 0).ok()
}

fn number(digits: &[u8]) -> Option<u8> {
    let [tens, ones] = digits else { return None };
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::format_description::well_known::Rfc3339;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn every_way_bills_write_a_moment_is_read() {
        let moment = datetime!(2024-09-18 22:00 UTC);
        for text in [
            "2024-09-18 22:00:00",
            "2024-09-18T22:00:00Z",
            "2024-09-18t22:00:00z",
            "2024-09-18T22:00Z",
            "2024-09-18 22:00",
            "2024-09-18 22:00:00 UTC",
            "2024-09-18 22:00:00.000 +0000",
            "2024-09-18 22:00:00 Z",
            "2024-09-18 22:00:00 GMT",
            "2024-09-19 00:00:00.000 +02:00",
            "2024-09-18T22:00:00.000Z",
            "2024-09-19T00:00:00+02:00",
            "2024-09-18T17:30-0430",
            "2024-09-19T00:00:00+02",
        ] {
            assert_eq!(parse(text), Some(moment), "{text}");
        }
        assert_eq!(parse("2024-09-18"), Some(datetime!(2024-09-18 0:00 UTC)));
        assert_eq!(parse("2024-09-30T24:00:00"), Some(datetime!(2024-10-01 0:00 UTC)));
        assert_eq!(parse("2024-09-18 22:00:00.1234567"), Some(datetime!(2024-09-18 22:00:00.123_456 UTC)));
    }

    #[test]
    fn charges_that_never_end_are_read() {
        for (text, expected) in [
            ("9999-12-31", datetime!(9999-12-31 0:00 UTC)),
            ("9999-12-31T23:59:59Z", datetime!(9999-12-31 23:59:59 UTC)),
            ("9999-12-31T23:59:59.9999999", datetime!(9999-12-31 23:59:59.999_999 UTC)),
            ("9999-12-31T24:00:00Z", datetime!(9999-12-31 23:59:59.999_999 UTC)),
            ("9999-12-31T23:59:59-05:00", datetime!(9999-12-31 23:59:59.999_999 UTC)),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_impossible_is_refused() {
        for text in [
            "",
            "2024",
            "09/18/2024",
            "18.09.2024",
            "2024-9-18",
            "2024-02-30",
            "2024-13-01",
            "2024-09-18T",
            "2024-09-18T22",
            "2024-09-18T25:00",
            "2024-09-18T22:60",
            "2024-09-18T22:00:61",
            "2024-09-18T24:00:01",
            "2024-09-18_22:00",
            "2024-09-18 22:00:00 CET",
            "2024-09-18T22:00:00.Z",
            "1969-12-31",
            "2024-09-18T22:00+99:00",
            "2024-09-18T22:00+01:75",
            "２０２４-09-18",
            "1970-01-01T00:00+01:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_written_as_rfc_3339() {
        assert_eq!(format(datetime!(2024-09-19 0:00 +2)), "2024-09-18T22:00:00Z");
        assert_eq!(format(datetime!(2024-09-18 22:00:00.5 UTC)), "2024-09-18T22:00:00.500000Z");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn it_agrees_with_the_library_on_rfc_3339(seconds in 86_400_i64..253_402_200_000, offset in -840_i16..=840) {
            let offset = UtcOffset::from_whole_seconds(i32::from(offset) * 60)?;
            let moment = OffsetDateTime::from_unix_timestamp(seconds)?;
            prop_assume!(moment.to_offset(offset).year() <= 9999 && moment.to_offset(offset).year() >= 1970);
            let text = moment.to_offset(offset).format(&Rfc3339)?;
            prop_assert_eq!(parse(&text), Some(moment));
            prop_assert_eq!(parse(&format(moment)), Some(moment));
        }
    }
}
