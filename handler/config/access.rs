//! Settings of who may call: keys, what needs none, origins of pages. Must not know how a caller is told from another.

use std::path::{Path, PathBuf};

use http::HeaderValue;

use super::base_url::BaseUrl;
use super::keys::ApiKeys;
use super::settings::{Settings, list};

/// Largest file of keys, in bytes: thousands of entries.
const MAX_KEYS_BYTES: u64 = 1 << 20;

/// What a role serves without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenPaths {
    /// `/api/health/…`
    pub health: bool,
    /// `/api/openapi.json`, `/api/docs…`
    pub docs: bool,
    /// `/`
    pub dashboard: bool,
    /// Everything, to callers on this machine, where no key is configured.
    pub loopback: bool,
    /// The router's `/_switchback/routing`.
    pub routing: bool,
    /// The router's `/_switchback/metrics`.
    pub metrics: bool,
}

/// The keys an instance knows at its start, and where they may change.
#[derive(Debug, Clone, Default)]
pub struct KeysConfig {
    /// The keys; empty: none was configured.
    pub keys: ApiKeys,
    /// The file they came from, which is read again when it changes.
    pub file: Option<PathBuf>,
}

/// Origins browsers may call from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin.
    Any,
    /// These, as browsers send them: scheme, host and port. None: no cross-origin calls.
    Only(Vec<String>),
}

pub(super) fn read_keys(settings: &mut Settings) -> KeysConfig {
    let keys = settings.parsed("SWITCHBACK_API_KEYS", ApiKeys::default(), str::parse);
    let file = settings.parsed(FILE, None, |text| read_keys_file(Path::new(text)).map(|keys| Some((PathBuf::from(text), keys))));
    match file {
        Some(_) if !keys.is_empty() => {
            settings.mistake(FILE, "is set beside SWITCHBACK_API_KEYS: keep one of them");
            KeysConfig::default()
        }
        Some((file, keys)) => KeysConfig { keys, file: Some(file) },
        None => KeysConfig { keys, file: None },
    }
}

const FILE: &str = "SWITCHBACK_API_KEYS_FILE";

/// Reads a file of API keys: entries as in `SWITCHBACK_API_KEYS`, one a line; lines that begin with `#` say nothing.
///
/// # Errors
/// Says why it holds no keys; never a digest.
pub fn read_keys_file(path: &Path) -> Result<ApiKeys, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_KEYS_BYTES {
        return Err(format!("{} is larger than {MAX_KEYS_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let entries: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    entries.join(",").parse().map_err(|reason| format!("{}: {reason}", path.display()))
}

/// An API key as it is sent; never printed.
///
/// # Errors
/// Where no header may hold it.
pub fn client_key(text: &str) -> Result<HeaderValue, String> {
    let mut key = HeaderValue::try_from(text).map_err(|_| "holds characters that no header may hold".to_owned())?;
    key.set_sensitive(true);
    Ok(key)
}

/// What an arm opens where nothing is said.
pub(super) const ARM_STANDARD: OpenPaths =
    OpenPaths { health: true, docs: true, dashboard: false, loopback: false, routing: false, metrics: false };
/// What a router opens where nothing is said.
pub(super) const ROUTER_STANDARD: OpenPaths =
    OpenPaths { health: false, docs: false, dashboard: false, loopback: false, routing: true, metrics: true };

pub(super) fn read_open(text: &str) -> Result<OpenPaths, String> {
    let mut open = OpenPaths::default();
    for part in list(text) {
        match part {
            "health" => open.health = true,
            "docs" => open.docs = true,
            "dashboard" => open.dashboard = true,
            "loopback" => open.loopback = true,
            "none" => {}
            other => return Err(format!("'{other}' cannot be opened: expected health, docs, dashboard, loopback or none")),
        }
    }
    Ok(open)
}

pub(super) fn read_router_open(text: &str) -> Result<OpenPaths, String> {
    let mut open = OpenPaths::default();
    for part in list(text) {
        match part {
            "routing" => open.routing = true,
            "metrics" => open.metrics = true,
            "none" => {}
            other => return Err(format!("'{other}' cannot be opened: expected routing, metrics or none")),
        }
    }
    Ok(open)
}

pub(super) fn read_origins(text: &str) -> Result<CorsOrigins, String> {
    if text == "*" {
        return Ok(CorsOrigins::Any);
    }
    let origin = |text: &str| {
        let origin: BaseUrl = text.parse()?;
        if origin.as_str().matches('/').count() == 2 {
            Ok(origin.to_string())
        } else {
            Err(format!("'{text}' is not an origin: it has a path"))
        }
    };
    list(text).into_iter().map(origin).collect::<Result<Vec<_>, _>>().map(CorsOrigins::Only)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::config::keys::{ApiKey, Scope};

    #[test]
    fn a_file_of_keys_is_read_line_by_line_and_refused_as_a_whole() {
        let written = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            file
        };
        let entry = |name: &str| ApiKey::of_secret(name, Scope::Read, name).to_string();
        let good = written(&format!("# callers\n{}\n\n  {}\r\n", entry("ci"), entry("bi")));
        let keys = read_keys_file(good.path()).unwrap();
        assert!(keys.find("ci").is_some() && keys.find("bi").is_some());
        for text in ["", "# nobody", "ci:read", &format!("{}\nbroken", entry("ci")), &"#".repeat(2 << 20)] {
            let refused = read_keys_file(written(text).path()).unwrap_err();
            assert!(!refused.contains(&entry("ci")), "{refused}");
        }
        assert!(read_keys_file(Path::new("/nowhere")).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn keys_come_from_one_place() {
        let pairs = [("SWITCHBACK_API_KEYS", ApiKey::of_secret("ci", Scope::Read, "x").to_string()), (FILE, "/nowhere".to_owned())];
        let mut settings = Settings::new(pairs.map(|(name, value)| (name.to_owned(), value)));
        assert!(read_keys(&mut settings).keys.find("x").is_some());
        assert_eq!(settings.into_mistakes().len(), 1, "the file cannot be read");
    }
}
