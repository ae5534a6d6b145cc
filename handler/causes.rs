//! An error with its causes, as one line: for log lines, telemetry and the command line. Must not know any error.

use std::error::Error;

/// Longest text. A database's message may repeat a value whole, and what takes these lines cuts longer ones, not always between characters.
const MAX_BYTES: usize = 4_096;

/// The text of `error`, followed by the text of each of its causes.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    if text.len() > MAX_BYTES {
        text.truncate(text.floor_char_boundary(MAX_BYTES));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no charge can be stored")]
    struct Refused(#[source] Repeating);

    #[derive(Debug, thiserror::Error)]
    #[error("invalid value: {0}")]
    struct Repeating(String);

    #[test]
    fn causes_follow_in_one_line_that_is_cut_between_characters() {
        assert_eq!(chain(&Refused(Repeating("7x".to_owned()))), "no charge can be stored: invalid value: 7x");
        let long = chain(&Refused(Repeating("ü".repeat(100_000))));
        assert!(long.ends_with("ü…") && long.len() <= MAX_BYTES + '…'.len_utf8(), "{} bytes", long.len());
    }
}
