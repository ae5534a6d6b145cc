//! Tag keys of providers that take no notice of case: each key is kept under the spelling it was first seen in.
//!
//! Azure's documentation (Tag support): "Tag names are case-insensitive for operations." Must not know where spellings are kept.

use std::collections::HashMap;

use super::charge::{Charge, Entries, Value};
use super::columns::PROVIDER_NAME;

/// Providers whose tag keys are the same whatever their case, in lower case.
pub const CASELESS_PROVIDERS: [&str; 3] = ["microsoft", "microsoft azure", "azure"];
/// Most spellings that are remembered; keys beyond them stay as they are.
const MAX_SPELLINGS: usize = 20_000;

/// The first spelling of each key, by the key in lower case.
#[derive(Debug, Clone, Default)]
pub struct TagSpellings {
    first: HashMap<String, String>,
    new: Vec<(String, String)>,
}

impl TagSpellings {
    /// Spellings known already, as (lower case, spelling).
    #[must_use]
    pub fn known(pairs: impl IntoIterator<Item = (String, String)>) -> TagSpellings {
        TagSpellings { first: pairs.into_iter().take(MAX_SPELLINGS).collect(), new: Vec::new() }
    }

    /// Gives the charge's tag keys their first spelling, where its provider takes no notice of case.
    pub fn apply(&mut self, charge: &mut Charge) {
        let Value::Text(provider) = &charge.values()[PROVIDER_NAME] else { return };
        if charge.tags.is_empty() || !CASELESS_PROVIDERS.iter().any(|name| name.eq_ignore_ascii_case(provider)) {
            return;
        }
        let mut tags = Entries::new();
        for (key, value) in std::mem::take(&mut charge.tags) {
            tags.entry(self.spelling(key)).or_insert(value);
        }
        charge.tags = tags;
    }

    fn spelling(&mut self, key: String) -> String {
        let folded = key.to_lowercase();
        if let Some(first) = self.first.get(&folded) {
            return first.clone();
        }
        if self.first.len() < MAX_SPELLINGS {
            self.first.insert(folded.clone(), key.clone());
            self.new.push((folded, key.clone()));
        }
        key
    }

    /// Spellings met for the first time, as (lower case, spelling).
    #[must_use]
    pub fn into_new(self) -> Vec<(String, String)> {
        self.new
    }
}
