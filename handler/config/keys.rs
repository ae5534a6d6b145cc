//! API keys as configuration: names, scopes and digests, never the keys themselves.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::domain::hex;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read everything.
    Read,
    /// Read and write.
    Write,
}

impl Scope {
    /// The scope's name in settings and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read" => Ok(Scope::Read),
            "write" => Ok(Scope::Write),
            other => Err(format!("'{other}' is not a scope: expected read or write")),
        }
    }
}

/// One key: its name, its scope and the SHA-256 of its text.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    name: String,
    scope: Scope,
    digest: [u8; 32],
}

impl ApiKey {
    /// The entry for a key whose text is `secret`.
    #[must_use]
    pub fn of_secret(name: &str, scope: Scope, secret: &str) -> Self {
        ApiKey { name: name.to_owned(), scope, digest: Sha256::digest(secret.as_bytes()).into() }
    }

    /// Name the key goes by in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key may do.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// HMAC-SHA-256 (RFC 2104) of `parts` under the key's digest: changes with the key, and tells nothing of it.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length, so this constructor cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.digest).expect("HMAC accepts keys of any length");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().into()
    }
}

impl FromStr for ApiKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, scope, digest] = parts.as_slice() else {
            return Err("an API key is written name:scope:sha256".to_owned());
        };
        if name.is_empty() || !name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')) {
            return Err("an API key's name is made of letters, digits, '-', '_' and '.'".to_owned());
        }
        let scope = scope.parse()?;
        let digest = hex::decode(digest).ok_or_else(|| format!("the digest of key '{name}' is not 64 hex digits"))?;
        Ok(ApiKey { name: (*name).to_owned(), scope, digest })
    }
}

impl fmt::Display for ApiKey {
    /// The entry as it stands in `SWITCHBACK_API_KEYS`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.name, self.scope.as_str(), hex::encode(&self.digest))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey({}:{})", self.name, self.scope.as_str())
    }
}

/// The keys an instance knows; empty: none was configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// Whether no key was configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the keys.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(ApiKey::name).collect()
    }

    /// The key called `name`.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.name == name)
    }

    /// The key whose text is `secret`. Every entry is compared, each in constant time, so that timing tells nothing about any.
    #[must_use]
    pub fn find(&self, secret: &str) -> Option<&ApiKey> {
        let digest: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let mut found = None;
        for key in &self.0 {
            let same: Choice = key.digest.ct_eq(&digest);
            if bool::from(same) {
                found = Some(key);
            }
        }
        found
    }
}

impl FromStr for ApiKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut keys: Vec<ApiKey> = Vec::new();
        for part in super::settings::list(text) {
            let key: ApiKey = part.parse()?;
            if keys.iter().any(|other| other.name == key.name) {
                return Err(format!("key '{}' is named twice", key.name));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err("holds no key".to_owned()) } else { Ok(ApiKeys(keys)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_text_and_by_nothing_else() {
        let setting = format!("{},{}", ApiKey::of_secret("ci", Scope::Write, "s3cret"), ApiKey::of_secret("bi", Scope::Read, "other"));
        let keys: ApiKeys = setting.parse().unwrap();
        assert_eq!(keys.find("s3cret").map(ApiKey::name), Some("ci"));
        assert_eq!(keys.find("other").map(ApiKey::scope), Some(Scope::Read));
        assert!(keys.find("S3cret").is_none());
        assert!(keys.find("").is_none());
    }

    #[test]
    fn wrong_entries_are_refused_without_repeating_a_digest() {
        let digest = "a".repeat(64);
        for wrong in ["", "ci", "ci:write", "ci:admin:00", "ci:write:00", ":read:00", &format!("c i:read:{digest}"), "ci:read:é"] {
            assert!(wrong.parse::<ApiKeys>().is_err(), "{wrong}");
        }
        let twice = format!("ci:read:{digest},ci:write:{digest}");
        assert_eq!(twice.parse::<ApiKeys>().unwrap_err(), "key 'ci' is named twice");
    }
}
