//! How an answer is printed: as JSON for a script, as text for a person. Must not know what was asked.

use serde::Serialize;

use super::failure::Failure;

/// Prints an answer as JSON or as text.
///
/// # Errors
/// [`Failure::Operation`] where it can't be written as JSON.
pub fn print<T: Serialize>(json: bool, answer: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    if json {
        println!("{}", serde_json::to_string_pretty(answer).map_err(|error| Failure::operation(&error))?);
    } else {
        println!("{}", text(answer));
    }
    Ok(())
}
