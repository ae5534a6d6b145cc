//! Finds PostgreSQL's server programs on this machine and the account they may run under.
//!
//! Owns the search order and the rule that a server never runs as root. Must not know what the cluster is for.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::error::ClusterError;

/// A folder that holds `initdb`, `postgres` and `pg_ctl` of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    directory: PathBuf,
    major: u32,
}

/// Oldest PostgreSQL the migrations are written for.
const MIN_MAJOR: u32 = 14;

impl Programs {
    /// The newest installed server programs, or those of `major` where a data folder was made by it.
    ///
    /// # Errors
    /// [`ClusterError::NoPrograms`] where none are found, [`ClusterError::WrongVersion`] where only other versions are.
    pub fn find(major: Option<u32>) -> Result<Programs, ClusterError> {
        let mut found: Vec<Programs> = candidate_directories().into_iter().filter_map(Programs::in_directory).collect();
        // Stable: of equal versions the one named first on PATH wins.
        found.sort_by_key(|programs| std::cmp::Reverse(programs.major));
        match major {
            None => found.into_iter().find(|programs| programs.major >= MIN_MAJOR).ok_or(ClusterError::NoPrograms),
            Some(wanted) => {
                let installed = found.iter().map(|programs| programs.major).collect();
                found.into_iter().find(|programs| programs.major == wanted).ok_or(ClusterError::WrongVersion { wanted, installed })
            }
        }
    }

    fn in_directory(directory: PathBuf) -> Option<Programs> {
        let complete = ["initdb", "postgres", "pg_ctl"].iter().all(|program| directory.join(program).is_file());
        if !complete {
            return None;
        }
        let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let major = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Programs { directory, major })
    }

    /// A command for one of the programs, run under `account`.
    pub(super) fn command(&self, program: &str, account: Option<Account>) -> Command {
        let mut command = Command::new(self.directory.join(program));
        // A PGPORT or PGDATA of the caller's own cluster must not leak into this one.
        for name in ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGPASSWORD", "PGSERVICE"] {
            command.env_remove(name);
        }
        Account::apply(account, &mut command);
        command
    }
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    version.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn candidate_directories() -> Vec<PathBuf> {
    let path = crate::config::process_setting("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian and Ubuntu keep each version in a folder of its own, Red Hat in /usr/pgsql-N, Homebrew in opt/postgresql@N.
    for (root, prefix) in
        [("/usr/lib/postgresql", ""), ("/usr", "pgsql"), ("/opt/homebrew/opt", "postgresql"), ("/usr/local/opt", "postgresql")]
    {
        let entries = fs::read_dir(root).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        directories.extend(named.map(|entry| entry.path().join("bin")));
    }
    directories
}

/// An unprivileged account of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

impl Account {
    /// Whom the server must run under: nobody in particular for a plain user, `postgres` or `nobody` for root, whom PostgreSQL
    /// refuses to run under.
    ///
    /// # Errors
    /// [`ClusterError::NoAccount`] where root finds neither.
    pub fn for_server() -> Result<Option<Account>, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"].iter().find_map(|name| find_account(&accounts, name)).map(Some).ok_or(ClusterError::NoAccount)
    }

    pub(super) fn apply(account: Option<Account>, command: &mut Command) {
        if let Some(Account { uid, gid }) = account {
            // Supplementary groups are dropped along with root.
            command.uid(uid).gid(gid);
        }
    }
}

fn find_account(accounts: &str, name: &str) -> Option<Account> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn an_account_is_found_by_its_whole_name_and_is_never_root() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgresql:x:9:9::/:/bin/sh\npostgres:x:101:104::/var/lib:/bin/bash\ntoor:x:0:0::/:\n";
        assert_eq!(find_account(accounts, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(find_account(accounts, "toor"), None);
        assert_eq!(find_account(accounts, "nobody"), None);
    }

    #[test]
    fn a_missing_version_is_named_with_the_installed_ones() {
        let error = Programs::find(Some(7)).expect_err("PostgreSQL 7 is not installed");
        assert!(error.to_string().contains("PostgreSQL 7"), "{error}");
    }
}
