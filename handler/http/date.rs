//! The moment as HTTP writes it (RFC 9110, section 5.6.7), rendered once a second on each thread. Must not know which answers tell it.

use std::cell::Cell;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

/// Bytes of a date.
const LENGTH: usize = 29;

thread_local! {
    static LAST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [b' '; LENGTH])) };
}

/// The moment `since_epoch` as the value of a `Date` header.
#[must_use]
pub fn render(since_epoch: Duration) -> [u8; LENGTH] {
    let second = since_epoch.as_secs();
    let (rendered, date) = LAST.get();
    if rendered == second {
        return date;
    }
    let form = format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let mut date = [b' '; LENGTH];
    // Fits every year of four digits, which a clock has.
    let _ = (OffsetDateTime::UNIX_EPOCH + since_epoch).format_into(&mut &mut date[..], form);
    LAST.set((second, date));
    date
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_date_is_the_fixed_form_of_http() {
        for (at, form) in [
            (datetime!(1994-11-06 08:49:37 UTC), "Sun, 06 Nov 1994 08:49:37 GMT"),
            (datetime!(2026-11-23 10:04:00.999 UTC), "Mon, 23 Nov 2026 10:04:00 GMT"),
            (datetime!(2026-11-23 10:04:01 UTC), "Mon, 23 Nov 2026 10:04:01 GMT"),
        ] {
            let since_epoch = Duration::try_from(at - OffsetDateTime::UNIX_EPOCH).unwrap();
            assert_eq!(str::from_utf8(&render(since_epoch)).unwrap(), form);
            assert_eq!(str::from_utf8(&render(since_epoch)).unwrap(), form, "once more");
        }
    }
}
