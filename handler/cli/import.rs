//! `switchback import`: FOCUS files and exports into the ledger, straight into the database or through the one URL.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio_util::io::ReaderStream;

use super::database::{DatabaseChoice, open_store};
use super::failure::Failure;
use super::process::runtime;
use crate::caller::upload::{Uploaded, Uploader};
use crate::clock::SystemClock;
use crate::config::{self, BaseUrl};
use crate::domain::import::{DatasetName, ImportOrder, Imported, Overlap, OverlapRule, RowProblem, StaleExport, Warning};
use crate::import::focus::FocusError;
use crate::import::{self, Export, ImportError, Progress, ReadLimits};
use crate::store::Store;

/// Import FOCUS files and exports, straight into the database or through a URL. Exit code 0: every row is in; 1: some were refused;
/// 2: nothing was stored
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// FOCUS files: CSV, plain or gzip, Parquet; folders or manifests of exports in parts; - reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Send the files through this URL instead of straight into the database; SWITCHBACK_CLIENT_KEY holds the key
    #[arg(long)]
    url: Option<BaseUrl>,
    /// The source they are exports of: each replaces what that dataset said before of its billing periods
    #[arg(long)]
    dataset: Option<DatasetName>,
    /// What to do where another import holds charges of the same provider, accounts and billing period
    #[arg(long, value_enum, default_value_t)]
    overlap: OverlapChoice,
    /// Refuse a file as a whole where a row is refused or a cell can't be read
    #[arg(long)]
    strict: bool,
    /// Largest file after decompression, in bytes; through a URL the arms' own limit holds
    #[arg(long, default_value_t = 1 << 40)]
    max_bytes: u64,
    /// Print a JSON object a file, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    database: DatabaseChoice,
}

/// What to do about overlaps.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum OverlapChoice {
    /// Refuse the file
    #[default]
    Refuse,
    /// Store it too: both are meant
    Add,
}

/// Refused rows, and kinds of warnings, that are shown of each file.
const PROBLEMS_SHOWN: usize = 20;
const STDIN: &str = "-";

/// What became of one file.
#[derive(Serialize)]
struct ImportOutcome {
    #[serde(rename = "import")]
    id: String,
    again: bool,
    accepted: u64,
    rejected: u64,
    replaced: usize,
    problems: Vec<RowProblem>,
    warnings: Vec<Warning>,
}

/// Why one file was not imported.
#[derive(Serialize)]
struct FileRefusal {
    reason: String,
    problems: Vec<RowProblem>,
    warnings: Vec<Warning>,
    /// Whether something else than the file is at fault.
    #[serde(skip)]
    is_failure: bool,
}

impl ImportArguments {
    pub fn run(self) -> Result<(), Failure> {
        runtime()?.block_on(async {
            match &self.url {
                Some(url) => {
                    let key = config::process_setting("SWITCHBACK_CLIENT_KEY");
                    let uploader = Uploader::new(url.clone(), key).map_err(|error| Failure::operation(&error))?;
                    self.each(async |file| upload(&uploader, file, &self.order(file), self.strict).await).await
                }
                None => {
                    let store = open_store(&self.database.config()?, Arc::new(SystemClock::new()))?;
                    let limits = ReadLimits { max_bytes: self.max_bytes, strict: self.strict, body_digest: None };
                    self.each(async |file| store_file(&store, file, &self.order(file), limits).await).await
                }
            }
        })
    }

    fn order(&self, file: &Path) -> ImportOrder {
        ImportOrder {
            dataset: self.dataset.clone(),
            overlap: match self.overlap {
                OverlapChoice::Refuse => OverlapRule::Refuse,
                OverlapChoice::Add => OverlapRule::Add,
            },
            file_name: file.file_name().map(|name| name.to_string_lossy().into_owned()).filter(|name| name != STDIN),
            caller: Some("command line".to_owned()),
        }
    }

