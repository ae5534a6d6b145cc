//! Reading settings one by one while collecting every mistake. Must not know what a setting is for.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

const KEY_VAULT_REFERENCE: &str = "@Microsoft.KeyVault(";

/// One thing that is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Name of the setting.
    pub setting: String,
    /// What is wrong with it and what would be right; never a secret's value.
    pub reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.setting, self.reason)
    }
}

/// Every mistake in the environment.
#[derive(Debug, thiserror::Error)]
#[error("{} in the configuration:\n{}", count(.0.len()), .0.iter().map(|mistake| format!("  {mistake}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Mistake>);

fn count(mistakes: usize) -> String {
    if mistakes == 1 { "1 mistake".to_owned() } else { format!("{mistakes} mistakes") }
}

/// The environment, and the mistakes found in it so far.
pub struct Settings {
    values: BTreeMap<String, String>,
    mistakes: Vec<Mistake>,
}

impl Settings {
    /// Takes the environment as it is; empty values count as absent, unresolved Key Vault references as mistakes.
    pub fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut settings = Settings { values: BTreeMap::new(), mistakes: Vec::new() };
        for (name, value) in environment {
            if value.trim_start().starts_with(KEY_VAULT_REFERENCE) {
                settings.mistake(
                    &name,
                    "is a Key Vault reference the platform did not resolve: check the identity's access and the secret's name",
                );
            } else if !value.is_empty() {
                settings.values.insert(name, value);
            }
        }
        settings
    }

    /// Records that `setting` is wrong.
    pub fn mistake(&mut self, setting: &str, reason: impl Into<String>) {
        self.mistakes.push(Mistake { setting: setting.to_owned(), reason: reason.into() });
    }

    /// The setting's text, where there is one.
    #[must_use]
    pub fn text(&self, setting: &str) -> Option<&str> {
        self.values.get(setting).map(String::as_str)
    }

    /// The setting's text; its absence is a mistake.
    pub fn required(&mut self, setting: &str, meaning: &str) -> Option<String> {
        let value = self.values.get(setting).cloned();
        let already_reported = self.mistakes.iter().any(|mistake| mistake.setting == setting);
        if value.is_none() && !already_reported {
            self.mistake(setting, format!("is required: {meaning}"));
        }
        value
    }

    /// The setting as `parse` reads it, or `default` where it is absent or wrong; what `parse` objects to becomes a mistake.
    pub fn parsed<T, E: fmt::Display>(&mut self, setting: &str, default: T, parse: impl FnOnce(&str) -> Result<T, E>) -> T {
        let Some(text) = self.values.get(setting) else { return default };
        match parse(text.trim()) {
            Ok(value) => value,
            Err(reason) => {
                self.mistake(setting, reason.to_string());
                default
            }
        }
    }

    /// Every variable whose name starts with `prefix` and that is not in `known`: most likely a misspelt setting.
    pub fn refuse_unknown(&mut self, prefix: &str, known: &[&str]) {
        let unknown: Vec<String> =
            self.values.keys().filter(|name| name.starts_with(prefix) && !known.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            self.mistake(&name, "is not a setting of this program");
        }
    }

    /// The mistakes, sorted by setting.
    #[must_use]
    pub fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by(|one, other| one.setting.cmp(&other.setting));
        self.mistakes
    }
}

/// Reads `250ms`, `30s`, `5m`, `24h`, `90d`.
///
/// # Errors
/// Says how a duration is written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|character: char| character.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is not a duration such as 250ms, 30s, 5m, 24h or 90d"))?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("'{text}' is not a duration such as 250ms, 30s, 5m, 24h or 90d")),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| format!("'{text}' is too long"))
}

/// Reads a duration between two bounds.
pub fn duration_between(min: Duration, max: Duration) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let value = duration(text)?;
        if (min..=max).contains(&value) { Ok(value) } else { Err(format!("'{text}' is not between {min:?} and {max:?}")) }
    }
}

/// Reads a whole number between two bounds.
pub fn number_between(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| match text.parse() {
        Ok(value) if (min..=max).contains(&value) => Ok(value),
        _ => Err(format!("'{text}' is not a whole number from {min} to {max}")),
    }
}

/// Reads a fraction from 0 to 1.
///
/// # Errors
/// Says what was expected.
pub fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err(format!("'{text}' is not a number from 0 to 1")),
    }
}

/// Splits a comma-separated list, dropping empty parts.
#[must_use]
pub fn list(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!((duration("24h"), duration("1d")), (Ok(Duration::from_secs(86_400)), Ok(Duration::from_secs(86_400))));
        for wrong in ["", "5", "s", "-1s", "1w", "1.5s", "99999999999999999999s", "18446744073709551615m"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unresolved_reference_is_a_mistake_by_name() {
        let secret = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/x)";
        let settings = Settings::new([("SWITCHBACK_TICKET_KEY".to_owned(), secret.to_owned())]);
        let mistakes = settings.into_mistakes();
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].to_string().starts_with("SWITCHBACK_TICKET_KEY: is a Key Vault reference"));
    }
}
