//! `switchback import`: FOCUS files into the ledger, straight into the database or through the one URL.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::io::ReaderStream;

use super::failure::Failure;
use super::process::runtime;
use crate::caller::upload::{Uploaded, Uploader};
use crate::clock::SystemClock;
use crate::config::{self, BaseUrl};
use crate::domain::import::{Imported, RowProblem};
use crate::import::focus::FocusError;
use crate::import::{self, ImportError, Progress, ReadLimits};
use crate::store::Store;

/// Import FOCUS files, straight into the database or through a URL.
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// FOCUS files: CSV, plain or gzip; - reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Send the files through this URL instead of the database of DATABASE_URL; SWITCHBACK_CLIENT_KEY holds the key
    #[arg(long)]
    url: Option<BaseUrl>,
    /// Refuse a file as a whole where one of its rows is refused
    #[arg(long)]
    strict: bool,
    /// Largest file after decompression, in bytes; through a URL the arms' own limit holds
    #[arg(long, default_value_t = 1 << 40)]
    max_bytes: u64,
}

/// Refused rows that are shown of each file.
const PROBLEMS_SHOWN: usize = 20;
const STDIN: &str = "-";

/// What became of one file.
struct ImportOutcome {
    id: String,
    again: bool,
    accepted: u64,
    rejected: u64,
    problems: Vec<RowProblem>,
}

/// Why one file was not imported, with the rows that were refused.
struct FileRefusal {
    reason: String,
    problems: Vec<RowProblem>,
}

impl ImportArguments {
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            match &self.url {
                Some(url) => {
                    let key = config::process_setting("SWITCHBACK_CLIENT_KEY");
                    let uploader = Uploader::new(url.clone(), key, self.strict).map_err(|error| Failure::operation(&error))?;
                    self.each(async |file| upload(&uploader, file).await).await
                }
                None => {
                    let database = config::database_from_process_environment()?;
                    let store = Store::new(&database, Arc::new(SystemClock::new())).map_err(|error| Failure::operation(&error))?;
                    let limits = ReadLimits { max_bytes: self.max_bytes, strict: self.strict };
                    self.each(async |file| store_file(&store, file, limits).await).await
                }
            }
        })
    }

    /// Imports every file, goes on after one that fails, and fails in the end if one did.
    async fn each(&self, import: impl AsyncFn(&Path) -> Result<ImportOutcome, FileRefusal>) -> Result<(), Failure> {
        let mut failed = 0;
        for file in &self.files {
            match import(file).await {
                Ok(outcome) => {
                    let ImportOutcome { id, again, accepted, rejected, problems } = outcome;
                    let seen = if again { ", imported before" } else { "" };
                    println!("{}: {accepted} accepted, {rejected} rejected, import {id}{seen}", file.display());
                    show(&problems, rejected);
                }
                Err(FileRefusal { reason, problems }) => {
                    failed += 1;
                    eprintln!("{}: {reason}", file.display());
                    show(&problems, problems.len() as u64);
                }
            }
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failure::Operation(format!("{failed} of {} files were not imported", self.files.len()))),
        }
    }
}

fn show(problems: &[RowProblem], rejected: u64) {
    for RowProblem { line, column, reason, value } in problems.iter().take(PROBLEMS_SHOWN) {
        let column = column.as_deref().map(|column| format!(" {column}")).unwrap_or_default();
        let value = if value.is_empty() { String::new() } else { format!(": {value:?}") };
        eprintln!("  line {line}{column} {reason}{value}");
    }
    let hidden = rejected.saturating_sub(problems.len().min(PROBLEMS_SHOWN) as u64);
    if hidden > 0 {
        eprintln!("  and {hidden} more");
    }
}

async fn store_file(store: &Store, file: &Path, limits: ReadLimits) -> Result<ImportOutcome, FileRefusal> {
    let bar = bar(file);
    let origin = bar.wrap_read(open(file).map_err(|error| refusal(&error))?);
    let shown = bar.clone();
    let imported = import::import(store, origin, limits, move |Progress { rows, .. }| shown.set_message(format!("{rows} rows"))).await;
    bar.finish_and_clear();
    let (import, again) = match imported {
        Ok(Imported::New(import)) => (import, false),
        Ok(Imported::Again(import)) => (import, true),
        Err(ImportError::File(FocusError::RowsRefused(summary))) => {
            let reason = format!("{} rows were refused; nothing was stored", summary.rejected);
            return Err(FileRefusal { reason, problems: summary.problems });
        }
        Err(error) => return Err(refusal(&error)),
    };
    let summary = import.summary;
    Ok(ImportOutcome {
        id: import.id.to_string(),
        again,
        accepted: summary.accepted,
        rejected: summary.rejected,
        problems: summary.problems,
    })
}

async fn upload(uploader: &Uploader, file: &Path) -> Result<ImportOutcome, FileRefusal> {
    let bar = bar(file);
    let sent = bar.clone();
    let file = tokio::fs::File::from_std(open(file).map_err(|error| refusal(&error))?);
    let chunks = ReaderStream::with_capacity(file, 64 * 1024).inspect_ok(move |chunk| sent.inc(chunk.len() as u64));
    let uploaded = uploader.upload(chunks).await;
    bar.finish_and_clear();
    match uploaded {
        Ok(Uploaded::Stored { again, import }) => {
            Ok(ImportOutcome { id: import.id, again, accepted: import.accepted, rejected: import.rejected, problems: import.problems })
        }
        Ok(Uploaded::Refused(problem)) => Err(FileRefusal { reason: problem.detail.unwrap_or(problem.title), problems: problem.problems }),
        Err(error) => Err(refusal(&error)),
    }
}

fn refusal(error: &dyn std::error::Error) -> FileRefusal {
    FileRefusal { reason: crate::causes::chain(error), problems: Vec::new() }
}

fn open(file: &Path) -> io::Result<File> {
    if file.as_os_str() == STDIN { Ok(io::stdin().as_fd().try_clone_to_owned()?.into()) } else { File::open(file) }
}

/// A bar on standard error where that is a terminal; its length is the file's, where it is a file.
fn bar(file: &Path) -> ProgressBar {
    let length = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let form = match length {
        Some(_) => "{prefix} {wide_bar} {bytes}/{total_bytes} {msg} {eta}",
        None => "{prefix} {spinner} {bytes} {msg}",
    };
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_prefix(file.display().to_string());
    // A form that is wrong would only cost its looks.
    match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