    /// Imports every file and goes on after one that fails; the exit code says whether all, some or none of it is in.
    async fn each(&self, import: impl AsyncFn(&Path) -> Result<ImportOutcome, FileRefusal>) -> Result<(), Failure> {
        let (mut stored, mut not_stored, mut rejected_rows, mut failed) = (0_u32, 0_u32, 0, false);
        for file in &self.files {
            let outcome = import(file).await;
            if self.json {
                let line = FileOutcome { file: file.display().to_string(), outcome: &outcome };
                println!("{}", serde_json::to_string(&line).map_err(|error| Failure::operation(&error))?);
            } else {
                show(file, &outcome);
            }
            match outcome {
                Ok(ImportOutcome { rejected, .. }) => {
                    stored += 1;
                    rejected_rows += rejected;
                }
                Err(FileRefusal { is_failure, .. }) => {
                    not_stored += 1;
                    failed |= is_failure;
                }
            }
        }
        let of_files = format!("{not_stored} of {} files were not imported", self.files.len());
        match (stored, not_stored, rejected_rows) {
            (_, 0, 0) => Ok(()),
            (_, 0, rows) => Err(Failure::Operation(format!("{rows} rows were refused"))),
            _ if stored > 0 || failed => Err(Failure::Operation(of_files)),
            _ => Err(Failure::input(of_files)),
        }
    }
}

/// A file with what became of it, as JSON has it.
#[derive(Serialize)]
struct FileOutcome<'a> {
    file: String,
    #[serde(flatten, serialize_with = "either")]
    outcome: &'a Result<ImportOutcome, FileRefusal>,
}

fn either<S: serde::Serializer>(outcome: &&Result<ImportOutcome, FileRefusal>, serializer: S) -> Result<S::Ok, S::Error> {
    match outcome {
        Ok(outcome) => outcome.serialize(serializer),
        Err(refusal) => refusal.serialize(serializer),
    }
}

fn show(file: &Path, outcome: &Result<ImportOutcome, FileRefusal>) {
    match outcome {
        Ok(ImportOutcome { id, again, accepted, rejected, replaced, problems, warnings }) => {
            let seen = if *again { ", imported before" } else { "" };
            let replaced = if *replaced > 0 { format!(", replaces {replaced}") } else { String::new() };
            println!("{}: {accepted} accepted, {rejected} rejected, import {id}{seen}{replaced}", file.display());
            show_rows(problems, *rejected, warnings);
        }
        Err(FileRefusal { reason, problems, warnings, .. }) => {
            eprintln!("{}: {reason}", file.display());
            show_rows(problems, problems.len() as u64, warnings);
        }
    }
}

fn show_rows(problems: &[RowProblem], rejected: u64, warnings: &[Warning]) {
    for problem in problems.iter().take(PROBLEMS_SHOWN) {
        eprintln!("  {}", place(problem));
    }
    let hidden = rejected.saturating_sub(problems.len().min(PROBLEMS_SHOWN) as u64);
    if hidden > 0 {
        eprintln!("  and {hidden} more");
    }
    for Warning { rows, first } in warnings.iter().take(PROBLEMS_SHOWN) {
        eprintln!("  warning, {rows} rows, the first: {}", place(first));
    }
}

fn place(RowProblem { file, line, column, reason, value }: &RowProblem) -> String {
    let file = file.as_deref().map(|file| format!("{file} ")).unwrap_or_default();
    let column = column.as_deref().map(|column| format!(" {column}")).unwrap_or_default();
    let value = if value.is_empty() { String::new() } else { format!(": {value:?}") };
    format!("{file}line {line}{column} {reason}{value}")
}

async fn store_file(store: &Store, file: &Path, order: &ImportOrder, limits: ReadLimits) -> Result<ImportOutcome, FileRefusal> {
    let bar = bar(file);
    let shown = bar.clone();
    let progress = move |Progress { rows, .. }| shown.set_message(format!("{rows} rows"));
    let imported = if Export::is_at(file) {
        let export = Export::find(file).map_err(|error| refusal(&error))?;
        import::import_export(store, order, export, limits, progress).await
    } else {
        let origin = bar.wrap_read(open(file).map_err(|error| refusal(&error))?);
        import::import(store, order, origin, limits, progress).await
    };
    bar.finish_and_clear();
    let (import, again) = match imported {
        Ok(Imported::New(import)) => (import, false),
        Ok(Imported::Again(import)) => (import, true),
        Ok(Imported::Overlapping(overlap)) => return Err(refused(overlapping(&overlap))),
        Ok(Imported::Stale(StaleExport { import, month })) => {
            return Err(refused(format!("import {import} holds a newer export of {month} in this dataset; nothing was stored")));
        }
        Err(ImportError::File(error)) => return Err(of_file(error)),
        Err(error) => return Err(FileRefusal { is_failure: true, ..refusal(&error) }),
    };
    let summary = import.summary;
    Ok(ImportOutcome {
        id: import.id.to_string(),
        again,
        accepted: summary.accepted,
        rejected: summary.rejected,
        replaced: import.replaced.len(),
        problems: summary.problems,
        warnings: summary.warnings,
    })
}

