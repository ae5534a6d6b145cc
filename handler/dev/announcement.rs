//! What a development system says of itself to commands that run beside it: a file in its folder. Must not know who reads it.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A development system, as it describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The one URL.
    pub url: String,
    /// The Azure region whose prices count.
    pub region: String,
}

const FILE: &str = "system.json";

impl Announcement {
    /// Leaves the announcement in the system's folder, in place of an older one.
    ///
    /// # Errors
    /// The folder can't be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join(FILE), serde_json::to_vec_pretty(self)?)
    }

    /// What the system in `folder` said last; none where there is none, or it was of another version.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_announcement_counts_and_anything_else_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let announcement = |url: &str| Announcement { url: url.to_owned(), region: "westeurope".to_owned() };
        assert_eq!(Announcement::read(folder.path()), None);
        for url in ["http://localhost:8080", "http://localhost:9090"] {
            announcement(url).write(folder.path()).unwrap();
            assert_eq!(Announcement::read(folder.path()), Some(announcement(url)));
        }
        fs::write(folder.path().join(FILE), "{\"url\": 7}").unwrap();
        assert_eq!(Announcement::read(folder.path()), None);
    }
}
