//! The API keys an instance knows now: those it started with, or what their file says since. Must not know who presents one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::config::access::read_keys_file;
use crate::config::keys::ApiKeys;

/// Time between two looks at the file.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keys that may change while calls are served.
#[derive(Debug)]
pub struct KeyRing(ArcSwap<ApiKeys>);

impl KeyRing {
    /// A ring of `keys`.
    #[must_use]
    pub fn new(keys: ApiKeys) -> Self {
        KeyRing(ArcSwap::from_pointee(keys))
    }

    /// The keys of this moment.
    #[must_use]
    pub fn keys(&self) -> Arc<ApiKeys> {
        self.0.load_full()
    }
}

/// What to do with what was read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Adopt(ApiKeys),
    Complain(String),
}

/// Tells a file that has changed from one that is being written: what counts is what was read twice in a row.
#[derive(Debug, Default)]
struct Settling {
    last: Option<Result<ApiKeys, String>>,
    settled: Option<Result<ApiKeys, String>>,
}

impl Settling {
    fn read(&mut self, reading: Result<ApiKeys, String>) -> Step {
        let twice = self.last.as_ref() == Some(&reading);
        self.last = Some(reading.clone());
        if !twice || self.settled.as_ref() == Some(&reading) {
            return Step::Nothing;
        }
        self.settled = Some(reading.clone());
        match reading {
            Ok(keys) => Step::Adopt(keys),
            Err(reason) => Step::Complain(reason),
        }
    }
}

/// Keeps `ring` as `file` says until `stop`. While the file is missing or wrong the keys stay as they are, and the log says so.
pub async fn follow(ring: Arc<KeyRing>, file: PathBuf, stop: CancellationToken) {
    let mut settling = Settling { settled: Some(Ok(ApiKeys::clone(&ring.keys()))), ..Settling::default() };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        let path = file.clone();
        let reading = tokio::task::spawn_blocking(move || read_keys_file(&path)).await;
        match settling.read(reading.unwrap_or_else(|error| Err(error.to_string()))) {
            Step::Nothing => {}
            Step::Adopt(keys) => {
                tracing::info!(names = keys.names().join(","), "the API keys are those of the changed file");
                ring.0.store(Arc::new(keys));
            }
            Step::Complain(reason) => tracing::error!(reason, "the file of API keys is wrong; the keys stay as they were"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{ApiKey, Scope};

    fn keys(names: &[&str]) -> ApiKeys {
        let entries: Vec<String> = names.iter().map(|name| ApiKey::of_secret(name, Scope::Read, name).to_string()).collect();
        entries.join(",").parse().unwrap()
    }

    #[test]
    fn what_is_read_counts_once_it_was_read_twice() {
        let mut settling = Settling { settled: Some(Ok(keys(&["a", "b"]))), ..Settling::default() };
        let half = || Ok(keys(&["a"]));
        assert_eq!([settling.read(Ok(keys(&["a", "b"]))), settling.read(Ok(keys(&["a", "b"])))], [Step::Nothing, Step::Nothing]);
        // A file caught between two writes of its author.
        assert_eq!([settling.read(half()), settling.read(Ok(keys(&["a", "c"])))], [Step::Nothing, Step::Nothing]);
        assert_eq!(settling.read(Ok(keys(&["a", "c"]))), Step::Adopt(keys(&["a", "c"])));
        assert_eq!(settling.read(Ok(keys(&["a", "c"]))), Step::Nothing);
        let wrong = || Err("is broken".to_owned());
        assert_eq!([settling.read(wrong()), settling.read(wrong())], [Step::Nothing, Step::Complain("is broken".to_owned())]);
        assert_eq!(settling.read(wrong()), Step::Nothing, "it is said once");
        assert_eq!([settling.read(half()), settling.read(half())], [Step::Nothing, Step::Adopt(keys(&["a"]))]);
    }
}