fn of_file(error: FocusError) -> FileRefusal {
    let reason = crate::causes::chain(&error);
    match error {
        FocusError::RowsRefused(summary) | FocusError::NothingAccepted(summary) => FileRefusal {
            reason: format!("{reason}; nothing was stored"),
            problems: summary.problems,
            warnings: summary.warnings,
            is_failure: false,
        },
        _ => refused(reason),
    }
}

fn overlapping(Overlap { import, dataset, month, .. }: &Overlap) -> String {
    let dataset = dataset.as_ref().map(|name| format!(" of dataset {name}")).unwrap_or_default();
    format!(
        "import {import}{dataset} holds charges of the same provider and accounts in {month}; nothing was stored. \
         --dataset NAME replaces an older export, --overlap add says that both are meant"
    )
}

async fn upload(uploader: &Uploader, file: &Path, order: &ImportOrder, strict: bool) -> Result<ImportOutcome, FileRefusal> {
    let bar = bar(file);
    let sent = bar.clone();
    let source: Box<dyn tokio::io::AsyncRead + Send + Unpin> = if Export::is_at(file) {
        let export = Export::find(file).map_err(|error| refusal(&error))?;
        Box::new(archive(export))
    } else {
        Box::new(tokio::fs::File::from_std(open(file).map_err(|error| refusal(&error))?))
    };
    let digest = digest(file).map_err(|error| refusal(&error))?;
    let chunks = ReaderStream::with_capacity(source, 64 * 1024).inspect_ok(move |chunk| sent.inc(chunk.len() as u64));
    let uploaded = uploader.upload(chunks, order, strict, digest).await;
    bar.finish_and_clear();
    match uploaded {
        Ok(Uploaded::Stored { again, import }) => Ok(ImportOutcome {
            id: import.id,
            again,
            accepted: import.accepted,
            rejected: import.rejected,
            replaced: import.replaced.len(),
            problems: import.problems,
            warnings: import.warnings,
        }),
        Ok(Uploaded::Refused(problem)) => Err(FileRefusal {
            reason: problem.detail.unwrap_or(problem.title),
            problems: problem.problems,
            warnings: problem.warnings,
            is_failure: problem.status >= 500,
        }),
        Err(error) => Err(FileRefusal { is_failure: true, ..refusal(&error) }),
    }
}

/// SHA-256 of a file, so that what was imported before need not be sent again; none of what can be read only once.
fn digest(file: &Path) -> io::Result<Option<[u8; 32]>> {
    use sha2::{Digest, Sha256};
    if !file.is_file() || Export::is_at(file) {
        return Ok(None);
    }
    let (mut file, mut hasher, mut buffer) = (File::open(file)?, Sha256::new(), vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Some(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// An export as an archive that is written while it is sent.
fn archive(export: Export) -> impl tokio::io::AsyncRead + Send + Unpin {
    let (reader, writer) = tokio::io::duplex(256 * 1024);
    tokio::task::spawn_blocking(move || {
        // Where the other end is gone, the answer has come already.
        let _ = export.write_archive(tokio_util::io::SyncIoBridge::new(writer));
    });
    reader
}

fn refused(reason: String) -> FileRefusal {
    FileRefusal { reason, problems: Vec::new(), warnings: Vec::new(), is_failure: false }
}

fn refusal(error: &dyn std::error::Error) -> FileRefusal {
    refused(crate::causes::chain(error))
}

fn open(file: &Path) -> io::Result<File> {
    if file.as_os_str() == STDIN { Ok(io::stdin().as_fd().try_clone_to_owned()?.into()) } else { File::open(file) }
}

/// A bar on standard error where that is a terminal; its length is the file's, where it is a file.
fn bar(file: &Path) -> ProgressBar {
    let length = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let form = match length {
        Some(_) => "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg} {eta} left",
        None => "{prefix} {spinner} {bytes} {bytes_per_sec} {msg}",
    };
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_prefix(file.display().to_string());
    // A form that is wrong would only cost its looks.
    match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
