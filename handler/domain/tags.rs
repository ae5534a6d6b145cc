//! Tags in the shapes that providers write them. Must not know which column they stand in.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::charge::Entries;

/// Names of the key in a list of pairs: Google's, AWS's and others' spellings.
const KEY_NAMES: [&str; 5] = ["key", "Key", "name", "Name", "tagKey"];
/// Names of the value in a list of pairs.
const VALUE_NAMES: [&str; 3] = ["value", "Value", "tagValue"];

/// Reads tags: FOCUS's JSON object, the same without its braces (Azure), a list of objects with key and value (Google, AWS) or of pairs,
/// or any of these once more as a JSON string. Numbers keep the digits they are written with, other scalars become their text; a tag
/// without a value is empty. None where no shape fits.
#[must_use]
pub fn read(text: &str) -> Option<Entries> {
    let text = text.trim();
    object(text).or_else(|| list(text)).or_else(|| object(&format!("{{{text}}}"))).or_else(|| quoted(text))
}

fn object(text: &str) -> Option<Entries> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    Some(members.into_iter().map(|(key, value)| (key, plain(&value))).collect())
}

fn list(text: &str) -> Option<Entries> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(text).ok()?;
    items.iter().map(|item| pair(item)).collect()
}

fn pair(item: &RawValue) -> Option<(String, String)> {
    if let Ok([key, value]) = serde_json::from_str::<[Box<RawValue>; 2]>(item.get()) {
        return Some((plain(&key), plain(&value)));
    }
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(item.get()).ok()?;
    let named = |names: &[&str]| names.iter().find_map(|name| members.get(*name)).map(|value| plain(value));
    Some((named(&KEY_NAMES)?, named(&VALUE_NAMES).unwrap_or_default()))
}

fn quoted(text: &str) -> Option<Entries> {
    let inner: String = serde_json::from_str(text).ok()?;
    let inner = inner.trim();
    object(inner).or_else(|| list(inner))
}

fn plain(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => String::deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Option<Vec<(String, String)>> {
        read(text).map(|tags| tags.into_iter().collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn every_shape_is_read() {
        let expected = pairs(&[("env", "prod"), ("team", "a")]);
        for text in [
            r#"{"env": "prod", "team": "a"}"#,
            r#""env": "prod","team": "a""#,
            r#"[{"key":"env","value":"prod","x_type":"label","x_inherited":false},{"key":"team","value":"a"}]"#,
            r#"[{"Key":"env","Value":"prod"},{"Key":"team","Value":"a"}]"#,
            r#"[["env","prod"],["team","a"]]"#,
            r#""{\"env\": \"prod\", \"team\": \"a\"}""#,
        ] {
            assert_eq!(tags(text), expected, "{text}");
        }
        for text in ["{}", "[]", "\"{}\"", " { } "] {
            assert_eq!(tags(text), Some(Vec::new()), "{text}");
        }
    }

    #[test]
    fn scalars_keep_their_own_text() {
        let text = r#"{"a": 1.10, "b": 123456789012345678901, "c": 1.0e2, "d": true, "e": null, "f": "\u00fc", "g": {"h": 1.0}}"#;
        let expected =
            [("a", "1.10"), ("b", "123456789012345678901"), ("c", "1.0e2"), ("d", "true"), ("e", ""), ("f", "ü"), ("g", r#"{"h": 1.0}"#)];
        assert_eq!(tags(text), pairs(&expected));
    }

    #[test]
    fn what_fits_no_shape_is_not_guessed_at() {
        for text in ["dev", "env=prod;team=a", "[1]", "{\"a\": }", "{env=prod}", "42", "\"dev\"", "[{\"value\":\"a\"}]"] {
            assert_eq!(tags(text), None, "{text}");
        }
    }
}
