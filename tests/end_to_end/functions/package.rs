//! The Functions package: the zip that `make package` made, or, where the tests run without it, the folder its script lays out.
//!
//! Must not know what a host does with it.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flate2::read::DeflateDecoder;
use serde_json::Value;

use crate::harness::role::program;

/// One file of the package.
#[derive(Debug)]
pub struct Entry {
    pub path: String,
    /// Permission bits; what a zip made without them says is 0.
    pub mode: u32,
}

/// The package, unpacked into a script root.
pub struct Package {
    pub root: PathBuf,
    pub entries: Vec<Entry>,
}

impl Package {
    /// The package, unpacked once for all tests.
    pub fn get() -> &'static Package {
        static PACKAGE: OnceLock<Package> = OnceLock::new();
        PACKAGE.get_or_init(|| {
            let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("functions-package");
            let _ = fs::remove_dir_all(&root);
            let entries = match switchback::config::process_setting("SWITCHBACK_PACKAGE") {
                Some(zip) => unzip(&fs::read(&zip).unwrap_or_else(|error| panic!("{zip}: {error}")), &root),
                None => lay_out(&root),
            };
            Package { root, entries }
        })
    }

    /// A copy of the script root whose host.json is another. It ends with the value returned.
    pub fn with_host_json(&self, edit: impl FnOnce(&mut Value)) -> tempfile::TempDir {
        let copy = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for entry in &self.entries {
            let target = copy.path().join(&entry.path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::hard_link(self.root.join(&entry.path), target).unwrap();
        }
        let mut host = serde_json::from_slice(&fs::read(self.root.join("host.json")).unwrap()).unwrap();
        edit(&mut host);
        let target = copy.path().join("host.json");
        fs::remove_file(&target).unwrap();
        fs::write(target, host.to_string()).unwrap();
        copy
    }
}

/// Runs the script that `make package` runs.
fn lay_out(root: &Path) -> Vec<Entry> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/container/package.sh");
    let output = Command::new("bash").arg(script).arg(program()).arg(root).output().unwrap();
    assert!(output.status.success(), "package.sh: {}", String::from_utf8_lossy(&output.stderr));
    let mut entries = Vec::new();
    collect(root, "", &mut entries);
    entries
}

fn collect(folder: &Path, prefix: &str, entries: &mut Vec<Entry>) {
    for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", item.file_name().to_string_lossy());
        if item.file_type().unwrap().is_dir() {
            collect(&item.path(), &format!("{path}/"), entries);
        } else {
            entries.push(Entry { path, mode: item.metadata().unwrap().permissions().mode() & 0o777 });
        }
    }
}

/// Unpacks a zip (APPNOTE 6.3) as a Linux host does: with the permission bits its Unix attributes hold, if it was made with any.
fn unzip(zip: &[u8], root: &Path) -> Vec<Entry> {
    const END: &[u8] = b"PK\x05\x06";
    const UNIX: u16 = 3;
    let end = zip.windows(END.len()).rposition(|window| window == END).expect("a zip has an end of its directory");
    let count = u16_at(zip, end + 10);
    let mut at = u32_at(zip, end + 16);
    let mut entries = Vec::new();
    for _ in 0..count {
        let (method, packed_size, local) = (u16_at(zip, at + 10), u32_at(zip, at + 20), u32_at(zip, at + 42));
        let [name, extra, comment] = [28, 30, 32].map(|offset| usize::from(u16_at(zip, at + offset)));
        let path = String::from_utf8(zip[at + 46..at + 46 + name].to_vec()).unwrap();
        let attributes = u32_at(zip, at + 38) >> 16;
        let made_on = u16_at(zip, at + 4) >> 8;
        at += 46 + name + extra + comment;
        if path.ends_with('/') {
            continue;
        }
        assert!(!path.starts_with('/') && !path.contains(".."), "{path} leads out of the package");
        let start = local + 30 + usize::from(u16_at(zip, local + 26)) + usize::from(u16_at(zip, local + 28));
        let packed = &zip[start..start + packed_size];
        let mut content = Vec::new();
        match method {
            0 => content.extend_from_slice(packed),
            8 => drop(DeflateDecoder::new(packed).read_to_end(&mut content).unwrap()),
            other => panic!("{path} is packed by method {other}"),
        }
        let mode = if made_on == UNIX { u32::try_from(attributes & 0o777).unwrap() } else { 0 };
        let target = root.join(&path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, content).unwrap();
        fs::set_permissions(&target, Permissions::from_mode(mode)).unwrap();
        entries.push(Entry { path, mode });
    }
    entries
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
}
